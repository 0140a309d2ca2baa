"""How alike two ways are to part the same messages into conversations."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

Parts = Mapping[str, Hashable]  # message -> its conversation


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Right, found and wanted things, added up over channels."""

    right: float = 0.0
    found: float = 0.0
    wanted: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            right=self.right + other.right, found=self.found + other.found, wanted=self.wanted + other.wanted
        )

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        whole = self.found + self.wanted
        return 2 * self.right / whole if whole else 0.0


def links(found: Mapping[str, str], wanted: Mapping[str, frozenset[str]]) -> Tally:
    """Reply-to links; what begins a conversation links to itself."""
    right = sum(parent in wanted[name] for name, parent in found.items())
    return Tally(right=right, found=len(found), wanted=sum(map(len, wanted.values())))


def exact(found: Parts, wanted: Parts) -> Tally:
    """Conversations of more than one message that hold exactly the same messages."""
    mine, theirs = _groups(found), _groups(wanted)
    return Tally(right=len(mine & theirs), found=len(mine), wanted=len(theirs))


def _groups(parts: Parts) -> set[frozenset[str]]:
    grouped: dict[Hashable, set[str]] = {}
    for name, part in parts.items():
        grouped.setdefault(part, set()).add(name)
    return {frozenset(names) for names in grouped.values() if len(names) > 1}


def b_cubed(found: Parts, wanted: Parts) -> tuple[float, float]:
    """Precision and recall, the mean over messages: how much of its conversation belongs, how much is there."""
    both = Counter((found[name], wanted[name]) for name in wanted)
    mine, theirs = Counter(found.values()), Counter(wanted.values())
    whole = len(wanted)
    return (
        sum(count * count / mine[part] for (part, _), count in both.items()) / whole,
        sum(count * count / theirs[part] for (_, part), count in both.items()) / whole,
    )


def variation_of_information(found: Parts, wanted: Parts) -> float:
    """1 - VI / log2 n, in [0, 1]; 1 where the two are the same."""
    both = Counter((found[name], wanted[name]) for name in wanted)
    mine, theirs, whole = Counter(found.values()), Counter(wanted.values()), len(wanted)
    told = sum(
        count / whole * (math.log2(count / mine[a]) + math.log2(count / theirs[b]))
        for (a, b), count in both.items()
    )
    return 1 + told / math.log2(whole)


def one_to_one(found: Parts, wanted: Parts) -> float:
    """Share of messages in common where each conversation is paired with at most one of the other side, at best."""
    both = Counter((found[name], wanted[name]) for name in wanted)
    mine = {part: place for place, part in enumerate(dict.fromkeys(a for a, _ in both))}
    theirs = {part: place for place, part in enumerate(dict.fromkeys(b for _, b in both))}
    overlap = np.zeros((len(mine), len(theirs)))
    for (a, b), count in both.items():
        overlap[mine[a], theirs[b]] = count
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return float(overlap[rows, columns].sum() / len(wanted))


def mean(values: Sequence[float], sizes: Sequence[int]) -> float:
    """The mean, weighed by size."""
    return sum(value * size for value, size in zip(values, sizes, strict=True)) / sum(sizes)
