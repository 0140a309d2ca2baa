"""The pictures in docs/pictures."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks._learning import Curve

Floats = NDArray[np.float64]
INK, ACCENT, PALE = "#22303c", "#0b7a75", "#c9d6df"


def reliability(path: Path, table: Sequence[Sequence[float]]) -> None:
    """Score against what came of it; the area of a point is how many messages it stands for."""
    figure, axes = _empty(4.6, 4.6)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=2, zorder=1)
    scores, shares, counts = (np.array(column) for column in zip(*table, strict=True))
    axes.scatter(
        scores, shares, s=20 + 400 * np.sqrt(counts / counts.max()), color=ACCENT, alpha=0.75, zorder=2
    )
    axes.plot(scores, shares, color=ACCENT, linewidth=1, zorder=2)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel="share that was welcome")
    axes.set_title("Reliability on unseen communities (judged)", fontsize=10)
    _save(figure, path)


def precision_coverage(path: Path, found: Mapping[str, tuple[Floats, NDArray[np.bool_]]]) -> None:
    """How precise the first so many replies are, by score, on the hard mixture."""
    figure, axes = _empty(6.2, 4.2)
    for name, (scores, truth) in found.items():
        if truth.sum() < 20:
            continue
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] > 0]
        right, said = np.cumsum(truth[order]), np.arange(1, len(order) + 1)
        axes.plot(right / truth.sum(), right / said, label=f"{name} ({truth.sum()} of {len(truth)})")
    axes.axhline(0.9, color=PALE, linewidth=2, zorder=0)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.set_title("Hard mixture, weights fitted without the community", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    _save(figure, path)


def learning(path: Path, curve: Curve) -> None:
    """What thumbs do in a new community: how far the log loss falls (higher is better) with its interval."""
    figure, axes = _empty(6.2, 4.2)
    thumbs = [point.thumbs for point in curve.points]
    low, high = [point.gain_low for point in curve.points], [point.gain_high for point in curve.points]
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.fill_between(thumbs, low, high, color=PALE, alpha=0.6)
    axes.plot(thumbs, [point.gain for point in curve.points], color=ACCENT, marker="o")
    axes.set(xlabel="thumbs in the new community", ylabel="fall of the log loss on its other messages")
    axes.set_title("\n".join(textwrap.wrap(curve.title, 80)), fontsize=8)
    _save(figure, path)


def _empty(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches that needs no screen."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def acknowledgements(path: Path, found: Mapping[str, Sequence[float]], target: float) -> None:
    """The share of deliveries acknowledged within a time, by transport. Seconds; ``target`` is marked."""
    figure, axes = _empty(6.2, 4.2)
    axes.axvline(1000 * target, color=PALE, linewidth=2, zorder=0)
    for name, seconds in found.items():
        took = np.sort(np.array(seconds)) * 1000
        axes.plot(took, np.arange(1, len(took) + 1) / len(took), label=name)
    axes.set(xscale="log", xlabel="ms from sending to acknowledgement", ylabel="share of deliveries")
    axes.set_title("Bursts of 100 while handling goes on", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK)
    figure.tight_layout()
    figure.savefig(path, dpi=130, metadata={"Software": None})


def nights(path: Path, curves: Mapping[str, Sequence[tuple[float, float, float, float, float]]]) -> None:
    """Of the linked questions: found first and among five after so many months of nights, below what was closed."""
    figure = Figure(figsize=(4.6 * len(curves), 4.0))
    all_axes = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (name, points) in zip(all_axes, curves.items(), strict=True):
        months, first, five, closed, begun = (np.array(column) for column in zip(*points, strict=True))
        axes.plot(months, begun, color=PALE, linewidth=2, linestyle=":", label="had an answer by then")
        axes.plot(months, closed, color=PALE, linewidth=2, label="was closed by then (ceiling)")
        axes.plot(months, five, color=INK, marker="o", label="among the five best")
        axes.plot(months, first, color=ACCENT, marker="o", label="the best source")
        axes.set(ylim=(0, 1), xlabel="months of nights")
        axes.set_title(name, fontsize=10)
    all_axes[0].set_ylabel("share: the thread people linked is …")
    all_axes[0].legend(fontsize=8, frameon=False)
    _save(figure, path)
