import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.feedback import Vote, normal_name, trust_from, verdict
from knowledge.entry import Trust
from knowledge.thread import Role


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
