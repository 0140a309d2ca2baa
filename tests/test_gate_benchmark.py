"""What the gate benchmark is built of: its measures, the certain classes, and how weights are fitted."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._cases import Case, labels_in
from benchmarks._fit import PRIOR, SIGNS, Example, fit, held_out_scores
from benchmarks._learning import STEPS, learning_curve
from benchmarks._measure import (
    at_threshold,
    auc,
    best_f1,
    calibration_error,
    interval,
    recall_at,
    reliability,
)
from benchmarks.gate import scored
from benchmarks.train_scorer import as_json
from bot.weighing import BIAS, read_weights
from knowledge.thread import Message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SCORES = np.array([0.9, 0.8, 0.7, 0.4, 0.2, 0.0])
TRUTH = np.array([True, True, False, True, False, False])


# ---- measures -----------------------------------------------------


def test_precision_recall_and_f1_at_a_threshold() -> None:
    assert np.allclose(at_threshold(SCORES, TRUTH, 0.7), 2 / 3)
    assert at_threshold(SCORES, TRUTH, 0.95) == (1.0, 0.0, 0.0)  # who never speaks is never unwelcome
    assert np.allclose(best_f1(SCORES, TRUTH), (0.4, 6 / 7))


def test_recall_at_a_precision_is_the_largest_that_any_threshold_reaches() -> None:
    assert recall_at(SCORES, TRUTH, 0.9) == pytest.approx(2 / 3)
    assert recall_at(SCORES, TRUTH, 0.75) == 1.0
    assert recall_at(SCORES, ~TRUTH, 0.9) == 0.0


def test_no_threshold_cuts_between_equal_scores() -> None:
    assert recall_at(np.array([0.5, 0.5]), np.array([True, False]), 0.9) == 0.0


def test_auc_of_one_sided_truth_is_unknown() -> None:
    assert np.isnan(auc([0.1, 0.2], [True, True]))
    assert auc([0.1, 0.2], [False, True]) == 1.0


def test_calibration_error_weighs_what_a_case_stands_for() -> None:
    assert calibration_error([0.2, 0.2, 0.2, 0.2, 0.2], [True, False, False, False, False]) == pytest.approx(
        0.0
    )
    assert calibration_error([0.9, 0.9], [False, True]) == pytest.approx(0.4)
    assert calibration_error([0.9, 0.9], [False, True], [1, 9]) == pytest.approx(0.0)
    assert reliability([0.05, 0.95], [False, True], [3, 1]) == [[0.05, 0.0, 3], [0.95, 1.0, 1]]


def test_the_interval_draws_whole_threads() -> None:
    values = np.array([0.0] * 50 + [1.0] * 50)
    one_thread_each = [str(row) for row in range(100)]
    two_threads = ["a"] * 50 + ["b"] * 50
    narrow = interval(lambda rows: float(values[rows].mean()), one_thread_each)
    wide = interval(lambda rows: float(values[rows].mean()), two_threads)
    assert 0.35 < narrow[0] < 0.5 < narrow[1] < 0.65
    assert wide == (0.0, 1.0)


# ---- the certain classes -----------------------------------------------------


def said(number: int, text: str, user: str = "ann") -> Message:
    at = NOON + timedelta(minutes=number)
    return Message(id=f"m{number}", channel="help", thread="t-1", user=user, at=at, text=text)


THREAD = (
    said(0, "How do I restart the gate?"),
    said(1, "Which version do you run?", "bob"),
    said(2, "@bob it is 3.2, does that matter?"),
    said(3, "See https://forum.example.com/t/gate/77", "bob"),
    said(4, "Thanks! And how do I stop it again?"),
    said(5, "It stops with the service.", "bob"),
)


def test_what_is_certain_in_a_thread_that_was_answered_by_a_link() -> None:
    found = dict(labels_in({"t-1": THREAD}, {"t-1": frozenset({"forum-77"})}, {}))
    assert found == {"m0": "linked", "m1": "asked back", "m2": "addressed", "m4": "answered"}


def test_what_is_certain_in_a_thread_whose_answer_was_accepted() -> None:
    found = dict(labels_in({"t-1": THREAD}, {}, {"t-1": "m1"}))
    assert found == {"m0": "accepted", "m1": "asked back", "m2": "answered", "m4": "answered"}


def test_nothing_is_certain_of_a_thread_without_labels_but_who_asks_whom() -> None:
    assert dict(labels_in({"t-1": THREAD[:2]}, {}, {})) == {"m1": "asked back"}


# ---- fitting -----------------------------------------------------


def example(community: str, number: int, dense: float, *, welcome: bool) -> Example:
    features = dict.fromkeys(PRIOR, 0.0) | {"dense": dense, "score": dense, "open": 1.0}
    features.pop(BIAS)
    return Example(
        community=community,
        id=f"{community}{number}",
        features=features,
        welcome=welcome,
        weight=1.0,
        stands_for=2.0,
    )


def examples(turned: bool = False) -> list[Example]:
    """Three communities in which near sources help (``turned``: in which they never do)."""
    random = np.random.default_rng(5)
    found = []
    for community in ("a", "b", "c"):
        for number in range(60):
            dense = float(random.random())
            welcome = bool(random.random() < 1 / (1 + np.exp(-12 * (dense - 0.6))))
            found.append(example(community, number, dense, welcome=welcome is not turned))
    return found


def test_weights_learn_what_helps_and_are_calibrated_where_they_were_not_fitted() -> None:
    scored = held_out_scores(examples())
    scores, truth = [score for score, _ in scored], [one.welcome for _, one in scored]
    assert auc(scores, truth) > 0.9
    assert calibration_error(scores, truth) < 0.08


def test_more_evidence_never_lowers_the_score_whatever_a_sample_says() -> None:
    weights = fit(examples(turned=True), "turned")
    assert all(weights.weights[name] * sign >= 0 for name, sign in SIGNS.items())


def test_the_dial_asks_for_more_score_for_more_precision() -> None:
    weights = fit(examples(), "test")
    thresholds = [point.threshold for point in weights.dial]
    assert thresholds == sorted(thresholds) and 0 < thresholds[0] < thresholds[-1] <= 0.99
    assert weights.threshold(0.9) <= 0.9  # so many of those above it are welcome, not each with such a chance
    assert weights.dial[0].replies > weights.dial[-1].replies


def test_fitting_twice_gives_the_same_file() -> None:
    assert as_json(fit(examples(), "x"), {}) == as_json(fit(examples(), "x"), {})


def test_the_file_says_what_was_fitted(tmp_path: Path) -> None:
    weights = fit(examples(), "x")
    path = tmp_path / "scorer.json"
    path.write_text(as_json(weights, {"trained on": {"a": 60}}), encoding="utf-8")
    read = read_weights(path)
    assert read.version == "x" and read.about == {"trained on": {"a": 60}}
    assert read.weights == pytest.approx(dict(weights.weights), abs=1e-3)
    assert json.loads(path.read_text(encoding="utf-8"))["bias"]["weight"] == pytest.approx(
        weights.weights[BIAS], abs=1e-3
    )


def test_thumbs_help_a_community_that_is_unlike_the_others() -> None:
    shifted = [
        replace(one, community="new", welcome=one.features["dense"] > 0.85)
        for one in examples()
        if one.community == "c"
    ]
    others = [one for one in examples() if one.community != "c"]
    curve = learning_curve([*others, *shifted], draws=20)
    assert [point.thumbs for point in curve.points] == list(STEPS)
    assert curve.points[-1].loss < curve.points[0].loss


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_measures_stay_in_their_range(found: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in found])
    truth = np.array([true for _, true in found])
    assert 0 <= recall_at(scores, truth, 0.9) <= 1
    assert 0 <= calibration_error(list(scores), list(truth)) <= 1


def test_a_case_without_features_was_gated() -> None:
    gated = Case(community="a", id="m", thread="m", text="hi", reason="bot", features={})
    spoken = replace(gated, features={"score": 1.0})
    assert list(scored([gated, spoken], fit([*examples()], "x")) > 0) == [False, True]
