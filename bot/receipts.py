"""What was forgotten, so that it can be checked and not be read: salted hashes, numbers, ids of entries. Pure.

Of a text the receipt knows runs of words that do not overlap: knowing one does not help to find the next, as it would
if they did. Of a person it knows hashes of his ids and names; who holds the receipt and a candidate can compare them.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

RUNS = (16, 8)  # words; less than eight words could be guessed, and others say them too
_WORDS = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What a forgetting came to.

    ``asked``: user, message or channel; ``subject``: the salted hash of its id. ``counts``: rows by table that were
    deleted, or changed. ``messages``, ``runs``: salted hashes of message ids and of runs of words (by their length)
    that must not be found; ``shared`` runs are left out, because others said the same. ``answers`` were posted and are
    to be taken back by a running Earshot. ``digest``: SHA-256 over all that was removed, sorted. ``compacted``:
    whether the file was built anew; ``remedy`` says what to do if not.
    """

    asked: str
    subject: str
    at: str
    salt: str
    counts: Mapping[str, int] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    rewritten: Mapping[str, str] = field(default_factory=dict)
    restored: tuple[str, ...] = ()
    answers: int = 0
    messages: tuple[str, ...] = ()
    runs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    shared: int = 0
    digest: str = ""
    compacted: bool = True
    remedy: str = ""
    dry_run: bool = False

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def receipt_from(text: str) -> Receipt:
    """The receipt that ``json`` wrote. Raises ValueError for anything else, and if its digest does not fit."""
    try:
        data = json.loads(text)
        for name in ("removed", "restored", "messages"):
            data[name] = tuple(data[name])
        data["runs"] = {int(size): tuple(some) for size, some in data["runs"].items()}
        receipt = Receipt(**data)
    except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"it is no receipt of `earshot forget --json`: {error}") from error
    if receipt.digest != digest(receipt.messages, receipt.removed, receipt.runs):
        raise ValueError("it was changed since it was printed: its digest does not fit")
    return receipt


def digest(messages: Iterable[str], entries: Iterable[str], runs: Mapping[int, Iterable[str]]) -> str:
    """SHA-256 over everything that was removed, sorted, one a line."""
    everything = sorted({*messages, *entries, *(run for some in runs.values() for run in some)})
    return hashlib.sha256("\n".join(everything).encode()).hexdigest()


def sealed(salt: str, text: str) -> str:
    """The salted hash of a text."""
    return hashlib.blake2b(text.encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()


def words_in(text: str) -> list[str]:
    """The words of a text in small letters; each Chinese character is one."""
    return _WORDS.findall(text.casefold())


def runs_of(texts: Iterable[str], salt: str) -> dict[int, set[str]]:
    """The sealed runs of words that stand for ``texts``, by length, none overlapping another.

    Without the first and the last word of a text: in a file these may touch what stands beside them.
    """
    found: dict[int, set[str]] = {}
    for text in texts:
        words = words_in(text)[1:-1]
        for size in RUNS:
            while len(words) >= size:
                found.setdefault(size, set()).add(sealed(salt, " ".join(words[:size])))
                words = words[size:]
    return found


def whole_runs(told: Iterable[str], salt: str) -> dict[int, set[str]]:
    """The sealed runs that ids and names are, each as a whole."""
    found: dict[int, set[str]] = {}
    for words in (words_in(each) for each in told):
        if words:
            found.setdefault(len(words), set()).add(sealed(salt, " ".join(words)))
    return found


def standing(text: str, runs: Mapping[int, Collection[str]], salt: str) -> Iterator[str]:
    """Those of ``runs`` that stand in ``text``."""
    words = words_in(text)
    for size, wanted in runs.items():
        for start in range(len(words) - size + 1):
            run = sealed(salt, " ".join(words[start : start + size]))
            if run in wanted:
                yield run
