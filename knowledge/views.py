"""Which texts of an entry are embedded, and which are searched by words and how much they count. Pure."""

from collections.abc import Callable, Iterable

from knowledge.entry import KnowledgeEntry, PassageKind
from knowledge.lexical import Document

Split = Callable[[str], list[str]]  # a text in pieces that the embedding model reads whole

VERSION = 1  # raised when `embedded_texts` gives other texts, so that entries are embedded anew

SHORT = 200  # characters: below this a solution says too little by itself and is embedded under its title
TITLE_WEIGHT = 1.0  # for words in the title, on top of what they count where the problem repeats it


def embedded_texts(entry: KnowledgeEntry, split: Split) -> list[str]:
    """The texts whose vectors stand for an entry, each short enough for the model; at least one.

    One view is the problem under its title, the others are the solutions. Discussion is found by words only.
    """
    problem = problem_texts(entry.title, [passage.text for passage in entry.of(PassageKind.PROBLEM)], split)
    solutions = (
        solution_texts(entry.title, passage.text, split) for passage in entry.of(PassageKind.SOLUTION)
    )
    return _distinct([*problem, *(text for texts in solutions for text in texts)]) or [entry.origin]


def problem_texts(title: str, passages: Iterable[str], split: Split) -> list[str]:
    """The problem, under its title."""
    return split(_under(title, "\n".join(passages)))


def solution_texts(title: str, passage: str, split: Split) -> list[str]:
    """One passage of the solution; under the title if it is short."""
    return split(_under(title, passage) if len(passage) < SHORT else passage)


def indexed_texts(entry: KnowledgeEntry) -> Document:
    """The texts of an entry that are searched by words, with how much a word in each counts."""
    searched = (passage for passage in entry.passages if passage.kind is not PassageKind.CONFIRMATION)
    return [(entry.title, TITLE_WEIGHT), *((passage.text, 1.0) for passage in searched)]


def _under(title: str, text: str) -> str:
    return text if text.startswith(title) else f"{title}\n{text}"


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
