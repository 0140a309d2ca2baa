"""What a night came to, in numbers and references; nothing that somebody said. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class NightReport:
    """One night. Everything that is named is named by id: texts are looked up when somebody reads it.

    ``not_worth`` counts the threads that taught nothing, by reason. ``gained`` and ``lost`` are past questions
    (message ids) out of ``tried`` that would be answered now and were not before, and the other way round. ``best``
    are the three best new entries, ``open_questions`` what nobody could answer, newest first. ``thresholds`` are the
    channels whose mean chance moved: (before, after). ``drift`` says for each channel why its replies fell to drafts.
    ``distilled`` counts what a model that selects was asked and cost: calls, batched, input_tokens, output_tokens, and
    the threads for which the offline choice stands (fell_back). ``expired`` are messages that were older than
    ``retention.days``.
    """

    date: str
    threads: int = 0
    added: int = 0
    pending: int = 0
    merged: int = 0
    superseded: int = 0
    disputed: int = 0
    asked: int = 0
    retired: int = 0
    not_worth: Mapping[str, int] = field(default_factory=dict)
    tried: int = 0
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    best: tuple[str, ...] = ()
    open_questions: tuple[str, ...] = ()
    thresholds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    drift: Mapping[str, str] = field(default_factory=dict)
    distilled: Mapping[str, int] = field(default_factory=dict)
    expired: int = 0

    def json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def report_from(text: str) -> NightReport:
    """The report that ``json`` wrote."""
    fields = json.loads(text)
    for name in ("gained", "lost", "best", "open_questions"):
        fields[name] = tuple(fields[name])
    fields["thresholds"] = {name: (low, high) for name, (low, high) in fields["thresholds"].items()}
    return NightReport(**fields)


def together(earlier: NightReport, later: NightReport) -> NightReport:
    """A night that was gone on with: what ``later`` counts of one go is added to what was counted before."""
    return replace(
        later,
        threads=earlier.threads + later.threads,
        not_worth=_sums(earlier.not_worth, later.not_worth),
        distilled=_sums(earlier.distilled, later.distilled),
        gained=tuple(dict.fromkeys((*earlier.gained, *later.gained))),
        lost=tuple(dict.fromkeys((*earlier.lost, *later.lost))),
    )


def _sums(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
