"""The cases that the scorer is trained and judged on: every message of a recording with what a decision weighed.

A recording is played once in shadow, so that nothing Earshot says changes what follows, by the same code as live. What
is weighed does not depend on the scorer's weights, so one play serves all of them (the shipped ones only say which
messages wait for people first); it is kept until the code changes.

Certain classes, and what each is a proxy for:

* ``linked``: an opener that a person answered by linking an earlier thread (labels/*.links). Proxy for: past knowledge
  holds the answer, so a reply was wanted. Other answerable openers exist unlabelled.
* ``accepted``: an opener one of whose replies its author later accepted (labels/*.accepted). Proxy for: help was
  wanted; not for: the past knew.
* ``foreign``: a question put to the knowledge of another community. Certain: that knowledge cannot answer.
* ``answered``: a question or problem report in a thread after the accepted answer or the linking answer. Proxy for: the
  need is over.
* ``asked back``: a question by somebody else than the thread's author in a thread that people answered. Proxy for: a
  helper wants to know more, not help.
* ``addressed``: a message that asks and begins with the mention of another person of its thread (typed as a mention, so
  nothing is guessed). Proxy for: one named person talks to another.
* ``judged``: what Earshot would have said, read one by one by a language model with a written rule (judgements.jsonl):
  2 helps, 1 useful, 0 unwelcome. Proxy for: what an analyst would think of it.
"""

import asyncio
import hashlib
import json
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bot.app import open_database
from bot.config import Config
from bot.learning import learn_path
from bot.replay import Outcome, replay
from bot.weighing import SHIPPED
from knowledge.cues import asks_for_help
from knowledge.embed import Embedder
from knowledge.entry import WORKSPACE
from knowledge.recordings import Recording, read_recording
from knowledge.search import Knowledge
from knowledge.thread import Message

SHARED = Path(__file__).parents[2] / "shared" / "data"
RANKING_WITHOUT_URHO3D = Path(__file__).parent / "ranking_without_urho3d.json"
PRACTICE = Path(__file__).parents[1] / "bot" / "practice"
JUDGEMENTS = Path(__file__).parent / "judgements.jsonl"
PACKAGES = (Path(__file__).parents[1] / "bot", Path(__file__).parents[1] / "knowledge")

