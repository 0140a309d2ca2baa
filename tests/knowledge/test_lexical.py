"""What counts as a word, and BM25 that does not depend on how the documents came in."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.array_file import UnusableFile
from knowledge.lexical import K1, B, LexicalIndex, identifiers, key64, words

TEXTS = [
    "redis connection refused",
    "postgres connection refused by the server",
    "disk full",
    "redis redis redis",
    "how to export a query result as csv",
    "ERR_123 in create_engine",
    "连接失败",
    "",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Connections are refused", ["connect", "refus"]),
        ("How do I do this?", []),
        ("create_engine()", ["create_engine", "creat", "engin"]),
        ("OperationalError", ["operationalerror", "oper", "error"]),
        ("sqlalchemy.exc.TimeError", ["sqlalchemy.exc.timeerror", "timeerror", "sqlalchemi", "exc", "time", "error"]),
        ("ERR_123", ["err_123", "err", "123"]),
        ("0x80070005", ["0x80070005", "80070005"]),
        ("v10.1.0", ["10.1.0", "10"]),
        ("std::vector", ["std::vector", "std", "vector"]),
        ("redis连接失败", ["redi", "连接", "接失", "失败"]),
        ("退", ["退"]),
        ("ﬁle Ｒｅｄｉｓ", ["file", "redi"]),
        ("Straße café Ошибка", ["straße", "café", "ошибка"]),
        ("x" * 100, []),
    ],
)  # fmt: skip
def test_words_are_what_a_text_is_found_by(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It says ERR_123 since v10.1.0", {"err_123", "10.1.0"}),
        (
            "0x80070005 ORA-00942 E11000 CVE-2021-44228",
            {"0x80070005", "ora-00942", "e11000", "cve-2021-44228"},
        ),
        ("setUp calls create_engine in config.yaml", {"setup", "create_engine", "config.yaml"}),
        ("sqlalchemy.exc.OperationalError", {"sqlalchemy.exc.operationalerror", "operationalerror"}),
        ("The end.Next we re-import 20 files in 5s, e.g. the 3rd", set()),
        ("see https://example.com/v2/a_b or ask me@example.com", set()),
        ("连接失败", set()),
    ],
)
def test_identifiers_are_exact_names(text: str, expected: set[str]) -> None:
    assert identifiers(text) == expected


def index_of(texts: dict[int, str]) -> LexicalIndex:
    index = LexicalIndex()
    index.put(list(texts), [[(text, 1.0)] for text in texts.values()])
    return index


def bm25(question: str, texts: dict[int, str], number: int) -> float:
    """Robertson's formula, written out."""
    counts = {key: Counter(words(text)) for key, text in texts.items()}
    lengths = {key: max(count.total(), 0.5) for key, count in counts.items()}
    norm = K1 * (1 - B + B * lengths[number] / (sum(lengths.values()) / len(texts)))
    total = 0.0
    for term, asked in Counter(words(question)).items():
        seen = sum(term in count for count in counts.values())
        tf = counts[number][term]
        rarity = math.log1p((len(texts) - seen + 0.5) / (seen + 0.5))
        total += (1 + math.log(asked)) * rarity * tf * (K1 + 1) / (tf + norm)
    return total


def test_the_score_is_bm25_and_repeated_words_are_asked_for_more() -> None:
    texts = dict(enumerate(TEXTS))
    question = "redis connection refused: why is my redis connection refused? 连接"
    matches = index_of(texts).match(question)
    expected = [bm25(question, texts, number) for number in texts]
    np.testing.assert_allclose(matches.bm25, expected, rtol=1e-5)


def test_coverage_is_the_share_of_the_question_that_is_there_rare_words_counting_more() -> None:
    index = index_of({0: "redis connection refused", 1: "connection", 2: "connection lost"})
    matches = index.match("connection to redis")
    assert matches.coverage[0] == 1
    assert 0 < matches.coverage[1] == matches.coverage[2] < 0.5
    assert index.match("redis and a word nobody ever said").coverage[0] < 0.5
    assert index.match("the of and").coverage.tolist() == [0, 0, 0]


