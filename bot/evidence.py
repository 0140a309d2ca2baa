"""What speaks for and against replying, as named numbers in three groups: need, evidence, novelty. Pure.

A feature is a number in [0, 1] (trust: in [-1, 1]) with a name, and words to say it in. Nothing here depends on a
language beyond the cues; what is counted (lengths, cosines, shares of words) means the same in English and Chinese.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from knowledge.cues import (
    error_codes,
    is_chaser,
    is_problem_report,
    is_question,
    is_still_broken,
    says_thanks,
)
from knowledge.entry import EntryKind, Hit, PassageKind, Trust
from knowledge.lexical import identifiers, words
from knowledge.thread import Message, Role, Thread
from knowledge.trust import beside_confirmation

Features = Mapping[str, float]

# Where a number without an upper bound counts as much as it can.
SUBSTANCE = 60  # words of a solution
OLD_DAYS = 1_000

# What the reasons say of a feature; ``{value}`` is its number, ``{title}`` the best source's title.
IN_WORDS: Mapping[str, str] = {
    # need
    "question": "it asks",
    "problem": "it reports a problem",
    "opener": "it opens the conversation",
    "helper": "the asker usually answers others ({value:.2f})",
    "open": "nobody has answered",
    "again": "it asks again or says that it is still broken",
    # evidence
    "score": "the best source is “{title}” ({value:.2f})",
    "dense": "meaning close to “{title}” (cosine {value:.2f})",
    "coverage": "{value:.0%} of its words stand in the source",
    "margin": "the source leads the next one by {value:.2f}",
    "consensus": "the best sources say the same ({value:.2f})",
    "same problem": "the source is about a near problem ({value:.2f})",
    "twice": "its problem and its solution are both near ({value:.2f})",
    "words": "{value:.0%} of the words that could match do",
    "headline": "{value:.0%} of its first line stands in the source",
    "title": "{value:.0%} of the source's title stands in it",
    "code": "an error code of it stands in the source",
    "identifiers": "{value:.0%} of the identifiers in it stand in the source",
    "substance": "the source says enough to act on ({value:.2f})",
    "asks back": "what the source answers is itself a question",
    "settled": "a document says it, or a person confirmed it",
    "document": "it was written for others to read",
    "analyst": "somebody in charge said it",
    "trust": "thumbs on the source ({value:+.2f})",
    "age": "how old the source is ({value:.2f})",
    # novelty
    "said": "{value:.0%} of the source was said here already",
    "follow-up": "it goes on in a thread that we helped in",
}


def features_of(
    message: Message,
    thread: Thread,
    hits: Sequence[Hit],
    *,
    now: datetime,
    helped: int = 0,
    parts: tuple[int, int] = (0, 0),
) -> dict[str, float]:
    """Every feature of a candidate. ``hits`` best first, at least one; ``parts``: the conversations that the
    asker opened and those of others that he joined."""
    return {
        **_need(message, thread, parts),
        **_evidence(message.text, hits, now),
        **_novelty(thread, hits[0], helped),
    }


# ---- need


def _need(message: Message, thread: Thread, parts: tuple[int, int]) -> dict[str, float]:
    text, (asked, joined) = message.text, parts
    others = any(said.user != message.user and said.role is not Role.BOT for said in thread.messages)
    return {
        "question": float(is_question(text)),
        "problem": float(is_problem_report(text)),
        "opener": float(thread.opener.id == message.id),
        "helper": joined / (asked + joined + 2.0),
        "open": float(not others),
        "again": float(is_chaser(text) or is_still_broken(text)),
    }


def _log_share(count: float, most: float) -> float:
    return min(math.log1p(count) / math.log1p(most), 1.0)


# ---- evidence


def _evidence(text: str, hits: Sequence[Hit], now: datetime) -> dict[str, float]:
    best, second = hits[0], hits[1].score if len(hits) > 1 else 0.0
    return {
        "score": best.score,
        "dense": max(best.dense, 0.0),
        "coverage": best.coverage,
        "margin": max(best.score - second, 0.0),
        "consensus": _consensus(hits[:3]),
        "same problem": max(best.problem, 0.0),
        "twice": max(best.agreement, 0.0),
        "words": min(max(best.words, 0.0), 1.0),
        "headline": min(max(best.headline, 0.0), 1.0),
        "title": _share(set(words(best.entry.title)), set(words(text))),
        "code": float(shares_code(text, best)),
        "identifiers": _share(identifiers(text), _identifiers_in(best)),
        **_source(best, now),
    }


def _source(best: Hit, now: datetime) -> dict[str, float]:
    """What the best source is worth whatever the question."""
    entry, solution = best.entry, solution_of(best)
    roles = {passage.role for passage in entry.of(PassageKind.SOLUTION)}
    return {
        "substance": _log_share(len(words(solution)), SUBSTANCE),
        "asks back": float(_asks_back(solution)),
        "settled": float(entry.confirmed or entry.kind is not EntryKind.THREAD),
        "document": float(entry.kind is not EntryKind.THREAD),
        "analyst": float(Role.ANALYST in roles),
        # That a person confirmed it is in "settled" already.
        "trust": beside_confirmation(best.trust, entry.confirmed).mean - Trust().mean,
        "age": 0.0 if entry.known_from is None else _log_share(_days(now, entry.known_from), OLD_DAYS),
    }


def solution_of(hit: Hit) -> str:
    """All that a source says as its solution."""
    return "\n".join(passage.text for passage in hit.entry.of(PassageKind.SOLUTION))


def _asks_back(solution: str) -> bool:
    """Whether it ends as a question: then somebody took a question back for an answer."""
    return solution.rstrip().endswith(("?", "？"))


def _days(now: datetime, then: datetime) -> float:
    return max((now - then).total_seconds(), 0.0) / 86_400


def _consensus(hits: Sequence[Hit]) -> float:
    """How much of their words the solutions of the best hits share, on average over pairs."""
    said = [set(words(solution_of(hit))) for hit in hits]
    pairs = [(a, b) for index, a in enumerate(said) for b in said[index + 1 :]]
    shares = [len(a & b) / max(len(a | b), 1) for a, b in pairs]
    return sum(shares) / len(shares) if shares else 0.0


def _share(wanted: frozenset[str] | set[str], given: frozenset[str] | set[str]) -> float:
    return len(wanted & given) / len(wanted) if wanted else 0.0


def _identifiers_in(hit: Hit) -> frozenset[str]:
    return frozenset().union(*(identifiers(passage.text) for passage in hit.entry.passages))


def shares_code(text: str, hit: Hit) -> bool:
    """Whether an error code of the question stands in the source's problem or solution."""
    asked = error_codes(text)
    passages = (p.text for p in hit.entry.passages if p.kind is not PassageKind.DISCUSSION)
    return bool(asked) and any(asked & error_codes(passage) for passage in passages)


# ---- novelty


def _novelty(thread: Thread, best: Hit, helped: int) -> dict[str, float]:
    heard: set[str] = set()
    for said in thread.messages:
        if not says_thanks(said.text):
            heard.update(words(said.text))
    return {
        "said": _share(set(words(solution_of(best))), heard),
        "follow-up": float(helped > 0),
    }
