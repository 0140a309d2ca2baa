"""What people's verdicts mean: votes and trust, a channel's own scale, and what a thread shows once people spoke."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feedback import (
    Calibration,
    Judged,
    Outcome,
    Vote,
    moves_from,
    normal_name,
    outcome_of,
    says_same,
    trust_from,
    verdict,
)
from bot.weighing import BIAS, read_weights
from knowledge.entry import Trust
from knowledge.thread import Message, Role, thread_of
from tests.bot.running import WEIGHTS


@pytest.mark.parametrize(
    ("reaction", "name", "helpful"),
    [
        ("+1", "+1", True),
        ("thumbsup", "+1", True),
        ("+1::skin-tone-3", "+1", True),
        (":thumbsup::skin-tone-6:", "+1", True),
        ("-1", "-1", False),
        ("thumbsdown::skin-tone-2", "-1", False),
        ("white_check_mark", "white_check_mark", None),
        ("heavy_check_mark", "white_check_mark", None),
        ("eyes", "eyes", None),
    ],
)
def test_aliases_and_skin_tones_are_one_reaction(reaction: str, name: str, helpful: bool | None) -> None:
    assert normal_name(reaction) == name
    assert verdict(reaction) is helpful


def vote(user: str, helpful: bool, role: Role = Role.CUSTOMER) -> Vote:
    return Vote(suggestion_id="s", user=user, helpful=helpful, role=role)


def test_analysts_count_more_and_bots_nothing() -> None:
    assert trust_from([vote("a", True, Role.ANALYST)]).mean > trust_from([vote("a", True)]).mean
    assert trust_from([vote("b", True, Role.BOT)]) == Trust()


def test_one_thumb_is_not_a_verdict() -> None:
    assert 0.4 < trust_from([vote("a", False)]).mean < Trust().mean


@given(st.lists(st.booleans()), st.booleans())
def test_withdrawing_a_vote_undoes_it_exactly(others: list[bool], mine: bool) -> None:
    before = [vote(str(n), helpful) for n, helpful in enumerate(others)]
    assert trust_from([*before, vote("me", mine)]) != trust_from(before)
    assert trust_from(before) == trust_from([v for v in [*before, vote("me", mine)] if v.user != "me"])


# ---- a channel's own scale -----------------------------------------------------

BY_HAND = read_weights(WEIGHTS)
SPREAD = {name: 0.25 if name == BIAS else 0.15 for name in BY_HAND.spread}
PRIOR = replace(BY_HAND, spread=SPREAD)
CASE = {"question": 1.0, "opener": 1.0, "dense": 0.75, "coverage": 0.6, "margin": 0.2, "substance": 0.7}
OTHER = {"problem": 1.0, "dense": 0.9, "coverage": 0.8, "code": 1.0, "settled": 1.0, "document": 1.0}


def thumbs(down: int, up: int = 0) -> list[Judged]:
    return [Judged(features=CASE, welcome=n >= down) for n in range(down + up)]


def score_after(judged: Sequence[Judged]) -> float:
    return PRIOR.moved(moves_from(PRIOR, judged), "here").probability(CASE)


def test_without_votes_nothing_moves() -> None:
    assert moves_from(PRIOR, []) == {}
    fixed = replace(PRIOR, spread=dict.fromkeys(PRIOR.spread, 0.0))
    assert moves_from(fixed, thumbs(100)) == {}  # where communities do not differ, no channel does


def test_ten_thumbs_down_are_felt_and_decide_nothing() -> None:
    before, after = PRIOR.probability(CASE), score_after(thumbs(10))
    assert before > 0.5
    assert before - 0.25 < after < before - 0.02
    assert score_after(thumbs(1)) > after


@pytest.mark.parametrize(("down", "up"), [(200, 0), (150, 50), (40, 160)])
def test_two_hundred_bring_the_score_to_what_people_say(down: int, up: int) -> None:
    said, before = up / (down + up), PRIOR.probability(CASE)
    after = score_after(thumbs(down, up))
    assert abs(after - said) < 0.25 * abs(before - said) + 0.02
    more = score_after(thumbs(4 * down, 4 * up))
    assert abs(more - said) <= abs(after - said) and abs(more - after) < 0.12


verdicts_given = st.lists(
    st.builds(
        Judged,
        features=st.sampled_from([CASE, OTHER]),
        welcome=st.booleans(),
        weight=st.sampled_from([0.5, 1.0, 2.0]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(verdicts_given, st.randoms(use_true_random=False))
def test_the_order_of_votes_does_not_matter(judged: list[Judged], random: Random) -> None:
    shuffled = list(judged)
    random.shuffle(shuffled)
    assert moves_from(PRIOR, shuffled) == pytest.approx(moves_from(PRIOR, judged), abs=1e-9)


@settings(deadline=None)
@given(verdicts_given, st.booleans())
def test_taking_a_verdict_back_restores_the_scale_exactly(judged: list[Judged], welcome: bool) -> None:
    before = moves_from(PRIOR, judged)
    with_mine = [*judged, Judged(features=CASE, welcome=welcome)]
    assert moves_from(PRIOR, with_mine) != before
    assert moves_from(PRIOR, with_mine[:-1]) == before


def test_a_verdict_counts_by_its_weight() -> None:
    twice = [Judged(features=CASE, welcome=False)] * 2
    assert moves_from(PRIOR, [Judged(features=CASE, welcome=False, weight=2.0)]) == pytest.approx(
        moves_from(PRIOR, twice), abs=1e-9
    )
    nothing = Judged(features=CASE, welcome=False, weight=0.0)
    assert set(moves_from(PRIOR, [nothing]).values()) == {0.0}


def test_thumbs_alone_may_only_make_it_more_careful() -> None:
    up = moves_from(PRIOR, thumbs(0, 50))
    praised = Calibration(version=PRIOR.version, moves=up, thumbs=50)
    judged = Calibration(version=PRIOR.version, moves=up, verdicts=50)
    assert praised.scale(PRIOR).score(CASE) == PRIOR.probability(CASE)
    assert judged.scale(PRIOR).score(CASE) > PRIOR.probability(CASE)
    assert praised.scale(PRIOR).version == "test+50"


# ---- what people's own answers say of ours -----------------------------------------------------

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OURS = "The spill folder is full: run `millrace spill clean --older 7d`, then restart the gate."
OURS_ZH = "溢出目录满了，请先清理溢出目录，然后重新启动网关服务。"


def said(text: str, user: str = "bob", minute: int = 1, role: Role = Role.UNKNOWN) -> Message:
    at = NOON + timedelta(minutes=minute)
    return Message(id=f"m{minute}", channel="help", thread="m0", user=user, at=at, text=text, role=role)


QUESTION = said("The gate stops with MLR-4090, what can I do?", "ann", 0)


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ("Clean the spill folder and restart the gate, then it runs again.", True),
        ("`millrace spill clean --older 7d` helped us with the full folder", True),
        ("Please ask the network team to open the port for you.", False),
        ("restart", False),
        ("", False),
    ],
)
def test_who_says_the_same_shares_most_words_or_an_exact_name(theirs: str, same: bool) -> None:
    assert says_same(OURS, theirs) is same
    assert says_same(theirs, OURS) is same


@pytest.mark.parametrize(
    ("theirs", "same"),
    [("溢出目录满了，清理以后重新启动网关就好了。", True), ("请联系网络组开放端口。", False)],
)
def test_the_same_is_known_in_chinese(theirs: str, same: bool) -> None:
    assert says_same(OURS_ZH, theirs) is same


def test_a_link_in_common_needs_fewer_words() -> None:
    link = "https://docs.example.com/gate/spill"
    ours = f"The spill folder is full, the manual tells how to empty it: {link}"
    assert says_same(ours, f"Empty the spill folder as they write in {link}.")
    elsewhere = "Ask for the new installer of the firmware, https://wiki.acme.org/autumn has what came last."
    assert not says_same(ours, elsewhere)


@pytest.mark.parametrize(
    ("later", "shown", "outcome"),
    [
        ([], True, Outcome.UNKNOWN),
        ([said("Clean the spill folder and restart the gate.")], False, Outcome.SAME),
        ([said("先清理溢出目录，再重新启动网关服务。")], False, Outcome.SAME),
        ([said("Ask the network team to open the port for you.")], False, Outcome.DIFFERENT),
        ([said("请联系网络组开放端口，他们负责防火墙的规则。")], False, Outcome.DIFFERENT),
        ([said("No, that was the old version.")], True, Outcome.CONTRADICTED),
        ([said("不对，新版本已经没有这个目录了。")], True, Outcome.CONTRADICTED),
        ([said("No, that was the old version.")], False, Outcome.DIFFERENT),  # it cannot mean what nobody saw
        ([said("No problem, clean the spill folder and restart the gate.")], True, Outcome.SAME),
        ([said("It still does not work, the same error.", "ann")], True, Outcome.CONTRADICTED),
        ([said("It still does not work, the same error.", "ann")], False, Outcome.UNKNOWN),
        ([said("Thanks a lot!", "ann")], True, Outcome.UNKNOWN),
        ([said("Thank you, that is good to know")], True, Outcome.UNKNOWN),  # of a bystander
        ([said("No, that is wrong.", "robot", role=Role.BOT)], True, Outcome.UNKNOWN),
        (
            [
                said("Which version is it, please?"),
                said("Clean the spill folder, restart the gate.", minute=2),
            ],
            False,
            Outcome.SAME,
        ),
    ],
)
def test_what_people_say_afterwards_tells_of_our_answer(
    later: list[Message], shown: bool, outcome: Outcome
) -> None:
    chinese = any("一" <= letter <= "鿿" for one in later for letter in one.text)
    answer = OURS_ZH if chinese else OURS
    assert outcome_of(thread_of([QUESTION, *later]), answer, QUESTION, shown=shown) is outcome


def test_what_was_said_before_the_question_tells_nothing() -> None:
    before = said("Clean the spill folder and restart the gate.", minute=-1)
    assert outcome_of(thread_of([before, QUESTION]), OURS, QUESTION, shown=True) is Outcome.UNKNOWN
