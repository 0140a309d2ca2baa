"""How meaning, words and trust become one score. Pure; tuned by ``python -m benchmarks retrieval``."""

import numpy as np
from numpy.typing import NDArray

from knowledge.entry import Trust

Floats = NDArray[np.float32]

DENSE_SHARE = 0.6  # of the score; the rest is what the words say
TRUST_SHARE = 0.1  # a vote moves an entry past its near equals, not past better answers


def above_floor(cosines: Floats, floor: float) -> Floats:
    """Cosines so stretched that unrelated texts are at 0 and equal ones at 1, whatever the model's habit."""
    stretched: Floats = np.clip((cosines - floor) / (1 - floor), -1, 1).astype(np.float32)
    return stretched


def combine(dense: Floats, words: Floats, coverage: Floats, trust: Floats) -> Floats:
    """The score in [0, 1] of each entry.

    ``dense`` is the cosine above the floor, ``words`` the BM25 as a share of its ideal, ``coverage`` in [0, 1],
    ``trust`` the expected share of people helped.
    """
    del coverage
    base: Floats = DENSE_SHARE * np.clip(dense, 0, 1) + (1 - DENSE_SHARE) * np.clip(words, 0, 1)
    scores: Floats = np.clip(base + TRUST_SHARE * (trust - Trust().mean), 0, 1).astype(np.float32)
    return scores
