"""The seam VectorIndex: the nearest vectors, by dot product, among those allowed. And its exact reference."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.array_file import read_arrays, write_arrays

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


class VectorIndex(Protocol):
    """Ids and vectors only; whatever they mean is the caller's. Ids are 0 or more."""

    def put(self, ids: Ids, vectors: Vectors) -> None:
        """Store ``vectors`` float32 [n, d] under ``ids`` int64 [n]; what an id held before is replaced."""
        ...

    def drop(self, ids: Ids) -> None:
        """Forget ``ids``; those not stored are ignored."""
        ...

    def search(self, vectors: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        """For each of ``vectors`` float32 [n, d] its nearest ids [n, k], best first, and the dot products.

        With ``allowed`` only those ids are looked at, and ``k`` are found whenever ``k`` of them are stored.
        Where there are fewer, ids are -1 and scores -inf.
        """
        ...


class ExactIndex:
    """The reference: one matrix, compared whole. Right by being plain; the others are tested against it."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.ids: Ids = np.zeros(0, dtype=np.int64)
        self.vectors: Vectors = np.zeros((0, dimensions), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.ids)

    def put(self, ids: Ids, vectors: Vectors) -> None:
        ids, vectors = checked(ids, vectors, self.dimensions)
        self.drop(ids)
        self.ids = np.concatenate([self.ids, ids])
        self.vectors = np.concatenate([self.vectors, vectors])

    def drop(self, ids: Ids) -> None:
        kept = ~np.isin(self.ids, ids)
        self.ids, self.vectors = self.ids[kept], self.vectors[kept]

    def search(self, vectors: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        looked_at = np.ones(len(self.ids), dtype=bool) if allowed is None else np.isin(self.ids, allowed)
        ids, scores = self.ids[looked_at], vectors @ self.vectors[looked_at].T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return padded(ids[order], np.take_along_axis(scores, order, axis=1), k)

    def save(self, path: Path, made_for: str) -> None:
        """Write the index to ``path``; ``made_for`` says for which model and state of the store it holds."""
        write_arrays(path, conditions(self.dimensions, made_for), {"ids": self.ids, "vectors": self.vectors})

    @classmethod
    def load(cls, path: Path, dimensions: int, made_for: str) -> "ExactIndex":
        """The index of ``path``. Raises UnusableFile unless it is whole and ``made_for`` the same."""
        arrays = read_arrays(path, conditions(dimensions, made_for))
        index = cls(dimensions)
        index.put(arrays["ids"], arrays["vectors"])
        return index


def conditions(dimensions: int, made_for: str) -> dict[str, object]:
    """What must agree between the writer and the reader of an index file."""
    return {"what": "vectors", "dimensions": dimensions, "made_for": made_for}


def checked(ids: Ids, vectors: Vectors, dimensions: int) -> tuple[Ids, Vectors]:
    """``ids`` and ``vectors`` ready to be stored; of an id given twice the last counts.

    Raises ValueError for a wrong shape, a negative id or a number that is not finite.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.shape != (len(ids), dimensions):
        raise ValueError(
            f"vectors of shape {vectors.shape} for {len(ids)} ids; expected [{len(ids)}, {dimensions}]"
        )
    if len(ids) and ids.min() < 0:
        raise ValueError(f"id {ids.min()} is negative; give ids of 0 or more")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds a number that is not finite; the embedder must give finite rows")
    _, from_end = np.unique(ids[::-1], return_index=True)
    last = np.sort(len(ids) - 1 - from_end)
    return np.ascontiguousarray(ids[last], dtype=np.int64), vectors[last]


def padded(ids: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
    """``ids`` and ``scores`` [n, m <= k] filled up to [n, k] with -1 and -inf."""
    missing = ((0, 0), (0, k - ids.shape[1]))
    return np.pad(ids, missing, constant_values=-1), np.pad(scores, missing, constant_values=-np.inf)
