"""Which texts of an entry are embedded, and which are searched by words and how much they count. Pure."""

from collections.abc import Callable, Iterable

from knowledge.entry import KnowledgeEntry, PassageKind
from knowledge.lexical import Document

VERSION = 1  # raised when `embedded_texts` gives other texts, so that entries are embedded anew

SHORT = 200  # characters: below this a solution says too little by itself and is embedded under its title

TITLE_WEIGHT = 1.0
WEIGHTS = {PassageKind.PROBLEM: 1.0, PassageKind.SOLUTION: 1.0, PassageKind.DISCUSSION: 1.0}


def embedded_texts(entry: KnowledgeEntry, split: Callable[[str], list[str]]) -> list[str]:
    """The texts whose vectors stand for an entry, each short enough for the model; at least one.

    One view is the problem under its title, the others are the solutions. Discussion is found by words only.
    """
    problem = _under_title(entry.title, "\n".join(passage.text for passage in entry.of(PassageKind.PROBLEM)))
    solutions = (passage.text for passage in entry.of(PassageKind.SOLUTION))
    told = (_under_title(entry.title, text) if len(text) < SHORT else text for text in solutions)
    return _distinct(piece for text in (problem, *told) for piece in split(text)) or [entry.origin]


def indexed_texts(entry: KnowledgeEntry) -> Document:
    """The texts of an entry that are searched by words, with how much a word in each counts."""
    passages = [(passage.text, WEIGHTS[passage.kind]) for passage in entry.passages]
    titled = any(passage.text.startswith(entry.title) for passage in entry.passages)
    return passages if titled else [(entry.title, TITLE_WEIGHT), *passages]


def _under_title(title: str, text: str) -> str:
    return text if text.startswith(title) else f"{title}\n{text}"


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
