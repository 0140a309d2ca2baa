"""The plainest searches that finding is compared with: textbook BM25, and ranks of two searches added up."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

K1 = 1.5
B = 0.75
RRF_RANK = 60  # added to every rank, from the paper that proposed it

_WORD = re.compile(r"\w+")


class PlainBM25:
    """Okapi BM25 over threads, by lower-cased words, with nothing removed or stemmed.

    ``texts`` are the messages in order of time, ``threads`` the number of the thread of each.
    """

    def __init__(self, texts: Sequence[str], threads: NDArray[np.int64]) -> None:
        counts = [Counter(_WORD.findall(text.lower())) for text in texts]
        self._threads = threads
        self._lengths = np.array([count.total() for count in counts], dtype=np.float64)
        postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for word, often in count.items():
                postings[word].append((place, often))
        self._postings = {word: np.array(found) for word, found in postings.items()}

    def score(self, question: str, until: int, threads: int) -> Floats:
        """How well threads 0 to ``threads`` match, by what the first ``until`` messages say: float32 [threads]."""
        lengths = np.bincount(self._threads[:until], self._lengths[:until], threads)[:threads]
        norms = K1 * (1 - B + B * lengths / max(lengths.mean(), 1e-9))
        total = np.zeros(threads)
        for word, asked in Counter(_WORD.findall(question.lower())).items():
            often = self._often(word, until, threads)
            seen = np.count_nonzero(often)
            rarity = np.log1p((threads - seen + 0.5) / (seen + 0.5))
            total += asked * rarity * often * (K1 + 1) / (often + norms)
        return total.astype(np.float32)

    def _often(self, word: str, until: int, threads: int) -> NDArray[np.float64]:
        found = self._postings.get(word)
        if found is None:
            return np.zeros(threads)
        found = found[: np.searchsorted(found[:, 0], until)]
        counted = np.bincount(self._threads[found[:, 0]], found[:, 1], threads)[:threads]
        return counted.astype(np.float64)  # without any posting bincount counts in integers


def rank_fusion(*scores: Floats) -> Floats:
    """Reciprocal ranks added up, every search counting the same."""
    ranks = (np.argsort(np.argsort(-score, kind="stable"), kind="stable") + 1 for score in scores)
    fused: Floats = np.sum([1 / (RRF_RANK + rank) for rank in ranks], axis=0).astype(np.float32)
    return fused
