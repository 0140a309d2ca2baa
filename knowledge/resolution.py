"""How likely a closed thread was resolved. Pure but for its weights.

A ✅ by somebody else, or the asker's own reaction to an answer, settles it. Otherwise it is a logistic model over what
the solution, the asker's last words and the opening show (``knowledge/weights/resolution.json``, fitted by ``python -m
benchmarks train_solution``). It learnt from threads in which the asker did or did not accept a message; many did not
bother, so the chance is rather too low, and 0.5 means less than it says.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files

from knowledge.cues import asks_for_help, is_problem_report, is_question, says_thanks
from knowledge.signs import CONTENT, TELLING, Features, Lexicon, Scene, reads_like
from knowledge.solution import LIKED, TICKED, Solution, find_solution, marks_of
from knowledge.solution import Model as SolutionModel
from knowledge.solution import model as solution_model
from knowledge.thread import Message, Role, Thread

BIAS = "bias"
MARKED = 0.99  # what a person marked is as good as certain
UNANSWERED = 0.0
LEAST = 0.15  # a feature that moves the logit by less is no reason to name

# feature -> what is told of it if it speaks for or against
_TOLD: Mapping[str, tuple[str, str]] = {
    "confirmed": ("the asker confirms the solution", "nobody confirms the solution"),
    "the last word is content": ("the asker's last word is content", "the asker's last word is not content"),
    "broken at the end": ("", "the asker's last word is that it is still broken"),
    "asks at the end": ("", "the asker's last word is a question"),
    "the asker came back": ("the asker came back", "the asker never came back"),
    "the asker tells": ("the asker tells how it was solved", ""),
    "the solution's score": ("one answer stands out", "no answer stands out"),
    "opens like a question": ("it opens with a question", "it hardly opens with a question"),
    "says thanks": ("the asker thanks", "the asker thanks nobody"),
    "says it works": ("the asker says that it works", ""),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """The probability that a thread was resolved, and what speaks most for or against it."""

    probability: float
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """Weights by feature (with BIAS), the lexicon of openings, and how they came about."""

    name: str
    version: int
    data: str
    metrics: Mapping[str, object]
    weights: Mapping[str, float]
    means: Mapping[str, float]
    openings: Lexicon

    def parts(self, features: Features) -> dict[str, float]:
        """What each feature adds to the logit, against a usual thread."""
        return {
            name: weight * (features[name] - self.means[name])
            for name, weight in self.weights.items()
            if name != BIAS
        }

    def probability(self, features: Features) -> float:
        return 1 / (1 + math.exp(-self.weights[BIAS] - math.fsum(self.parts(features).values())))


@lru_cache(maxsize=1)
def model() -> Model:
    """The weights of this version."""
    text = files("knowledge").joinpath("weights", "resolution.json").read_text(encoding="utf-8")
    return Model(**json.loads(text))


def resolution_of(
    thread: Thread, *, closed_at: datetime | None = None, by: Model | None = None
) -> Resolution:
    """How likely ``thread`` was resolved. Reactions put later than ``closed_at`` do not count."""
    solution = find_solution(thread, closed_at=closed_at)
    marks = {mark for message in thread.messages for mark in marks_of(thread, message, closed_at)}
    told = next((mark for mark in (TICKED, LIKED) if mark in marks), None)
    if told:
        return Resolution(probability=MARKED, why=told)
    if solution is None:
        return Resolution(probability=UNANSWERED, why="nothing in it answers the question")
    weights = by or model()
    features = features_of(thread, solution, weights.openings)
    return Resolution(probability=weights.probability(features), why=_why(weights.parts(features)))


def _why(parts: Mapping[str, float]) -> str:
    """What counts most, in words; of those that have some."""
    named = {
        _TOLD[name][part < 0]: abs(part)
        for name, part in parts.items()
        if name in _TOLD and abs(part) >= LEAST and _TOLD[name][part < 0]
    }
    return ", ".join(sorted(named, key=lambda told: -named[told])[:2]) or "it looks like most threads"


def features_of(
    thread: Thread, solution: Solution | None, openings: Lexicon, by: SolutionModel | None = None
) -> Features:
    """What a thread shows of how it ended; all about 0 to 3."""
    weights = by or solution_model()
    scene = Scene(thread, weights.lexicons)
    scores = sorted(weights.score(features) for _, features in scene.features())
    found = {
        **_shape(thread, scene),
        **_endings(scene),
        **_openings(thread.opener, openings),
        **_solved(solution, thread, scene),
        "the solution's score": _margin(scores),
    }
    return {name: float(value) for name, value in found.items()}


def _margin(scores: list[float]) -> float:
    """How far the best is ahead of the next one, 0 to 3."""
    return min(scores[-1] - scores[-2], 3.0) if len(scores) > 1 else 1.0


def _shape(thread: Thread, scene: Scene) -> dict[str, float]:
    people = {message.user for message in scene.messages}
    last = len(scene.messages) - 1
    took = scene.messages[last].at - scene.messages[0].at
    waited = scene.messages[scene.answers[0]].at - scene.messages[0].at if scene.answers else took
    return {
        "people": math.log1p(len(people)),
        "messages": math.log1p(len(scene.messages)),
        "answers": math.log1p(len(scene.answers)),
        "one answer": len(scene.answers) == 1,
        "the asker came back": bool(scene.own_words),
        "asker's words": math.log1p(len(scene.own_words)),
        "asker's share": len(scene.own_words) / max(last, 1),
        "the asker ends it": scene.own[last],
        "answers after the asker's last word": math.log1p(
            sum(bool(scene.own_words) and place > scene.own_words[-1] for place in scene.answers)
        ),
        "took": math.log1p(max(took.total_seconds(), 0.0) / 60) / 10,
        "waited": math.log1p(max(waited.total_seconds(), 0.0) / 60) / 10,
        "an analyst answers": any(
            message.role is Role.ANALYST and message.user != thread.asker for message in scene.messages
        ),
    }


def _endings(scene: Scene) -> dict[str, float]:
    own = scene.own_words
    last = scene.lines[own[-1]] if own else None
    return {
        "says thanks": any(scene.lines[place].thanks for place in own),
        "says it works": any(scene.lines[place].solved for place in own),
        "content": bool(scene.content_at),
        "the last word is content": last is not None and last.content,
        "the last word is thanks": last is not None and last.thanks,
        "the last word is that it works": last is not None and last.solved,
        "broken at the end": last is not None and last.broken,
        "asks at the end": last is not None and last.asks,
        "problem at the end": last is not None and last.problem,
        "length of the last word": math.log1p(len(last.said)) if last is not None else 0.0,
        "the asker tells": any(scene.lines[place].told for place in own),
        "most content": max((scene.score(CONTENT, place) for place in own), default=-1.0),
        "content at the end": scene.score(CONTENT, own[-1]) if own else -1.0,
        "most telling": max((scene.score(TELLING, place) for place in own), default=-1.0),
        "an answer thanks": any(scene.lines[place].thanks for place in scene.answers),
        "questions back": sum(scene.lines[place].asks for place in scene.answers)
        / max(len(scene.answers), 1),
    }


def _openings(opener: Message, lexicon: Lexicon) -> dict[str, float]:
    text = opener.text
    title = text.strip().splitlines()[0] if text.strip() else ""
    return {
        "opens like a question": reads_like(text, lexicon),
        "opening asks": is_question(text),
        "opening reports a problem": is_problem_report(text),
        "opening asks for help": asks_for_help(text),
        "opening ends with a question": text.rstrip()[-1:] in ("?", "？"),
        "title asks": is_question(title),
        "title reports a problem": is_problem_report(title),
        "opening thanks": says_thanks(text),
        "length of the opening": math.log1p(len(text)),
        "code in the opening": "```" in text,
        "link in the opening": "://" in text,
    }


def _solved(solution: Solution | None, thread: Thread, scene: Scene) -> dict[str, float]:
    if solution is None:
        return {
            "answered": 0.0,
            "confirmed": 0.0,
            "the solution is the asker's": 0.0,
            "solution's length": 0.0,
            "solution in code": 0.0,
            "asker's next word": -1.0,
        }
    place = next(at for at, message in enumerate(thread.messages) if message.id == solution.message.id)
    at = scene.next_own(min(place, len(scene.messages) - 1))
    return {
        "answered": 1.0,
        "confirmed": solution.confirmed,
        "the solution is the asker's": solution.message.user == thread.asker,
        "solution's length": math.log1p(len(solution.message.text)),
        "solution in code": "```" in solution.message.text,
        "asker's next word": -1.0 if at is None else scene.score(CONTENT, at),
    }
