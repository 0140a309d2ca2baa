"""Whether to speak: gates that silence, evidence that weighs, one score, one decision with its reasons. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.tickets import Ticket
from knowledge.cues import (
    addressed_to,
    asks_for_help,
    error_codes,
    is_ack,
    is_problem_report,
    is_question,
    is_thanks,
)
from knowledge.entry import EntryKind, Hit, PassageKind
from knowledge.thread import Message, Role, Thread

WEIGHTS_VERSION = "hand-3"

# Logit weights, set by hand on the development channels and the practice room; each is what the feature adds at 1.
BIAS = -9.8
WEIGHTS: Mapping[str, float] = {
    "question": 0.5,  # 0 or 1: it asks
    "problem": 0.5,  # 0 or 1: it reports something broken
    "opener": 0.5,  # 0 or 1: it opens the conversation
    "dense": 7.0,  # cosine of the best hit above the model's floor, in [0, 1]
    "coverage": 5.0,  # share of the question's informative words that the best hit contains, up to 0.6
    "margin": 5.0,  # how far the best hit leads the second, up to 0.4
    "code": 2.5,  # 0 or 1: an error code of the question stands in the hit
    "substance": 1.5,  # 0 or 1: its solution says more than a few words
    "settled": 1.2,  # 0 or 1: a document says it, or a person said that the answer holds
    "document": 1.0,  # 0 or 1: it is a document, written to be read by others
    "trust": 4.0,  # expected share of people whom the entry helps, minus the prior's
}
ENOUGH_COVERAGE = 0.6  # a question is never covered whole: it also says what is special about this case
ENOUGH_MARGIN = 0.4
SUBSTANCE = 12  # words; "yes, update regularly" solved it for somebody else


class Action(StrEnum):
    SILENT = "SILENT"
    WAIT = "WAIT"
    DRAFT = "DRAFT"
    REPLY = "REPLY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why, for people: a stable ``name`` to count by and a sentence; ``weight`` is what it added to the logit."""

    name: str
    text: str
    weight: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}: {self.text}" + (f" ({self.weight:+.1f})" if self.weight else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What the admins allow in a channel. ``threshold`` is the least score at which it speaks.

    ``drafts_to``: where drafts go in mode draft; None: nowhere, because the channel is private and names no place
    of its own. ``clip``: what scores below the threshold but at least ``clip_threshold`` gets a 📎.
    """

    mode: str
    threshold: float
    wait: timedelta
    max_per_thread: int
    max_per_hour: int
    quiet_now: bool = False
    external_blocked: bool = False
    drafts_to: str | None = None
    clip: bool = False
    clip_threshold: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """All that a decision may look at.

    ``thread`` holds the conversation as it is now, ``ticket`` its state after ``message``. ``people`` maps what
    the conversation's members are called to who they are. ``external``: the channel is shared with another
    company. ``waited``: this is the second look, after WAIT. ``helped``: replies already given in this
    conversation, ``quoted``: the entries they quote; ``spoken_last_hour``: replies in this channel.
    ``rejected``: somebody voted an answer of this conversation down, or removed it.
    """

    message: Message
    thread: Thread
    ticket: Ticket
    policy: Policy
    now: datetime
    people: Mapping[str, str]
    external: bool = False
    waited: bool = False
    helped: int = 0
    quoted: frozenset[str] = frozenset()
    spoken_last_hour: int = 0
    rejected: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do about a message. ``score`` in [0, 1]; ``until`` only for WAIT."""

    action: Action
    score: float
    threshold: float
    reasons: tuple[Reason, ...]
    until: datetime | None = None
    weights: str = WEIGHTS_VERSION


def silent(name: str, text: str, *, score: float = 0.0, threshold: float = 1.0) -> Decision:
    return Decision(
        action=Action.SILENT, score=score, threshold=threshold, reasons=(Reason(name=name, text=text),)
    )


