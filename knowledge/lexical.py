"""Search by words: what counts as a word, and BM25 over the entries, in process and incremental.

Terms are kept as 64-bit hashes: the index holds no text, needs no vocabulary and loads as plain arrays.
"""

import hashlib
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import Stemmer
from numpy.typing import NDArray

from knowledge.array_file import Arrays, UnusableFile, read_arrays, write_arrays

Ids = NDArray[np.int64]
Keys = NDArray[np.uint64]
Floats = NDArray[np.float32]

# A document is its texts, each with how much a word in it counts.
Document = Sequence[tuple[str, float]]

# Robertson's usual values; on the forums of `benchmarks retrieval` nothing near them is better.
K1 = 1.2
B = 0.75

LONGEST_TERM = 64  # what is longer is a key, a hash or a picture in base64, and is never asked for
MOST_TERMS = 256  # of a question, the rarest: beyond them a pasted log only costs time
TERMS_VERSION = 1  # raised when `words` finds other terms, so that old index files are made anew

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a about above after again against all also am an and any anybody anyone are aren around as at be because
    been before being below between both but by can cannot could couldn did didn do does doesn doing don done
    down during each either else etc even ever every few for from further get gets getting go going got had
    hadn has hasn have haven having he hello help her here hers hey hi him his how however i if in into is isn
    it its itself just know let like ll lot many may maybe me might more most much must my myself need no nor
    not now of off ok okay on once one only or other our ours out over own please quite really regards same
    see she should shouldn since so some somebody someone something still such sure than thank thanks that the
    their theirs them then there these they thing things think this those though through to too try trying
    under until up us use used using ve very want was wasn way we well were weren what when where whether
    which while who whom whose why will with within without won would wouldn yes yet you your yours
    """,
    )
)

_CJK = (
    "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0002ffff\U00030000-\U0003ffff"
)
# Either a run of Chinese, Japanese or Korean characters, or a word with what is glued to it by . - :: and _
_TOKEN = re.compile(rf"(?P<cjk>[{_CJK}]+)|[^\W{_CJK}]+(?:(?:[.\-]|::)[^\W{_CJK}]+)*")
_ADDRESS = re.compile(r"\b[a-z]+://\S+|\bwww\.\S+|\S+@\S+\.\w+", re.IGNORECASE)
_GLUE = re.compile(r"[.\-:_]+")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_]+")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]{2}")
_LETTER_AND_DIGIT = re.compile(r"[^\W\d_]\d|\d[^\W\d_]")
_ORDINAL_OR_AMOUNT = re.compile(r"\d+(?:st|nd|rd|th|s|x|h|m|k|ms|kb|mb|gb)", re.IGNORECASE)
_VERSION = re.compile(r"v?\d+(?:\.\d+)+", re.IGNORECASE)
_DOTTED = re.compile(r"[a-z]{2,}(?:\.[a-z]{2,})+")
_DASHED_NUMBER = re.compile(r"[A-Z]{2,}(?:-[A-Z]+)*(?:-\d+)+")


def words(text: str) -> list[str]:
    """The terms that ``text`` is found by, in order, without stop words.

    Words are stemmed, identifiers stand whole and in parts, Chinese, Japanese and Korean as character pairs.
    """
    return [term for token in _tokens(text) for term in _terms(token)]


def identifiers(text: str) -> frozenset[str]:
    """The exact names in ``text``, in lower case: error codes, versions, snake_case, camelCase, dotted paths.

    Addresses are left out: two texts that name the same site need not speak of the same thing.
    """
    return frozenset(name for token in _tokens(_ADDRESS.sub(" ", text)) for name in _names(token))


def key64(text: str) -> int:
    """A 64-bit hash that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _tokens(text: str) -> Iterator[str]:
    return (match[0] for match in _TOKEN.finditer(unicodedata.normalize("NFKC", text)))


