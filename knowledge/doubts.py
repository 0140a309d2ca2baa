"""Why what a thread teaches should be seen by a person before it counts: tricks, traps, and claims without a witness.

A doubt is no verdict. It makes an entry wait for an admin; what is wrong without any of these signs is found by people.
Pure.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from knowledge.entry import KnowledgeEntry, PassageKind
from knowledge.hazards import (
    asks_for_secrets,
    destroys,
    is_risky,
    lowers_protection,
    misspells_package,
    runs_the_unseen,
)
from knowledge.lettering import hides, plain
from knowledge.links import (
    WELL_KNOWN,
    Link,
    is_disguised,
    is_imitation,
    is_numeric,
    is_shortened,
    links_in,
)
from knowledge.teaching import teaches
from knowledge.thread import Message, Role, Thread

REPEATS = 2  # other threads into which an author put the same solution, before it is looked at


class Doubt(StrEnum):
    """What is doubtful about an entry, for people to read. It never quotes."""

    TEACHES = "somebody in it says what is to be answered or learnt, or speaks to the bot"
    HIDDEN = "it holds text that readers do not see, or letters that look like others"
    IMITATED = "a link leads to a domain that looks like a known one"
    SHORTENED = "a shortened link hides where it leads"
    NUMERIC = "a link leads to an address without a name"
    DISGUISED = "a link leads elsewhere than it seems"
    UNSEEN = "a command runs what it fetches or unpacks"
    DESTROYS = "a command destroys a disk, a database or a system"
    LOWERED = "it lowers a protection, or takes software from an unknown place"
    SECRETS = "it asks for passwords, keys or money"
    PACKAGE = "a package is nearly called like a well-known one"
    REPEATED = "its author put the same solution into several threads"
    UNWITNESSED = "only accounts seen nowhere else stand behind a link or command in it"
    STRANGER = "somebody never seen before gave the solution, and nobody who is known here confirmed it"
    UNSUPPORTED = "a link or command in it stands in no message of a person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What is known outside of a thread.

    ``domains``: of links that several people gave in several threads, or that documents give. ``same_author_repeats``:
    in how many other recent threads the author of the solution said the same. ``newcomers``: users of the thread who
    never spoke in another.
    """

    domains: frozenset[str] = frozenset()
    same_author_repeats: int = 0
    newcomers: frozenset[str] = frozenset()
    settled: bool = False


NOWHERE = Surroundings()


def doubts_about(thread: Thread, entry: KnowledgeEntry, known: Surroundings = NOWHERE) -> tuple[Doubt, ...]:
    """What is doubtful about ``entry``, mined from ``thread``; empty if nothing is.

    Read is what was really said (``thread`` before redaction): whatever people said in it may have steered it. What
    harms only whoever follows it is looked for where it may be quoted: not in what opens the thread.
    """
    said = [message for message in thread.messages if message.role is not Role.BOT]
    asked = {passage.source for passage in entry.of(PassageKind.PROBLEM)}
    told = "\n\n".join(message.text for message in said if message.id not in asked)
    found = {
        *_steering([message.text for message in said]),
        *_harm(plain(told), known),
        *_witnesses(thread, entry, known),
    }
    if unsupported(entry, thread.messages):
        found.add(Doubt.UNSUPPORTED)
    return tuple(doubt for doubt in Doubt if doubt in found)


def _steering(texts: Sequence[str]) -> Iterator[Doubt]:
    if any(map(hides, texts)):
        yield Doubt.HIDDEN
    if any(teaches(plain(text)) for text in texts):
        yield Doubt.TEACHES
    if any(map(is_disguised, texts)):
        yield Doubt.DISGUISED


def _harm(told: str, known: Surroundings) -> Iterator[Doubt]:
    yield from _links(list(links_in(told)), known)
    if runs_the_unseen(told):
        yield Doubt.UNSEEN
    if destroys(told):
        yield Doubt.DESTROYS
    if lowers_protection(told, known.domains):
        yield Doubt.LOWERED
    if asks_for_secrets(told):
        yield Doubt.SECRETS
    if misspells_package(told):
        yield Doubt.PACKAGE


