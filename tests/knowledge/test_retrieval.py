"""The retrieval benchmark on a small invented forum: what it counts, and that later messages do not leak."""

import json
from pathlib import Path

import pytest

from benchmarks.retrieval import COMMUNITIES, main

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


def run(folder: Path) -> int:
    return main(["--data", str(folder), "--model", "hash", "--cache", str(folder / "cache")])


@pytest.mark.parametrize(("earlier", "hit"), [("a", "1.000"), ("b", "0.000")])
def test_only_what_was_said_before_the_question_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], earlier: str, hit: str
) -> None:
    write(tmp_path, FORUM, [earlier])
    assert run(tmp_path) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "(1)" in line]
    assert len(rows) == 8
    assert all(row.split("│")[3].strip() == hit for row in rows)


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
