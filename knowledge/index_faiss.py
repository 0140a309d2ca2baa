"""A VectorIndex on FAISS: exact search in process, quick up to some hundred thousand vectors.

A flat index, because forgetting is a promise: it really removes a vector, which graph indexes cannot.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from knowledge.array_file import read_arrays, write_arrays
from knowledge.index import Ids, Vectors, checked, conditions, padded

_faiss: Any = faiss  # its annotations are those of the C++ classes, not of the Python wrappers

# Above this id a bitmap over all ids (one bit each) would cost more than a set of the allowed ones.
LARGEST_IN_BITMAP = 1 << 26


class FaissIndex:
    """Ids over ``IndexFlatIP``; see VectorIndex. ``threads`` limits FAISS in the whole process."""

    def __init__(self, dimensions: int, threads: int | None = None) -> None:
        self.dimensions = dimensions
        self._index = _faiss.IndexIDMap2(_faiss.IndexFlatIP(dimensions))
        self._held: set[int] = set()  # its ids; to ask FAISS would copy them all
        if threads is not None:
            _faiss.omp_set_num_threads(threads)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def ids(self) -> Ids:
        """int64 [n], in the order in which they are stored."""
        return np.asarray(_faiss.vector_to_array(self._index.id_map), dtype=np.int64)

    def put(self, ids: Ids, vectors: Vectors) -> None:
        ids, vectors = checked(ids, vectors, self.dimensions)
        self.drop(ids)  # add_with_ids would keep the old vector beside the new one
        if len(ids):
            self._index.add_with_ids(vectors, ids)
            self._held.update(ids.tolist())

    def drop(self, ids: Ids) -> None:
        stored = self._held.intersection(ids.tolist())
        if stored:
            self._index.remove_ids(_faiss.IDSelectorBatch(np.fromiter(stored, dtype=np.int64)))
            self._held -= stored

    def search(self, vectors: Vectors, k: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        if k < 1 or not len(self):
            none = np.zeros((len(vectors), 0))
            return padded(none.astype(np.int64), none.astype(np.float32), k)
        selector = None if allowed is None else _selector(allowed)
        parameters = None if selector is None else _faiss.SearchParameters(sel=selector)
        scores, ids = self._index.search(np.ascontiguousarray(vectors, np.float32), k, params=parameters)
        return ids, np.where(ids < 0, -np.inf, scores).astype(np.float32)

    def save(self, path: Path, made_for: str) -> None:
        """Write the index to ``path``; ``made_for`` says for which model and state of the store it holds."""
        write_arrays(
            path, conditions(self.dimensions, made_for), {"ids": self.ids, "vectors": self._vectors()}
        )

    @classmethod
    def load(cls, path: Path, dimensions: int, made_for: str) -> "FaissIndex":
        """The index of ``path``. Raises UnusableFile unless it is whole and ``made_for`` the same."""
        arrays = read_arrays(path, conditions(dimensions, made_for))
        index = cls(dimensions)
        index.put(arrays["ids"], arrays["vectors"])
        return index

    def _vectors(self) -> Vectors:
        """float32 [n, d], in the order of ``ids``: FAISS's own memory, valid until the next put or drop."""
        if not len(self):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        flat = _faiss.downcast_index(self._index.index)
        raw = _faiss.rev_swig_ptr(flat.get_xb(), len(self) * self.dimensions)
        return np.asarray(raw, dtype=np.float32).reshape(len(self), self.dimensions)


def _selector(allowed: Ids) -> Any:
    allowed = np.ascontiguousarray(allowed[allowed >= 0], dtype=np.int64)
    if not len(allowed) or allowed.max() > LARGEST_IN_BITMAP:
        return _faiss.IDSelectorBatch(allowed)
    bits = np.zeros(int(allowed.max()) + 1, dtype=np.uint8)
    bits[allowed] = 1
    return _faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