def gate(situation: Situation) -> Decision | None:
    """A reason to stay silent that needs no search, or None: the message is a candidate."""
    message, thread, policy = situation.message, situation.thread, situation.policy
    if message.role is Role.BOT:
        return silent("bot", "a bot wrote it")
    if policy.external_blocked:
        return silent("external", "the channel is shared with another company and `external` is off")
    if policy.mode == "off":
        return silent("off", "the channel's mode is off")
    if message.role is Role.ANALYST:
        return silent("analyst", "an analyst wrote it")
    if message.user != situation.ticket.asker:
        return silent("not asker", "somebody else's question is being talked about")
    if (newer := _newer_by(message, thread)) is not None:
        return silent(
            "replaced", f"the asker wrote again at {newer.at:%H:%M:%S}; that message is decided instead"
        )
    return _gate_text(situation) or _gate_people(situation)


def _gate_text(situation: Situation) -> Decision | None:
    text = situation.message.text
    if is_thanks(text):
        return silent("thanks", "it says thanks")
    if is_ack(text) or not _substantial(text):
        return silent("nothing asked", "too little is said to be a question")
    if not asks_for_help(text):
        return silent("nothing asked", "it neither asks nor reports a problem")
    return None


def _gate_people(situation: Situation) -> Decision | None:
    message = situation.message
    others = {name: user for name, user in situation.people.items() if user != message.user}
    if (addressee := addressed_to(message.text, others)) is not None:
        return silent("addressed", f"it is addressed to {addressee}")
    if situation.ticket.ended:
        return silent("solved", f"the ticket is {situation.ticket.state}")
    if situation.rejected:
        return silent("rejected", "an answer was rejected in this conversation")
    if (helper := _helper(situation)) is not None:
        return silent("person helps", f"{helper.user} spoke at {helper.at:%H:%M:%S}")
    return None


def novel(hits: Sequence[Hit], situation: Situation) -> list[Hit]:
    """The hits that were not said here already: neither quoted by us nor linked by a person."""
    said = "\n".join(message.text for message in situation.thread.messages)
    return [hit for hit in hits if hit.entry.id not in situation.quoted and not _linked(hit, said)]


def _linked(hit: Hit, said: str) -> bool:
    return any(passage.link is not None and _holds(said, passage.link) for passage in hit.entry.passages)


def _holds(said: str, link: str) -> bool:
    """Whether the link itself is in it, not a longer address that only begins alike."""
    return re.search(re.escape(link) + r"/?(?![A-Za-z0-9_/-]|\.[A-Za-z0-9])", said) is not None


def decide(situation: Situation, hits: Sequence[Hit]) -> Decision:
    """The decision for a candidate, from what was found. ``hits`` best first, without what was already said here."""
    if not hits:
        return silent("nothing known", "nothing in the knowledge fits")
    features = features_of(situation, hits)
    score = probability(features)
    reasons = _explain(features, hits[0])
    policy = situation.policy

    def outcome(action: Action, *first: Reason, until: datetime | None = None) -> Decision:
        return Decision(
            action=action, score=score, threshold=policy.threshold, reasons=(*first, *reasons), until=until
        )

    if score < policy.threshold:
        return outcome(Action.SILENT, _short_of_it(score, situation))
    if (held := _held_back(situation)) is not None:
        return outcome(Action.SILENT, held)
    if not situation.waited and policy.wait > timedelta():
        until = situation.message.at + policy.wait
        text = f"people get {policy.wait.total_seconds():.0f} s to answer first"
        if until > situation.now:
            return outcome(Action.WAIT, Reason(name="wait", text=text), until=until)
    speaking = Action.DRAFT if policy.mode == "draft" else Action.REPLY
    return outcome(speaking, Reason(name="can help", text=f"{score:.2f} reaches {policy.threshold:.2f}"))


def _short_of_it(score: float, situation: Situation) -> Reason:
    """Why a score below the threshold means silence; "clip" if it may still be offered by a 📎."""
    policy, text = situation.policy, f"{score:.2f} is below {situation.policy.threshold:.2f}"
    near = policy.clip and policy.mode == "reply" and score >= policy.clip_threshold
    if near and _held_back(situation) is None:
        return Reason(name="clip", text=f"{text} but not by far: a 📎 offers it to whoever wants it")
    return Reason(name="not sure enough", text=text)


