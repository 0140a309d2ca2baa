"""The weights file: what the dial says between its points, and what is said of a file that is none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config_file import ConfigError, load
from bot.weighing import BIAS, SHIPPED, DialPoint, Weights, WeightsError, read_weights

WEIGHTS = Weights(
    version="by hand",
    weights={BIAS: -2.0, "dense": 4.0},
    spread={BIAS: 0.5, "dense": 0.3},
    dial=(
        DialPoint(precision=0.5, threshold=0.3, replies=100),
        DialPoint(precision=0.9, threshold=0.7, replies=50),
        DialPoint(precision=0.95, threshold=0.8, replies=10),
    ),
)


def test_a_probability_is_the_logistic_of_what_the_features_add_to_the_bias() -> None:
    assert WEIGHTS.probability({"dense": 0.5}) == 0.5
    assert WEIGHTS.probability({"dense": 1.0}) == pytest.approx(0.8808, abs=1e-4)
    assert WEIGHTS.probability({"dense": 0.5, "not weighed": 1.0}) == 0.5
    assert WEIGHTS.moved({BIAS: 1e6}, "far").probability({}) == 1.0  # no overflow


@pytest.mark.parametrize(
    ("precision", "threshold"),
    [(0.5, 0.3), (0.7, 0.5), (0.9, 0.7), (0.925, 0.75), (0.95, 0.8), (0.975, 0.9), (0.25, 0.15), (0.0, 0.0)],
)
def test_the_threshold_between_two_points_lies_on_the_line_between_them(
    precision: float, threshold: float
) -> None:
    assert WEIGHTS.threshold(precision) == pytest.approx(threshold)


dials = st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0, 1)), min_size=1, max_size=6).map(
    lambda points: tuple(
        DialPoint(precision=precision, threshold=threshold, replies=1)
        for precision, threshold in zip(
            sorted({precision for precision, _ in points}),
            sorted(threshold for _, threshold in points),
            strict=False,
        )
    )
)


@given(dials, st.floats(0, 0.999), st.floats(0, 0.999))
def test_a_higher_precision_never_lowers_the_threshold(
    dial: tuple[DialPoint, ...], one: float, other: float
) -> None:
    weights = Weights(version="x", weights={BIAS: 0.0}, spread={}, dial=dial)
    low, high = sorted((one, other))
    # Lines between points are counted in floats: the end of one may differ by a rounding from the next point.
    assert -1e-12 <= weights.threshold(low) <= weights.threshold(high) + 1e-12 <= 1 + 2e-12


@pytest.mark.parametrize(
    ("precision", "replies"),
    [(0.5, 100), (0.7, 50), (0.9, 50), (0.94, 10), (0.95, 10), (0.99, 10), (0.2, 100)],
)
def test_a_threshold_rests_on_no_more_replies_than_the_next_point_of_the_dial(
    precision: float, replies: float
) -> None:
    assert WEIGHTS.replies(precision) == replies


def test_a_channels_own_weights_are_the_prior_moved_and_the_prior_stays() -> None:
    moved = WEIGHTS.moved({"dense": -1.0, "not weighed": 9.0}, "by hand+3")
    assert (moved.version, dict(moved.weights)) == ("by hand+3", {BIAS: -2.0, "dense": 3.0})
    assert (moved.dial, moved.spread) == (WEIGHTS.dial, WEIGHTS.spread)
    assert WEIGHTS.weights["dense"] == 4.0


# ---- the file -----------------------------------------------------

GOOD: Mapping[str, Any] = {
    "version": "mine",
    "bias": {"weight": -2, "spread": 0.5},
    "features": {"dense": {"weight": 4, "spread": 0.3}},
    "dial": [{"precision": 0.5, "threshold": 0.3, "replies": 100}],
    "training": "by hand",
}
REMEDY = "give a file that `python -m benchmarks train_scorer` wrote, or leave `weights` out"


def test_a_file_is_read_whole_with_what_it_tells_of_its_training(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    weights = read_weights(path)
    assert (weights.version, weights.weights) == ("mine", {BIAS: -2.0, "dense": 4.0})
    assert weights.spread == {BIAS: 0.5, "dense": 0.3}
    assert (weights.threshold(0.5), weights.about) == (0.3, {"training": "by hand"})


GARBLED = [
    "{",
    "",
    "[]",
    "3",
    "{}",
    "\udcff",
    json.dumps({**GOOD, "dial": []}),
    json.dumps({**GOOD, "dial": [*GOOD["dial"], {"precision": 0.9, "threshold": 0.2, "replies": 1}]}),
    json.dumps({**GOOD, "dial": [{"precision": 0.9}]}),
    json.dumps({**GOOD, "features": {"dense": 4}}),
    json.dumps({**GOOD, "features": {"dense": {"weight": "much", "spread": 0.3}}}),
    json.dumps({**GOOD, "bias": None}),
]


@pytest.mark.parametrize("content", GARBLED, ids=range(len(GARBLED)))
def test_a_file_that_is_none_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    path = tmp_path / "garbled.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(WeightsError) as refused:
        read_weights(path)
    assert str(refused.value).startswith(f"weights: {path} is no weights file (")
    assert str(refused.value).endswith(f": {REMEDY}")


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(WeightsError) as refused:
        read_weights(path)
    assert str(refused.value) == f"weights: {path} cannot be read (No such file or directory): {REMEDY}"


@pytest.mark.parametrize(
    ("content", "what"), [(None, "cannot be read (No such file or directory)"), ("{", "is no weights file (")]
)
def test_config_yaml_refuses_such_a_file_with_the_line(
    tmp_path: Path, content: str | None, what: str
) -> None:
    path, settings = tmp_path / "weights.json", tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    settings.write_text(f"timezone: UTC\nweights: {path}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(settings, {})
    (told,) = str(refused.value).splitlines()
    assert told.startswith(f"{settings}:2: weights: ") and what in told and told.endswith(f"; {REMEDY}")


def test_config_yaml_takes_a_file_that_is_one(tmp_path: Path) -> None:
    settings = tmp_path / "config.yaml"
    settings.write_text(f"weights: {SHIPPED}\n", encoding="utf-8")
    assert load(settings, {}).weights == SHIPPED
    assert load(tmp_path / "none.yaml", {}, required=False).weights is None
