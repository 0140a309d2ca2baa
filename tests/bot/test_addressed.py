"""Who is answered and where, what their words mean, what is looked for, and what is said where nothing is known."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bot.addressed import (
    PER_HOUR,
    Address,
    Way,
    What,
    Where,
    closest,
    help_card,
    is_late,
    late_line,
    person_card,
    questions_of,
    score_of,
    treatment,
    unknown_answer,
    unknown_card,
)
from bot.card import lines_in
from bot.manners import Order, speaks_to_me
from bot.scorer import Scale
from bot.weighing import read_weights
from bot.wishes import COMMANDS, Verb, Wish, is_courtesy, wish_in, wish_of_command, wish_of_direct
from knowledge.entry import Hit
from knowledge.thread import Message, Thread
from tests.bot.running import QUESTION, WEIGHTS, entry

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

# ---- precedence --------------------------------------------------------------------------------------------


def given(way: Way = Way.MENTION, mode: str = "reply", **more: object) -> tuple[What, Where]:
    rule = treatment(Address(way=way, mode=mode, **more))  # type: ignore[arg-type]
    return rule.what, rule.where


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({}, (What.ANSWER, Where.THREAD)),
        ({"mode": "off"}, (What.ANSWER, Where.ALONE)),
        ({"mode": "shadow"}, (What.ANSWER, Where.ALONE)),
        ({"mode": "draft"}, (What.ANSWER, Where.ALONE)),
        ({"way": Way.FOLLOW_UP}, (What.ANSWER, Where.THREAD)),
        ({"way": Way.FOLLOW_UP, "mode": "off"}, (What.ANSWER, Where.ALONE)),
        ({"way": Way.DIRECT}, (What.ANSWER, Where.THREAD)),
        ({"way": Way.DIRECT, "mode": "off"}, (What.ANSWER, Where.THREAD)),
        ({"way": Way.COMMAND}, (What.ANSWER, Where.ALONE)),
        ({"way": Way.SHORTCUT}, (What.ANSWER, Where.ALONE)),
        ({"asked_before": PER_HOUR - 1}, (What.ANSWER, Where.THREAD)),
        ({"asked_before": PER_HOUR}, (What.ENOUGH, Where.ALONE)),
        ({"external_blocked": True}, (What.NOT_HERE, Where.ALONE)),
        ({"external_blocked": True, "asked_before": 99}, (What.NOT_HERE, Where.ALONE)),
        ({"by_bot": True, "external_blocked": True}, (What.NOTHING, Where.NOWHERE)),
    ],
)
def test_what_comes_first(address: dict[str, object], expected: tuple[What, Where]) -> None:
    assert given(**address) == expected  # type: ignore[arg-type]


def test_a_bot_gets_nothing_and_a_person_always_something() -> None:
    modes, counts = ("off", "shadow", "draft", "reply"), (0, PER_HOUR)
    for way, mode, bot, blocked, asked in itertools.product(Way, modes, (True, False), (True, False), counts):
        what, where = given(way, mode, by_bot=bot, external_blocked=blocked, asked_before=asked)
        assert (what is What.NOTHING) is bot and (where is Where.NOWHERE) is bot
        if not bot and mode in ("off", "shadow") and way is not Way.DIRECT:
            assert where is Where.ALONE  # nothing is seen in the channel
        if blocked and not bot:
            assert what is What.NOT_HERE


# ---- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("@earshot", Wish(verb=Verb.SUMMARY)),
        ("<@earshot> !", Wish(verb=Verb.SUMMARY)),
        ("@earshot summary please", Wish(verb=Verb.SUMMARY)),
        ("@earshot 总结", Wish(verb=Verb.SUMMARY)),
        ("@earshot hand-over", Wish(verb=Verb.SUMMARY)),
        ("@earshot status", Wish(verb=Verb.STATUS)),
        ("@earshot status of the gate?", Wish(verb=Verb.ASK, rest="status of the gate?")),
        ("@earshot help", Wish(verb=Verb.HELP)),
        ("@earshot please help", Wish(verb=Verb.HELP)),
        ("@earshot 帮助", Wish(verb=Verb.HELP)),
        ("@earshot help me with the gate", Wish(verb=Verb.ASK, rest="help me with the gate")),
        ("@earshot why?", Wish(verb=Verb.WHY)),
        ("@earshot why does it stop?", Wish(verb=Verb.ASK, rest="why does it stop?")),
        ("@earshot why https://x.slack.com/a/p1", Wish(verb=Verb.WHY, rest="https://x.slack.com/a/p1")),
        ("@earshot why om_0a1b?", Wish(verb=Verb.ASK, rest="why om_0a1b?")),
        ("@earshot why om_0a1b", Wish(verb=Verb.WHY, rest="om_0a1b")),
        ("@earshot save", Wish(verb=Verb.SAVE)),
        ("@earshot 保存", Wish(verb=Verb.SAVE)),
        ("@earshot save om_0a1b", Wish(verb=Verb.SAVE, rest="om_0a1b")),
        ("@earshot save the world", Wish(verb=Verb.ASK, rest="save the world")),
        ("@earshot mute", Wish(verb=Verb.ORDER, order=Order.MUTE)),
        ("@earshot mute om_0a1b", Wish(verb=Verb.ASK, rest="mute om_0a1b")),
        ("@earshot ask how do I start it?", Wish(verb=Verb.ASK, rest="how do I start it?")),
        ("@earshot thanks a lot!", Wish(verb=Verb.COURTESY)),
        ("@earshot hello", Wish(verb=Verb.COURTESY)),
        ("@earshot any news?", Wish(verb=Verb.ASK, rest="any news?")),
        ("how do I start it @earshot?", Wish(verb=Verb.ASK, rest="how do I start it  ?")),
    ],
)
def test_what_a_mention_wants(said: str, wish: Wish) -> None:
    assert wish_in(said) == wish


@pytest.mark.parametrize(
    ("words", "wish"),
    [
        ("", Wish(verb=Verb.HELP)),
        ("HELP", Wish(verb=Verb.HELP)),
        ("ask", Wish(verb=Verb.ASK)),
        ("Ask why does it stop?", Wish(verb=Verb.ASK, rest="why does it stop?")),
        ("问 怎么启动？", Wish(verb=Verb.ASK, rest="怎么启动？")),
        ("mute", Wish(verb=Verb.ORDER, order=Order.MUTE)),
        ("mute channel", Wish(verb=Verb.ORDER, order=Order.MUTE_CHANNEL)),
        ("mute slack:T1/C1/1.2", Wish(verb=Verb.ORDER, order=Order.MUTE, rest="slack:T1/C1/1.2")),
        ("close <slack:T1/C1/1.2>", Wish(verb=Verb.ORDER, order=Order.CLOSE, rest="slack:T1/C1/1.2")),
        ("opt out", Wish(verb=Verb.ORDER, order=Order.OPT_OUT)),
        ("why slack:T1/C1/1.2", Wish(verb=Verb.WHY, rest="slack:T1/C1/1.2")),
        ("状态", Wish(verb=Verb.STATUS)),
        ("sing a song", Wish(verb=Verb.UNKNOWN, rest="sing a song")),
        ("mute the alarm", Wish(verb=Verb.UNKNOWN, rest="mute the alarm")),
    ],
)
def test_what_a_command_wants(words: str, wish: Wish) -> None:
    assert wish_of_command(words) == wish


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("close om_0a1b", Wish(verb=Verb.ORDER, order=Order.CLOSE, rest="om_0a1b")),
        (
            "Mute <https://x.slack.com/a/p1>",
            Wish(verb=Verb.ORDER, order=Order.MUTE, rest="https://x.slack.com/a/p1"),
        ),
        ("close", Wish(verb=Verb.ORDER, order=Order.CLOSE)),
        ("close the gate", Wish(verb=Verb.ASK, rest="close the gate")),
        ("optout om_0a1b", Wish(verb=Verb.ASK, rest="optout om_0a1b")),
        ("summary lark:a/oc/om_1", Wish(verb=Verb.SUMMARY, rest="lark:a/oc/om_1")),
        ("why does it stop?", Wish(verb=Verb.ASK, rest="why does it stop?")),
    ],
)
def test_what_a_direct_message_wants(said: str, wish: Wish) -> None:
    assert wish_of_direct(said) == wish


def test_every_command_is_known_and_taught() -> None:
    taught = "\n".join(lines_in(help_card()))
    for command in COMMANDS:
        assert wish_of_command(command).verb is not Verb.UNKNOWN and command in taught


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("sumary LINK", "Did you mean `/earshot summary LINK`?"),
        ("how do I start it?", "To ask it: `/earshot ask how do I start it?`"),
    ],
)
def test_an_unknown_command_is_answered_with_what_may_have_been_meant(said: str, line: str) -> None:
    first, *rest = lines_in(unknown_card(said))
    assert line in first and rest == lines_in(help_card())


@pytest.mark.parametrize(("text", "courtesy"), [("谢谢", True), ("ok", True), ("ok, but why?", False)])
def test_what_wants_nothing(text: str, courtesy: bool) -> None:
    assert is_courtesy(text) is courtesy


@pytest.mark.parametrize(
    ("text", "to_me"),
    [(" @earshot summary", True), ("<@earshot>: why?", True), ("Restart it. @earshot knows more.", False)],
)
def test_what_begins_with_the_mention_is_said_to_us(text: str, to_me: bool) -> None:
    assert speaks_to_me(text) is to_me


# ---- what is looked for --------------------------------------------------------------------------------------


def thread(*said: tuple[str, str]) -> Thread:
    messages = tuple(
        Message(
            id=f"m{place}", channel="c", thread="m0", user=user, at=NOON + timedelta(hours=place), text=text
        )
        for place, (user, text) in enumerate(said)
    )
    return Thread(id="m0", channel="c", messages=messages)


@pytest.mark.parametrize(
    ("user", "asked", "looked_for"),
    [
        # what stands alone is looked for alone: else the earlier question's answer would come again
        ("ann", "how can I change the colour of the login page?", [False]),
        ("bob", "how can I change the colour of the login page?", [False]),
        ("bob", "how do I unlock the state?", [False]),
        ("ann", "any idea?", [False, True]),
        ("bob", "any idea?", [False, True]),  # about the thread, whoever opened it
        ("bob", "and why does it fail on the second host?", [False, True]),
    ],
)
def test_what_is_looked_for(user: str, asked: str, looked_for: list[bool]) -> None:
    said = thread(("ann", "The gate stops with MLR-4090."), (user, f"@earshot {asked}"))
    questions = questions_of(said, said.messages[1], asked)
    assert ["MLR-4090" in question for question in questions] == looked_for
    assert all(asked in question and "@earshot" not in question for question in questions)


def hit(dense: float, coverage: float = 0.0, title: str = "The gate stops") -> Hit:
    return Hit(entry=entry(title), score=dense, dense=dense, lexical=1.0, coverage=coverage)


def test_an_answer_is_scored_as_a_question_that_nobody_else_answers() -> None:
    scale = Scale(prior=read_weights(WEIGHTS))
    near, far = hit(0.9, 0.9, QUESTION), hit(0.1)
    said = "MLR-4090 at the gate"  # no cue of a question in it
    assert score_of(said, [near, far], scale, NOON) > scale.prior.threshold(0.5) > 0.2
    assert score_of(said, [far, far], scale, NOON) < 0.2
    assert score_of(said, [], scale, NOON) == 0.0


def test_only_what_is_near_is_named_and_at_most_three() -> None:
    near = [hit(0.5), hit(0.4), hit(0.1, coverage=0.6), hit(0.3)]
    assert closest([*near[:1], hit(0.1), *near[1:]]) == near[:3]
    assert closest([hit(0.1)]) == []


# ---- what is said --------------------------------------------------------------------------------------------


def test_i_dont_know_names_titles_and_links_and_claims_nothing() -> None:
    head, line = lines_in(unknown_answer([hit(0.5)], said_before=False))
    assert head == "I don't know. The closest I have is:"
    assert line == "• The gate stops <https://example.slack.com/archives/C0OLD/p1600000001000001>"
    (nothing,) = lines_in(unknown_answer([], said_before=False))
    (no_more,) = lines_in(unknown_answer([], said_before=True))
    assert "nothing that is close" in nothing and "nothing more than what I said here" in no_more


def test_a_failure_is_told_with_its_reason() -> None:
    (head,) = lines_in(unknown_answer([], said_before=False, failed="the budget of today is spent"))
    assert head == "I cannot write an answer now: the budget of today is spent."


def test_what_a_person_should_do_names_the_owners_and_nobody_else() -> None:
    card = person_card("it deletes data", ["slack:T1/UOWNER"])
    people = [piece.person for group in card.groups for one in group.rows for piece in one.columns[0]]
    assert [person for person in people if person] == ["slack:T1/UOWNER"]
    assert lines_in(person_card("it deletes data", [])) == ["A person should answer this: it deletes data."]


def test_a_late_answer_says_so() -> None:
    assert is_late(NOON, NOON + timedelta(minutes=31), timedelta(minutes=30))
    assert not is_late(NOON, NOON + timedelta(minutes=29), timedelta(minutes=30))
    assert late_line(NOON, NOON + timedelta(hours=3)) == "This comes late: you asked 3 hours ago."
