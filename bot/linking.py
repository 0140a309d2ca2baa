"""Which earlier message a top-level message answers, or none: a linear model over named features. Pure.

For each earlier message, and for "none of them", the features are weighed and the sums turned into shares (softmax).
The weights stand in ``bot/weights/conversations.json`` with how they came about (`python -m benchmarks
train_conversations`). No embedding: place in the row, names, who spoke to whom, the kind of line, shared words.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from operator import mul

from knowledge.cues import addressed_to, asks_for_help, is_ack, is_question, says_thanks
from knowledge.lexical import STOP_WORDS, words
from knowledge.thread import Message

# What is looked at in an earlier message ("it") for the new one. "Own": the same person said both.
PAIR = (
    "distance",  # log2 of its place, counted from the newest (1)
    "last",  # it is the newest
    "last but one",
    "own",
    "own latest",  # the newest of the person's own
    "own last",  # own, and nobody spoke since
    "own distance",
    "other's latest",  # the newest of its author, not own
    "addressed",  # the new message is said to its author
    "addressed latest",
    "addressed distance",
    "addressed, it asks",
    "addressed elsewhere",  # the new message is said to somebody else
    "own, same addressee",
    "own, other addressee",
    "own, it addressed, this not",
    "to me",  # it was said to the person who speaks now
    "to me latest",
    "to me, this addresses nobody",
    "mutual",  # each is said to the other's author
    "to another",  # it was said to a third person
    "names its author",
    "names me",
    "partner",  # its author and this person spoke to each other before
    "partner latest",
    "question, no question",  # it asks, this does not; not own
    "open question",  # the same, and nobody else has spoken in its conversation since
    "both ask",  # not own
    "own question",  # own: it asks, this does not
    "own both ask",
    "thanks for it",  # this thanks; not own
    "thanks, to me",
    "ack of it",  # this says little more than ok; not own
    "it is an ack",
    "it thanks",
    "it greets",
    "both greet",
    "shared words",
    "shared rarest",
    "own shared words",
    "I take part",  # this person spoke in its conversation; it is not own
    "I began it",
    "latest of its conversation",
    "age of its conversation",  # log2 of the place of the newest message there
    "addressee takes part",  # who is addressed spoke in its conversation; he is not its author
    "nobody replied",  # one person alone in its conversation, not own
    "speakers",  # in its conversation, beyond the first, up to 4
    "newcomer",  # this person has not spoken lately, it asks
    "newcomer, last",
    "far",  # its place, counted from the newest, in tens
    "my conversation",  # that of this person's newest message; not own
    "latest of my conversation",
    "own latest, last of its conversation",
    "to me, since I spoke",
    "asks me, this does not ask",
    "partner, since I spoke",
    "same addressee",  # both are said to the same third person; not own
    "addressee's conversation",  # that of the newest message of who is addressed; he did not write it
    "goes on, own last",  # this begins with "and", "but", "because", "it", …
    "goes on, other last",
    "its length",  # log2 of its words, not own
    "its author went on",  # the same person spoke again after it, not own
    "asks, its author went on",  # not own
    "little said",  # fewer than two words that count; not own
    "addressed, since I spoke",
    "mutual, since I spoke",
    "partner, to another",
    "partner asks, since I spoke",
    "own latest, addressed since",  # somebody spoke to this person after it
    "own latest, partner since",
    "own latest, addressee since",  # who is addressed spoke after it
    "own last, asks",  # this asks
    "last, pace",  # this asks nothing
    "distance, pace",  # this asks nothing
)
# What speaks for a conversation of its own.
NONE = (
    "none",
    "none: new here",
    "none: asks",
    "none: question",
    "none: new here and asks",
    "none: greets",
    "none: thanks",
    "none: ack",
    "none: addresses somebody",
    "none: calls somebody unknown",
    "none: length",
    "none: own distance",
    "none: own last",
    "none: has partners",
    "none: was addressed",  # by somebody since this person spoke last
    "none: goes on",  # begins with "and", "but", "because", "it", …
    "none: open question",  # the newest message asks, this does not; not own
    "none: shared words",
    "none: few before",
    "none: minutes, asks nothing",  # log2 of 1 + minutes of silence, where nobody is addressed
    "none: pace, asks nothing",  # log2 of 1 + minutes from message to message lately, up to 2
)
MOST = 50  # earlier messages looked at
Names = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Which earlier message is answered, and how sure that is.

    ``shares``: the probability of each earlier message, in their order; ``none``: that it answers none of them.
    ``to``: who of those that spoke before is addressed by name.
    """

    parent: Message | None
    shares: tuple[float, ...]
    none: float
    to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """Weights by feature name, and how they came about."""

    name: str
    version: int
    data: str
    metrics: Mapping[str, float]
    weights: Mapping[str, float]


