"""A second opinion on whether a sentence is grounded: by aligning it with its source, not by rules about meaning.

It shares no code with knowledge/grounding.py: other tokens, fuzzy matching instead of stems, and the differences of
an alignment instead of readings of clauses. Where both say grounded, two different ways of going wrong would have to
go wrong together.
"""

import re
import unicodedata
from collections.abc import Sequence

from rapidfuzz import fuzz, process

COVERED = 0.7  # of the letters of the telling words of a sentence that are in its source or the conversation
FROM_SOURCE = 0.35  # that are in the source itself
ALIKE = 82  # of 100: the same word in another form

_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+")
_PUNCTUATION = " \t\n.,;:!?()[]{}\"'“”‘’「」《》【】*`。，、；：！？（）<>|"
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+")
_LABEL = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")

_NO = frozenset(
    [
        "no",
        "not",
        "never",
        "nor",
        "none",
        "nobody",
        "nothing",
        "neither",
        "without",
        "cannot",
        "can't",
        "don't",
        "doesn't",
        "didn't",
        "won't",
        "isn't",
        "aren't",
        "wasn't",
        "shouldn't",
        "mustn't",
        "couldn't",
        "haven't",
        "hasn't",
        "needn't",
        "unable",
        "avoid",
        "instead",
        "refuses",
        "refuse",
        "fails",
        "fail",
        "lacks",
        "drops",
        "otherwise",
        "rather",
        "unsupported",
        "unavailable",
        "unreachable",
        "impossible",
        "unnecessary",
        "optional",
        "prevents",
    ]
)
_NO_CHINESE = re.compile(r"不(?![同断过仅])|没|无(?!论)|别(?!的|名)|勿|未(?!来)|禁止|避免|拒绝")
_LIMIT = frozenset(["only", "unless", "except", "solely"])
_LIMIT_CHINESE = re.compile(r"只有|仅|除非|除了|才")
_TURNED = [
    tuple(pair.split("/"))
    for pair in [
        "before/after",
        "enable/disable",
        "on/off",
        "start/stop",
        "increase/decrease",
        "raise/lower",
        "add/remove",
        "install/uninstall",
        "allow/deny",
        "max/min",
        "maximum/minimum",
        "most/least",
        "above/below",
        "more/less",
        "new/old",
        "upgrade/downgrade",
        "open/close",
        "import/export",
        "read/write",
        "first/last",
        "always/sometimes",
        "must/may",
        "larger/smaller",
        "大/小",
        "高/低",
        "前/后",
        "开/关",
        "增/减",
        "升/降",
        "最多/最少",
        "启用/禁用",
        "必须/可以",
    ]
]
_EVERYDAY = frozenset(
    [
        "about",
        "after",
        "again",
        "also",
        "because",
        "been",
        "before",
        "being",
        "below",
        "both",
        "could",
        "does",
        "done",
        "down",
        "each",
        "from",
        "have",
        "here",
        "into",
        "just",
        "like",
        "made",
        "make",
        "makes",
        "means",
        "more",
        "most",
        "much",
        "must",
        "need",
        "needs",
        "only",
        "other",
        "over",
        "please",
        "same",
        "should",
        "since",
        "some",
        "step",
        "such",
        "than",
        "that",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "under",
        "until",
        "upon",
        "used",
        "uses",
        "using",
        "very",
        "want",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "will",
        "with",
        "would",
        "your",
        "yours",
        "yourself",
        "itself",
        "first",
        "next",
        "last",
        "well",
        "once",
    ]
)


def is_grounded(sentence: str, quotes: Sequence[str], told: str) -> bool:
    """Whether each sentence of ``sentence`` is a wording of ``quotes``; names and numbers may come from ``told``."""
    if any(sentence.strip() and sentence.strip() in quote for quote in quotes):
        return True
    source, heard = _flat("\n".join(quotes)), _flat(told)
    parts = [_flat(_LABEL.sub("", part)) for part in _SENTENCE.split(sentence)]
    parts = [part for part in parts if any(letter.isalnum() for letter in part)]
    return bool(parts) and all(_stands(part, source, heard) for part in parts)


