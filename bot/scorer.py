"""Whether to speak: gates that silence, evidence that weighs, one score, one decision with its reasons. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bot.evidence import IN_WORDS, features_of, shares_code
from bot.manners import NAME, mentions_me, speaks_to_me
from bot.tempo import wait_for
from bot.tickets import Ticket
from bot.weighing import Weights, read_weights
from knowledge.audience import NOWHERE, Place
from knowledge.cues import addressed_to, asks_for_help, is_ack, is_thanks
from knowledge.entry import Hit
from knowledge.lexical import words
from knowledge.thread import Message, Role, Thread

TELLS = 8  # words that mean something
EQUAL = 0.05  # of the rank score
KEPT_UP = datetime.max.replace(tzinfo=UTC)  # documents have no date: somebody keeps them up
LEAST_SAID = 0.05  # of the logit: what added less is not worth a reader's line
# A person who spoke last leads the conversation; after so long nobody is at it any more.
LEAD = timedelta(minutes=30)


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
    """What the admins allow in a channel. ``threshold`` is the least score at which it speaks, ``dial`` says in words
    what it follows from.

    ``drafts_to``: where drafts go in mode draft; None: nowhere, because the channel is private and names no place
    of its own. ``drifted``: why replies are drafts for now, although the mode is reply.
    ``clip``: what scores below the threshold but at least ``clip_threshold`` gets a 📎.
    """

    mode: str
    threshold: float
    wait: timedelta
    max_per_thread: int
    max_per_hour: int
    quiet_now: bool = False
    external_blocked: bool = False
    wait_at_most: timedelta = timedelta(minutes=5)
    cool_down: timedelta = timedelta()
    dial: str = ""
    drafts_to: str | None = None
    clip: bool = False
    clip_threshold: float = 1.0
    drifted: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """What turns evidence into a score: the weights that hold everywhere and, once people voted here, the channel's.

    ``thumbs``: how much of what was said here was voted on; ``verdicts``: how much this channel's drafts and shadow
    answers were judged. Thumbs alone may only make it more careful: who was not shown an answer could not say that it
    would have been welcome. So it rises above the shipped weights by the share of verdicts in all that was judged.
    """

    prior: Weights
    channel: Weights | None = None
    thumbs: float = 0.0
    verdicts: float = 0.0

    @property
    def version(self) -> str:
        return (self.channel or self.prior).version

    @property
    def weights(self) -> Weights:
        return self.channel or self.prior

    def score(self, features: Mapping[str, float]) -> float:
        """The chance in (0, 1) that a reply would be welcome here."""
        here = self.weights.probability(features)
        careful = min(here, self.prior.probability(features))
        judged = self.thumbs + self.verdicts
        return careful + (here - careful) * (self.verdicts / judged if judged else 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """All that a decision may look at.

    ``thread`` holds the conversation as it is now, ``ticket`` its state after ``message``. ``people`` maps what
    the conversation's members are called to who they are. ``place``: where it is, and so what may
    be told there. ``waited``: this is the second look, after WAIT. ``helped``: replies already given in this
    conversation, ``quoted``: the entries they quote; ``spoken_last_hour``: replies in this channel.
    ``rejected``: somebody voted an answer of this conversation down, or removed it. ``rejected_at``: when that
    last happened in this channel, if the vote still stands. ``muted``: why nothing may be said here, if so.
    ``delays``: how long people took for their first answers in this channel lately. ``parts``: the conversations
    that the asker opened and those of others that he joined. ``only_learnt``: that the author is an analyst is only
    concluded from who answers whom; he may well ask for himself. ``scale``: what weighs the evidence in this channel.
    ``direct``: it is a direct message to us. ``resumed``: we answered its author here just now, because he asked us.
    """

    message: Message
    thread: Thread
    ticket: Ticket
    policy: Policy
    now: datetime
    people: Mapping[str, str]
    place: Place = NOWHERE
    waited: bool = False
    helped: int = 0
    quoted: frozenset[str] = frozenset()
    spoken_last_hour: int = 0
    rejected: bool = False
    parts: tuple[int, int] = (0, 0)
    only_learnt: bool = False
    scale: Scale = field(default_factory=lambda: Scale(prior=read_weights()))
    rejected_at: datetime | None = None
    muted: str | None = None
    direct: bool = False
    resumed: bool = False
    delays: tuple[timedelta, ...] = ()
    out_of_reach: str | None = None

    @property
    def asked(self) -> bool:
        """Whether the message asks us by name; else what we say is unasked."""
        return mentions_me(self.message.text)

    @property
    def addressed(self) -> bool:
        """Whether a person says it to us: then he gets an answer, whatever the dial says."""
        return self.message.role is not Role.BOT and (self.asked or self.direct)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do about a message. ``score`` in [0, 1]; ``until`` only for WAIT; ``weights`` is their version, and
    ``features`` what they weighed, so that the decision can be judged anew when they change."""

    action: Action
    score: float
    threshold: float
    reasons: tuple[Reason, ...]
    until: datetime | None = None
    weights: str = ""
    features: Mapping[str, float] = field(default_factory=dict)


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
    if situation.muted is not None:
        return silent("muted", situation.muted)
    if message.role is Role.ANALYST and not situation.only_learnt:
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
    opens = situation.thread.opener.id == situation.message.id
    # "Thanks in advance!" ends a question; there is nothing yet to thank for.
    if is_thanks(text) and not opens:
        return silent("thanks", "it says thanks")
    if is_ack(text) or not _substantial(text):
        return silent("nothing asked", "too little is said to be a question")
    if not asks_for_help(text) and not (opens and _tells(text)):
        return silent("nothing asked", "it neither asks nor reports a problem")
    return None


