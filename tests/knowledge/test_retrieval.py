"""The retrieval benchmark on a small invented forum: what it counts, and that later messages do not leak."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import train_ranking
from benchmarks._baselines import PlainBM25, rank_fusion
from benchmarks._finding import COMMUNITIES, intervals, measures
from benchmarks.retrieval import main
from knowledge.ranking import read_weights

Line = dict[str, str]


def said(thread: str, day: int, text: str) -> Line:
    at = f"2024-01-{day:02}T09:00:00Z"
    return {
        "channel": "help",
        "thread": thread,
        "id": f"{thread}-{day}",
        "user": f"u{day}",
        "at": at,
        "text": text,
    }


FORUM = [
    said("a", 1, "Redis refuses connections"),
    said("b", 2, "Disk is full"),
    said("a", 3, "Restart the redis container"),
    said("question", 4, "redis container refuses connections"),
    said("b", 5, "redis container refuses connections"),  # too late to make b the better hit
]


def write(folder: Path, lines: list[Line], earlier: list[str]) -> None:
    for kind in ("channels", "labels"):
        (folder / kind).mkdir(exist_ok=True)
    for name in COMMUNITIES:
        label = {"thread": "question", "at": "2024-01-04", "earlier": earlier}
        (folder / "channels" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        (folder / "labels" / f"{name}.links.jsonl").write_text(json.dumps(label))


def run(folder: Path, *more: str) -> int:
    return main([*more, "--data", str(folder), "--model", "hash", "--cache", str(folder / "cache")])


def rows(printed: str) -> dict[tuple[str, str], str]:
    """hit@1 by community and way of finding."""
    cells = [line.split("│") for line in printed.splitlines() if "(1)" in line]
    return {(row[1].split()[0], row[2].strip()): row[3].strip() for row in cells}


@pytest.mark.parametrize(("earlier", "hit"), [("a", "1.000"), ("b", "0.000")])
def test_only_what_was_said_before_the_question_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], earlier: str, hit: str
) -> None:
    write(tmp_path, FORUM, [earlier])
    assert run(tmp_path) == 0
    found = rows(capsys.readouterr().out)
    assert len(found) == 16
    assert set(found.values()) == {hit}


def test_a_second_run_prints_the_same_from_the_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, FORUM, ["a"])
    run(tmp_path)
    first = capsys.readouterr()
    run(tmp_path)
    second = capsys.readouterr()
    assert second.out == first.out
    assert "embedding" in first.err
    assert "embedding" not in second.err


def test_without_the_data_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    assert f"skipped: {tmp_path} has no labels/redash.links.jsonl" in capsys.readouterr().out
    assert train_ranking.main(["--data", str(tmp_path), "--out", str(tmp_path / "weights.json")]) == 0
    assert not (tmp_path / "weights.json").exists()


def test_a_community_alone_can_be_measured_under_weights_fitted_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, FORUM, ["a"])
    out = tmp_path / "weights.json"
    given = [
        "--data",
        str(tmp_path),
        "--model",
        "hash",
        "--cache",
        str(tmp_path / "cache"),
        "--out",
        str(out),
    ]
    assert train_ranking.main([*given, "--without", "redash"]) == 0
    assert json.loads(out.read_text())["trained_on"] == {"urho3d": 1}
    assert read_weights(out).words > 0
    capsys.readouterr()
    assert run(tmp_path, "redash", "--weights", str(out)) == 0
    found = rows(capsys.readouterr().out)
    assert {community for community, _ in found} == {"redash"}
    assert found["redash", "all, weights weights.json"] == "1.000"


def test_opening_posts_alone_can_be_embedded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told_in_the_reply = [
        said("b", 1, "Disk is full of redis"),
        said("a", 2, "Strange thing"),
        said("a", 3, "redis container refuses connections"),
        said("question", 4, "redis container refuses connections"),
    ]
    write(tmp_path, told_in_the_reply, ["a"])
    run(tmp_path, "redash")
    assert rows(capsys.readouterr().out)["redash", "meaning"] == "1.000"
    run(tmp_path, "redash", "--openers-only", "redash")
    found = rows(capsys.readouterr().out)
    assert found["redash", "meaning"] == "0.000"
    assert found["redash", "words"] == "1.000"


def test_an_unknown_community_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, "nowhere")
    assert "nowhere: give redash or urho3d" in capsys.readouterr().err


def test_plain_bm25_sees_only_what_was_said_before() -> None:
    plain = PlainBM25(["red fox", "blue fox", "red red"], np.array([0, 1, 1]))
    assert plain.score("red", until=2, threads=2).tolist()[1] == 0
    assert plain.score("red", until=3, threads=2).tolist()[1] > 0
    assert plain.score("unheard", until=3, threads=2).tolist() == [0, 0]


def test_rank_fusion_prefers_what_both_searches_like() -> None:
    first, second = np.array([3, 2, 1], np.float32), np.array([1, 2, 0], np.float32)
    assert np.argmax(rank_fusion(first, second, second)) == 1


def test_measures_and_their_intervals() -> None:
    places = np.array([1, 2, 11, 40], np.float32)
    assert measures(places) == pytest.approx((0.25, 0.5, 0.5, 0.375))
    (low, high), _ = intervals(places)
    assert low < 0.5 < high