@lru_cache(maxsize=200_000)
def _terms(token: str) -> tuple[str, ...]:
    if _is_cjk(token):
        return tuple(token[i : i + 2] for i in range(max(len(token) - 1, 1)))
    return (*_names(token), *_plain_terms(token))


def _plain_terms(token: str) -> Iterator[str]:
    for part in _GLUE.split(token):
        pieces = _PIECE.findall(part) if _is_name(part) else [part]
        for piece in pieces:
            word = piece.lower()
            if 2 <= len(word) <= LONGEST_TERM and word not in STOP_WORDS:
                yield _stem(word)


@lru_cache(maxsize=200_000)
def _names(token: str) -> tuple[str, ...]:
    """The token, if it is an identifier, and those of its parts that are."""
    if _is_cjk(token):
        return ()
    parts = [] if _VERSION.fullmatch(token) else re.split(r"[.\-]|::", token)
    names = (name for name in dict.fromkeys([token, *parts]) if len(name) <= LONGEST_TERM and _is_name(name))
    return tuple(
        name.lower().removeprefix("v") if _VERSION.fullmatch(name) else name.lower() for name in names
    )


def _is_name(token: str) -> bool:
    if _ORDINAL_OR_AMOUNT.fullmatch(token):
        return False
    return bool(
        "_" in token.strip("_")
        or "::" in token
        or _CAMEL.search(token)
        or _LETTER_AND_DIGIT.search(token)
        or _VERSION.fullmatch(token)
        or _DOTTED.fullmatch(token)
        or _DASHED_NUMBER.fullmatch(token)
    )


def _is_cjk(token: str) -> bool:
    match = _TOKEN.match(token)
    return match is not None and match["cjk"] is not None


class _Stemmers(threading.local):
    """One stemmer for each thread: PyStemmer's objects must not be shared."""

    def __init__(self) -> None:
        self.english = Stemmer.Stemmer("english", 0)  # without a cache of its own: `_terms` has one


_stemmers = _Stemmers()


def _stem(word: str) -> str:
    return str(_stemmers.english.stemWord(word))


_key = lru_cache(maxsize=500_000)(key64)


