"""The catalogue and both indexes as one: what is known of entries, kept together and searched together.

Not for several threads: its owner lets one thread at it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.array_file import UnusableFile
from knowledge.catalogue import Catalogue, Scope
from knowledge.index import Ids, Vectors
from knowledge.index_faiss import FaissIndex
from knowledge.lexical import Document, LexicalIndex, Matches
from knowledge.ranking import Evidence, Weights, above_floor, combine, headline, shipped, worth
from knowledge.store import Listing, View

POOL = 100  # entries that the words and the vectors each put forward, before they are ranked together

VECTORS_FILE = "vectors.idx"
WORDS_FILE = "words.idx"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An entry's number and why it was found; see Hit."""

    number: int
    score: float
    dense: float
    lexical: float
    coverage: float
    problem: float
    agreement: float
    words: float
    headline: float
    age: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cosines:
    """Of each entry, above the floor, float32 [entries]: the best, the first vector's, the mean of the best two."""

    best: NDArray[np.float32]
    problem: NDArray[np.float32]
    agreement: NDArray[np.float32]


@dataclass(kw_only=True, slots=True)
class Finder:
    """Empty until entries are put in; ``scheme`` says how texts became vectors, ``floor`` is the embedder's."""

    dimensions: int
    scheme: str
    floor: float
    weights: Weights = field(default_factory=shipped)
    catalogue: Catalogue = field(default_factory=Catalogue)
    words: LexicalIndex = field(default_factory=LexicalIndex)
    vectors: FaissIndex = field(init=False)

    def __post_init__(self) -> None:
        self.vectors = FaissIndex(self.dimensions)

    def put_vectors(self, vectors: Mapping[int, NDArray[np.float32]]) -> None:
        """Take in vectors float32 [d] by vector id."""
        if vectors:
            self.vectors.put(np.array(list(vectors), dtype=np.int64), np.stack(list(vectors.values())))

    def put_words(self, documents: Mapping[int, Document]) -> None:
        """Take in the texts of entries by number."""
        if documents:
            self.words.put(list(documents), list(documents.values()))

    def put_listings(self, listings: Sequence[Listing], views: Sequence[View]) -> None:
        self.catalogue.put(listings, views)

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget entries; those unknown are ignored."""
        self.vectors.drop(self.catalogue.drop(numbers))
        self.words.drop(numbers)

    def find(self, question: str, vector: Vectors, scope: Scope, k: int) -> list[Found]:
        """The ``k`` best entries of ``scope`` for a question and its vector float32 [1, d], best first."""
        readable = self.catalogue.readable(scope)
        if k < 1 or not readable.any():
            return []
        matches = self.words.match(question)
        pool = max(POOL, 2 * k)
        by_words = matches.top(pool, np.flatnonzero(readable))
        numbers = np.union1d(by_words, self._nearest(vector, pool, self.catalogue.vectors_in(readable)))
        cosines = self._cosines(vector, numbers)
        evidence = self._evidence(question, matches, cosines, numbers, scope)
        scores = combine(evidence, self.weights)
        order = np.lexsort((numbers, -worth(evidence, self.weights)))[:k]
        return [
            Found(
                number=int(numbers[at]),
                score=float(scores[at]),
                dense=float(cosines.best[at]),
                lexical=float(matches.bm25[numbers[at]]),
                coverage=float(matches.coverage[numbers[at]]),
                problem=float(evidence.problem[at]),
                agreement=float(evidence.agreement[at]),
                words=float(evidence.words[at]),
                headline=float(evidence.headline[at]),
                age=float(evidence.age[at]),
            )
            for at in order
        ]

    def _evidence(
        self, question: str, matches: Matches, cosines: _Cosines, numbers: Ids, scope: Scope
    ) -> Evidence:
        title = headline(question)
        named = matches if title == question else self.words.match(title)
        return Evidence(
            problem=cosines.problem,
            agreement=cosines.agreement,
            words=matches.shares()[numbers],
            headline=named.shares()[numbers],
            age=self.catalogue.ages_of(numbers, scope.before),
            trust=self.catalogue.trust_in(numbers),
        )

    def nearest(self, vector: Vectors, scope: Scope, k: int) -> list[int]:
        """The ``k`` entries of ``scope`` with the vectors nearest to float32 [1, d], nearest first."""
        readable = self.catalogue.readable(scope)
        if not readable.any():
            return []
        return [int(number) for number in self._nearest(vector, k, self.catalogue.vectors_in(readable))]

    def _nearest(self, vector: Vectors, count: int, allowed: Ids | None) -> Ids:
        """The ``count`` entries with the nearest vectors. One entry may have many, so ask on."""
        most = len(self.vectors) if allowed is None else len(allowed)
        asked = 4 * count
        while most:
            ids, _ = self.vectors.search(vector, min(asked, most), allowed)
            entries, first = np.unique(self.catalogue.entries_of(ids[ids >= 0]), return_index=True)
            if len(entries) >= count or asked >= most:
                return entries[np.argsort(first)][:count]
            asked *= 4
        return np.zeros(0, dtype=np.int64)

    def _cosines(self, vector: Vectors, numbers: Ids) -> _Cosines:
        """The cosines of ``numbers``, which ascend; an entry's first vector is the one with its smallest id."""
        vectors = self.catalogue.vectors_of(numbers)
        found, scores = self.vectors.search(vector, len(vectors), vectors)
        ids, scores = found[found >= 0], scores[found >= 0]  # the best first
        places = np.searchsorted(numbers, self.catalogue.entries_of(ids))
        by_age = np.argsort(ids)
        return _Cosines(
            best=above_floor(_leading(scores, places, len(numbers), 1), self.floor),
            problem=above_floor(_leading(scores[by_age], places[by_age], len(numbers), 1), self.floor),
            agreement=above_floor(_leading(scores, places, len(numbers), 2), self.floor),
        )

    def save(self, folder: Path) -> None:
        """Write both indexes below ``folder``, each atomically."""
        self.vectors.save(folder / VECTORS_FILE, self._made_for())
        self.words.save(folder / WORDS_FILE, self.catalogue.marks)

    def load_vectors(self, folder: Path) -> bool:
        """Take the vectors from ``folder``, if it holds exactly those that the catalogue names."""
        try:
            self.vectors = FaissIndex.load(folder / VECTORS_FILE, self.dimensions, self._made_for())
        except UnusableFile:
            return False
        return True

    def load_words(self, folder: Path) -> None:
        """Take from ``folder`` what it holds of the entries that the catalogue names."""
        try:
            self.words, marks = LexicalIndex.load(folder / WORDS_FILE)
        except UnusableFile:
            return
        current = np.zeros(len(marks), dtype=np.uint64)
        shared = min(len(marks), len(self.catalogue.marks))
        current[:shared] = self.catalogue.marks[:shared]
        self.words.drop([int(number) for number in np.flatnonzero(marks != current)])

    def without_words(self) -> list[int]:
        """The entries of the catalogue that are not searched by words yet."""
        return [int(number) for number in np.setdiff1d(np.flatnonzero(self.catalogue.marks), self.words.ids)]

    def _made_for(self) -> str:
        return f"{self.scheme} {self.catalogue.state()}"


def _leading(values: NDArray[np.float32], places: Ids, size: int, count: int) -> NDArray[np.float32]:
    """The mean of the first ``count`` values of each place (of fewer, if there are fewer), -1 without any."""
    order = np.argsort(places, kind="stable")
    there, starts, counts = np.unique(places[order], return_index=True, return_counts=True)
    sums = np.concatenate([[0.0], np.cumsum(values[order], dtype=np.float64)])
    taken = np.minimum(counts, count)
    means = np.full(size, -1.0, dtype=np.float32)
    means[there] = (sums[starts + taken] - sums[starts]) / taken
    return means
