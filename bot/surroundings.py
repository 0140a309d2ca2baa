"""I/O: what is known around a closed thread: domains, newcomers, and who says the same again and again.

Every function takes a Connection inside a transaction of `Database.run`. Each looks up a few rows by index, so that a
night's cost grows with its threads, not with the history.
"""

import json
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import ledger
from bot.tables import link_domains, people, seconds, told_solutions
from knowledge.doubts import Surroundings
from knowledge.entry import KnowledgeEntry, Passage, PassageKind
from knowledge.links import domains_in
from knowledge.sketch import is_same, sketch
from knowledge.thread import Role, Thread

SETTLED = 50  # people who took part: before, everybody is new
RECENT = timedelta(days=30)  # how far back somebody is seen to repeat himself
MOST = 200  # of one person's solutions that are looked at


def surroundings_of(
    connection: Connection, thread: Thread, entry: KnowledgeEntry, *, staffed: bool = False
) -> Surroundings:
    """What the ledger knows around ``entry``, which was mined from ``thread``.

    ``staffed``: config.yaml says who answers here; elsewhere anybody may, and one answer in five is a newcomer's.
    """
    return Surroundings(
        domains=known_domains(connection),
        same_author_repeats=_repeats(connection, thread, entry),
        newcomers=_newcomers(connection, thread),
        settled=staffed and _is_settled(connection),
    )


_KNOWN = select(link_domains.c.domain).where(link_domains.c.known)


def known_domains(connection: Connection) -> frozenset[str]:
    """Domains that two people gave in two threads, or that ``know_domains`` was told."""
    return frozenset(connection.execute(_KNOWN).scalars())


def know_domains(connection: Connection, domains: Collection[str]) -> None:
    """Take ``domains`` as known from now on: those of documents, and of the company's own settings."""
    for domain in domains:
        row = insert(link_domains).values(domain=domain, known=True)
        connection.execute(row.on_conflict_do_update(index_elements=["domain"], set_=_WITHOUT_TRACE))


_WITHOUT_TRACE = {"known": True, "conversation": None, "user": None}
_FIRST = insert(link_domains).on_conflict_do_nothing()
_AGAIN = (
    update(link_domains)
    .where(link_domains.c.domain == bindparam("its"), ~link_domains.c.known)
    .where(link_domains.c.conversation != bindparam("other"), link_domains.c.user != bindparam("another"))
    .values(**_WITHOUT_TRACE)
)


def keep_surroundings(connection: Connection, thread: Thread, entry: KnowledgeEntry) -> None:
    """Remember what a thread without doubts links to, and who solved it. Doing it again changes nothing.

    Not for a thread that is doubted: two planted threads would make an imitated domain a known one.
    """
    for message in thread.messages:
        if message.role is not Role.BOT:
            _keep_domains(connection, thread.id, message.user, domains_in(message.text))
    keep_solution(connection, thread, entry)


def _keep_domains(connection: Connection, conversation: str, user: str, domains: Collection[str]) -> None:
    for domain in domains:
        first = {"domain": domain, "known": False, "conversation": conversation, "user": user}
        if connection.execute(_FIRST, first).rowcount == 0:
            connection.execute(_AGAIN, {"its": domain, "other": conversation, "another": user})


def keep_solution(connection: Connection, thread: Thread, entry: KnowledgeEntry) -> None:
    """Remember who solved ``thread``, and a sketch of the solution; for a doubted thread too, or repeats go unseen."""
    solving = entry.of(PassageKind.SOLUTION)
    if not solving or not solving[0].author:
        return
    values = {"user": solving[0].author, "at": _at(thread), "sketch": json.dumps(_sketch(solving))}
    row = insert(told_solutions).values(conversation=thread.id, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["conversation"], set_=values))


_SAME_USER = (
    select(told_solutions.c.sketch)
    .where(told_solutions.c.user == bindparam("author"), told_solutions.c.conversation != bindparam("here"))
    .where(told_solutions.c.at.between(bindparam("since"), bindparam("until")))
    .order_by(told_solutions.c.at.desc())
    .limit(MOST)
)


def _repeats(connection: Connection, thread: Thread, entry: KnowledgeEntry) -> int:
    """In how many other threads of the last 30 days the author of the solution said nearly the same."""
    solving = entry.of(PassageKind.SOLUTION)
    if not solving:
        return 0
    until, here = _at(thread), {"author": solving[0].author, "here": thread.id}
    rows = connection.execute(
        _SAME_USER, {**here, "since": until - RECENT.total_seconds(), "until": until}
    ).scalars()
    told = _sketch(solving)
    return sum(is_same(told, tuple(json.loads(row))) for row in rows)


def _at(thread: Thread) -> float:
    return seconds(thread.messages[-1].at)


def _sketch(solving: tuple[Passage, ...]) -> tuple[int, ...]:
    return sketch("\n".join(passage.text for passage in solving))


def _newcomers(connection: Connection, thread: Thread) -> frozenset[str]:
    """Who speaks in ``thread`` and took part in no other conversation."""
    users = sorted({message.user for message in thread.messages if message.role is not Role.BOT})
    taken = ledger.parts(connection, users)
    return frozenset(user for user in users if sum(taken.get(user, (0, 0))) <= 1)


def _is_settled(connection: Connection) -> bool:
    """Whether so many people were heard that somebody new among them means something."""
    some = select(people.c.id).where(people.c.asked + people.c.answered > 0).limit(SETTLED)
    return len(connection.execute(some).all()) == SETTLED