# ---- what one text shows ----------------------------------------------------------------------------------

_GREETS = re.compile(
    r"^\W*(?:hi|hey|hello|hallo|good (?:morning|evening|day)|morning|yo)\b|^\W*(?:你好|您好|大家好|早上好)",
    re.I,
)
_GOES_ON = re.compile(
    r"^\W*(?:and|but|so|or|because|cause|also|then|it|that|this|which|yes|yeah|yep|no|nope|ok|oh|ah|well|i mean)\b"
    r"|^\W*(?:但是|不过|而且|所以|因为|还有|然后|另外|是的|对|嗯|好的)",
    re.IGNORECASE,
)
_AT = re.compile(r"<@([^>|\s]+)|(?<![\w@])@([\w.\-\[\]|^`{}]+)")
_CALL = re.compile(r"\s*([^\s:,，：<@]{2,32})\s*[:：,，>]")
_PIECE = re.compile(r"[^\s:,;!?()\"'，。！？：；、]{2,32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """What one text shows by itself."""

    calls: tuple[str, ...]  # what it may call people, in small letters, the surest first
    edges: tuple[str, ...]  # its first and last word
    pieces: frozenset[str]
    words: frozenset[str]
    asks: bool
    question: bool
    thanks: bool
    ack: bool
    greets: bool
    goes_on: bool
    length: float


@lru_cache(maxsize=4096)
def _line(text: str) -> _Line:
    short = text[:600]  # a pasted log says nothing more about where it belongs
    lowered = short.lower()
    pieces = _PIECE.findall(lowered)
    called = [head or name for head, name in _AT.findall(lowered)]
    call = _CALL.match(lowered)
    found = words(short)
    return _Line(
        calls=(*([call[1]] if call else []), *called),
        edges=tuple(piece for piece in (*pieces[:1], *pieces[-1:]) if piece not in STOP_WORDS),
        pieces=frozenset(pieces),
        words=frozenset(found),
        asks=asks_for_help(short),
        question=is_question(short),
        thanks=says_thanks(short),
        ack=is_ack(short),
        greets=_GREETS.match(short) is not None,
        goes_on=_GOES_ON.match(short) is not None,
        length=math.log2(1 + len(found)),
    )


def _rarity(word: str) -> float:
    """How telling a shared word is, without a corpus: long ones, numbers and identifiers are rarer."""
    if word[0] > "\u2e80":  # Chinese: a pair of characters
        return 0.7
    odd = any(not sign.isalpha() for sign in word)
    return min(len(word), 10) / 10 + (0.5 if odd and len(word) > 2 else 0.0)


# ---- who is around ----------------------------------------------------------------------------------------


def _called(names: Names, recent: Sequence[Message]) -> dict[str, str]:
    """What those who spoke are called, in small letters -> who they are; first names where only one has it."""
    users = {message.user for message in recent}
    names = {name: user for name, user in names.items() if user in users}
    firsts: dict[str, set[str]] = {}
    for name, user in names.items():
        firsts.setdefault(name.split(" ")[0].lower(), set()).add(user)
    alone = {first: min(users) for first, users in firsts.items() if len(users) == 1}
    bare = {user.rpartition("/")[2].lower(): user for user in sorted(users)}
    return {**alone, **{name.lower(): user for name, user in names.items()}, **bare}


def _addressee(line: _Line, user: str, called: Mapping[str, str]) -> str | None:
    for name in (*line.calls, *line.edges):
        who = called.get(name)
        if who is not None and who != user:
            return who
    return None


class _Scene:
    """What the earlier messages and the new one show together; made once for each new message."""

    def __init__(self, message: Message, recent: Sequence[Message], names: Names) -> None:
        self.message, self.recent = message, recent
        self.called = called = _called(names, recent)
        self.line = _line(message.text)
        self.lines = [_line(earlier.text) for earlier in recent]
        self.me = me = message.user
        self.to = _addressee(self.line, me, called) or _exactly(message, names, recent)
        self.named = {called[piece] for piece in self.line.pieces & called.keys()} - {me}
        self.tos = [
            _addressee(line, said.user, called) for line, said in zip(self.lines, recent, strict=True)
        ]
        self.latest = {said.user: place for place, said in enumerate(recent)}
        self.newest_in = {said.thread: place for place, said in enumerate(recent)}
        self.speakers: dict[str, list[str]] = {}
        for said in recent:
            inside = self.speakers.setdefault(said.thread, [])
            if said.user not in inside:
                inside.append(said.user)
        self.partners = {to for to, said in zip(self.tos, recent, strict=True) if said.user == me and to}
        self.partners |= {said.user for to, said in zip(self.tos, recent, strict=True) if to == me}
        self.to_me = max((place for place, to in enumerate(self.tos) if to == me), default=-1)
        self.partner_at = max((self.latest.get(user, -1) for user in self.partners), default=-1)
        self.shared = self._shared()
        self.my_names = {name for name, user in called.items() if user == me}
        self.own = self.latest.get(me, -1)
        self.my_home = self.home_of(me)
        self.new_here = self.own < 0
        minutes = max((recent[-1].at - recent[0].at).total_seconds(), 0.0) / 60
        self.pace = min(math.log2(1 + minutes / len(recent)), 2.0)

    def home_of(self, user: str) -> str | None:
        """The conversation of the user's newest message."""
        place = self.latest.get(user)
        return None if place is None else self.recent[place].thread

    def _shared(self) -> list[list[float]]:
        """For each earlier message what the words it shares with the new one tell: rare and in few messages."""
        mine = self.line.words - self.called.keys()
        common = [mine & line.words if mine else frozenset() for line in self.lines]
        seen: dict[str, int] = {}
        for found in common:
            for word in found:
                seen[word] = seen.get(word, 0) + 1
        return [[_rarity(word) / math.sqrt(seen[word]) for word in sorted(found)] for found in common]


def _exactly(message: Message, names: Names, recent: Sequence[Message]) -> str | None:
    """Who is addressed by a name that is no single word: "@Ann Ash", "@张伟你好"."""
    if "@" not in message.text:
        return None
    users = {said.user for said in recent} - {message.user}
    return addressed_to(message.text, {name: user for name, user in names.items() if user in users})


# ---- features ---------------------------------------------------------------------------------------------


def pair_features(scene: _Scene, place: int) -> tuple[float, ...]:
    """The features of the earlier message at ``place``, in the order of PAIR."""
    it, its, line = scene.recent[place], scene.lines[place], scene.line
    me, to, its_to = scene.me, scene.to, scene.tos[place]
    author, home = it.user, it.thread
    own, other = author == me, author != me
    away = len(scene.recent) - place
    distance = math.log2(away)
    latest = scene.latest[author] == place
    addressed = to == author
    to_me = its_to == me
    partner = author in scene.partners
    shared = scene.shared[place]
    amount = min(sum(shared), 3.0)
    inside = scene.speakers[home]
    newest = scene.newest_in[home]
    pace = 0.0 if line.asks else scene.pace
    answerable = other and its.asks and not line.asks
    return (
        distance,
        away == 1,
        away == 2,
        own,
        own and latest,
        own and away == 1,
        own * distance,
        other and latest,
        addressed,
        addressed and latest,
        addressed * distance,
        addressed and its.asks,
        to is not None and not addressed and other,
        own and to is not None and its_to == to,
        own and to is not None and its_to != to,
        own and to is None and its_to is not None,
        to_me,
        scene.to_me == place,
        to_me and to is None,
        addressed and to_me,
        its_to is not None and not to_me and other,
        author in scene.named,
        other and not its.pieces.isdisjoint(scene.my_names),
        partner,
        partner and latest,
        answerable,
        answerable and (len(inside) == 1 or newest == place),
        other and its.asks and line.asks,
        own and its.asks and not line.asks,
        own and its.asks and line.asks,
        other and line.thanks,
        line.thanks and to_me,
        other and line.ack,
        its.ack,
        its.thanks,
        its.greets,
        its.greets and line.greets,
        amount,
        max(shared, default=0.0),
        own * amount,
        other and me in inside,
        other and inside[0] == me,
        newest == place,
        math.log2(len(scene.recent) - newest),
        to is not None and other and not addressed and to in inside,
        other and len(inside) == 1,
        min(len(inside) - 1, 4),
        scene.new_here and its.asks,
        scene.new_here and away == 1,
        away / 10,
        other and home == scene.my_home,
        other and home == scene.my_home and newest == place,
        own and latest and newest == place,
        to_me and place > scene.own,
        to_me and its.asks and not line.asks,
        partner and place > scene.own,
        other and to is not None and its_to == to,
        other and not addressed and to is not None and home == scene.home_of(to),
        line.goes_on and own and away == 1,
        line.goes_on and other and away == 1,
        other * its.length,
        other and not latest,
        other and its.asks and not latest,
        other and its.length < 1.5,
        addressed and place > scene.own,
        addressed and to_me and place > scene.own,
        partner and its_to is not None and not to_me,
        partner and its.asks and place > scene.own,
        own and latest and scene.to_me > place,
        own and latest and scene.partner_at > place,
        own and latest and to is not None and scene.latest.get(to, -1) > place,
        own and away == 1 and line.asks,
        (away == 1) * pace,
        distance * pace,
    )


def none_features(scene: _Scene) -> tuple[float, ...]:
    """What speaks for a conversation of its own, in the order of NONE."""
    line, recent, me = scene.line, scene.recent, scene.me
    own = scene.latest.get(me, -1)
    newest, its = recent[-1], scene.lines[-1]
    silence = max((scene.message.at - newest.at).total_seconds(), 0.0) / 60
    quiet = math.log2(1 + silence) if scene.to is None else 0.0
    return (
        1,
        scene.new_here,
        line.asks,
        line.question,
        scene.new_here and line.asks,
        line.greets,
        line.thanks,
        line.ack,
        scene.to is not None,
        scene.to is None and bool(line.calls),
        line.length,
        math.log2(len(recent) - own) if own >= 0 else 0,
        own == len(recent) - 1,
        bool(scene.partners),
        scene.to_me > own,
        line.goes_on,
        newest.user != me and its.asks and not line.asks,
        max((min(sum(shared), 3.0) for shared in scene.shared), default=0.0),
        1 / (1 + len(recent)),
        0.0 if line.asks else quiet,
        0.0 if line.asks else scene.pace,
    )


def features(
    message: Message, recent: Sequence[Message], names: Names
) -> tuple[list[tuple[float, ...]], tuple[float, ...]]:
    """The features of each of ``recent`` (not empty, at most MOST), and those of none of them."""
    return _features(_Scene(message, recent, names))


def _features(scene: _Scene) -> tuple[list[tuple[float, ...]], tuple[float, ...]]:
    return [pair_features(scene, place) for place in range(len(scene.recent))], none_features(scene)


# ---- the model --------------------------------------------------------------------------------------------


def link(message: Message, recent: Sequence[Message], names: Names, model: Model) -> Link:
    """Which of the earlier messages (oldest first, ``thread`` being their conversation) is answered."""
    recent = recent[-MOST:]
    if not recent:
        return Link(parent=None, shares=(), none=1.0)
    scene = _Scene(message, recent, names)
    pairs, none = _features(scene)
    pair_weights = [model.weights[name] for name in PAIR]
    none_weights = [model.weights[name] for name in NONE]
    sums = [sum(map(mul, row, pair_weights)) for row in pairs]
    shares = _softmax([*sums, sum(map(mul, none, none_weights))])
    best = max(range(len(shares)), key=lambda place: (shares[place], place))
    parent = None if best == len(recent) else recent[best]
    return Link(parent=parent, shares=tuple(shares[:-1]), none=shares[-1], to=scene.to)


def _softmax(sums: Sequence[float]) -> list[float]:
    top = max(sums)
    grown = [math.exp(value - top) for value in sums]
    whole = math.fsum(grown)
    return [value / whole for value in grown]


def read_model(text: str) -> Model:
    """The model of a weights file. Raises ValueError if a feature has no weight or a weight no feature."""
    data = json.loads(text)
    odd = set(data["weights"]) ^ {*PAIR, *NONE}
    if odd:
        raise ValueError(f"weights do not fit the features: {sorted(odd)}; train them again")
    return Model(**data)


@lru_cache(maxsize=1)
def model() -> Model:
    """The weights of this version."""
    return read_model(files("bot").joinpath("weights", "conversations.json").read_text(encoding="utf-8"))
