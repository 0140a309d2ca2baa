"""Which closed threads are kept, and where in them the solution is seen."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import solution as solution_benchmark
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, PassageKind
from knowledge.mine import Mined, mine, title_of
from knowledge.solution import find_solution
from knowledge.thread import Message, Reaction, Role, Thread, thread_of

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
CLOSED = START + timedelta(days=1)
ROLES = {"ann": Role.CUSTOMER, "zoe": Role.CUSTOMER, "bob": Role.ANALYST, "robo": Role.BOT}
HOW = "Restart the worker with `app restart worker`."


def thread(*lines: str | tuple[str, int] | tuple[str, int, tuple[Reaction, ...]]) -> Thread:
    """Lines ``"who: text"`` ten minutes apart; with a number, that many minutes after the one before."""
    at, messages = START, []
    for number, line in enumerate(lines):
        said, minutes, reactions = (line, 10, ()) if isinstance(line, str) else (*line, ())[:3]
        user, _, text = said.partition(": ")
        at += timedelta(minutes=minutes)
        messages.append(
            Message(
                id=f"m{number}",
                channel="help",
                thread="t1",
                user=user,
                at=at,
                text=text,
                role=ROLES.get(user, Role.UNKNOWN),
                reactions=reactions,
            )
        )
    return thread_of(messages)


def mined(*lines: str | tuple[str, int] | tuple[str, int, tuple[Reaction, ...]]) -> Mined:
    return mine(thread(*lines), audience=WORKSPACE, closed_at=CLOSED)


def kept(*lines: str | tuple[str, int] | tuple[str, int, tuple[Reaction, ...]]) -> KnowledgeEntry:
    result = mined(*lines)
    assert result.entry is not None, result.why
    return result.entry


def sources(entry: KnowledgeEntry, kind: PassageKind) -> list[str]:
    return [passage.source for passage in entry.of(kind)]


def tick(user: str = "ann", at: datetime | None = None) -> tuple[Reaction, ...]:
    return (Reaction(name="white_check_mark", user=user, at=at),)


# ---- the entry


def test_an_answered_question_becomes_an_entry_with_its_evidence() -> None:
    entry = kept("ann: The import hangs. Why?", f"bob: {HOW}", "ann: That worked, thanks!")
    assert (entry.kind, entry.title, entry.origin) == (EntryKind.THREAD, "The import hangs.", "t1")
    assert (entry.audience, entry.known_from, entry.confirmed) == (WORKSPACE, CLOSED, True)
    (solution,) = entry.of(PassageKind.SOLUTION)
    assert (solution.text, solution.source, solution.author, solution.role) == (
        HOW,
        "m1",
        "bob",
        Role.ANALYST,
    )
    assert solution.at == START + timedelta(minutes=20)
    assert sources(entry, PassageKind.PROBLEM) == ["m0"]
    assert sources(entry, PassageKind.CONFIRMATION) == ["m2"]


def test_the_thread_link_stands_in_for_a_missing_one() -> None:
    entry = mine(
        thread("ann: Why does it fail?", f"bob: {HOW}"),
        audience=WORKSPACE,
        closed_at=CLOSED,
        link="https://a.example/t1",
    ).entry
    assert entry is not None
    assert {passage.link for passage in entry.passages} == {"https://a.example/t1"}


def test_what_is_written_in_one_go_belongs_together() -> None:
    entry = kept(
        ("ann: Hi", 0),
        ("ann: the import hangs, any ideas?", 1),
        "zoe: which version?",
        ("bob: Stop the worker first.", 10),
        (f"bob: {HOW}", 2),
        ("bob: np :)", 1),
        "bob: Upgrade some day.",
    )
    assert sources(entry, PassageKind.PROBLEM) == ["m1"]  # "Hi" asks nothing
    assert sources(entry, PassageKind.SOLUTION) == ["m3", "m4"]
    assert sources(entry, PassageKind.DISCUSSION) == ["m0", "m2", "m5", "m6"]


def test_bots_are_left_out() -> None:
    entry = kept("ann: It hangs", "robo: Restart everything now, always.", f"bob: {HOW}")
    assert "m1" not in {passage.source for passage in entry.passages}


# ---- which message


@pytest.mark.parametrize(
    ("lines", "solution"),
    [
        # a ✅ beats everything
        (
            (
                "ann: Why does it fail?",
                ("zoe: Use port 1.", 10, tick()),
                f"bob: {HOW}",
                "ann: thanks, that worked",
            ),
            "m1",
        ),
        # the asker's 👍, too
        (
            (
                "ann: Why does it fail?",
                ("zoe: Use port 1.", 10, (Reaction(name="+1", user="ann"),)),
                f"bob: {HOW}",
            ),
            "m1",
        ),
        # what stands just before the thanks
        (
            (
                "ann: Why does it fail?",
                "zoe: Use port 1.",
                f"bob: {HOW}",
                "ann: Thanks, works!",
                "zoe: Port 1 is nice.",
            ),
            "m2",
        ),
        (("ann: 为什么失败？", "zoe: 用一号端口。", "bob: 重启一下服务。", "ann: 谢谢，可以了"), "m2"),
        # a failed attempt is not it
        (("ann: Why does it fail?", "bob: Use port 1.", "ann: that didn't help", "bob: Use port 2."), "m3"),
        # the asker found it himself
        (
            ("ann: Why does it fail?", "bob: Which version?", "ann: I solved it by setting the port to 2"),
            "m2",
        ),
        (("ann: 为什么失败？", "bob: 哪个版本？", "ann: 自己解决了，重启一下就行"), "m2"),
        # not he who says only that it works
        (
            (
                "ann: Why does it fail?",
                f"bob: {HOW}",
                "ann: So that's what it was. I got it working, thank you",
            ),
            "m1",
        ),
        # of equals the analyst
        (("ann: Why does it fail?", "zoe: Use the port one", "bob: Use the port two"), "m2"),
        # who has the same trouble does not answer
        (
            (
                "ann: It hangs",
                "zoe: I have the same problem, and it is a long, sad story.",
                "bob: Use port 2.",
            ),
            "m2",
        ),
        # nor does who asks back, chases or greets
        (("ann: It hangs", "bob: Which version do you use?", "zoe: any update?", "bob: Use port 2."), "m3"),
    ],
)
def test_the_solution_is_seen(lines: tuple[str, ...], solution: str) -> None:
    assert sources(kept(*lines), PassageKind.SOLUTION) == [solution]


def test_the_reason_of_the_choice_is_told() -> None:
    assert mined("ann: Why does it fail?", (f"bob: {HOW}", 10, tick())).why == "ticked"
    assert (
        mined("ann: Why does it fail?", f"bob: {HOW}", "ann: thanks").why == "just before the asker's thanks"
    )


# ---- confirmed


@pytest.mark.parametrize(
    ("lines", "confirmed"),
    [
        (("ann: Why does it fail?", f"bob: {HOW}"), False),
        (("ann: Why does it fail?", f"bob: {HOW}", "ann: thanks!"), True),
        (("ann: Why does it fail?", f"bob: {HOW}", "zoe: thanks!"), False),
        (("ann: Why does it fail? Thanks in advance", f"bob: {HOW}", "ann: I will try"), False),
        (("ann: Why does it fail?", (f"bob: {HOW}", 10, tick("zoe"))), True),
        (("ann: Why does it fail?", (f"bob: {HOW}", 10, tick("bob"))), False),  # ticking oneself says nothing
        (("ann: Why does it fail?", (f"bob: {HOW}", 10, tick("ann", CLOSED))), True),
        (("ann: Why does it fail?", (f"bob: {HOW}", 10, tick("ann", CLOSED + timedelta(seconds=1)))), False),
        (("ann: Why does it fail?", "bob: Which one?", "ann: I fixed it by setting the port to 2"), True),
        (("ann: Why does it fail?", f"bob: {HOW}", "ann: thanks!", "ann: hm, it still does not work"), False),
    ],
)
def test_only_a_person_confirms(lines: tuple[str, ...], confirmed: bool) -> None:
    assert kept(*lines).confirmed is confirmed


# ---- not worth keeping


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("robo: Disk full. Why?", f"bob: {HOW}"), "a bot opened it"),
        (("ann: We released version 3 today", "bob: Great, it has colours."), "announces"),
        (("ann: The office has plants now", "bob: Great, it has colours."), "asks nothing"),
        (("ann: Why does it hang?",), "nobody answered"),
        (("ann: Why does it hang?", "ann: any update?"), "nobody answered"),
        (("ann: Why does it hang?", "robo: A ticket was opened for you."), "nobody answered"),
        (("ann: Why does it hang?", "bob: which version?", "zoe: +1"), "only asks back"),
        (("ann: Why does it hang?", "bob: @ann", "bob: thanks!"), "no answer in it has any substance"),
        (("ann: Why does it fail?", f"bob: {HOW}", "ann: That did not help"), "still broken"),
        (("ann: 为什么失败？", "bob: 重启一下服务。", "ann: 还是不行"), "still broken"),
    ],
)
def test_a_thread_that_teaches_nothing_is_not_kept(lines: tuple[str, ...], why: str) -> None:
    result = mined(*lines)
    assert result.entry is None
    assert why in result.why


def test_a_later_answer_lifts_the_contradiction() -> None:
    entry = kept("ann: Why does it fail?", "bob: Use port 1.", "ann: That did not help", f"bob: {HOW}")
    assert not entry.confirmed


# ---- titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hi all! The import hangs. Why?", "The import hangs."),
        ("Hello,\n\nthe import\nhangs", "the import"),
        ("# Import hangs\n\nDetails", "Import hangs"),
        ("ok", "ok"),
        ("你好！导入失败了。怎么办？", "导入失败了。"),
        ("```\nmake all\n```", "make all"),
        ("a" * 300, "a" * 119 + "…"),
        ("word " * 50, ("word " * 23).strip() + "…"),
        ("", ""),
    ],
)
def test_the_title_is_the_first_thing_said(text: str, title: str) -> None:
    assert title_of(thread(f"ann: {text}").messages) == title


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", "zoe", "robo"]),
            st.sampled_from(
                [
                    "Hi all, why does the import fail? Thanks in advance!",
                    "It hangs",
                    "ok",
                    "thanks",
                    HOW,
                    "still broken",
                    "I solved it by luck",
                    "+1",
                    "",
                    "谢谢",
                    "> q",
                ]
            ),
            st.integers(0, 9),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_passages_are_verbatim_and_each_message_is_used_once(lines: list[tuple[str, str, int]]) -> None:
    conversation = thread(*((f"{user}: {text}", minutes) for user, text, minutes in lines))
    said = {message.id: message for message in conversation.messages}
    entry = mine(conversation, audience=WORKSPACE, closed_at=CLOSED).entry
    if entry is None:
        return
    used = [passage.source for passage in entry.passages]
    assert len(used) == len(set(used))
    assert all(line in said[p.source].text for p in entry.passages for line in p.text.splitlines())
    assert all(said[source].role is not Role.BOT for source in used)
    assert entry.of(PassageKind.SOLUTION)
    assert entry.of(PassageKind.PROBLEM)
    assert len(entry.title) <= 120


def test_of_a_lonely_message_nothing_is_chosen() -> None:
    assert find_solution(thread("ann: Why does it fail?")) is None


def test_the_benchmark_says_when_its_data_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert solution_benchmark.main(["--data", str(tmp_path)]) == 0
    assert "skipped" in capsys.readouterr().out


def test_what_is_kept_names_nobody_and_holds_no_secret() -> None:
    entry = mine(
        thread(
            "U1: Hi Petra, the gate refuses ann@example.com with MLR-4090, how can I sign in?",
            "U2: @Ann Lee use `password=letmein1` of order ACME-123456, then ann@example.com works.",
            "U1: that fixed it, thanks Bob!",
        ),
        audience=WORKSPACE,
        closed_at=CLOSED,
        people={"Ann Lee": "U1", "Bob": "U2", "Somebody Else": "U3"},
        patterns=[re.compile(r"ACME-\d+")],
    ).entry
    assert entry is not None
    assert entry.title == "the gate refuses <email 1> with MLR-4090, how can I sign in?"
    [solution] = entry.of(PassageKind.SOLUTION)
    assert solution.text == ("use `password=<secret 1>` of order <redacted 1>, then <email 1> works.")
    assert entry.passages[-1].text == "that fixed it, thanks <name 3>!"
    assert [passage.source for passage in entry.passages] == ["m0", "m1", "m2"]  # so that it can be erased


def test_a_title_is_cut_after_it_is_redacted() -> None:
    long = "The gate refuses to let anybody in since the upgrade of this night and I do not know why at all, who is "
    entry = kept(
        f"ann: {long}ann.lee.of.accounting@example.com?",
        "bob: Restart the gate with millrace gate restart.",
        "ann: thanks, that fixed it",
    )
    assert entry.title == f"{long}<email 1>?"


def test_programs_have_no_names_to_hide() -> None:
    entry = kept(
        "ann: Why does the gate stop with MLR-4090?",
        "robo: Robo restarted it",
        "bob: Ask Robo to restart the gate again.",
        "ann: works now, thanks",
    )
    assert "Robo" in " ".join(passage.text for passage in entry.of(PassageKind.SOLUTION))


# ---- several parts

OTHER = "Set the timeout of the worker to 60 seconds in `app.conf`."


def test_who_is_thanked_together_is_told_together() -> None:
    entry = kept(
        "ann: Why does the import fail?", f"bob: {OTHER}", f"zoe: {HOW}", "ann: Thanks both, that works!"
    )
    assert sources(entry, PassageKind.SOLUTION) == ["m1", "m2"]


def test_what_did_not_help_is_not_told_with_it() -> None:
    lines = (f"bob: {OTHER}", "ann: That did not help", f"zoe: {HOW}", "ann: Thanks all, that works!")
    entry = kept("ann: Why does the import fail?", *lines)
    assert sources(entry, PassageKind.SOLUTION) == ["m3"]


def test_an_or_goes_on_from_what_was_said_before() -> None:
    entry = kept(
        "ann: Why does the import fail?", f"bob: {OTHER}", f"zoe: Or, {HOW}", "ann: that works, thanks"
    )
    assert sources(entry, PassageKind.SOLUTION) == ["m1", "m2"]


def test_a_link_within_the_thread_is_followed() -> None:
    moment = f"{(START + timedelta(minutes=20)).timestamp():.6f}".replace(".", "")
    link = f"https://acme.slack.com/archives/C1/p{moment}"
    entry = kept(
        "ann: Why does the import fail?", f"bob: {OTHER}", f"zoe: As in {link} or with `app restart`."
    )
    assert "m1" in sources(entry, PassageKind.SOLUTION)


def test_what_the_solution_answers_is_in_the_problem() -> None:
    entry = kept(
        "ann: The orders of the north. Some are imported.",
        "bob: Which ones do you mean?",
        "ann: All of them. How do I restart the worker of the import?",
        f"bob: {HOW}",
        "ann: that works, thanks",
    )
    assert [p.text for p in entry.of(PassageKind.PROBLEM)][1:] == [
        "How do I restart the worker of the import?"
    ]
    assert entry.title == "How do I restart the worker of the import?"
