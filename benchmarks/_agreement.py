"""Whether what we cite says what a person then used: by exact things and rare words that both have and the question
lacks. Pure.

*Agrees*: a link, a command or piece of code, an error code or another exact name stands in both; or at least RARE
words that at most one in SELDOM threads of the channel uses. What the question says itself counts for nothing, since
every source about it repeats it. It is a proxy: two texts may agree and differ in what matters, and the same advice
in other words is missed. How often it holds by chance is measured with it, on answers to other questions.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.lexical import identifiers, words
from knowledge.links import links_in

RARE = 3
SELDOM = 100
LEAST_CODE = 4  # letters of a piece of code that tells something
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """What a text says that can be recognised again."""

    exact: frozenset[str]
    rare: frozenset[str]

    def minus(self, asked: "Telling") -> "Telling":
        return Telling(exact=self.exact - asked.exact, rare=self.rare - asked.rare)

    @property
    def is_empty(self) -> bool:
        return not self.exact and len(self.rare) < RARE

    def agrees(self, other: "Telling") -> bool:
        return bool(self.exact & other.exact) or len(self.rare & other.rare) >= RARE


class Vocabulary:
    """How many threads of a channel use a word."""

    def __init__(self, threads: Iterable[str]) -> None:
        texts = list(threads)
        self._counts = Counter(word for text in texts for word in set(words(text)))
        self._most = max(len(texts) // SELDOM, 2)

    def telling(self, text: str) -> Telling:
        rare = frozenset(word for word in words(text) if self._counts[word] <= self._most)
        return Telling(exact=_exact(text), rare=rare)


def _exact(text: str) -> frozenset[str]:
    links = {link.url.rstrip("/.,)").lower() for link in links_in(text)}
    code = {" ".join(span.strip("`").split()).lower() for span in _CODE.findall(text)}
    return frozenset({*links, *(span for span in code if len(span) >= LEAST_CODE), *identifiers(text)})
