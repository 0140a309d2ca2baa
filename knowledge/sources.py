"""I/O: documents read to knowledge: Markdown, text, HTML and CSV with questions and answers."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from knowledge.documents import Section, html_sections, markdown_sections, text_sections
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.recordings import is_recording
from knowledge.redact import SECRETS, redact

__all__ = ["SourceError", "Walk", "entries_from", "is_recording", "origin_of", "walk"]

MARKDOWN = frozenset({".md", ".markdown"})
TEXT = frozenset({".txt", ".text"})
HTML = frozenset({".html", ".htm", ".xhtml"})
TABLES = frozenset({".csv", ".tsv"})
SUPPORTED = MARKDOWN | TEXT | HTML | TABLES
MAX_BYTES = 20 * 2**20  # a document that nobody could read

# What the columns of a FAQ are called.
QUESTION = frozenset({"question", "questions", "q", "title", "问题", "問題"})
ANSWER = frozenset({"answer", "answers", "a", "body", "答案", "回答", "解答"})
DELIMITERS = ",;\t|"


class SourceError(Exception):
    """A document cannot be read; the text names it and says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """What is to be learnt below a path, in order of the names. ``skipped`` counts the rest by what it is."""

    documents: tuple[Path, ...] = ()
    recordings: tuple[Path, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Document:
    """A document's place and age, which all its entries share."""

    origin: str
    audience: str
    at: datetime

    def entry(self, kind: EntryKind, problem: str, solution: str) -> KnowledgeEntry:
        return KnowledgeEntry(
            kind=kind,
            title=problem.splitlines()[0].strip(),
            origin=self.origin,
            audience=self.audience,
            passages=(
                Passage(kind=PassageKind.PROBLEM, text=problem, source=self.origin, at=self.at),
                Passage(kind=PassageKind.SOLUTION, text=solution, source=self.origin, at=self.at),
            ),
        )


def walk(path: Path) -> Walk:
    """The documents and recordings at ``path``: itself, or all in the folder. Hidden and unknown files are counted.

    Raises SourceError if there is nothing at ``path``.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist; give a file or a folder to learn from")
    if is_recording(path):
        return Walk(recordings=(path,))
    if path.is_file():
        return Walk(documents=(path,))
    found = list(_below(path))
    return Walk(
        documents=tuple(sorted(file for file, kind in found if kind == "document")),
        recordings=tuple(sorted(file for file, kind in found if kind == "recording")),
        skipped=Counter(kind for _, kind in found if kind not in ("document", "recording")),
    )


def _below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a folder and what it is: document, recording, hidden, or its unknown ending."""
    for here, folders, files in os.walk(folder):
        at = Path(here)
        exports = [name for name in folders if is_recording(at / name)]
        yield from ((at / name, "recording") for name in exports)
        yield from ((at / name, _kind(at / name)) for name in files)
        folders[:] = [name for name in folders if not name.startswith(".") and name not in exports]


def _kind(file: Path) -> str:
    if file.name.startswith("."):
        return "hidden"
    if file.suffix.lower() in SUPPORTED:
        return "document"
    return "recording" if is_recording(file) else file.suffix.lower() or "no ending"


def entries_from(
    path: Path, audience: str, root: Path, patterns: Sequence[re.Pattern[str]] = ()
) -> list[KnowledgeEntry]:
    """The entries of one document: a section each, or a question each. Raises SourceError.

    ``origin`` and the passages' ``source`` are the path below ``root``, with "/", so that learning the document
    again replaces what it said before; a path outside of ``root`` is kept whole.
    Secrets, and what ``patterns`` describe, are redacted; personal data are not: a document names whom to call.
    """
    suffix = path.suffix.lower()
    if suffix not in SUPPORTED:
        raise SourceError(
            f"{path}: {suffix or 'no ending'} is not supported; give one of {', '.join(sorted(SUPPORTED))}"
        )
    try:
        stat = path.stat()
        content = path.read_bytes() if stat.st_size <= MAX_BYTES else b""
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}; check the path and its permissions"
        ) from error
    if stat.st_size > MAX_BYTES:
        raise SourceError(f"{path} has {stat.st_size:,} bytes, more than {MAX_BYTES:,}; split it")
    document = _Document(
        origin=origin_of(path, root), audience=audience, at=datetime.fromtimestamp(stat.st_mtime, UTC)
    )
    try:
        return _redacted(_entries(document, content, suffix, path.stem), patterns)
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from error
    except RecursionError as error:
        raise SourceError(f"{path} is nested too deeply to be read; flatten it") from error


def origin_of(path: Path, root: Path) -> str:
    """What a document is called: its path below ``root``."""
    # Without following links: a linked file is learnt as what it is called here.
    full, base = (Path(os.path.normpath(each.absolute())) for each in (path, root))
    if full == base:
        return path.name
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else path.as_posix()


def _entries(document: _Document, content: bytes, suffix: str, name: str) -> list[KnowledgeEntry]:
    if suffix in TABLES:
        found = [document.entry(EntryKind.FAQ, *pair) for pair in _questions(_decoded(content))]
    else:
        sections = _document_sections(content, suffix, name)
        found = [
            document.entry(EntryKind.DOCUMENT, section.title, piece)
            for section in sections
            for piece in section.pieces()
        ]
    return list({entry.id: entry for entry in found}.values())  # the same words twice are one entry


def _redacted(entries: Sequence[KnowledgeEntry], patterns: Sequence[re.Pattern[str]]) -> list[KnowledgeEntry]:
    """The entries of one document without secrets; the same secret is called the same in all of them."""
    texts = (text for entry in entries for text in (entry.title, *(each.text for each in entry.passages)))
    told = iter(redact(list(texts), patterns=patterns, kinds=SECRETS))
    return [
        replace(
            entry,
            title=next(told),
            passages=tuple(replace(passage, text=next(told)) for passage in entry.passages),
        )
        for entry in entries
    ]


def _document_sections(content: bytes, suffix: str, name: str) -> Sequence[Section]:
    if suffix in HTML and b"<" in content:
        return html_sections(content, name)
    text = _decoded(content)
    return markdown_sections(text, name) if suffix in MARKDOWN else text_sections(text, name)


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        byte = content[error.start]
        raise ValueError(f"byte {error.start} (0x{byte:02x}) is not {encoding}; save it as UTF-8") from error
    if "\0" in text:
        raise ValueError(f"character {text.index(chr(0))} is NUL, so it is no text; save it as UTF-8 text")
    return text


# ---- questions and answers --------------------------------------------------------------------------------


def _questions(text: str) -> Iterator[tuple[str, str]]:
    """Question and answer of every row that has both."""
    if not text.strip():
        return
    delimiter, question, answer = _columns(text)
    for row in list(_rows(text, delimiter))[1:]:
        if len(row) > max(question, answer) and row[question].strip() and row[answer].strip():
            yield row[question].strip(), row[answer].strip()


def _columns(text: str) -> tuple[str, int, int]:
    """The delimiter with which the first row names a question and an answer, and where they stand."""
    for delimiter in DELIMITERS:
        names = [name.strip().lower() for name in next(_rows(text, delimiter), [])]
        question = next((place for place, name in enumerate(names) if name in QUESTION), None)
        answer = next((place for place, name in enumerate(names) if name in ANSWER), None)
        if question is not None and answer is not None:
            return delimiter, question, answer
    first = text.strip().splitlines()[0][:80]
    raise ValueError(f"the first row is {first!r}; name two of its columns question and answer")


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise ValueError(f"it is no table: {error}; export it as CSV again") from error
