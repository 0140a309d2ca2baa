"""The scorer's numbers: a small logistic model in one readable file, and its dial. Pure but for `read_weights`."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).parent / "weights" / "scorer.json"
BIAS = "bias"


class WeightsError(ValueError):
    """A weights file that cannot be used: which, why, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DialPoint:
    """Replies at or above ``threshold`` were welcome in ``precision`` of the cases, over ``replies`` of them."""

    precision: float
    threshold: float
    replies: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """``weights`` are what each feature adds to the logit at 1 (`bias` at all times); ``spread`` is how much each
    differs between communities (a standard deviation): how far thumbs may move it in one channel. ``dial``:
    by precision, ascending. ``ranking``: how sources are ordered (`knowledge.ranking.Weights`), if not as shipped."""

    version: str
    weights: Mapping[str, float]
    spread: Mapping[str, float]
    dial: tuple[DialPoint, ...]
    ranking: Mapping[str, float] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def logit(self, features: Mapping[str, float]) -> float:
        return self.weights[BIAS] + sum(
            self.weights.get(name, 0.0) * value for name, value in features.items()
        )

    def probability(self, features: Mapping[str, float]) -> float:
        """The chance in (0, 1) that a reply would be welcome."""
        return logistic(self.logit(features))

    def threshold(self, precision: float) -> float:
        """The least score at which it speaks when ``precision`` of its replies are to be welcome.

        Between two points of the dial on the line between them; beyond the last one, on the way to 1, and never
        lower for a higher precision.
        """
        below = [point for point in self.dial if point.precision <= precision]
        above = [point for point in self.dial if point.precision > precision]
        low = (below[-1].precision, below[-1].threshold) if below else (0.0, 0.0)
        high = (above[0].precision, above[0].threshold) if above else (1.0, 1.0)
        share = (precision - low[0]) / (high[0] - low[0])
        return low[1] + share * (high[1] - low[1])

    def replies(self, precision: float) -> float:
        """How many held-out replies the threshold for ``precision`` rests on: those of the next point of the dial."""
        above = (point.replies for point in self.dial if point.precision >= precision)
        return next(above, self.dial[-1].replies)

    def moved(self, by: Mapping[str, float], version: str) -> "Weights":
        """The same with ``by`` added to the weights: a channel's own."""
        weights = {name: value + by.get(name, 0.0) for name, value in self.weights.items()}
        return replace(self, version=version, weights=weights)


def logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(logit, 500.0), -500.0)))


@lru_cache(maxsize=8)
def read_weights(path: Path = SHIPPED) -> Weights:
    """The weights in a file written by ``python -m benchmarks train_scorer``. Raises WeightsError."""
    remedy = "give a file that `python -m benchmarks train_scorer` wrote, or leave `weights` out"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _weights(data)
    except OSError as error:
        raise WeightsError(f"weights: {path} cannot be read ({error.strerror}): {remedy}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"weights: {path} is no weights file ({error!r}): {remedy}") from error


def _weights(data: Mapping[str, Any]) -> Weights:
    features = {BIAS: data["bias"], **data["features"]}
    dial = tuple(DialPoint(**point) for point in data["dial"])
    if not dial or any(a.threshold > b.threshold for a, b in pairwise(dial)):
        raise ValueError("the dial is empty or falls")
    return Weights(
        version=data["version"],
        weights={name: float(given["weight"]) for name, given in features.items()},
        spread={name: float(given["spread"]) for name, given in features.items()},
        dial=dial,
        ranking=data.get("ranking"),
        about={key: data[key] for key in data.keys() - {"version", "bias", "features", "dial", "ranking"}},
    )
