"""The exact things in a text, which a paraphrase may not touch: numbers, addresses, code, names. Pure.

English and Chinese. Numbers are compared in one spelling (``1,000`` and ``1000``, ``30 seconds``, ``30s`` and
``30 秒``), words in any case, code letter by letter.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

# ---- one spelling -----------------------------------------------------------------------------------------

_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "\u00a0": " "})
_UNITS = {
    "ms": r"ms|millis|milliseconds?|毫秒",
    "s": r"s|secs?|seconds?|秒钟?",
    "min": r"mins?|minutes?|分钟",
    "h": r"h|hrs?|hours?|个?小时",
    "d": r"d|days?|天",
    "w": r"weeks?|周|个?星期",
    "mo": r"months?|个月",
    "y": r"years?|年(?!月)",
    "kb": r"kb|kib|kilobytes?",
    "mb": r"mb|mib|megabytes?|兆",
    "gb": r"gb|gib|gigabytes?",
    "tb": r"tb|tib|terabytes?",
    "%": r"%|per ?cent|个?百分点",
}
_AMOUNTS = tuple(
    (
        re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)[ -]?(?:{spelt})(?![A-Za-z\d_])", re.IGNORECASE),
        rf"\g<1>{unit} ",
    )
    for unit, spelt in _UNITS.items()
)
_THOUSANDS = re.compile(r"(?<=\d)[,，](?=\d{3}(?!\d))")
_NUMBER_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b", re.IGNORECASE)
_CHINESE_NUMBERS = {"两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_CHINESE_NUMBER = re.compile(
    r"(?<![第十百千周一二三四五六七八九])([两二三四五六七八九十])(?=个|次|天|小时|分钟|秒|台|条|步|遍|年|周|倍)"
)


def plain(text: str) -> str:
    """Full-width forms, typographic quotes and dashes made plain; nothing else is touched."""
    return unicodedata.normalize("NFKC", text).translate(_QUOTES)


@lru_cache(maxsize=2048)
def numbered(text: str) -> str:
    """``plain`` text with numbers and their units in one spelling."""
    text = _THOUSANDS.sub("", plain(text))
    text = _NUMBER_WORD.sub(lambda word: str(_NUMBER_WORDS.index(word[0].lower()) + 2), text)
    text = _CHINESE_NUMBER.sub(lambda word: str(_CHINESE_NUMBERS[word[1]]), text)
    for amount, spelling in _AMOUNTS:
        text = amount.sub(spelling, text)
    return text


_ALL_CHINESE = re.compile(r"[\u3400-\u9fff]+")


def stands(token: str, texts: Sequence[str], *, exact_case: bool = False) -> bool:
    """Whether ``token`` stands whole in one of ``texts``: ``3.1`` does not in ``3.1.2``, nor ``/etc`` in ``/etc/x``."""
    words = token.split()
    if not words:
        return False
    if _ALL_CHINESE.fullmatch(token):
        return any(token in text for text in texts)
    found = r"\s+".join(map(re.escape, words))
    whole = rf"(?<!\w)(?<!\w[./:@-]){found}(?!\w)(?![./@-]\w)(?!:\d)"
    flags = re.ASCII if exact_case else re.ASCII | re.IGNORECASE
    return any(re.search(whole, text, flags) for text in texts)


# ---- code -------------------------------------------------------------------------------------------------

_FENCED = re.compile(r"(?:```|~~~)[\w+-]*\n?(.*?)(?:```|~~~|\Z)", re.DOTALL)
_SPAN = re.compile(r"(`+)(.+?)\1")
# What a command begins with when nobody set it in a code span. Words that English uses as well are left out.
_COMMAND = re.compile(
    r"(?:^|[:;(]\s|\b(?:[Rr]un|[Uu]se|[Dd]o|[Tt]ry|[Ee]xecute|[Tt]ype|with|by|via|then|and|or"
    r"|only)\s)\s*(?:sudo\s+)?(?P<head>apt(?:-get)?|aws|az|brew|cargo|chmod|chown|composer|conda|cp|curl"
    r"|docker(?:-compose)?|gcloud"
    r"|gem|git|helm|kubectl|mkdir|mv|mysql|npm|npx|pip3?|poetry|psql|python3?|redis-cli|rm|rsync|scp|ssh"
    r"|sudo|svn|systemctl"
    r"|tar|terraform|wget|yarn|yum)\s+(?P<word>[\w./-]+)"
)
_FUNCTION_WORD = re.compile(
    r"a|an|and|are|as|at|by|can|cannot|command|commands|container|containers|does|for|from|has|image"
    r"|images|in|is|may|must|of|on"
    r"|or|repo|repository|server|should|that|the|then|to|was|will|with|again|first|itself|needs?|compose",
    re.IGNORECASE,
)


def code_in(text: str) -> Iterator[str]:
    """What stands in code spans and, line by line, in code blocks."""
    for block in _FENCED.findall(text):
        yield from (line.strip() for line in block.splitlines() if line.strip())
    yield from (span.strip() for _, span in _SPAN.findall(_FENCED.sub(" ", text)))


def blocks_in(text: str) -> list[str]:
    """The code blocks, whole."""
    return [block.strip("\n") for block in _FENCED.findall(text)]


def without_blocks(text: str) -> str:
    """``text`` with the end of a line for each code block."""
    return _FENCED.sub("\n", text)


def without_code(text: str) -> str:
    """``text`` with a mark for each code span and block."""
    return _SPAN.sub(" ` ", _FENCED.sub(" ` ", text))


def commands_in(prose: str) -> Iterator[str]:
    """The beginnings of commands that stand in no code span, such as ``docker stop``."""
    for found in _COMMAND.finditer(prose):
        if not _FUNCTION_WORD.fullmatch(found["word"]):
            yield f"{found['head']} {found['word'].rstrip('.')}"


# ---- tokens of prose --------------------------------------------------------------------------------------

# A run of letters, digits and what commands, paths and versions are made of; Chinese around it is not part of it.
_TOKEN = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7af\u3000-\u303f\uff00-\uffef,;!?()\[\]\"'<>“”‘’«»`…|*]+")
_ADDRESS = re.compile(r"[a-z][a-z+.-]*://\S+|www\.\S+|[\w.+-]+@[\w-]+\.\w+", re.IGNORECASE)
_TECHNICAL = re.compile(
    r"--?[A-Za-z].*|.*(?:[\\_=$#~]|::|/.*/).*|/.+|[a-z]+[A-Z].*|.*\w\.[A-Za-z]\w*|\.\w+|[A-Z]{2,}-[A-Z-]+"
)
_MENTION = re.compile(r"(?<![\w.])@[\w.\u4e00-\u9fff-]+")
_DOTTED = re.compile(r"(?:e\.g|i\.e|a\.m|p\.m|etc|vs)", re.IGNORECASE)


def _tokens(prose: str) -> Iterator[str]:
    for found in _TOKEN.finditer(prose):
        token = found[0].rstrip(".:").lstrip(":")
        if token and not _DOTTED.fullmatch(token):
            yield token


def addresses_in(text: str) -> Iterator[str]:
    """Addresses of sites and of mailboxes, without what closes the sentence."""
    return (token.rstrip("/") for token in _tokens(text) if _ADDRESS.fullmatch(token))


def numbers_in(prose: str) -> Iterator[str]:
    """Everything with a digit that is no address, in the one spelling: amounts, ports, versions, dates, codes."""
    for token in _tokens(numbered(prose)):
        if re.search(r"\d", token) and not _ADDRESS.fullmatch(token):
            yield re.sub(r"^[vV](?=\d)", "", token).strip("-+/~=")


_PERIOD = re.compile(
    r"\b(seconds?|minutes?|hours?|days?|weeks?|months?|years?|hourly|daily|weekly|monthly|yearly"
    r"|nightly)\b",
    re.IGNORECASE,
)
_SPAN_OF = {"dai": "day", "nightl": "day"}


def periods_in(text: str) -> frozenset[str]:
    """The spans of time that are named without a number: ``hour`` of "per hour" and of "hourly"."""
    found = (re.sub(r"(?:s|ly)$", "", word.lower()) for word in _PERIOD.findall(numbered(text)))
    return frozenset(_SPAN_OF.get(span, span) for span in found)


def technical_in(prose: str) -> Iterator[str]:
    """Flags, paths, identifiers and dotted names that stand in no code span."""
    for token in _tokens(prose):
        if _TECHNICAL.fullmatch(token) and not _ADDRESS.fullmatch(token) and not token.startswith("@"):
            yield token


# ---- names ------------------------------------------------------------------------------------------------

_SENTENCE_START = re.compile(r"(?:^|[.!?:;。！？：；]\s+|\n|[。！？：；]|\s-\s)[\s\"'(*_>\d.)•-]*$")
_COMMON = frozenset(
    ["i", "i'm", "i'd", "i'll", "i've", "ok", "url", "urls", "ui", "cli", "id", "ids", "fyi", "nb", "api"]
)
_SUBJECT = re.compile(
    r"\s+(?:\w+ly\s+)?(?:is|are|was|were|has|have|had|must|can|could|should|may|might|will|does|do|did"
    r"|[a-z]{2,}(?<!s)s)\b"
)
_PRONOUN = re.compile(
    r"it|this|that|these|those|they|he|she|we|you|there|here|what|which|who|nothing|everything|both|all"
    r"|each|none|another"
    r"|other|others|some|any|one|once|yes|no|not|so|if|when|then|also|only|only|doing",
    re.IGNORECASE,
)
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁沈任"
    "姚卢傅钟姜崔谭廖范汪陆戴贾韦夏邱方侯"
    "邹熊孟秦白江薛尹段雷黎史龙贺陶顾毛郝龚邵万钱严"
)
_CHINESE_NAME = re.compile(rf"[{_SURNAMES}][\u4e00-\u9fff]?(?:工|总|哥|姐|经理|老师|同学|先生|女士|主管)")


_ASKED = re.compile(r"(?:联系|找到?|询问|通知|请教|由)(?!一|下|我|你|他|到)([\u4e00-\u9fff]{2})")


def names_in(prose: str) -> Iterator[str]:
    """People who are mentioned, and words with a capital letter that are not merely the first of their sentence."""
    yield from _MENTION.findall(prose)
    yield from _CHINESE_NAME.findall(prose)
    yield from _ASKED.findall(prose)
    for found in _TOKEN.finditer(_MENTION.sub(" ", prose)):
        token = found[0].strip(".:-/")
        if not token or token == token.lower() or token.lower() in _COMMON:
            continue
        first = _SENTENCE_START.search(found.string[: found.start()]) is not None
        if not first or _is_subject(token, found.string[found.end() :]):
            yield token.removesuffix("'s")


def _is_subject(token: str, after: str) -> bool:
    """Whether the first word of a sentence is what the sentence is about, or is written like a name anyway."""
    if token[1:] != token[1:].lower():
        return True
    return _SUBJECT.match(after) is not None and not _PRONOUN.fullmatch(token)
