"""Which threads are worth keeping and why not, who confirmed a solution, who contradicted an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from knowledge.entry import WORKSPACE, KnowledgeEntry, PassageKind
from knowledge.mine import Mined, corrected_entry, mine
from knowledge.thread import Message, Reaction, Role, Thread, thread_of
from knowledge.worth import How, Why, confirmed_by, worth

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
CLOSED = START + timedelta(days=1)
ROLES = {"ann": Role.CUSTOMER, "bob": Role.ANALYST, "robo": Role.BOT}
ASKED = "ann: The import of the orders fails with MLR-4090. Why?"
HOW = "bob: Restart the worker of the import with `app restart worker` and wait until it is back."


def thread(*lines: str, reactions: tuple[Reaction, ...] = ()) -> Thread:
    """Lines ``"who: text"`` ten minutes apart; ``reactions`` are on the second."""
    return thread_of([_message(number, line, reactions) for number, line in enumerate(lines)])


def _message(number: int, line: str, reactions: tuple[Reaction, ...]) -> Message:
    user, _, text = line.partition(": ")
    return Message(
        id=f"m{number}",
        channel="help",
        thread="t1",
        user=user,
        at=START + timedelta(minutes=10 * number),
        text=text,
        role=ROLES.get(user, Role.UNKNOWN),
        reactions=reactions if number == 1 else (),
    )


def mined(*lines: str) -> Mined:
    return mine(thread(*lines), audience=WORKSPACE, closed_at=CLOSED, people={"Bob": "bob", "Ann": "ann"})


def kept(*lines: str) -> KnowledgeEntry:
    result = mined(*lines)
    assert result.entry is not None, result.why
    return result.entry


def told(entry: KnowledgeEntry, kind: PassageKind) -> list[tuple[str, str]]:
    return [(passage.source, passage.text) for passage in entry.of(kind)]


# ---- why not


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("robo: Disk full", HOW), Why.BY_BOT),
        (
            ("ann: We are happy to announce version 3!", "bob: It has `colours`.", "ann: thanks"),
            Why.ANNOUNCEMENT,
        ),
        (
            ("ann: 📢 Support hours over the holidays: only urgent things.", "bob: closed now"),
            Why.ANNOUNCEMENT,
        ),
        (
            ("ann: I made a game, check it out: https://example.com", "bob: The lighting is nice and warm"),
            Why.ANNOUNCEMENT,
        ),
        (("ann: 公告：新版本发布了", "bob: 界面变漂亮了"), Why.ANNOUNCEMENT),
        (("ann: Who is going to lunch?", "bob: We meet at the door of the canteen"), Why.CHATTER),
        (("ann: I won't make today's meeting", "bob: We meet again on Thursday then"), Why.CHATTER),
        (("ann: The office has plants now", "bob: They need water on Mondays"), Why.NO_QUESTION),
        (("ann: It wasn't obvious that the office has plants", "bob: They need water"), Why.NO_QUESTION),
        (("ann: That's a nice catch, there is a problem with the menu.", HOW), Why.NO_QUESTION),
        (("ann: Not sure I'd say that the gate is broken.", HOW), Why.NO_QUESTION),
        (("ann: Does `make` another time solve the problem?", HOW), Why.NO_QUESTION),
        (
            ("ann: We are considering submitting a proposal. Is there an issue you have?", HOW),
            Why.ANNOUNCEMENT,
        ),
        (("ann: Please fill out this 3-minute survey. What is broken?", HOW), Why.ANNOUNCEMENT),
        (
            ("ann: We're building a client and planning to open-source it. Some issues are left.", HOW),
            Why.ANNOUNCEMENT,
        ),
        (("ann: Are you working on something? Post a message about it here.", HOW), Why.ANNOUNCEMENT),
        (("ann: Does that mean anything to you?", HOW), Why.NO_CONTEXT),
        (("ann: Why?", HOW), Why.NO_CONTEXT),
        (("ann: Any ideas? image.png", HOW), Why.NO_CONTEXT),
        ((ASKED,), Why.UNANSWERED),
        ((ASKED, "ann: any update?"), Why.UNANSWERED),
        ((ASKED, "bob: +1"), Why.NO_SUBSTANCE),
        ((ASKED, "bob: 42"), Why.NO_SUBSTANCE),
        ((ASKED, "bob: That's weird indeed."), Why.NO_SUBSTANCE),
        ((ASKED, "bob: happy to hear it's been useful"), Why.NO_SUBSTANCE),
        ((ASKED, "bob: yes it did the trick for me"), Why.NO_SUBSTANCE),
        ((ASKED, "bob: sounds like a worker issue"), Why.NO_SUBSTANCE),
        ((ASKED, "bob: I've never seen that particular issue but noticed `app` in it."), Why.NO_SUBSTANCE),
        ((ASKED, "bob: Some additional clarification of the `app` pages would be good"), Why.NO_SUBSTANCE),
        ((ASKED, "bob: I'd love to attend, but there is a time conflict."), Why.NO_SUBSTANCE),
        ((ASKED, "bob: I am planning on an abstract about `app` and imports"), Why.NO_SUBSTANCE),
        (
            (ASKED, "bob: I don't understand. Could you draw an example of what you want to see?"),
            Why.ASKS_BACK,
        ),
        ((ASKED, "bob: Which version do you use?"), Why.ASKS_BACK),
        ((ASKED, "bob: 你用的什么版本？"), Why.ASKS_BACK),
        ((ASKED, "bob: Bitnami? AWS?"), Why.ASKS_BACK),
        ((ASKED, "bob: Can you send what this prints?\n```\nconda list\n```"), Why.ASKS_BACK),
        ((ASKED, "bob: We only update the latest version of Millrace (3.1)."), Why.POLICY),
        ((ASKED, "bob: You can create a new issue here.", "ann: Thanks, i will do so"), Why.POLICY),
        ((ASKED, "bob: If this issue reproduces on 3.1 we can open an issue to investigate."), Why.POLICY),
        ((ASKED, "bob: Check this thread: Bring back the old worker."), Why.ELSEWHERE),
        ((ASKED, "bob: As discussed on the phone."), Why.ELSEWHERE),
        ((ASKED, "bob: I sent you a DM with the steps."), Why.ELSEWHERE),
        ((ASKED, "bob: You can refer to this blog post."), Why.ELSEWHERE),
        ((ASKED, "bob: Please ask @Ann about it."), Why.PERSON),
        ((ASKED, "bob: I fixed it for you now."), Why.BY_HAND),
        ((ASKED, "bob: Restart done on our side.", "ann: works, thanks"), Why.BY_HAND),
        ((ASKED, "bob: 已经帮你重启了，再试试。", "ann: 可以了，谢谢"), Why.BY_HAND),
        ((ASKED, "bob: The gate is down right now, it should be back soon."), Why.PASSING),
        ((ASKED, "bob: We will deploy the fix tonight."), Why.PASSING),
        (
            (
                ASKED,
                "bob: The slowness of the servers should be much improved now and hopefully it is resolved.",
            ),
            Why.PASSING,
        ),
        ((ASKED, "cem: Okay, will give that a try."), Why.PASSING),
        ((ASKED, "bob: Tracked in JIRA-123."), Why.TICKET),
        ((ASKED, "bob: https://acme.slack.com/archives/C1/p123"), Why.PRIVATE_LINK),
        ((ASKED, "bob: see http://wiki.acme.internal/page/7"), Why.PRIVATE_LINK),
        ((ASKED, "bob: https://example.com/shot.png"), Why.PICTURE),
        ((ASKED, "bob: We also have the same problem with the orders here."), Why.SAME_TROUBLE),
        ((ASKED, HOW, "ann: That did not help"), Why.STILL_BROKEN),
        ((ASKED, HOW, "cem: That is wrong, never restart a worker during a run."), Why.CONTRADICTED),
        ((ASKED, HOW, "bob: scratch that, I was wrong about the worker"), Why.CONTRADICTED),
        ((ASKED, HOW, "cem: 这个方法已经过时了，应该用新的调度器"), Why.CONTRADICTED),
    ],
)
def test_a_thread_that_teaches_nothing_says_why(lines: tuple[str, ...], why: Why) -> None:
    assert (mined(*lines).entry, mined(*lines).why) == (None, why)


@pytest.mark.parametrize(
    "lines",
    [
        (ASKED, HOW),
        (ASKED, "bob: Use port 2."),
        (ASKED, "bob: It belongs in the body of the request, not in the query."),
        (ASKED, "bob: Imports of orders are not supported on that port."),
        (ASKED, "bob: The only way to do this is with secret links."),
        (ASKED, "bob: I solved it by restarting the worker."),
        ("ann: We are considering submitting a proposal and I get an error of the import, why?", HOW),
        ("ann: Is it possible to import the orders at night?", HOW),
        ("ann: The import doesn't start.", HOW),
        (ASKED, "bob: See https://docs.example.com/import for the steps."),
        (
            ASKED,
            "bob: The docs say how: http://wiki.acme.internal/page/7. Set the timeout of the import to 60 seconds.",
        ),
        (ASKED, "bob: 把端口改成二，然后重启。"),
        (ASKED, HOW, "cem: That is wrong, never restart a worker.", "ann: It works now, thanks!"),
        (ASKED, HOW, "cem: Is that wrong?"),
        ("ann: Is the new release available?", "bob: You can download it from https://example.com"),
        ("ann: Good morning dear team! Happy new year. The gate crashes every weekend, why?", HOW),
        ("ann: We just released it and the import fails with MLR-4090", HOW),
    ],
)
def test_what_people_could_use_is_kept(lines: tuple[str, ...]) -> None:
    assert kept(*lines)


def test_the_answer_that_corrects_another_takes_its_place() -> None:
    right = (
        "I'm sorry, that advice was wrong. The cursors are in the same folder as the locks. Release the lock alone: "
        "`state unlock RUN --confirm-dead`."
    )
    entry = kept(ASKED, HOW, f"cem: {right}")
    assert told(entry, PassageKind.SOLUTION) == [("m2", right)]


def test_a_remark_does_not_stand_in_for_the_answer() -> None:
    entry = kept(ASKED, HOW, "bob: Ignore my message above.", "ann: thanks, that worked")
    assert [source for source, _ in told(entry, PassageKind.SOLUTION)] == ["m1"]


def test_where_trouble_is_told_does_not_stand_in_for_the_answer() -> None:
    entry = kept(ASKED, HOW, "bob: You can create a new issue here.", "ann: Thanks")
    assert [source for source, _ in told(entry, PassageKind.SOLUTION)] == ["m1"]


def test_a_question_back_is_never_the_solution() -> None:
    entry = kept(ASKED, "bob: Which version do you use? Use port 2 until 3.1.", "ann: thanks, that worked")
    assert told(entry, PassageKind.SOLUTION) == [("m1", "Use port 2 until 3.1.")]


# ---- whole threads


def test_an_entry_stands_on_its_own() -> None:
    entry = kept(
        "ann: Hi all, since we upgraded to Millrace 3.1.0 the import on db-prod-03 hangs (JIRA-77). Thanks in advance!",
        "bob: @Ann can you post the log?",
        "ann: sure @Bob:\n```\nERROR MLR-3105 state is held by run r-41c7\n```",
        "bob: Hi Ann! I'm on it. First look at the locks on db-prod-03: `millrace state locks`",
        "ann: ok",
        "bob: Then release it:\n```\nmillrace state unlock r-41c7\n```\nWill deploy a fix tonight. Ping me if not.",
        "ann: That worked, thank you Bob!",
    )
    assert entry.title == "since we upgraded to Millrace 3.1.0 the import on <host 1> hangs"
    assert told(entry, PassageKind.PROBLEM) == [
        ("m0", "since we upgraded to Millrace 3.1.0 the import on <host 1> hangs (<ticket 1>)."),
        ("m2", "```\nERROR MLR-3105 state is held by run r-41c7\n```"),
    ]
    assert told(entry, PassageKind.SOLUTION) == [
        ("m3", "First look at the locks on <host 1>: `millrace state locks`"),
        ("m5", "Then release it:\n```\nmillrace state unlock r-41c7\n```"),
    ]
    assert [source for source, _ in told(entry, PassageKind.CONFIRMATION)] == ["m6"]
    assert entry.confirmed


def test_a_chinese_entry_stands_on_its_own() -> None:
    entry = kept(
        "ann: 大家好，导入失败，报错 MLR-4090，怎么解决？先谢谢各位！",
        "bob: 稍等。先执行 `date -u`。然后重启服务。有问题找我。",
        "ann: 可以了，谢谢！",
    )
    assert entry.title == "导入失败，报错 MLR-4090，怎么解决？"
    assert told(entry, PassageKind.SOLUTION) == [("m1", "先执行 `date -u`。然后重启服务。")]
    assert told(entry, PassageKind.CONFIRMATION) == [("m2", "可以了，谢谢！")]


def test_later_remarks_of_the_asker_do_not_swell_the_problem() -> None:
    log = "x" * 700
    entry = kept(
        ASKED,
        "bob: What does the log say?",
        f"ann: ```\nERROR {log}\n```",
        "cem: I wonder",
        f"ann: ```\nERROR {log}2\n```",
        HOW,
    )
    assert [source for source, _ in told(entry, PassageKind.PROBLEM)] == ["m0", "m2"]


# ---- confirmed


def react(name: str, user: str, at: datetime | None = None) -> tuple[Reaction, ...]:
    return (Reaction(name=name, user=user, at=at),)


@pytest.mark.parametrize(
    ("lines", "reactions", "evidence"),
    [
        (("ann: thanks, works now",), (), [("ann", How.SAID, "m2")]),
        (("ann: 谢谢，可以了",), (), [("ann", How.SAID, "m2")]),
        ((), react("white_check_mark", "cem"), [("cem", How.TICKED, "m1")]),
        ((), react("+1", "cem"), [("cem", How.LIKED, "m1")]),
        ((), react("+1", "bob"), []),
        ((), react("eyes", "cem"), []),
        ((), react("+1", "cem", CLOSED + timedelta(seconds=1)), []),
        (("cem: That worked for me, too!",), (), [("cem", How.ALSO, "m2")]),
        (("cem: thanks!",), (), []),
        (("ann: Thanks! But which worker is it?",), (), []),
        (("dan: Use port 2 instead", "cem: That worked for me!"), (), []),
        (("ann: thanks!", "ann: hm, it still does not work"), (), []),
        (("ann: hm, it still does not work",), react("white_check_mark", "cem"), [("cem", How.TICKED, "m1")]),
    ],
)
def test_the_evidence_says_who_confirmed(
    lines: tuple[str, ...], reactions: tuple[Reaction, ...], evidence: list[tuple[str, How, str]]
) -> None:
    conversation = thread(ASKED, HOW, *lines, reactions=reactions)
    found = confirmed_by(conversation, conversation.messages[1], closed_at=CLOSED)
    assert [(each.by, each.how, each.message) for each in found] == evidence


def test_reactors_are_not_named_in_the_entry() -> None:
    conversation = thread(ASKED, HOW, reactions=react("+1", "U777"))
    result = mine(conversation, audience=WORKSPACE, closed_at=CLOSED)
    assert result.entry is not None
    assert (result.entry.confirmed, [each.by for each in result.confirmed_by]) == (True, ["U777"])
    assert "U777" not in repr(result.entry)


def test_the_judge_can_be_asked_alone() -> None:
    conversation = thread(ASKED, "bob: I fixed it for you now.")
    judged = worth(conversation, conversation.messages[:1], conversation.messages[1])
    assert (judged.ok, judged.why) == (False, Why.BY_HAND)


# ---- corrections


def corrected(correction: str, question: str = ASKED) -> KnowledgeEntry | None:
    return corrected_entry(
        thread(question).messages[0],
        correction,
        source="correction:7",
        author="cem",
        at=START,
        audience=WORKSPACE,
        closed_at=CLOSED,
        people={"Bob": "bob"},
    )


def test_a_correction_becomes_an_entry_of_its_own() -> None:
    entry = corrected("Hi @Bob, set `slots = 4` on db-prod-03 (mail x@example.com).")
    assert entry is not None
    assert (entry.origin, entry.known_from, entry.confirmed) == ("correction:7", CLOSED, False)
    [problem] = entry.of(PassageKind.PROBLEM)
    [solution] = entry.of(PassageKind.SOLUTION)
    assert (problem.source, problem.author, problem.text) == ("m0", "ann", ASKED.removeprefix("ann: "))
    assert (solution.source, solution.author) == ("correction:7", "cem")
    assert solution.text == "set `slots = 4` on <host 1> (mail <email 1>)."


@pytest.mark.parametrize(
    ("correction", "question"),
    [("wrong!", ASKED), ("ask Bob", ASKED), ("ask @Somebody please", ASKED), ("Use port 2.", "ann: Why?")],
)
def test_a_correction_that_corrects_nothing_is_none(correction: str, question: str) -> None:
    assert corrected(correction, question) is None
