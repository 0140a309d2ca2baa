"""What ranking must know of every entry before it looks at a text: who may see it, since when, how trusted.

Plain arrays by the entry's number and by the vector's id, so that 100 000 entries are a few megabytes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.index import Ids
from knowledge.lexical import Keys, key64
from knowledge.store import Listing, View

Mask = NDArray[np.bool_]

ALWAYS = -np.inf  # known_from of a document
SECONDS_OF_DAY = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a search may look at: these audiences, without these origins, nothing learnt after ``before``."""

    audiences: frozenset[str]
    exclude_origins: frozenset[str] = frozenset()
    before: datetime | None = None


class Catalogue:
    """Entries by number and vectors by id."""

    def __init__(self) -> None:
        self._marks: Keys = np.zeros(0, dtype=np.uint64)  # of the entry's id; 0 where there is no entry
        self._origins: Keys = np.zeros(0, dtype=np.uint64)
        self._audiences: Keys = np.zeros(0, dtype=np.uint64)
        self._known_from = np.zeros(0, dtype=np.float64)
        self._trust = np.zeros(0, dtype=np.float32)
        self._entry_of = np.zeros(
            0, dtype=np.int32
        )  # by vector id; 0 (no entry's number) where there is none
        self._texts: Keys = np.zeros(0, dtype=np.uint64)  # by vector id: of the embedded text

    def __len__(self) -> int:
        return int(np.count_nonzero(self._marks))

    def __contains__(self, number: int) -> bool:
        return number < len(self._marks) and bool(self._marks[number])

    @property
    def marks(self) -> Keys:
        """What each number stands for, uint64 [largest number + 1]; 0 for nothing."""
        return self._marks

    def put(self, listings: Sequence[Listing], views: Sequence[View]) -> None:
        """Take entries and their vectors' ids in; what was known of them is replaced."""
        self._grow(_size(listing.number for listing in listings), _size(view.id for view in views))
        for listing in listings:
            at = listing.number
            self._marks[at] = key64(listing.id)
            self._origins[at] = key64(listing.origin)
            self._audiences[at] = key64(listing.audience)
            self._known_from[at] = ALWAYS if listing.known_from is None else listing.known_from
            self._trust[at] = listing.trust.mean
        for view in views:
            self._entry_of[view.id] = view.number
            self._texts[view.id] = key64(view.text_hash)

    def drop(self, numbers: Sequence[int]) -> Ids:
        """Forget entries; the ids of their vectors."""
        known = np.array([number for number in numbers if number in self], dtype=np.int64)
        vectors = self.vectors_of(known)
        self._marks[known] = 0
        self._entry_of[vectors] = 0
        return vectors

    def readable(self, scope: Scope) -> Mask:
        """Which entries a search may see, bool [largest number + 1]."""
        mask: Mask = (self._marks != 0) & np.isin(self._audiences, _keys(scope.audiences))
        if scope.exclude_origins:
            mask &= ~np.isin(self._origins, _keys(scope.exclude_origins))
        if scope.before is not None:
            mask &= self._known_from <= scope.before.timestamp()
        return mask

    def vectors_in(self, mask: Mask) -> Ids | None:
        """The vectors of the entries in ``mask``; None if these are all."""
        if not len(self._entry_of):
            return np.zeros(0, dtype=np.int64)
        there = self._entry_of > 0
        wanted = there & mask[self._entry_of]
        return None if np.array_equal(there, wanted) else np.flatnonzero(wanted)

    def vectors_of(self, numbers: Ids) -> Ids:
        """The ids of the vectors of entries."""
        chosen = np.zeros(max(len(self._marks), 1), dtype=bool)
        chosen[numbers] = True
        chosen[0] = False
        return np.flatnonzero(chosen[self._entry_of])

    def entries_of(self, vectors: Ids) -> Ids:
        """The entry of each vector."""
        return self._entry_of[vectors].astype(np.int64)

    def trust_in(self, numbers: Ids) -> NDArray[np.float32]:
        """The expected share of people whom each entry helps."""
        return self._trust[numbers]

    def ages_of(self, numbers: Ids, now: datetime | None) -> NDArray[np.float32]:
        """How many days ago each entry was learnt; 0 for what does not age and where ``now`` is not given."""
        if now is None:
            return np.zeros(len(numbers), dtype=np.float32)
        days = (now.timestamp() - self._known_from[numbers]) / SECONDS_OF_DAY
        return np.where(np.isfinite(days), np.maximum(days, 0), 0).astype(np.float32)

    def state(self) -> str:
        """A digest of which text stands under which vector id; index files made for another are of no use."""
        ids = np.flatnonzero(self._entry_of)
        return hashlib.sha256(ids.tobytes() + self._texts[ids].tobytes()).hexdigest()[:32]

    def _grow(self, entries: int, vectors: int) -> None:
        for name in ("_marks", "_origins", "_audiences", "_known_from", "_trust"):
            setattr(self, name, _grown(getattr(self, name), entries))
        for name in ("_entry_of", "_texts"):
            setattr(self, name, _grown(getattr(self, name), vectors))


def _size(ids: Any) -> int:
    return int(max(ids, default=-1)) + 1


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    return np.pad(array, (0, size - len(array))) if size > len(array) else array


def _keys(texts: frozenset[str]) -> Keys:
    return np.array([key64(text) for text in texts], dtype=np.uint64)