# The index


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """How well every id matches a question: ``bm25`` and ``coverage`` float32 [largest id + 1], by id.

    ``coverage`` is the share of the question's distinct terms, weighted by their rarity, that are there.
    ``ideal`` is the BM25 that a short text of exactly the question's terms would have.
    """

    bm25: Floats
    coverage: Floats
    ideal: float

    def shares(self) -> Floats:
        """``bm25`` as a share of its ideal: a scale that no other document changes."""
        return self.bm25 / np.float32(max(self.ideal, 1e-9))

    def top(self, k: int, allowed: Ids | None = None) -> Ids:
        """Up to ``k`` of the ``allowed`` ids that match at all, the best first, equal ones by id."""
        wanted = self.bm25 > 0
        if allowed is not None:
            seen = np.zeros(len(wanted), dtype=bool)
            seen[allowed[allowed < len(wanted)]] = True
            wanted &= seen
        ids = np.flatnonzero(wanted)
        if len(ids) > k:
            worst = np.partition(self.bm25[ids], len(ids) - k)[len(ids) - k]
            ids = ids[self.bm25[ids] >= worst]
        return ids[np.lexsort((ids, -self.bm25[ids]))][:k]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Segment:
    """Postings sorted by term: those of ``terms[i]`` are ``[starts[i] : starts[i + 1]]``."""

    terms: Keys
    starts: Ids
    ids: NDArray[np.int32]
    weights: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def term_of_each(self) -> Keys:
        return np.repeat(self.terms, np.diff(self.starts))

    def find(self, terms: Keys) -> "_Postings":
        """The postings of ``terms``."""
        places = np.minimum(np.searchsorted(self.terms, terms), max(len(self.terms) - 1, 0))
        there = (
            np.flatnonzero(self.terms[places] == terms) if len(self.terms) else np.zeros(0, dtype=np.int64)
        )
        ends = [(self.starts[place], self.starts[place + 1]) for place in places[there]]
        nothing = slice(0, 0)  # so that there is always something to put together
        slices = [nothing, *(slice(start, end) for start, end in ends)]
        return _Postings(
            ids=np.concatenate([self.ids[some] for some in slices]),
            weights=np.concatenate([self.weights[some] for some in slices]),
            terms=np.repeat(there, [end - start for start, end in ends]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Postings:
    """Which documents hold which terms (by their position in the question) and with what weight."""

    ids: NDArray[np.int32]
    weights: Floats
    terms: Ids


class LexicalIndex:
    """BM25 over documents named by small ids (arrays are as long as the largest). See Matches.

    New documents form a segment; segments of like size are merged, so that a document is moved a few times at
    most. A dropped document's postings are gone at once.
    """

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._lengths = np.zeros(0, dtype=np.float32)  # by id; 0 where there is no document

    def __len__(self) -> int:
        return int(np.count_nonzero(self._lengths))

    def put(self, ids: Sequence[int], documents: Sequence[Document]) -> None:
        """Store ``documents`` under ``ids`` (0 or more); what an id held before is replaced."""
        given = dict(zip(ids, documents, strict=True))
        self.drop(list(given))
        self._grow(max(given, default=-1) + 1)
        counted = {number: _count(document) for number, document in given.items()}
        for number, terms in counted.items():
            # A document without any term still is one: its length must not be 0.
            self._lengths[number] = max(sum(terms.values()), 0.5)
        self._segments.append(_segment(counted))
        self._merge()

    def drop(self, ids: Sequence[int]) -> None:
        """Forget ``ids``; those not stored are ignored."""
        gone = np.zeros(len(self._lengths), dtype=bool)
        gone[[number for number in ids if number < len(gone)]] = True
        if self._lengths[gone].any():
            self._lengths[gone] = 0
            self._segments = [kept for old in self._segments if len(kept := _without(old, gone))]

    def match(self, question: str) -> Matches:
        """How well every document matches ``question``."""
        terms, asked = _question_terms(question)
        found = [segment.find(terms) for segment in self._segments]
        seen = sum((np.bincount(some.terms, minlength=len(terms)) for some in found), np.zeros(len(terms)))
        rarity = np.log1p((len(self) - seen + 0.5) / (seen + 0.5))
        rarity[~_rarest(rarity)] = 0
        weight, norms = rarity * asked, self._norms()
        bm25, coverage = np.zeros(len(self._lengths)), np.zeros(len(self._lengths))
        for some in found:
            impact = some.weights * (K1 + 1) / (some.weights + norms[some.ids])
            bm25 += np.bincount(some.ids, impact * weight[some.terms], minlength=len(bm25))
            coverage += np.bincount(some.ids, rarity[some.terms], minlength=len(coverage))
        return Matches(
            bm25=bm25.astype(np.float32),
            coverage=np.minimum(coverage / max(rarity.sum(), 1e-9), 1).astype(np.float32),
            ideal=float(weight.sum()) * (K1 + 1) / 2,
        )

    def save(self, path: Path, marks: Keys) -> None:
        """Write the index to ``path``, with ``marks`` uint64 [largest id + 1]: what each id stood for."""
        whole = _merged(self._segments)
        arrays: Arrays = {
            "terms": whole.terms,
            "starts": whole.starts,
            "ids": whole.ids,
            "weights": whole.weights,
        }
        arrays |= {"lengths": self._lengths, "marks": marks}
        write_arrays(path, _conditions(), arrays)

    @classmethod
    def load(cls, path: Path) -> tuple["LexicalIndex", Keys]:
        """The index of ``path`` and its marks. Raises UnusableFile unless it is whole and of this version."""
        arrays = read_arrays(path, _conditions())
        index = cls()
        index._lengths = arrays["lengths"]
        index._segments = [_Segment(**{name: arrays[name] for name in ("terms", "starts", "ids", "weights")})]
        if len(arrays["marks"]) != len(index._lengths):
            raise UnusableFile(f"{path} marks {len(arrays['marks'])} ids but holds {len(index._lengths)}")
        return index, arrays["marks"]

    @property
    def ids(self) -> Ids:
        """The ids that are stored, int64 [n]."""
        return np.flatnonzero(self._lengths)

    def _norms(self) -> Floats:
        mean = float(self._lengths.sum(dtype=np.float64)) / max(len(self), 1)
        return (K1 * (1 - B + B * self._lengths / max(mean, 1e-9))).astype(np.float32)

    def _grow(self, size: int) -> None:
        if size > len(self._lengths):
            self._lengths = np.pad(self._lengths, (0, size - len(self._lengths)))

    def _merge(self) -> None:
        while len(self._segments) > 1 and 2 * len(self._segments[-1]) >= len(self._segments[-2]):
            self._segments[-2:] = [_merged(self._segments[-2:])]


def _conditions() -> dict[str, object]:
    return {"what": "words", "version": TERMS_VERSION}


def _count(document: Document) -> Counter[int]:
    counted: Counter[int] = Counter()
    for text, weight in document:
        for term, count in Counter(words(text)).items():
            counted[_key(term)] += count * weight  # type: ignore[assignment]
    return counted


def _question_terms(question: str) -> tuple[Keys, NDArray[np.float64]]:
    """The distinct terms of a question, sorted, and how much each is asked for.

    What somebody says again and again is what he asks about, and openers of threads are long: counting
    repetitions raises hit@1 by a fifth on both forums of `benchmarks retrieval`.
    """
    counted = sorted(Counter(_key(term) for term in words(question)).items())
    terms = np.array([key for key, _ in counted], dtype=np.uint64)
    return terms, 1 + np.log(np.array([count for _, count in counted], dtype=np.float64))


def _rarest(rarity: NDArray[np.float64]) -> NDArray[np.bool_]:
    if len(rarity) <= MOST_TERMS:
        return np.ones(len(rarity), dtype=bool)
    chosen = np.zeros(len(rarity), dtype=bool)
    chosen[np.argsort(-rarity, kind="stable")[:MOST_TERMS]] = True
    return chosen


def _segment(counted: dict[int, Counter[int]]) -> _Segment:
    lengths = [len(terms) for terms in counted.values()]
    keys = np.fromiter((key for terms in counted.values() for key in terms), np.uint64, sum(lengths))
    weights = np.fromiter((w for terms in counted.values() for w in terms.values()), np.float32, sum(lengths))
    return _sorted(keys, np.repeat(np.fromiter(counted, np.int32, len(counted)), lengths), weights)


def _sorted(keys: Keys, ids: NDArray[np.int32], weights: Floats) -> _Segment:
    order = np.argsort(keys, kind="stable")  # which merges parts that are sorted already in linear time
    terms, starts = np.unique(keys[order], return_index=True)
    return _Segment(
        terms=terms,
        starts=np.append(starts, len(keys)).astype(np.int64),
        ids=ids[order],
        weights=weights[order],
    )


def _merged(segments: Sequence[_Segment]) -> _Segment:
    if len(segments) == 1:
        return segments[0]
    keys = np.concatenate([segment.term_of_each() for segment in segments] or [np.zeros(0, np.uint64)])
    ids = np.concatenate([segment.ids for segment in segments] or [np.zeros(0, np.int32)])
    weights = np.concatenate([segment.weights for segment in segments] or [np.zeros(0, np.float32)])
    return _sorted(keys, ids, weights)


def _without(segment: _Segment, gone: NDArray[np.bool_]) -> _Segment:
    kept = ~gone[segment.ids]
    if kept.all():
        return segment
    left = np.concatenate([[0], np.cumsum(kept)])[segment.starts]
    asked = np.diff(left) > 0
    return _Segment(
        terms=segment.terms[asked],
        starts=np.append(left[:-1][asked], left[-1]).astype(np.int64),
        ids=segment.ids[kept],
        weights=segment.weights[kept],
    )
