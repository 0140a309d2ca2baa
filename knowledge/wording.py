"""Texts made simple, so that two wordings can be compared: one mark for every "not", stems, clauses. Pure.

English and Chinese, no model.
"""

import re
from functools import lru_cache

from knowledge.exact import numbered
from knowledge.lexical import words

NOT = "¬"
_CHINESE = "\u3400-\u9fff"
_REWRITTEN = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (r"\b(?:do not|don't|never) (?:forget|hesitate|fail) to\b", "do"),
        (
            r"\bnot only\b|\bwhether or not\b|\bor not\b|\bif not\b(?= ?[,.:;])|\bwhy not\b|\bno"
            r" (?:problem|worries)\b",
            " ",
        ),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (
            r"\bun(?=(?:able|available|supported|necessary|needed|safe|likely|reachable|set|changed"
            r"|affected|related)\b)",
            "not ",
        ),
        (
            r"\bim(?=possible\b)|\bin(?=compatible\b|valid\b|correct\b|visible\b|secure\b|active\b|sufficient\b)",
            "not ",
        ),
        (r"\bmay(?= \w+ (?:at most|up to|only)\b)", "can"),
        (r"\boptional\b", "not required"),
        (r"\black(?:s|ed|ing)?\b", "not have"),
        (
            r"\b(?:fail(?:s|ed|ing)?|refuses?d?) to\b|\bunable to\b|\binstead of\b|\brather than\b|\bas"
            r" opposed to\b",
            " not ",
        ),
        (r"\bfail(?:s|ed|ing)?\b(?! ?over)|\bbroken\b", "not work"),
        (
            r"\bavoid(?:s|ed|ing)?\b|\bwithout\b|\bnever\b|\bneither\b|\bnor\b|\bnone\b|\bnobody\b|\bnothing\b",
            " not ",
        ),
        (r"\bno longer\b|\bno\b(?!\.)|\bnot\b", f" {NOT} "),
        (
            r"能不能|是不是|会不会|要不要|有没有|可不可以|不仅|不但|不同|不断|不过|不足|不少|不久|不管"
            r"|没关系|没问题",
            " ",
        ),
        (r"特别|区别|别的|分别|类别|级别|别名|未来|无论|个别|识别|未必", " "),
        (r"无需|无须|不必|不用|不需要?|没必要", f" {NOT} 需要"),
        (r"不支持", f" {NOT} 支持"),
        (r"无法|没法|不能够?|不可以?", f" {NOT} 能"),
        (r"不要|请勿|切勿|不得|不应该?|不再|不会|禁止|避免|而不是|而非|没有", f" {NOT} "),
        (r"[不没未勿别]", f" {NOT} "),
        (r"\b(?:turn|switch)(?:s|ed|ing)? ((?:[\w.-]+ ){0,3}?)on\b", r"enable \1"),
        (r"\b(?:turn|switch|shut)(?:s|ed|ing)? ((?:[\w.-]+ ){0,3}?)off\b", r"disable \1"),
        (r"\broll(?:ed|ing)? ?back\b", "downgrade"),
        (rf"{NOT}\s+{NOT}", " "),
    )
)


@lru_cache(maxsize=4096)
def simple(text: str) -> str:
    """In lower case, one spelling of numbers, and one mark for each way of saying no."""
    line = numbered(text).lower()
    for pattern, instead in _REWRITTEN:
        line = pattern.sub(instead, line)
    return line


_SENTENCE_END = re.compile(r"(?<=[。！？；!?;])|(?<=\.)\s+|\n+")
CLAUSE_END = re.compile(
    r",(?!\d)|[，、：()]|:(?![\w/])|\s-\s|\b(?:but|and|then|so|because|which)\b|但是?|然后|并且?|而且"
    r"|再(?!次)|因为|所以"
)
WORD = re.compile(rf"{NOT}|[{_CHINESE}]+|[a-z0-9_][a-z0-9_.:/-]*")


@lru_cache(maxsize=4096)
def sentences_of(text: str) -> tuple[str, ...]:
    return tuple(sentence for sentence in _SENTENCE_END.split(simple(text)) if sentence.strip())


@lru_cache(maxsize=16_384)
def terms_in(word: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(words(word)))
    return found[:1] if found and not re.match(rf"[{_CHINESE}]", word) else found


@lru_cache(maxsize=8192)
def terms_of(line: str) -> frozenset[str]:
    """What ``line`` speaks of: stems, and pairs of Chinese characters."""
    return frozenset(term for word in WORD.findall(line) for term in terms_in(word))


ALIKE = 0.7  # of the words that the most alike sentence has in common with it


def nearest(claim: str, source: str, alike: float = ALIKE) -> list[str]:
    """The sentences of the source that the claim was made from: for each of its sentences those most alike."""
    lines = sentences_of(source)
    found: list[str] = []
    for mine in sentences_of(claim):
        shares = [(len(terms_of(mine) & terms_of(line)), line) for line in lines]
        best = max((share for share, _ in shares), default=0)
        found += [line for share, line in shares if share and share >= alike * best]
    return list(dict.fromkeys(found))