def _gate_people(situation: Situation) -> Decision | None:
    message = situation.message
    others = {
        name: user
        for name, user in situation.people.items()
        if user != message.user and name.casefold() != NAME
    }
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


def newest_first(hits: Sequence[Hit], question: str) -> list[Hit]:
    """The hits, but of those about the very error of ``question`` that are as near as the best one the newest first.

    Two answers to one error that are a hair apart often contradict each other; then the later one knows more.
    """
    if not hits or not shares_code(question, hits[0]):
        return list(hits)
    equal = [hit for hit in hits if hits[0].score - hit.score <= EQUAL and shares_code(question, hit)]
    dated = sorted(equal, key=lambda hit: hit.entry.known_from or KEPT_UP, reverse=True)
    return [*dated, *(hit for hit in hits if hit not in equal)]


def _linked(hit: Hit, said: str) -> bool:
    return any(passage.link is not None and _holds(said, passage.link) for passage in hit.entry.passages)


def _holds(said: str, link: str) -> bool:
    """Whether the link itself is in it, not a longer address that only begins alike."""
    return re.search(re.escape(link) + r"/?(?![A-Za-z0-9_/-]|\.[A-Za-z0-9])", said) is not None


def decide(situation: Situation, hits: Sequence[Hit]) -> Decision:
    """The decision for a candidate, from what was found. ``hits`` best first, without what was already said here."""
    if not hits:
        return silent("nothing known", "nothing in the knowledge fits")
    features = features_of(
        situation.message,
        situation.thread,
        hits,
        now=situation.now,
        helped=situation.helped,
        parts=situation.parts,
    )
    score = situation.scale.score(features)
    reasons = (*_explain(features, hits[0], situation.scale.weights), *_dial(situation))
    policy = situation.policy

    def outcome(action: Action, *first: Reason, until: datetime | None = None) -> Decision:
        return Decision(
            action=action,
            score=score,
            threshold=policy.threshold,
            reasons=(*first, *reasons),
            until=until,
            weights=situation.scale.version,
            features=features,
        )

    if score < policy.threshold:
        return outcome(Action.SILENT, _short_of_it(score, situation))
    if (held := _held_back(situation)) is not None:
        return outcome(Action.SILENT, held)
    if (until := situation.message.at + _wait(situation)) > situation.now and not situation.waited:
        return outcome(Action.WAIT, _waiting(situation), until=until)
    if policy.mode == "shadow":
        text = "would have replied; the channel's mode is shadow"
        return outcome(Action.SILENT, Reason(name="shadow", text=text))
    if policy.drifted is not None:
        return outcome(Action.SILENT if policy.drafts_to is None else Action.DRAFT, _drifted(policy.drifted))
    speaking = Action.DRAFT if policy.mode == "draft" else Action.REPLY
    return outcome(speaking, Reason(name="can help", text=f"{score:.2f} reaches {policy.threshold:.2f}"))


def _drifted(why: str) -> Reason:
    """Why a reply is a draft, or silence where no drafts_to takes one."""
    return Reason(name="drift", text=f"replies are drafts for now: {why}")


