"""Whether to speak: who is silenced and why, what evidence weighs, and that every decision can be explained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence import IN_WORDS, features_of
from bot.scorer import (
    LEAST_SAID,
    Action,
    Decision,
    Policy,
    Scale,
    Situation,
    decide,
    gate,
    newest_first,
    novel,
)
from bot.tickets import Step, advance, opened
from bot.weighing import BIAS, DialPoint, Weights, read_weights
from knowledge.cues import asks_for_help
from knowledge.entry import EntryKind, Hit, KnowledgeEntry, Trust
from knowledge.thread import Message, Role, thread_of
from knowledge.trust import CONFIRMED
from tests.knowledge.making import entry

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUESTION = "The gate stops with MLR-4090 since this morning, how do I make it start again?"
LINK = "https://example.slack.com/archives/C0OLD/p1600000001000001"
SPEAKING = Policy(mode="reply", threshold=0.5, wait=timedelta(), max_per_thread=3, max_per_hour=6)
NAMES = {"ann": "ann", "bob": "bob"}
BY_HAND = {
    BIAS: -6.0,
    "question": 0.5,
    "opener": 0.5,
    "dense": 5.0,
    "coverage": 3.0,
    "margin": 2.0,
    "code": 1.0,
    "settled": 1.0,
    "asks back": -1.0,
    "trust": 4.0,
}
PRIOR = Weights(
    version="by hand",
    weights=BY_HAND,
    spread=dict.fromkeys(BY_HAND, 0.3),
    dial=(DialPoint(precision=0.5, threshold=0.5, replies=10),),
)
SCALE = Scale(prior=PRIOR)


def said(
    text: str = QUESTION, user: str = "ann", minute: float = 0, role: Role = Role.CUSTOMER, name: str = ""
) -> Message:
    at = NOON + timedelta(minutes=minute)
    return Message(
        id=name or f"{user}{minute:g}", channel="help", thread="ann0", user=user, at=at, text=text, role=role
    )


def situation(
    message: Message | None = None, *around: Message, policy: Mapping[str, Any] | None = None, **more: Any
) -> Situation:
    """``message`` looked at when ``around`` was said too; who spoke first asks."""
    looked_at = message or said()
    thread = thread_of([looked_at, *around])
    given: dict[str, Any] = {
        "ticket": opened(thread.opener),
        "now": NOON,
        "people": NAMES,
        "scale": SCALE,
        **more,
    }
    return Situation(message=looked_at, thread=thread, policy=replace(SPEAKING, **(policy or {})), **given)


def ticket_after(*steps: Step) -> Any:
    ticket = opened(said())
    for step in steps:
        ticket = advance(ticket, step, NOON)
    return ticket


SOLVING = entry(
    "Gate stops with MLR-4090",
    "MLR-4090 means that the spill folder is full: run `millrace spill clean --older 7d`, then restart the gate.",
    confirmed=True,
)


def linked(known: KnowledgeEntry, link: str | None) -> KnowledgeEntry:
    return replace(known, passages=tuple(replace(passage, link=link) for passage in known.passages))


def hit(known: KnowledgeEntry = SOLVING, **parts: Any) -> Hit:
    return Hit(**{"entry": known, "score": 0.8, "dense": 0.8, "lexical": 9.0, "coverage": 0.6, **parts})


GOOD = (hit(),)
WEAK = (hit(entry("Lunch", "Soup at noon."), score=0.2, dense=0.1, coverage=0.1),)


def decided(looked_at: Situation, hits: Sequence[Hit] = GOOD) -> Decision:
    """What the handlers do: the gate first, then the evidence."""
    return gate(looked_at) or decide(looked_at, hits)


# ---- who is not a candidate -------------------------------------------------------------------------------

GATES: list[tuple[str, Situation]] = [
    ("bot", situation(said(role=Role.BOT))),
    ("external", situation(policy={"external_blocked": True})),
    ("off", situation(policy={"mode": "off"})),
    ("analyst", situation(said(role=Role.ANALYST))),
    ("not asker", situation(said(user="bob", minute=5), said())),
    ("replaced", situation(said(), said("Sorry, I mean MLR-4050, how do I solve that one?", minute=1))),
    ("thanks", situation(said("Thanks a lot, that fixed it for all of us!", minute=1), said())),
    ("thanks", situation(said("谢谢，已经解决了", minute=1), said())),
    ("nothing asked", situation(said("Thanks a lot, that fixed it for all of us!"))),
    ("nothing asked", situation(said("ok"))),
    ("nothing asked", situation(said("MLR-4090?"))),
    ("nothing asked", situation(said("怎么办？"))),
    ("nothing asked", situation(said("Good morning everybody, I wish you a sunny week."))),
    ("addressed", situation(said("@bob could you look why the gate stops with MLR-4090?"))),
    ("addressed", situation(said("Bob, can you tell me how to restart the gate?"))),
    ("solved", situation(ticket=ticket_after(Step.CHECKED))),
    ("solved", situation(ticket=ticket_after(Step.CHECKED_IN_CHARGE))),
    ("rejected", situation(rejected=True)),
    ("muted", situation(muted="ann muted this conversation")),
    ("addressed", situation(said("Anna, could you look why the gate stops?"), people={"Anna": "anna"})),
    ("addressed", situation(said("How do I restart the gate, Anna?"), people={"Anna": "anna"})),
    ("addressed", situation(said("@anna how do I restart the gate again?"), people={"Anna": "anna"})),
    ("addressed", situation(said("李雷，网关报错了，你能看一下吗？"), people={"李雷": "li"})),
    ("addressed", situation(said("网关报错了，怎么重新启动，李雷？"), people={"李雷": "li"})),
    ("person helps", situation(said(), said("Let me have a look.", user="bob", minute=1))),
    ("person helps", situation(said(minute=5), said(), said("What does the log say?", user="bob", minute=1))),
]


@pytest.mark.parametrize(("reason", "looked_at"), GATES, ids=[f"{n}-{r}" for n, (r, _) in enumerate(GATES)])
def test_a_gate_silences_whatever_is_known(reason: str, looked_at: Situation) -> None:
    decision = decided(looked_at)
    assert (decision.action, decision.reasons[0].name) == (Action.SILENT, reason)
    assert decision.until is None
    assert decision.reasons[0].text


def minutes(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


AGAIN = "I tried that and it still fails with MLR-4090, what else can I do?"
HELPED = (said(), said("Clean the spill folder.", user="bob", minute=5))


@pytest.mark.parametrize(
    ("asked_at", "looked_at", "around", "led"),
    [
        (6, 6, HELPED, True),  # the asker goes on answering who helps
        (6, 34, HELPED, True),
        (35, 35, HELPED, True),  # half an hour is still his to react
        (36, 36, HELPED, False),  # nobody is at it any more, and the asker asks again
        (300, 300, (*HELPED, said("And now?", user="carl", minute=290)), True),  # somebody else came
        (300, 300.5, (*HELPED, said("Wait, I know that one.", user="bob", minute=300.2)), True),
        (6, 300, HELPED, False),  # looked at late: nobody reacted to it either
    ],
)
def test_who_helps_leads_until_nobody_has_reacted_for_half_an_hour(
    asked_at: float, looked_at: float, around: Sequence[Message], led: bool
) -> None:
    again = situation(said(AGAIN, minute=asked_at), *around, now=minutes(looked_at))
    decision = gate(again)
    assert (decision is not None and decision.reasons[0].name == "person helps") is led
    assert led or decision is None


def test_a_person_who_answered_the_question_leads_however_long_ago() -> None:
    """The second look, or an edit, does not answer what was answered."""
    answered = situation(said(), HELPED[1], now=minutes(600))
    decision = gate(answered)
    assert decision is not None and decision.reasons[0].name == "person helps"


def test_our_own_answers_give_nobody_the_lead() -> None:
    ours = said("It is said in [1].", user="earshot", minute=1, role=Role.BOT)
    assert gate(situation(said(AGAIN, minute=2), said(), ours, now=minutes(2))) is None


def test_a_mention_of_us_is_not_said_to_somebody_else() -> None:
    mention = said("@earshot why does the gate stop with MLR-4090?")
    assert gate(situation(mention, people={"earshot": "earshot", **NAMES})) is None


TOLD = "Gate 3.2 on two hosts, spill folder on a network share, one flow after the other ends before midnight"


@pytest.mark.parametrize(
    "looked_at",
    [
        situation(),
        situation(said("网关报错 MLR-4090，请问怎么重新启动？")),
        situation(said("Gate is broken again since the upgrade to 3.2")),
        situation(said("@ann here is my problem: how do I restart the gate?")),  # nobody else is called
        situation(said(), said("Any idea?", minute=-3, name="earlier")),
        situation(said(), said("It runs on the second host.", minute=1)),  # adds, asks nothing new
        situation(said(), said("I answered above [1].", user="earshot", minute=1, role=Role.BOT)),
        situation(said(), said(" ", user="bob", minute=1)),  # a picture without words
        situation(ticket=ticket_after(Step.THANKED, Step.ASKER_SPOKE)),  # reopened
        situation(policy={"mode": "shadow"}),
        situation(said("Hello, how do I restart the gate after MLR-4090? Many thanks for any hint!")),
        situation(said(TOLD)),  # no cue knows it for a question; it says enough to be one
        situation(said(role=Role.ANALYST), only_learnt=True),  # who often answers may ask for himself
    ],
)
def test_an_open_question_of_the_asker_is_a_candidate(looked_at: Situation) -> None:
    assert gate(looked_at) is None


def test_only_an_opener_may_ask_in_words_that_no_cue_knows() -> None:
    assert not asks_for_help(TOLD)
    decision = gate(situation(said(TOLD, minute=1), said()))
    assert decision is not None and decision.reasons[0].name == "nothing asked"


def test_the_reason_names_the_person_who_helps_and_who_is_asked() -> None:
    helped = gate(situation(said(), said("Let me have a look.", user="bob", minute=1)))
    asked = gate(situation(said("@bob could you look why the gate stops?")))
    assert helped is not None and str(helped.reasons[0]) == "person helps: bob spoke at 12:01:00"
    assert asked is not None and str(asked.reasons[0]) == "addressed: it is addressed to bob"


# ---- what comes of a candidate ----------------------------------------------------------------------------

WAITING = {"wait": timedelta(seconds=90)}
ASKING_US = said(f"@earshot {QUESTION}")
COOLING = {"cool_down": timedelta(minutes=10)}
DRAFTING = {"mode": "draft", "drafts_to": "#drafts"}
DRIFTED = {"mode": "draft", "drifted": "9 of 10 judged answers were unwelcome"}
CLIPPING = {"threshold": 1.0, "clip": True, "clip_threshold": 0.6}
OUTCOMES: list[tuple[str, Action, str, Situation, Sequence[Hit]]] = [
    ("it knows", Action.REPLY, "can help", situation(), GOOD),
    ("it knows nothing", Action.SILENT, "nothing known", situation(), ()),
    ("it is not sure", Action.SILENT, "not sure enough", situation(), WEAK),
    ("it is never sure enough", Action.SILENT, "not sure enough", situation(policy={"threshold": 1.0}), GOOD),
    ("people first", Action.WAIT, "wait", situation(policy=WAITING), GOOD),
    ("the second look", Action.REPLY, "can help", situation(policy=WAITING, waited=True), GOOD),
    (
        "the wait passed already",
        Action.REPLY,
        "can help",
        situation(policy=WAITING, now=NOON + timedelta(seconds=90)),
        GOOD,
    ),
    ("unsure does not wait", Action.SILENT, "not sure enough", situation(policy=WAITING), WEAK),
    ("shadow", Action.SILENT, "shadow", situation(policy={"mode": "shadow"}), GOOD),
    (
        "shadow after waiting",
        Action.SILENT,
        "shadow",
        situation(policy={"mode": "shadow"}, waited=True),
        GOOD,
    ),
    ("draft", Action.DRAFT, "can help", situation(policy=DRAFTING), GOOD),
    ("a draft waits too", Action.WAIT, "wait", situation(policy={**DRAFTING, **WAITING}), GOOD),
    ("a draft for drift", Action.DRAFT, "drift", situation(policy={**DRAFTING, **DRIFTED}), GOOD),
    ("drift without a place", Action.SILENT, "drift", situation(policy=DRIFTED), GOOD),
    ("drift waits as well", Action.WAIT, "wait", situation(policy={**DRIFTED, **WAITING}), GOOD),
    ("a private draft", Action.SILENT, "private draft", situation(policy={"mode": "draft"}), GOOD),
    (
        "a draft in quiet hours",
        Action.SILENT,
        "quiet hours",
        situation(policy={**DRAFTING, "quiet_now": True}),
        GOOD,
    ),
    ("nearly sure", Action.SILENT, "clip", situation(policy=CLIPPING), GOOD),
    ("nearly sure does not wait", Action.SILENT, "clip", situation(policy={**CLIPPING, **WAITING}), GOOD),
    ("far from sure", Action.SILENT, "not sure enough", situation(policy=CLIPPING), WEAK),
    ("no paperclips", Action.SILENT, "not sure enough", situation(policy={**CLIPPING, "clip": False}), GOOD),
    (
        "no paperclip in shadow",
        Action.SILENT,
        "not sure enough",
        situation(policy={**CLIPPING, "mode": "shadow"}),
        GOOD,
    ),
    (
        "none where analysts see first",
        Action.SILENT,
        "not sure enough",
        situation(policy={**CLIPPING, **DRAFTING}),
        GOOD,
    ),
    (
        "none in quiet hours",
        Action.SILENT,
        "not sure enough",
        situation(policy={**CLIPPING, "quiet_now": True}),
        GOOD,
    ),
    ("none beyond the budget", Action.SILENT, "not sure enough", situation(policy=CLIPPING, helped=3), GOOD),
    ("quiet hours", Action.SILENT, "quiet hours", situation(policy={"quiet_now": True}), GOOD),
    ("thread budget", Action.SILENT, "thread budget", situation(helped=3), GOOD),
    ("thread budget left", Action.REPLY, "can help", situation(helped=2), GOOD),
    ("no thread budget", Action.SILENT, "thread budget", situation(policy={"max_per_thread": 0}), GOOD),
    ("hour budget", Action.SILENT, "hour budget", situation(spoken_last_hour=6), GOOD),
    ("hour budget left", Action.REPLY, "can help", situation(spoken_last_hour=5), GOOD),
    ("cool-down", Action.SILENT, "cool-down", situation(policy=COOLING, rejected_at=minutes(-9)), GOOD),
    ("cooled down", Action.REPLY, "can help", situation(policy=COOLING, rejected_at=minutes(-10)), GOOD),
    ("no cool-down", Action.REPLY, "can help", situation(rejected_at=minutes(-1)), GOOD),
    (
        "cool-down, asked",
        Action.REPLY,
        "can help",
        situation(ASKING_US, policy=COOLING, rejected_at=NOON),
        GOOD,
    ),
    ("quiet hours, asked", Action.REPLY, "can help", situation(ASKING_US, policy={"quiet_now": True}), GOOD),
    ("no wait, asked", Action.REPLY, "can help", situation(ASKING_US, policy=WAITING), GOOD),
    ("budget, asked", Action.SILENT, "hour budget", situation(ASKING_US, spoken_last_hour=6), GOOD),
]


@pytest.mark.parametrize(
    ("action", "reason", "looked_at", "hits"),
    [case[1:] for case in OUTCOMES],
    ids=[case[0] for case in OUTCOMES],
)
def test_what_comes_of_a_candidate(
    action: Action, reason: str, looked_at: Situation, hits: Sequence[Hit]
) -> None:
    decision = decided(looked_at, hits)
    assert (decision.action, decision.reasons[0].name) == (action, reason)
    assert (decision.until is None) is (action is not Action.WAIT)


def test_it_waits_from_when_it_was_said_not_from_when_it_was_heard() -> None:
    heard_late = situation(policy=WAITING, now=NOON + timedelta(seconds=60))
    assert decide(heard_late, GOOD).until == NOON + timedelta(seconds=90)


def test_it_waits_as_long_as_people_here_usually_take() -> None:
    slow, quick = ((timedelta(seconds=s),) * 50 for s in (200, 30))
    for delays, seconds in ((slow, 200), (quick, 30)):
        decision = decide(situation(policy=WAITING, delays=delays), GOOD)
        assert decision.until == NOON + timedelta(seconds=seconds)
        assert decision.reasons[0].text == f"people here usually answer within {seconds} s"
    told = decide(situation(policy=WAITING), GOOD).reasons[0].text
    assert told == "people get 90 s to answer first"
    assert decide(situation(delays=slow), GOOD).action is Action.REPLY  # wait_seconds: 0


def test_a_held_back_reply_keeps_its_score() -> None:
    held = decide(situation(policy=COOLING, rejected_at=NOON), GOOD)
    assert held.score == decide(situation(), GOOD).score
    assert held.reasons[0].text == "an answer was rejected in this channel; quiet until 12:10:00"


def test_the_dial_is_a_threshold_on_the_score() -> None:
    score = decide(situation(), GOOD).score
    assert decide(situation(policy={"threshold": score}), GOOD).action is Action.REPLY
    assert decide(situation(policy={"threshold": score + 1e-6}), GOOD).action is Action.SILENT


# ---- the score --------------------------------------------------------------------------------------------

shares = st.floats(0, 1)
trusts = st.builds(Trust, up=st.floats(0, 50), down=st.floats(0, 50))
kinds = st.sampled_from(list(EntryKind))
hits_found = st.builds(
    lambda known, kind, confirmed, parts, trust: hit(
        replace(known, kind=kind, confirmed=confirmed), **parts, trust=trust
    ),
    st.sampled_from([SOLVING, WEAK[0].entry]),
    kinds,
    st.booleans(),
    st.fixed_dictionaries(
        {"score": shares, "dense": st.floats(-1, 1), "lexical": st.floats(0, 100), "coverage": shares}
    ),
    trusts,
)
texts = st.sampled_from([QUESTION, "It is broken.", "How come?", "网关报错 MLR-4090，怎么办？", "well"])


def features(looked_at: Situation, hits: Sequence[Hit]) -> dict[str, float]:
    return features_of(looked_at.message, looked_at.thread, hits, now=NOON)


def score_of(*hits: Hit, text: str = QUESTION) -> float:
    return decide(situation(said(text)), hits).score


@given(texts, st.lists(hits_found, min_size=1, max_size=3))
def test_a_score_is_a_probability_and_what_counted_is_told_heaviest_first(text: str, hits: list[Hit]) -> None:
    decision = decide(situation(said(text)), hits)
    assert decision.score == pytest.approx(PRIOR.probability(features(situation(said(text)), hits)))
    assert 0.0 <= decision.score <= 1.0
    evidence = decision.reasons[1:]
    added = {name: BY_HAND.get(name, 0.0) * value for name, value in decision.features.items()}
    assert {reason.name for reason in evidence} == {n for n, w in added.items() if abs(w) >= LEAST_SAID}
    assert all(reason.text and reason.weight == added[reason.name] for reason in evidence)
    weights = [abs(reason.weight) for reason in evidence]
    assert weights == sorted(weights, reverse=True)


@given(texts, st.lists(hits_found, min_size=1, max_size=12))
def test_every_feature_is_a_share_and_has_words(text: str, hits: list[Hit]) -> None:
    found = features(situation(said(text)), hits)
    assert found.keys() == IN_WORDS.keys()
    assert all(0.0 <= value <= 1.0 for name, value in found.items() if name != "trust")
    assert -1.0 <= found["trust"] <= 1.0


def test_a_decision_says_what_it_weighed_and_by_which_weights() -> None:
    decision = decide(situation(), GOOD)
    assert (decision.weights, decision.features) == ("by hand", features(situation(), GOOD))
    silenced = gate(situation(rejected=True))
    assert silenced is not None and (silenced.weights, silenced.features) == ("", {})


@given(hits_found, st.sampled_from(["dense", "coverage", "score"]), shares)
def test_more_evidence_never_lowers_the_score(found: Hit, part: str, more: float) -> None:
    """More of meaning, words, or lead over the second."""
    better = replace(found, **{part: max(getattr(found, part), more)})
    second = hit(WEAK[0].entry, score=0.0)
    assert score_of(better, second) >= score_of(found, second)


@given(hits_found, shares, shares)
def test_a_nearer_rival_never_raises_the_score(found: Hit, one: float, other: float) -> None:
    near, far = (hit(WEAK[0].entry, score=score) for score in (max(one, other), min(one, other)))
    assert score_of(found, near) <= score_of(found, far) <= score_of(found)


@given(hits_found)
def test_what_a_person_confirmed_is_never_believed_less(found: Hit) -> None:
    told = replace(found, entry=replace(found.entry, confirmed=False))
    counted = replace(found.trust, up=found.trust.up + CONFIRMED)
    confirmed = replace(found, entry=replace(found.entry, confirmed=True), trust=counted)
    assert score_of(confirmed) >= score_of(told) - 1e-9  # what was added is taken off again, but for rounding


@given(hits_found, st.floats(0.5, 5))
def test_thumbs_move_the_score_their_way(found: Hit, votes: float) -> None:
    up = replace(found, trust=replace(found.trust, up=found.trust.up + votes))
    down = replace(found, trust=replace(found.trust, down=found.trust.down + votes))
    assert score_of(down) <= score_of(found) <= score_of(up)


def test_an_error_code_counts_only_where_the_problem_or_its_solution_has_it() -> None:
    about = "The gate fails", "Clean the spill folder and restart the gate."
    in_solution = hit(entry(about[0], f"MLR-4090? {about[1]}"))
    in_talk = hit(entry(*about, discussion="I had MLR-4090 once, too."))
    assert features(situation(), [in_solution])["code"] == 1.0
    assert features(situation(), [in_talk])["code"] == 0.0
    assert features(situation(said("How do I start the gate?")), [in_solution])["code"] == 0.0


def test_a_document_is_settled_without_a_confirmation_and_a_thread_only_with_one() -> None:
    for kind, confirmed, settled in (
        (EntryKind.DOCUMENT, False, 1.0),
        (EntryKind.FAQ, False, 1.0),
        (EntryKind.THREAD, True, 1.0),
        (EntryKind.THREAD, False, 0.0),
    ):
        known = replace(SOLVING, kind=kind, confirmed=confirmed)
        assert features(situation(), [hit(known)])["settled"] == settled


def test_a_question_taken_back_for_an_answer_speaks_against_it() -> None:
    asks_back = hit(entry("The gate stops", "Which version is it, and what does the log say?"))
    reasons = decide(situation(), [asks_back]).reasons
    assert [reason.weight for reason in reasons if reason.name == "asks back"] == [-1.0]
    assert features(situation(), GOOD)["asks back"] == 0.0


def test_reasons_say_what_the_numbers_were() -> None:
    told = {reason.name: str(reason) for reason in decide(situation(), GOOD).reasons}
    assert told["dense"] == "dense: meaning close to “Gate stops with MLR-4090” (cosine 0.80) (+4.0)"
    assert told["coverage"] == "coverage: 60% of its words stand in the source (+1.8)"
    assert told["can help"].endswith("reaches 0.50")


def test_downvotes_are_told_with_what_they_took_away() -> None:
    reasons = decide(situation(), [hit(trust=Trust(down=6))]).reasons
    (thumbs,) = (reason for reason in reasons if reason.name == "trust")
    assert thumbs.weight < 0


# ---- the shipped weights: what holds however they are trained ---------------------------------------------

SHIPPED = read_weights()


def test_shipped_weights_know_their_features_and_trust_people() -> None:
    weight = SHIPPED.weights
    assert weight.keys() - {BIAS} <= IN_WORDS.keys() and weight.keys() == SHIPPED.spread.keys()
    assert weight["trust"] > 0
    assert weight.get("settled", 0.0) >= 0
    assert weight.get("asks back", 0.0) <= 0
    assert all(spread >= 0 for spread in SHIPPED.spread.values())


def test_the_shipped_dial_ascends() -> None:
    points = [(point.precision, point.threshold) for point in SHIPPED.dial]
    assert points == sorted(points) and len({precision for precision, _ in points}) == len(points)


@given(st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_a_higher_precision_never_lowers_the_shipped_threshold(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= SHIPPED.threshold(low) <= SHIPPED.threshold(high) <= 1.0


# ---- not said before --------------------------------------------------------------------------------------

OTHER = entry("Restart the gate", "Run `millrace gate restart`.")


def test_what_we_quoted_here_is_not_said_again() -> None:
    looked_at = situation(quoted=frozenset({SOLVING.id}))
    assert novel([hit(), hit(OTHER)], looked_at) == [hit(OTHER)]


@pytest.mark.parametrize(
    ("ending", "is_the_same"),
    [
        ("", True),
        (".", True),
        ("/", True),
        (")", True),
        ("?thread_ts=1", True),
        ("#two", True),
        ("里说的", True),
        ("9", False),
        ("-more", False),
        ("/more", False),
        (".html", False),
    ],
)
def test_what_a_person_linked_here_is_not_said_again(ending: str, is_the_same: bool) -> None:
    known = linked(SOLVING, LINK)
    pointed = situation(said(f"I did what they say in {LINK}{ending} and it is still broken, what else?"))
    assert novel([hit(known), hit(OTHER)], pointed) == (
        [hit(OTHER)] if is_the_same else [hit(known), hit(OTHER)]
    )


def test_without_a_link_or_a_quote_everything_is_news() -> None:
    assert novel(GOOD, situation()) == list(GOOD)
    assert novel([hit(linked(SOLVING, LINK))], situation()) == [hit(linked(SOLVING, LINK))]


# ---- equals -----------------------------------------------------------------------------------------------

OLD, NEW = (
    replace(SOLVING, origin=f"t{month}", known_from=datetime(2026, month, 1, tzinfo=UTC)) for month in (1, 2)
)


def test_of_two_answers_to_one_error_that_are_as_near_the_newer_one_counts() -> None:
    found = [hit(OLD, score=0.8), hit(NEW, score=0.77), hit(OTHER, score=0.76)]
    assert newest_first(found, QUESTION) == [found[1], found[0], found[2]]


@pytest.mark.parametrize(
    "found",
    [
        [hit(OLD, score=0.8), hit(NEW, score=0.7)],  # not as near
        [hit(replace(OLD, kind=EntryKind.DOCUMENT, known_from=None), score=0.8), hit(NEW, score=0.8)],
        [hit(OLD, score=0.8), hit(OTHER, score=0.8)],  # about something else
        [],
    ],
)
def test_otherwise_the_nearest_stays_first(found: list[Hit]) -> None:
    assert newest_first(found, QUESTION) == found


def test_without_an_error_code_nearness_decides() -> None:
    found = [hit(OLD, score=0.8), hit(NEW, score=0.79)]
    assert newest_first(found, "How do I restart the gate?") == found
