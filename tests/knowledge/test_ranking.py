"""One score out of meaning, words and trust: between 0 and 1, and more of anything good is never worse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.entry import Trust
from knowledge.ranking import above_floor, combine

shares = st.floats(0, 1, width=32)
NEUTRAL = Trust().mean


def score(dense: float, words: float, trust: float = NEUTRAL, share: float = 0.6) -> float:
    parts = np.array([[dense], [words], [trust]], dtype=np.float32)
    return float(combine(parts[0], parts[1], parts[2], dense_share=share)[0])


@given(dense=st.floats(-1, 1, width=32), words=st.floats(0, 3, width=32), trust=shares, share=st.floats(0, 1))
def test_the_score_is_between_0_and_1(dense: float, words: float, trust: float, share: float) -> None:
    assert 0 <= score(dense, words, trust, share) <= 1


@given(dense=shares, words=shares, trust=shares, more=shares)
def test_more_of_anything_good_is_never_worse(dense: float, words: float, trust: float, more: float) -> None:
    base = score(dense, words, trust)
    assert score(min(dense + more, 1), words, trust) >= base
    assert score(dense, min(words + more, 1), trust) >= base
    assert score(dense, words, min(trust + more, 1)) >= base


def test_an_entry_without_votes_is_neither_raised_nor_lowered() -> None:
    assert score(0.5, 0.5) == pytest.approx(0.5)


def test_trust_does_not_make_up_for_a_wrong_answer() -> None:
    assert score(0.3, 0.2, Trust(up=1000).mean) < score(0.6, 0.4, Trust(down=1000).mean)


def test_what_unrelated_texts_share_counts_as_nothing_whatever_the_model() -> None:
    e5 = np.array([0.76, 0.88, 1.0, 0.6], dtype=np.float32)
    assert above_floor(e5, 0.76).tolist() == pytest.approx([0, 0.5, 1, -0.667], abs=1e-3)
