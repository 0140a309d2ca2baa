"""One contract for every VectorIndex, and the file that keeps one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.array_file import MAGIC, UnusableFile, read_arrays, write_arrays
from knowledge.index import ExactIndex
from knowledge.index_faiss import LARGEST_IN_BITMAP, FaissIndex

D = 8
Index = ExactIndex | FaissIndex
KINDS = [ExactIndex, FaissIndex]


def unit(seed: int, count: int = 1) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, D))
    vectors: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def ids(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)


@pytest.mark.parametrize("kind", KINDS)
class TestContract:
    def test_the_nearest_come_first_with_their_dot_products(self, kind: Callable[[int], Index]) -> None:
        index, vectors = kind(D), unit(1, 20)
        index.put(np.arange(20), vectors)
        found, scores = index.search(vectors[[4, 9]], 3)
        assert found[:, 0].tolist() == [4, 9]
        np.testing.assert_allclose(scores[:, 0], 1, atol=1e-6)
        assert (np.diff(scores, axis=1) <= 0).all()
        assert found.dtype == np.int64
        assert scores.dtype == np.float32

    def test_putting_an_id_again_replaces_its_vector(self, kind: Callable[[int], Index]) -> None:
        index, vectors = kind(D), unit(2, 2)
        index.put(ids(7), vectors[:1])
        index.put(ids(7), vectors[1:])
        found, scores = index.search(vectors[1:], 2)
        assert found.tolist() == [[7, -1]]
        assert scores[0, 0] == pytest.approx(1, abs=1e-6)

    def test_of_an_id_given_twice_at_once_the_last_counts(self, kind: Callable[[int], Index]) -> None:
        index, vectors = kind(D), unit(2, 2)
        index.put(ids(7, 7), vectors)
        found, scores = index.search(vectors[1:], 2)
        assert found.tolist() == [[7, -1]]
        assert scores[0, 0] == pytest.approx(1, abs=1e-6)

    def test_a_dropped_id_is_never_found_again(self, kind: Callable[[int], Index]) -> None:
        index, vectors = kind(D), unit(3, 5)
        index.put(np.arange(5), vectors)
        index.drop(ids(2, 99))
        found, _ = index.search(vectors[[2]], 5)
        assert sorted(found[0].tolist()) == [-1, 0, 1, 3, 4]

    def test_k_are_found_whenever_k_allowed_are_stored(self, kind: Callable[[int], Index]) -> None:
        index, vectors = kind(D), unit(4, 500)
        index.put(np.arange(500), vectors)
        farthest = np.argsort(vectors @ vectors[0])[:5]
        found, _ = index.search(vectors[:1], 5, farthest.astype(np.int64))
        assert sorted(found[0].tolist()) == sorted(farthest.tolist())

    def test_missing_places_are_filled(self, kind: Callable[[int], Index]) -> None:
        index = kind(D)
        found, scores = index.search(unit(1), 2)
        assert found.tolist() == [[-1, -1]]
        assert scores.tolist() == [[-np.inf, -np.inf]]
        index.put(ids(3), unit(5))
        found, scores = index.search(unit(5), 2, ids(3, 8))
        assert found.tolist() == [[3, -1]]
        assert scores[0, 1] == -np.inf
        assert index.search(unit(5), 2, ids())[0].tolist() == [[-1, -1]]
        assert index.search(unit(5), 0)[0].shape == (1, 0)

    def test_large_ids_can_be_allowed(self, kind: Callable[[int], Index]) -> None:
        index, large = kind(D), 50 * LARGEST_IN_BITMAP
        index.put(ids(1, large), unit(6, 2))
        assert index.search(unit(6), 2, ids(large))[0].tolist() == [[large, -1]]

    def test_what_cannot_be_compared_is_refused(self, kind: Callable[[int], Index]) -> None:
        index = kind(D)
        with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
            index.put(ids(1), np.ones((1, 3), np.float32))
        with pytest.raises(ValueError, match="-4 is negative"):
            index.put(ids(-4), unit(1))
        with pytest.raises(ValueError, match="not finite"):
            index.put(ids(1), np.full((1, D), np.nan, np.float32))
        assert len(index) == 0

    def test_a_saved_index_is_the_same_when_loaded(self, kind: type[Index], tmp_path: Path) -> None:
        index = kind(D)
        index.put(ids(4, 2, 9), unit(7, 3))
        index.drop(ids(2))
        index.save(tmp_path / "vectors.idx", "model-1 state-1")
        loaded = kind.load(tmp_path / "vectors.idx", D, "model-1 state-1")
        assert loaded.search(unit(7), 3)[0].tolist() == index.search(unit(7), 3)[0].tolist()
        loaded.put(ids(2), unit(8))  # and it goes on from there
        assert len(loaded) == 3

    def test_an_empty_index_is_saved_too(self, kind: type[Index], tmp_path: Path) -> None:
        kind(D).save(tmp_path / "vectors.idx", "model-1")
        assert len(kind.load(tmp_path / "vectors.idx", D, "model-1")) == 0

    def test_a_file_of_another_model_or_state_is_refused(self, kind: type[Index], tmp_path: Path) -> None:
        kind(D).save(tmp_path / "vectors.idx", "model-1 state-1")
        with pytest.raises(UnusableFile, match="model-2"):
            kind.load(tmp_path / "vectors.idx", D, "model-2 state-1")
        with pytest.raises(UnusableFile, match="made for"):
            kind.load(tmp_path / "vectors.idx", D + 1, "model-1 state-1")


Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(st.sampled_from(["put", "drop"]), st.integers(0, 12), st.integers(0, 30)), max_size=30
)


@given(steps=steps, k=st.integers(1, 15), allowed=st.none() | st.sets(st.integers(0, 14)))
def test_faiss_finds_what_the_reference_finds(steps: list[Step], k: int, allowed: set[int] | None) -> None:
    exact, tested = ExactIndex(D), FaissIndex(D)
    for what, number, seed in steps:
        for index in (exact, tested):
            if what == "put":
                index.put(ids(number), unit(seed * 100 + number))
            else:
                index.drop(ids(number))
    only = None if allowed is None else ids(*allowed)
    (found, scores), (wanted, best) = tested.search(unit(0), k, only), exact.search(unit(0), k, only)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(scores, best, atol=1e-5)


def damage_nothing_there(path: Path) -> None:
    path.unlink()


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(bytes(raw))


def damage_header(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'"<f4"', b'"<f8"'))


def damage_appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def damage_garbage(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(500))


def damage_header_length(path: Path) -> None:
    path.write_bytes(MAGIC + b"\xff" * 200)


DAMAGES = [value for name, value in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_and_named(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, {"what": "test"}, {"a": np.arange(100), "b": np.ones((3, 4), np.float32)})
    damage(path)
    with pytest.raises(UnusableFile, match="arrays"):
        read_arrays(path, {"what": "test"})


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "arrays"
    write_arrays(path, {}, {"a": np.arange(3)})
    write_arrays(path, {}, {"a": np.arange(5)})
    assert read_arrays(path, {})["a"].tolist() == [0, 1, 2, 3, 4]
    assert [file.name for file in path.parent.iterdir()] == ["arrays"]
