"""Entries for tests, with only what matters spelt out."""

from datetime import datetime

from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind


def entry(
    title: str,
    solution: str = "",
    *,
    origin: str | None = None,
    audience: str = WORKSPACE,
    problem: str = "",
    discussion: str = "",
    known_from: datetime | None = None,
    confirmed: bool = False,
) -> KnowledgeEntry:
    """A thread's entry; ``origin`` is its title unless given, the messages are ``origin/problem`` and so on."""
    place = origin or title
    texts = {
        PassageKind.PROBLEM: problem or title,
        PassageKind.SOLUTION: solution,
        PassageKind.DISCUSSION: discussion,
    }
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=title,
        origin=place,
        audience=audience,
        passages=tuple(
            Passage(kind=kind, text=text, source=f"{place}/{kind}") for kind, text in texts.items() if text
        ),
        known_from=known_from,
        confirmed=confirmed,
    )