def _short_of_it(score: float, situation: Situation) -> Reason:
    """Why a score below the threshold means silence; "clip" if it may still be offered by a 📎."""
    policy, text = situation.policy, f"{score:.2f} is below {situation.policy.threshold:.2f}"
    near = policy.clip and policy.mode == "reply" and score >= policy.clip_threshold
    if near and _held_back(situation) is None:
        return Reason(name="clip", text=f"{text} but not by far: a 📎 offers it to whoever wants it")
    return Reason(name="not sure enough", text=text)


def _wait(situation: Situation) -> timedelta:
    """How long people get to answer first; who asks us by name does not wait for them."""
    policy = situation.policy
    if situation.asked:
        return timedelta()
    return wait_for(situation.delays, policy.wait, policy.wait_at_most)


def _waiting(situation: Situation) -> Reason:
    wait = _wait(situation)
    if wait == situation.policy.wait:
        text = f"people get {wait.total_seconds():.0f} s to answer first"
    else:
        text = f"people here usually answer within {wait.total_seconds():.0f} s"
    return Reason(name="wait", text=text)


def _cooling(situation: Situation) -> datetime | None:
    """Until when the channel keeps quiet after a rejection; None if it does not."""
    if situation.rejected_at is None or situation.asked:
        return None
    until = situation.rejected_at + situation.policy.cool_down
    return until if until > situation.now else None


def _held_back(situation: Situation) -> Reason | None:
    """Why it keeps quiet although it could help: manners that admins set."""
    policy = situation.policy
    if situation.helped >= policy.max_per_thread:
        return Reason(name="thread budget", text=f"{situation.helped} replies in this conversation already")
    if situation.spoken_last_hour >= policy.max_per_hour:
        return Reason(
            name="hour budget", text=f"{situation.spoken_last_hour} replies in this channel within an hour"
        )
    if (until := _cooling(situation)) is not None:
        return Reason(
            name="cool-down", text=f"an answer was rejected in this channel; quiet until {until:%H:%M:%S}"
        )
    if policy.quiet_now and not situation.asked:
        return Reason(name="quiet hours", text="the channel has quiet hours now")
    if policy.mode == "draft" and policy.drafts_to is None and policy.drifted is None:
        text = "would have drafted; the channel is private and names no drafts_to of its own"
        return Reason(name="private draft", text=text)
    return None


def _dial(situation: Situation) -> tuple[Reason, ...]:
    """What the threshold follows from, with how much it rests on."""
    if not situation.policy.dial:
        return ()
    scale = situation.scale
    here = f"in this channel {scale.thumbs:g} thumbs and {scale.verdicts:g} verdicts"
    return (Reason(name="dial", text=f"{situation.policy.dial}; {here}"),)


def _explain(features: Mapping[str, float], best: Hit, weights: Weights) -> tuple[Reason, ...]:
    """The features that counted, heaviest first."""
    title = best.entry.title[:80]
    reasons = [
        Reason(
            name=name,
            text=IN_WORDS[name].format(value=value, title=title),
            weight=weights.weights.get(name, 0.0) * value,
        )
        for name, value in features.items()
    ]
    counted = [reason for reason in reasons if abs(reason.weight) >= LEAST_SAID]
    return tuple(sorted(counted, key=lambda reason: -abs(reason.weight)))


def _newer_by(message: Message, thread: Thread) -> Message | None:
    """A later message of the same person that asks again; it stands for the whole."""
    later = [m for m in thread.messages if m.user == message.user and (m.at, m.id) > (message.at, message.id)]
    return next((m for m in later if asks_for_help(m.text)), None)


def _helper(situation: Situation) -> Message | None:
    """The person who leads this conversation: the last one besides the asker who spoke in it.

    Who answered what is asked now leads. Who answered before leads until LEAD has passed without another word:
    then nobody reacts to the asker any more, and what he asks since is ours to look at.
    """
    others = [
        m
        for m in situation.thread.messages
        if m.user != situation.message.user
        and m.role is not Role.BOT
        and m.text.strip()
        and not speaks_to_me(m.text)
    ]
    if not others:
        return None
    last = others[-1]
    answered = (last.at, last.id) > (situation.message.at, situation.message.id)
    return last if answered or situation.now - last.at <= LEAD else None


_LETTERS = re.compile(r"[^\W\d_]{2,}|[㐀-鿿]")


def _tells(text: str) -> bool:
    """Whether it says enough to be a question in words that no cue knows; the score decides whether it is one."""
    return len(words(text)) >= TELLS


def _substantial(text: str) -> bool:
    """At least four words (or eight Chinese characters): less cannot be answered without asking back."""
    found = _LETTERS.findall(text)
    return len(found) >= 4 or sum("㐀" <= piece <= "鿿" for piece in text) >= 6