def test_only_the_allowed_are_ranked() -> None:
    matches = index_of(dict(enumerate(TEXTS))).match("redis connection refused")
    assert matches.top(10).tolist() == [0, 1, 3]
    assert matches.top(1, np.array([1, 3, 2, 900])).tolist() == [1]
    assert matches.top(10, np.array([2])).tolist() == []


def test_equal_scores_are_in_the_order_of_ids() -> None:
    index = index_of(dict.fromkeys((9, 4, 7, 1), "the same words"))
    assert index.match("same words").top(3).tolist() == [1, 4, 7]


def test_a_chinese_question_finds_a_chinese_text() -> None:
    index = index_of({1: "数据库连接失败怎么办", 2: "如何导出查询结果"})
    assert index.match("连接失败").top(5).tolist() == [1]


def test_words_in_a_weightier_text_count_more() -> None:
    index = LexicalIndex()
    index.put([1, 2], [[("redis", 2.0), ("disk full", 1.0)], [("redis", 1.0), ("disk full now", 1.0)]])
    assert index.match("redis").top(1).tolist() == [1]


Step = tuple[str, list[int]]
steps = st.lists(
    st.tuples(st.sampled_from(["put", "drop"]), st.lists(st.integers(0, 20), max_size=6)), max_size=25
)


@given(steps=steps)
def test_scores_do_not_depend_on_the_way_the_documents_came(steps: list[Step]) -> None:
    index, stored = LexicalIndex(), dict[int, str]()
    for turn, (what, numbers) in enumerate(steps):
        if what == "put":
            new = {number: TEXTS[(number + turn) % len(TEXTS)] for number in numbers}
            index.put(list(new), [[(text, 1.0)] for text in new.values()])
            stored |= new
        else:
            index.drop(numbers)
            stored = {number: text for number, text in stored.items() if number not in numbers}
    assert index.ids.tolist() == sorted(stored)
    left, right = index.match(" ".join(TEXTS)), index_of(stored).match(" ".join(TEXTS))
    for number in stored:
        assert left.bm25[number] == right.bm25[number]
        assert left.coverage[number] == right.coverage[number]
    assert set(left.top(50).tolist()) <= set(stored)


def marks(texts: dict[int, str]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(
        [key64(texts[number]) if number in texts else 0 for number in range(max(texts) + 1)], np.uint64
    )


def test_a_saved_index_is_the_same_when_loaded(tmp_path: Path) -> None:
    texts = dict(enumerate(TEXTS))
    index = index_of(texts)
    index.drop([3])
    index.save(tmp_path / "words.idx", marks(texts))
    loaded, loaded_marks = LexicalIndex.load(tmp_path / "words.idx")
    np.testing.assert_array_equal(loaded.match("redis refused").bm25, index.match("redis refused").bm25)
    np.testing.assert_array_equal(loaded_marks, marks(texts))
    loaded.put([3], [[("redis redis redis", 1.0)]])
    np.testing.assert_array_equal(loaded.match("redis").bm25, index_of(texts).match("redis").bm25)


def test_a_saved_index_holds_no_word_and_nothing_of_what_was_dropped(tmp_path: Path) -> None:
    index = index_of({0: "redis connection", 1: "hunter2"})
    index.drop([1])
    index.save(tmp_path / "words.idx", marks({0: "a", 1: "b"}))
    raw = (tmp_path / "words.idx").read_bytes()
    assert b"redis" not in raw
    assert np.uint64(key64("hunter2")).tobytes() not in raw
    assert np.uint64(key64("connect")).tobytes() in raw


def test_an_empty_index_finds_nothing_and_can_be_saved(tmp_path: Path) -> None:
    index = LexicalIndex()
    assert index.match("redis").top(5).tolist() == []
    index.save(tmp_path / "words.idx", np.zeros(0, np.uint64))
    loaded, _ = LexicalIndex.load(tmp_path / "words.idx")
    assert len(loaded) == 0


def test_a_missing_file_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="does not exist"):
        LexicalIndex.load(tmp_path / "words.idx")
