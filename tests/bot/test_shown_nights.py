"""What a terminal shows of nights: everything that a person should look at, in narrow windows, too."""

from io import StringIO

import pytest
from rich.console import Console

from bot.report import NightReport
from bot.shown_nights import COPY, show_night, show_nights

NIGHT = NightReport(
    date="2026-01-06",
    threads=12,
    added=3,
    pending=1,
    tried=200,
    gained=("m1", "m2"),
    open_questions=("m3", "m4"),
    not_worth={"it was for that day": 4},
    thresholds={"slack:T1/C1": (0.5, 0.61)},
)
DRIFT = "it would answer 50% of the questions (20 of 40); in the weeks before it was 20%"
COST = {"calls": 12, "batched": 10, "input_tokens": 45000, "output_tokens": 1200, "fell_back": 2}


def shown(report: NightReport, width: int = 80, *titles: str, dry: bool = False) -> list[str]:
    file = StringIO()
    show_night(Console(file=file, width=width), report, titles, most_open=5, dry=dry)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def listed(*nights: tuple[str, NightReport], width: int = 80) -> str:
    file = StringIO()
    show_nights(Console(file=file, width=width), nights)
    return file.getvalue()


def test_a_night_is_shown_in_numbers() -> None:
    rows = dict(line.rsplit("  ", 1) for line in shown(NIGHT)[1:13])
    numbers = {name.strip(): value.strip() for name, value in rows.items()}
    assert numbers["closed threads"] == "12" and numbers["retired"] == "0"
    assert numbers["past questions now answered"] == "2 of 200"
    assert numbers["questions nobody could answer"] == "2"


def test_a_full_list_of_open_questions_may_be_longer() -> None:
    many = NightReport(date="2026-01-06", open_questions=("a", "b", "c", "d", "e"))
    assert any(line.endswith("5 or more") for line in shown(many))


def test_what_was_learnt_moved_and_refused_is_said_word_for_word() -> None:
    lines = shown(NIGHT, 80, "The gate stops with [MLR-4090]")
    assert lines[-3:] == [
        "  taught nothing, it was for that day: 4",
        "  new: The gate stops with [MLR-4090]",
        "  slack:T1/C1: mean chance 0.50 -> 0.61",
    ]


def test_a_drift_is_said_with_its_reason() -> None:
    lines = shown(NightReport(date="2026-01-06", drift={"slack:T1/C1": DRIFT}))
    assert lines[-1] == f"  watch out, slack:T1/C1: drafts instead of replies: {DRIFT}"


def test_what_a_model_cost_is_said_if_one_was_asked() -> None:
    lines = shown(NightReport(date="2026-01-06", distilled=COST))
    assert lines[-1] == (
        "  model: 12 calls (10 of them in batches), 45000 tokens sent, 1200 received; 2 threads distilled offline"
    )
    assert "model" not in " ".join(shown(NIGHT))


@pytest.mark.parametrize("dry", [True, False])
def test_only_a_try_says_that_it_was_one(dry: bool) -> None:
    assert shown(NIGHT, dry=dry)[0] == ("Night of 2026-01-06" + (f" {COPY}" if dry else ""))


@pytest.mark.parametrize("width", [80, 40])
def test_the_numbers_of_a_night_fit_a_narrow_window(width: int) -> None:
    assert "…" not in "".join(shown(NIGHT, width))
    assert max(map(len, shown(NIGHT, width)[1:13])) <= width


@pytest.mark.parametrize("width", [80, 40])
def test_a_list_says_what_came_of_each_night_in_any_window(width: int) -> None:
    told = listed(("done", NIGHT), ("running", NightReport(date="2026-01-07")), width=width)
    assert "…" not in told and max(map(len, told.splitlines())) <= width
    words = " ".join(told.split())
    assert "2026-01-06 done" in words and "2026-01-07 running nothing" in words
    assert "12" in words and "new entries: 3" in words and "merged" not in words


def test_where_no_night_was_the_list_says_so() -> None:
    assert listed() == "No night was run yet.\n"
