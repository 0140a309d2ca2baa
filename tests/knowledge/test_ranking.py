"""One score out of meaning, words, age and trust: between 0 and 1, and more of anything good is never worse."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.entry import Trust
from knowledge.ranking import (
    OLDEST,
    TRUST_SHARE,
    Evidence,
    Weights,
    above_floor,
    combine,
    headline,
    read_weights,
    shipped,
    worth,
)

GAINS = ("problem", "agreement", "words", "headline")
EVEN = Weights(problem=0.25, agreement=0.25, words=0.25, headline=0.25, age=0.2)

shares = st.floats(0, 1, width=32)
cosines = st.floats(-1, 1, width=32)
matches = st.floats(0, 3, width=32)
days = st.floats(0, 10_000, width=32)


def evidence(**given: float) -> Evidence:
    parts = dict.fromkeys((*GAINS, "age"), 0.0) | {"trust": Trust().mean} | given
    return Evidence(**{name: np.array([value], dtype=np.float32) for name, value in parts.items()})


def score(*, weights: Weights = EVEN, **given: float) -> float:
    return float(combine(evidence(**given), weights)[0])


def even(value: float, *, age: float = 0.0, trust: float = Trust().mean) -> float:
    """The score of an entry of which everything is as good as ``value``."""
    return score(problem=value, agreement=value, words=value, headline=value, age=age, trust=trust)


@given(problem=cosines, agreement=cosines, words=matches, headline=matches, age=days, trust=shares)
def test_the_score_is_between_0_and_1(**given: float) -> None:
    assert 0 <= score(weights=shipped(), **given) <= 1


@given(base=st.fixed_dictionaries(dict.fromkeys(GAINS, shares)), more=shares, age=days, trust=shares)
@pytest.mark.parametrize("better", GAINS)
def test_more_of_anything_good_is_never_worse(
    better: str, base: dict[str, float], more: float, age: float, trust: float
) -> None:
    plain = base | {"age": age, "trust": trust}
    raised = plain | {better: base[better] + more}
    before, after = (worth(evidence(**parts), shipped())[0] for parts in (plain, raised))
    assert after >= before - 1e-6


@given(base=shares, young=days, older=days)
def test_growing_old_never_helps(base: float, young: float, older: float) -> None:
    assert even(base, age=young + older) <= even(base, age=young) + 1e-6


def test_all_that_is_good_together_makes_a_score_of_1_and_nothing_makes_0() -> None:
    assert score(weights=shipped(), problem=1, agreement=1, words=1, headline=1) == pytest.approx(1, abs=1e-3)
    assert score(weights=shipped()) == 0


def test_age_takes_its_share_and_no_more_after_ten_years() -> None:
    assert even(0.5, age=OLDEST) == pytest.approx(0.5 - EVEN.age)
    assert even(0.5, age=2 * OLDEST) == pytest.approx(0.5 - EVEN.age)


def test_each_doubling_of_age_costs_about_the_same() -> None:
    one, two, four = (even(0.5, age=years * 365) for years in (1, 2, 4))
    assert one - two == pytest.approx(two - four, abs=0.003)
    assert one - two > 0.02


def test_what_age_has_brought_below_0_is_still_in_order() -> None:
    old = worth(evidence(words=0.1, age=OLDEST), EVEN), worth(evidence(age=OLDEST), EVEN)
    assert 0 > old[0] > old[1]


def test_an_entry_without_votes_is_neither_raised_nor_lowered() -> None:
    assert even(0.5) == pytest.approx(0.5)
    assert even(0.5, trust=1.0) == pytest.approx(0.5 + TRUST_SHARE * (1 - Trust().mean))


def test_trust_does_not_make_up_for_a_wrong_answer() -> None:
    assert even(0.25, trust=Trust(up=1000).mean) < even(0.5, trust=Trust(down=1000).mean)


def test_what_unrelated_texts_share_counts_as_nothing_whatever_the_model() -> None:
    e5 = np.array([0.76, 0.88, 1.0, 0.6], dtype=np.float32)
    assert above_floor(e5, 0.76).tolist() == pytest.approx([0, 0.5, 1, -0.667], abs=1e-3)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Redis refuses connections\nSince Monday …", "Redis refuses connections"),
        ("Hi all,\n\nRedis refuses connections\nSince Monday", "Redis refuses connections"),
        ("大家好！\n导出报表失败", "大家好！"),
        ("help", "help"),
        ("x " * 3 + "\n" + "y " * 3, "x " * 3 + "\n" + "y " * 3),
    ],
)
def test_the_headline_is_the_first_line_that_says_something(question: str, expected: str) -> None:
    assert headline(question) == expected


def test_a_long_line_is_no_headline_beyond_its_beginning() -> None:
    assert headline("connection refused " * 100) == ("connection refused " * 100)[:200]


def test_the_shipped_weights_keep_the_score_on_its_scale() -> None:
    weights = asdict(shipped())
    assert sum(weights[name] for name in GAINS) == pytest.approx(1, abs=1e-3)
    assert all(value >= 0 for value in weights.values())


@pytest.mark.parametrize("text", ["{}", '{"weights": {"words": 1}}', "not JSON"])
def test_a_file_without_weights_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match=r"other\.json holds no ranking weights .* train_ranking"):
        read_weights(tmp_path / "other.json")