def _links(links: Sequence[Link], known: Surroundings) -> Iterator[Doubt]:
    if any(is_imitation(link, known.domains) for link in links):
        yield Doubt.IMITATED
    if any(map(is_shortened, links)):
        yield Doubt.SHORTENED
    if any(map(is_numeric, links)):
        yield Doubt.NUMERIC


# ---- who stands behind it ---------------------------------------------------------------------------------


def _witnesses(thread: Thread, entry: KnowledgeEntry, known: Surroundings) -> Iterator[Doubt]:
    solving = entry.of(PassageKind.SOLUTION)
    by_analyst = any(passage.role is Role.ANALYST for passage in solving)
    risky = _is_risky("\n".join(_really_said(thread, {passage.source for passage in solving})), known)
    if known.same_author_repeats >= (1 if risky else REPEATS) and not (by_analyst and not risky):
        yield Doubt.REPEATED
    speakers = {message.user for message in thread.messages if message.role is not Role.BOT}
    if risky and not by_analyst and speakers <= known.newcomers:
        yield Doubt.UNWITNESSED
    if known.settled and not by_analyst and _is_strangers_word(entry, known.newcomers):
        yield Doubt.STRANGER


def _is_strangers_word(entry: KnowledgeEntry, newcomers: frozenset[str]) -> bool:
    """Whether nobody but newcomers stands behind the solution. Of reactions it is not known whose they are."""
    solving = {passage.author for passage in entry.of(PassageKind.SOLUTION)}
    confirming = {passage.author for passage in entry.of(PassageKind.CONFIRMATION)}
    return solving <= newcomers and not (confirming - newcomers - solving)


def _really_said(thread: Thread, sources: set[str]) -> Iterator[str]:
    return (message.text for message in thread.messages if message.id in sources)


def _is_risky(text: str, known: Surroundings) -> bool:
    """Whether it has people follow a link to a place that nobody knows, or run something that changes their machine."""
    strange = (link.domain not in known.domains | WELL_KNOWN for link in links_in(text))
    return any(strange) or is_risky(text)


# ---- verbatim ---------------------------------------------------------------------------------------------

_SPAN = re.compile(r"```[^\n`]*\n(?P<block>.*?)(?:```|\Z)|`(?P<span>[^`\n]+)`", re.DOTALL)
_COMMAND = re.compile(
    r"(?<![\w./-])(?:sudo )?(?:curl|wget|pip3?|npm|npx|yarn|docker|docker-compose|kubectl|helm|apt|apt-get|yum|dnf|brew"
    r"|conda|git|rm|chmod|chown|systemctl|ssh|scp|psql|mysql|bash|sh|powershell|iex)"
    r"(?: (?:install|run|exec|delete|apply|clone|add|remove|-\S+|[^\s`]*[/.=:|~$\\][^\s`]*[^\s`.,;:!?)]))+"
)
_MARK = re.compile(
    r"<(?:name|email|phone|ip|card|iban|id|secret|redacted|host|ticket|customer|user) \d{1,6}>"
)


def unsupported(entry: KnowledgeEntry, messages: Iterable[Message]) -> tuple[str, ...]:
    """Links, commands and code in the title and passages of ``entry`` that stand in no message of a person.

    A placeholder of the redaction stands for anything; blanks are all the same.
    """
    said = "\n".join(_even(message.text) for message in messages if message.role is not Role.BOT)
    told = dict.fromkeys(piece for text in _texts(entry) for piece in _pieces(text))
    return tuple(piece for piece in told if not _stands_in(piece, said))


def _texts(entry: KnowledgeEntry) -> Iterator[str]:
    yield entry.title.removesuffix("…")
    yield from (passage.text for passage in entry.passages)


def _pieces(text: str) -> Iterator[str]:
    """What has to be verbatim in ``text``: addresses, code, commands."""
    yield from (link.url for link in links_in(text))
    for found in _SPAN.finditer(text):
        lines = [found["span"]] if found["block"] is None else found["block"].splitlines()
        yield from (line.strip() for line in lines if line.strip())
    yield from (found[0] for found in _COMMAND.finditer(text))


def _stands_in(piece: str, said: str) -> bool:
    parts = [_even(part) for part in _MARK.split(piece)]
    if len(parts) == 1:
        return parts[0] in said
    return re.search(r"[^\n]{1,400}?".join(map(re.escape, parts)), said) is not None


def _even(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
