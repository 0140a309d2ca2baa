"""What a text hides from who reads it: invisible characters, look-alike letters, markup that is not shown. Pure."""

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs import categories, confusables

# What is never seen. Joiners are left out where they belong: in emoji, and in scripts that need them.
_TAGS = re.compile(
    "(?<!\U0001f3f4)[\U000e0001-\U000e007f](?<!\U000e007f)"
)  # not the flags of Scotland or Wales
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")
_TURNED = re.compile(
    "[\u202a\u202b\u202d\u202e\u2066-\u2068]"
)  # text that is shown in another order than it is read
_SPLIT = re.compile(
    "(?<=[A-Za-z\u4e00-\u9fff])[\u200b\u200c\u200d\u2060-\u2064\ufeff]+(?=[A-Za-z\u4e00-\u9fff])"
)
_UNSEEN = re.compile("[\u00ad\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]")
_SELECTORS = re.compile("[\ufe00-\ufe0f]{2,}|[\U000e0100-\U000e01ef]")  # bytes can be written in these
MANY_UNSEEN = 12  # one or two come along when text is copied from a page
_PADDED = re.compile(r"(?:[ \t\u00a0\u2800\u3000]*\n){30,}(?=\s*\S)|[ \t\u00a0\u2800\u3000]{300,}(?=\S)")

_FENCED = re.compile(r"```.*?(?:```|\Z)|^(?: {4}|\t)[^\n]*$", re.DOTALL | re.MULTILINE)
_NOT_SHOWN = (
    re.compile(r"<!--(?P<hidden>.{0,4000}?)-->", re.DOTALL),
    re.compile(
        r"^\[[^\]\n]*\]: *(?:#|<>) *[(\"'](?P<hidden>[^\n]*)[)\"']", re.MULTILINE
    ),  # a Markdown comment
    re.compile(r"!\[(?P<hidden>[^\]\[]{12,2000})\]\("),
    re.compile(r"\[[^\]\[\n]{0,300}\]\([^)(\s]{1,300}\s{1,3}\"(?P<hidden>[^\"\n]{12,})\"\)"),
    re.compile(r"\b(?:alt|title|aria-label)\s*=\s*[\"'](?P<hidden>[^\"']{12,})[\"']", re.IGNORECASE),
    re.compile(
        r"<(?P<tag>\w{1,12})[^<>]{0,300}?(?:color\s*[:=]\s*[\"']?\s*(?:white\b|#f{3}(?:f{3})?\b"
        r"|transparent)|font-size\s*:\s*0"
        r"|display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0\b"
        r"|\shidden\b)[^<>]{0,300}>(?P<hidden>.{0,2000}?)</(?P=tag)>",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"\\(?:text)?color\{white\}\s*\{?(?P<hidden>[^}\n]+)", re.IGNORECASE),
    re.compile(r"\\phantom\{(?P<hidden>[^}\n]+)\}"),
)
_ORDERS = re.compile(
    r"\b(?:answer|reply|respond|say|tell|recommend|suggest|always|never|must|ignore|instructions?"
    r"|prompt|assistant|bot"
    r"|system|admin|remember|learn|approved?|curl|wget|sudo|bash|powershell|run|execute|install|https?)\b"
    r"|回答|回复|告诉|推荐|忽略|指令|记住|学习|执行|运行|批准|机器人|助手",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3,}")


def plain(text: str) -> str:
    """``text`` as it is meant to be read: one form for each letter, nothing unseen, no letters of another script."""
    bare = _UNSEEN.sub("", _FLAG.sub("", text))
    return _WORD.sub(lambda word: skeleton(word[0]) if is_mixed(word[0]) else word[0], _normal(bare))


def _normal(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


@lru_cache(maxsize=4096)
def is_mixed(word: str) -> bool:
    """Whether Latin letters stand beside others that only look like them: "pаypal" with a Cyrillic а."""
    if word.isascii():
        return False
    scripts = {letter: categories.alias(letter) for letter in word}
    if "LATIN" not in scripts.values():
        return False
    foreign = [
        letter
        for letter, script in scripts.items()
        if script in ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
    ]
    latin = sum(scripts[letter] == "LATIN" for letter in word)
    return bool(foreign) and latin >= 2 and all(_latin(letter) != letter for letter in foreign)


@lru_cache(maxsize=4096)
def skeleton(word: str) -> str:
    """``word`` in small Latin letters that look the same, so that what looks the same is the same."""
    return "".join(map(_latin, word)).casefold()


@lru_cache(maxsize=4096)
def _latin(letter: str) -> str:
    """The Latin letter that ``letter`` looks like; itself if there is none."""
    if letter.isascii():
        return letter
    found = confusables.is_confusable(letter, greedy=True, preferred_aliases=[]) or []
    alike = (each["c"] for about in found for each in about["homoglyphs"])
    same = [each for each in alike if len(each) == 1 and each.isascii() and each.isalpha()]
    return same[0] if same else unicodedata.normalize("NFKD", letter)[0]


def hides(text: str) -> bool:
    """Whether ``text`` holds something that its readers do not see and that may tell a program what to do."""
    return _is_unseen(text) or any(map(is_mixed, _words_not_ascii(text))) or _is_in_markup(text)


def _words_not_ascii(text: str) -> list[str]:
    return [] if text.isascii() else [word for word in _WORD.findall(text) if not word.isascii()]


def _is_unseen(text: str) -> bool:
    if _PADDED.search(text):
        return True
    if text.isascii():
        return False
    bare = _FLAG.sub("", text)
    sure = any(pattern.search(bare) for pattern in (_TAGS, _TURNED, _SPLIT, _SELECTORS))
    return sure or len(_UNSEEN.findall(bare)) >= MANY_UNSEEN


def _is_in_markup(text: str) -> bool:
    """Whether a comment, an alternative text or invisible markup gives orders; code that people show is no markup."""
    shown = _FENCED.sub(" ", text)
    return any(_is_an_order(found["hidden"]) for pattern in _NOT_SHOWN for found in pattern.finditer(shown))


def _is_an_order(hidden: str) -> bool:
    words = re.findall(r"[^\W\d_]+", hidden)
    return (len(words) >= 3 or len(hidden) >= 12) and _ORDERS.search(hidden) is not None