def _flat(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return re.sub(r"(\d)\s*(seconds?|secs?|秒)(?!\w)", r"\1 s", text)


def _stands(part: str, source: str, told: str) -> bool:
    return (
        _has_hard_tokens(part, f"{source}\n{told}")
        and all(span in f"{source}\n{told}" for span in re.findall(r"`([^`]+)`", part))
        and _units(part) <= _units(f"{source}\n{told}")
        and _is_covered(part, source, told)
        and _same_polarity(part, source)
        and not _is_turned(part, source)
    )


# ---- what must be there letter by letter --------------------------------------------------------------------


def _tokens(text: str) -> list[str]:
    return [token for found in _TOKEN.findall(text) if (token := found.strip(_PUNCTUATION))]


def _is_hard(token: str, place: int) -> bool:
    has_sign = any(letter in "/\\_=@#$%&+~" or letter.isdigit() for letter in token) or token.startswith("-")
    return has_sign or (place > 0 and token != token.lower()) or "." in token


def _has_hard_tokens(part: str, known: str) -> bool:
    """Whether each token with a digit, a sign or a capital is one of the other tokens, or a whole piece of one."""
    tokens = _tokens(known)
    pieces = {piece.lower() for token in tokens for piece in (token, *re.split(r"[=:/,'\"]", token))}
    glued = " ".join(tokens).lower()
    return all(
        token.lower() in pieces or f" {token.lower()} " in f" {glued} " or _is_in_code(token, known)
        for place, token in enumerate(_tokens(part))
        if _is_hard(token, place)
    )


def _is_in_code(token: str, known: str) -> bool:
    """Whether it stands whole although Chinese or punctuation is glued to it."""
    return (
        len(token) > 2
        and re.search(
            rf"(?<![\w./-]){re.escape(token)}(?![\w/-]"
            rf"|\.\w)",
            known,
            re.I | re.A,
        )
        is not None
    )


def _units(text: str) -> set[str]:
    """Each number with the first letter of what is counted: ``30 s`` of 30 s and of 30 seconds, ``30 m`` of minutes."""
    counted = re.findall(r"(?<![\w.])(\d+)[ -]?([A-Za-z%\u3400-\u9fff])", text)
    words = re.findall(r"\b(two|three|four|five|hour|day|week|month|minute|second|两|三|四)", text.lower())
    return {f"{number} {unit.lower()}" for number, unit in counted} | set(words)


# ---- whether the words are there ----------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    return [token.lower() for token in _tokens(text) if len(token) >= 4 and token.lower() not in _EVERYDAY]


def _chinese(text: str) -> list[str]:
    runs = re.findall(r"[\u3400-\u9fff]+", text)
    return [run[place : place + 2] for run in runs for place in range(len(run) - 1)]


def _is_covered(part: str, source: str, told: str) -> bool:
    own, all_known = _coverage(part, source), _coverage(part, f"{source}\n{told}")
    chinese = bool(_chinese(part))
    return all_known >= (0.5 if chinese else COVERED) and own >= FROM_SOURCE


def _coverage(part: str, known: str) -> float:
    """The share of the telling letters of ``part`` whose word, or one like it, or whose pair of characters is known."""
    words, pairs = _words(part), _chinese(part)
    there, theirs = set(_words(known)), set(_chinese(known))
    heard = sum(len(word) for word in words if word in there or _like(word, there))
    total = sum(map(len, words)) + 2 * len(pairs)
    return (
        (heard + 2 * sum(pair in theirs for pair in pairs)) / total
        if total
        else fuzz.partial_ratio(part, known) / 100
    )


def _like(word: str, there: set[str]) -> bool:
    if any(word[:5] == other[:5] for other in there if len(word) > 5 and len(other) > 5):
        return True
    return process.extractOne(word, there, scorer=fuzz.ratio, score_cutoff=ALIKE) is not None


# ---- whether it says the same of them -----------------------------------------------------------------------


def _window(part: str, source: str) -> str:
    """The sentences of the source that the part aligns with best."""
    lines = [line for line in _SENTENCE.split(source) if line.strip()]
    scored = [
        (fuzz.token_set_ratio(part.lower(), line.lower()) + fuzz.partial_ratio(part, line), line)
        for line in lines
    ]
    best = max((score for score, _ in scored), default=0)
    return " ".join(line for score, line in scored if score >= 0.85 * best)


def _count_no(text: str) -> int:
    english = sum(token.lower() in _NO or token.lower().endswith("n't") for token in _tokens(text))
    return english + len(_NO_CHINESE.findall(text))


def _same_polarity(part: str, source: str) -> bool:
    """Whether a "no" is only where the source has one, and a limit on both sides or on none."""
    window = _window(part, source)
    mine, theirs = _count_no(part), _count_no(window)
    if mine > 0 and _count_no(source) == 0:
        return False
    if mine == 0 and theirs > 0 and _next_to_no(part, window):
        return False
    return _is_limited(part) or not _is_limited(window)


def _next_to_no(part: str, window: str) -> bool:
    """Whether the two words that follow a "no" of the source are in the part."""
    tokens = [token.lower() for token in _tokens(window)]
    mine = {token.lower() for token in _tokens(part)}
    for place, token in enumerate(tokens):
        if token in _NO or _NO_CHINESE.match(token):
            after = [
                other
                for other in tokens[place + 1 :]
                if (other not in _EVERYDAY and len(other) > 2) or ord(other[0]) > 0x33FF
            ]
            if after[:2] and set(after[:2]) <= mine:
                return True
    return False


def _is_telling(token: str) -> bool:
    return ord(token[0]) > 0x33FF or (token not in _EVERYDAY and len(token) > 2)


def _is_limited(text: str) -> bool:
    return (
        bool({token.lower() for token in _tokens(text)} & _LIMIT) or _LIMIT_CHINESE.search(text) is not None
    )


def _is_turned(part: str, source: str) -> bool:
    window = _window(part, source).lower()
    mine, theirs = part.lower(), _wordset(window)
    own = _wordset(mine)
    for one, other in (*_TURNED, *((b, a) for a, b in _TURNED)):
        if one in own and one not in theirs and other in theirs and other not in own:
            return True
    return False


def _wordset(text: str) -> set[str]:
    words = set(_tokens(text))
    stems = {re.sub(r"(?:e?s|e?d|ing)$", "", word) for word in words}
    chinese = {word for pair in _TURNED for word in pair if ord(word[0]) > 0x33FF and word in text}
    return words | stems | chinese