# Community -> how many of its messages are played, and whose knowledge its questions are put to as `foreign`.
COMMUNITIES: Mapping[str, int] = {
    "redash": 14_066,
    "urho3d": 12_000,
    "ncar": 6_616,
    "racket-2018": 9_709,
    "rust-2018-2019": 5_000,
    "gitter-dev": 3_149,
}
FOREIGN = {
    "redash": "urho3d",
    "urho3d": "redash",
    "ncar": "redash",
    "racket-2018": "rust-2018-2019",
    "rust-2018-2019": "racket-2018",
    "gitter-dev": "ncar",
}
FOREIGN_QUESTIONS = 200
POSITIVE = frozenset({"linked", "accepted"})
NEGATIVE = frozenset({"foreign", "answered", "asked back", "addressed"})
LABELS = ("linked", "accepted", "foreign", "answered", "asked back", "addressed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A message and what was weighed; ``features`` are empty where a gate kept silent without a search.

    ``best`` is the origin of the best source, ``entry`` its id; ``text`` only for baselines that read.
    """

    community: str
    id: str
    thread: str
    text: str
    reason: str
    features: Mapping[str, float]
    best: str = ""
    entry: str = ""
    label: str = ""


def cases_of(name: str, embedder: Embedder, folder: Path) -> list[Case]:
    """Every message of a community as a case, labelled where a class is certain, then the foreign questions."""
    first = COMMUNITIES[name]
    key = hashlib.sha256(f"{_code()} {embedder.fingerprint} {name} {first}".encode()).hexdigest()[:16]
    kept = folder / f"cases-{name}-{key}.jsonl"
    if kept.is_file():
        with kept.open(encoding="utf-8") as lines:  # not splitlines(): people also write U+2028
            return [Case(**json.loads(line)) for line in lines]
    recording = read_recording(SHARED / "channels" / f"{name}.jsonl")
    recording = replace(recording, messages=recording.messages[:first], order=recording.order[:first])
    played = list(_played(name, recording, embedder))
    found = [*played, *_foreign(name, embedder, folder, {case.id: case for case in played})]
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text("".join(json.dumps(asdict(case)) + "\n" for case in found), encoding="utf-8")
    return found


def _code() -> str:
    """Of everything that decides what is weighed."""
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _played(name: str, recording: Recording, embedder: Embedder) -> Iterator[Case]:
    labels = dict(_labels(name, recording.messages))
    config = Config.model_validate({**_NOWHERE, **_SHADOW, **ranked_without(name)})
    outcomes = _shadow(recording, config, embedder, name)
    said = {message.id: message for message in recording.messages}
    for outcome in outcomes:
        message = said[outcome.id]
        yield _case(name, message, outcome, labels.get(message.id, ""))


def _case(name: str, message: Message, outcome: Outcome, label: str) -> Case:
    return Case(
        community=name,
        id=message.id,
        thread=message.thread or message.id,
        text=message.text,
        reason=outcome.reason_names[0],
        features=outcome.features,
        best=outcome.best,
        entry=outcome.entry,
        label=label,
    )


def ranked_without(name: str) -> dict[str, str]:
    """Settings under which sources are ordered by weights that were fitted without a community.

    The shipped ones were fitted on urho3d alone, so only that community needs others.
    """
    if name != "urho3d":
        return {}
    scorer = json.loads(SHIPPED.read_text(encoding="utf-8"))
    scorer["ranking"] = json.loads(RANKING_WITHOUT_URHO3D.read_text(encoding="utf-8"))["weights"]
    path = Path(tempfile.mkdtemp(prefix="earshot-weights-")) / "without-urho3d.json"
    path.write_text(json.dumps(scorer), encoding="utf-8")
    return {"weights": str(path)}


_NOWHERE = {"store": "sqlite:////nonexistent/none.db"}
_SHADOW = {"defaults": {"mode": "shadow"}}


def _shadow(recording: Recording, config: Config, embedder: Embedder, name: str) -> Sequence[Outcome]:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=len(recording.messages))
        report = asyncio.run(
            replay(recording, config, embedder, lambda done, _all, _what: bar.update(task, completed=done))
        )
    return report.outcomes


# ---- what is certain


def _labels(name: str, messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    threads: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        threads[message.thread or message.id].append(message)
    return labels_in(threads, _links(name), accepted_in(name))


def labels_in(
    threads: Mapping[str, Sequence[Message]],
    links: Mapping[str, frozenset[str]],
    accepted: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """(message id, class); of several classes of a message the last one counts."""
    for thread, said in threads.items():
        yield from _asked_back(said)
        yield from _addressed(said)
        yield from _answered(said, links.get(thread, frozenset()), accepted.get(thread))
        if thread in links:
            yield said[0].id, "linked"
        elif thread in accepted:
            yield said[0].id, "accepted"


def _rows(label: str) -> list[dict[str, Any]]:
    path = SHARED / "labels" / f"{label}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _asked_back(said: Sequence[Message]) -> Iterator[tuple[str, str]]:
    asker = said[0].user
    for message in said[1:]:
        if message.user != asker and asks_for_help(message.text) and message.text.rstrip().endswith("?"):
            yield message.id, "asked back"


_MENTION_FIRST = re.compile(r"^\s*(?:@\*\*(?P<zulip>[^*|]+)|<@(?P<slack>[^>|]+)|@(?P<plain>[\w.-]+))")


def _addressed(said: Sequence[Message]) -> Iterator[tuple[str, str]]:
    users = {message.user.casefold() for message in said}
    for message in said:
        found = _MENTION_FIRST.match(message.text)
        name = next((given for given in found.groups() if given), "").casefold() if found else ""
        if name in users - {message.user.casefold()} and asks_for_help(message.text):
            yield message.id, "addressed"


def _answered(
    said: Sequence[Message], earlier: frozenset[str], solution: str | None
) -> Iterator[tuple[str, str]]:
    over = False
    for message in said[1:]:
        if over and asks_for_help(message.text):
            yield message.id, "answered"
        linking = message.user != said[0].user and any(_names(message.text, one) for one in earlier)
        over = over or message.id == solution or linking


def _names(text: str, thread: str) -> bool:
    """Whether a text links a forum thread called ``NAME-NUMBER``."""
    return re.search(rf"/{re.escape(thread.rsplit('-', 1)[-1])}(?:\D|$)", text) is not None


# ---- questions put to another community's knowledge

# What says who asks, not what is known: it is taken from the question as it was asked at home.
OF_THE_ASKER = ("helper",)


def _foreign(name: str, embedder: Embedder, folder: Path, home: Mapping[str, Case]) -> Iterator[Case]:
    """Questions of a community, spread over the later half of another's time, put to what that one knew by then."""
    other = FOREIGN[name]
    said = read_recording(SHARED / "channels" / f"{other}.jsonl").messages[: COMMUNITIES[other]]
    asked = _openers(read_recording(SHARED / "channels" / f"{name}.jsonl").messages[: COMMUNITIES[name]])
    chosen = random.Random(20).sample(asked, min(FOREIGN_QUESTIONS, len(asked)))
    begun, half = said[0].at, (said[-1].at - said[0].at) / 2
    moved = [
        _alone(message, begun + half + half * place / len(chosen)) for place, message in enumerate(chosen)
    ]
    recording = Recording(messages=tuple(moved), channels={}, people={}, skipped=(), order=())
    store = _taught(other, said, embedder, folder)
    config = Config.model_validate({"store": f"sqlite:///{store}", **_SHADOW, **ranked_without(name)})
    by_id = {message.id: message for message in moved}
    for outcome in _shadow(recording, config, embedder, f"{name} asks {other}"):
        case = _case(name, by_id[outcome.id], outcome, "foreign")
        own = home[case.id.removeprefix("foreign/")].features
        known = {key: own[key] for key in OF_THE_ASKER if key in own and case.features}
        yield replace(case, features={**case.features, **known})


def _openers(messages: Iterable[Message]) -> list[Message]:
    first: dict[str, Message] = {}
    for message in messages:
        first.setdefault(message.thread or message.id, message)
    return [message for message in first.values() if asks_for_help(message.text)]


def _alone(message: Message, at: datetime) -> Message:
    return replace(message, id=f"foreign/{message.id}", thread="", channel=f"foreign/{message.id}", at=at)


def _taught(name: str, said: Sequence[Message], embedder: Embedder, folder: Path) -> Path:
    """A store that knows the closed threads of a community."""
    path = folder / f"taught-{name}-{_code()[:16]}.db"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    source, unfinished = path.with_suffix(".jsonl"), path.with_suffix(".part")
    source.write_text("\n".join(_line(message) for message in said) + "\n", encoding="utf-8")
    unfinished.unlink(missing_ok=True)
    database = open_database(f"sqlite:///{unfinished}", durable=False)
    asyncio.run(_teach(Knowledge(database, embedder, None), source))
    database.copy_to(path)
    database.close()
    return path


async def _teach(knowledge: Knowledge, *sources: Path) -> None:
    await knowledge.open()
    for source in sources:
        await learn_path(knowledge, source, WORKSPACE, timedelta(days=7), lambda *_: None)
    await knowledge.close()


def _line(message: Message) -> str:
    row = {key: getattr(message, key) for key in ("channel", "thread", "id", "user", "text")}
    return json.dumps({**row, "at": message.at.isoformat(), "role": message.role}, ensure_ascii=False)


# ---- what was judged one by one


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """``verdict`` 2, 1 or 0 of what the best source offers for a message: ``entry``, learnt from ``source``.

    ``drawn`` is the chance in (0, 1] that the message had of being drawn for judging; 0: it was not drawn by chance.
    """

    community: str
    id: str
    entry: str
    source: str
    verdict: int
    drawn: float

    @property
    def welcome(self) -> bool:
        return self.verdict >= 1


def judgements() -> dict[tuple[str, str], Judgement]:
    """By community and message."""
    if not JUDGEMENTS.is_file():
        return {}
    rows = (json.loads(line) for line in JUDGEMENTS.read_text(encoding="utf-8").splitlines())
    found = (Judgement(**{key: row[key] for key in Judgement.__dataclass_fields__}) for row in rows)
    return {(one.community, one.id): one for one in found}


def accepted_in(name: str) -> dict[str, str]:
    """The message that its asker accepted, by thread."""
    return {row["thread"]: row["solution"] for row in _rows(f"{name}.accepted")}


@lru_cache
def links_of(name: str, thread: str) -> frozenset[str]:
    """The earlier threads that a person linked as the answer in a thread."""
    return _links(name).get(thread, frozenset())


@lru_cache
def _links(name: str) -> dict[str, frozenset[str]]:
    return {row["thread"]: frozenset(row["earlier"]) for row in _rows(f"{name}.links")}


# ---- the practice day


def practice_cases(embedder: Embedder) -> list[Case]:
    """The invented practice day; tests/practice_expected.json says what was intended, written down before."""
    folder = Path(tempfile.mkdtemp(prefix="earshot-practice-"))
    store = _practised(folder / "practice.db", embedder)
    recording = read_recording(PRACTICE / "today.jsonl")
    config = Config.model_validate({"store": f"sqlite:///{store}", **_SHADOW})
    said = {message.id: message for message in recording.messages}
    outcomes = _shadow(recording, config, embedder, "practice")
    return [_case("practice", said[outcome.id], outcome, "") for outcome in outcomes]


def _practised(path: Path, embedder: Embedder) -> Path:
    database = open_database(f"sqlite:///{path}", durable=False)
    sources = (PRACTICE / "docs", PRACTICE / "past.jsonl")
    asyncio.run(_teach(Knowledge(database, embedder, None), *sources))
    database.close()
    return path


@lru_cache
def intended() -> dict[str, str]:
    """What the practice day's messages were written to be answered from, also where a person is faster; "": none."""
    path = Path(__file__).parents[1] / "tests" / "practice_expected.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {message: row.get("knows") or row["source"] or "" for message, row in rows.items()}