def _held_back(situation: Situation) -> Reason | None:
    """Why it keeps quiet although it could help: manners that admins set."""
    policy = situation.policy
    if situation.helped >= policy.max_per_thread:
        return Reason(name="thread budget", text=f"{situation.helped} replies in this conversation already")
    if situation.spoken_last_hour >= policy.max_per_hour:
        return Reason(
            name="hour budget", text=f"{situation.spoken_last_hour} replies in this channel within an hour"
        )
    if policy.quiet_now:
        return Reason(name="quiet hours", text="the channel has quiet hours now")
    if policy.mode == "shadow":
        return Reason(name="shadow", text="would have replied; the channel's mode is shadow")
    if policy.mode == "draft" and policy.drafts_to is None:
        text = "would have drafted; the channel is private and names no drafts_to of its own"
        return Reason(name="private draft", text=text)
    return None


def features_of(situation: Situation, hits: Sequence[Hit]) -> dict[str, float]:
    """Named features in [0, 1] (trust: in [-1, 1])."""
    text, best = situation.message.text, hits[0]
    second = hits[1].score if len(hits) > 1 else 0.0
    return {
        "question": float(is_question(text)),
        "problem": float(is_problem_report(text)),
        "opener": float(situation.thread.opener.id == situation.message.id),
        "dense": max(best.dense, 0.0),
        "coverage": min(best.coverage, ENOUGH_COVERAGE),
        "margin": min(max(best.score - second, 0.0), ENOUGH_MARGIN),
        "code": float(_shares_code(text, best)),
        "substance": float(_substance(best) >= SUBSTANCE),
        "settled": float(best.entry.confirmed or best.entry.kind is not EntryKind.THREAD),
        "document": float(best.entry.kind is not EntryKind.THREAD),
        "trust": best.trust.mean - type(best.trust)().mean,
    }


def probability(features: Mapping[str, float]) -> float:
    """The logistic of the weighted features, in [0, 1]."""
    logit = BIAS + sum(WEIGHTS[name] * value for name, value in features.items())
    return 1.0 / (1.0 + math.exp(-logit))


_WORDS = {
    "question": "it asks",
    "problem": "it reports a problem",
    "opener": "it opens the conversation",
    "dense": "meaning close to “{title}” (cosine {value:.2f})",
    "coverage": "{value:.0%} of its words stand in the source",
    "margin": "the source leads the next one by {value:.2f}",
    "code": "an error code of it stands in the source",
    "substance": "the source says more than a few words",
    "document": "it was written for others to read",
    "trust": "thumbs on the source",
    "settled": "a document says it, or a person confirmed it",
}


def _explain(features: Mapping[str, float], best: Hit) -> tuple[Reason, ...]:
    """The features that counted, heaviest first."""
    title = best.entry.title[:80]
    reasons = [
        Reason(name=name, text=_WORDS[name].format(value=value, title=title), weight=WEIGHTS[name] * value)
        for name, value in features.items()
        if value
    ]
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.weight)))


def _newer_by(message: Message, thread: Thread) -> Message | None:
    """A later message of the same person that asks again; it stands for the whole."""
    later = [m for m in thread.messages if m.user == message.user and (m.at, m.id) > (message.at, message.id)]
    return next((m for m in later if asks_for_help(m.text)), None)


def _helper(situation: Situation) -> Message | None:
    """Another person who spoke in this conversation since the asker could expect help from us."""
    others = [
        m
        for m in situation.thread.messages
        if m.user != situation.message.user and m.role is not Role.BOT and m.text.strip()
    ]
    return others[-1] if others else None


_LETTERS = re.compile(r"[^\W\d_]{2,}|[㐀-鿿]")


def _substantial(text: str) -> bool:
    """At least four words (or eight Chinese characters): less cannot be answered without asking back."""
    found = _LETTERS.findall(text)
    return len(found) >= 4 or sum("㐀" <= piece <= "鿿" for piece in text) >= 6


def _shares_code(text: str, hit: Hit) -> bool:
    asked = error_codes(text)
    passages = (p.text for p in hit.entry.passages if p.kind is not PassageKind.DISCUSSION)
    return bool(asked) and any(asked & error_codes(passage) for passage in passages)


def _substance(hit: Hit) -> int:
    """Words of the hit's solution."""
    return sum(len(passage.text.split()) for passage in hit.entry.of(PassageKind.SOLUTION))
