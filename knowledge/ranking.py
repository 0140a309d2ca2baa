"""How meaning, words and trust become one score. Pure; tuned by ``python -m benchmarks retrieval``."""

import numpy as np
from numpy.typing import NDArray

from knowledge.entry import Trust

Floats = NDArray[np.float32]

DENSE_SHARE = 0.65  # of the score is meaning, the rest is words; on redash 0.6 to 0.75 are equally good
TRUST_SHARE = 0.1  # a vote moves an entry past its near equals, not past better answers


def above_floor(cosines: Floats, floor: float) -> Floats:
    """Cosines so stretched that unrelated texts are at 0 and equal ones at 1, whatever the model's habit."""
    stretched: Floats = np.clip((cosines - floor) / (1 - floor), -1, 1).astype(np.float32)
    return stretched


def combine(dense: Floats, words: Floats, trust: Floats, dense_share: float = DENSE_SHARE) -> Floats:
    """The score in [0, 1] of each entry.

    ``dense`` is the cosine above the floor, ``words`` the BM25 as a share of its ideal, ``trust`` the expected
    share of people helped. Both parts have a scale that does not depend on the other entries: a question that
    nothing answers scores low, which ranks by place or by the best entry's score would hide.
    """
    base: Floats = dense_share * np.clip(dense, 0, 1) + (1 - dense_share) * np.clip(words, 0, 1)
    scores: Floats = np.clip(base + TRUST_SHARE * (trust - Trust().mean), 0, 1).astype(np.float32)
    return scores
