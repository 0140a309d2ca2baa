"""What an answer lays down, in a form that can be compared: values of settings, instructions, what is possible. Pure.

Each reading is precise rather than complete: questions, conditions, guesses, examples, inabilities and what somebody
else did claim nothing. English and Chinese, no model.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from knowledge.lexical import words


class Sort(StrEnum):
    """What kind of claim it is, in words for people."""

    VALUE = "the value of a setting"
    INSTRUCTION = "whether to do something"
    POSSIBLE = "whether something is possible"
    ANSWER = "yes or no"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """``says`` of ``about``, narrowed down by the words ``of``; ``where`` it holds (platforms, versions) if it is said.

    For a VALUE ``says`` is the value, for all else it is "+" or "-".
    """

    sort: Sort
    about: str
    of: frozenset[str]
    says: str
    where: frozenset[str] = frozenset()


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


# What is longer is a log or a book; the time that it takes must not grow with it.
LONGEST = 4_000  # characters of a passage
LONGEST_SENTENCE = 400
MOST_CLAIMS = 60

# ---- clauses ----------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"\b[a-z]+://\S+|^[ \t]*>[^\n]*$", re.MULTILINE)
_FENCED = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[。！？；])|(?<=[.!?;…])\s+|\n+")
_SUBORDINATE = (
    r"after|before|once|because|although|though|as soon as|otherwise|since (?!v?\d|version|release)"
)
_CLAUSE_END = _pattern(
    r"[,，、:：]\s*|\s[-–—]+\s|[()（）]|\b(?:and|but|then|so|or)\b|而是|但是|但|然后|并且|"
    rf"(?=\b(?:{_SUBORDINATE})\b)|(?=因为)"
)
_ASIDE = _pattern(rf"\s*(?:(?:{_SUBORDINATE})\b|因为|否则)")
_DOUBTFUL = _pattern(
    r"[?？]|\b(?:maybe|perhaps|probably|might|may|i think|i guess|i suppose|i believe|not sure|hopefully|seems?|would"
    r"|could"
    r"|why (?:don'?t|not)|e\.g|for example|for instance|such as|at least|at most|or more|or higher|up to|between"
    r"|depends?|depending|roughly|about|around|used to|was|were|had|tried|wanted"
    r"|if|unless|when|whenever|while|until|in case|as long as)\b"  # under a condition nothing is claimed
    r"|如果|若|除非|假如|要是|的时候|也许|可能|大概|好像|似乎|不确定|例如|比如|至少|至多|左右|以上|取决于|之前|试过|估计|吗\s*$|吧\s*$"
)
# Not said but meant: "may" in "you may want to", "would" in "I would set". What follows is advice.
_POLITE = _pattern(r"\b(?:you (?:may|might) (?:want|need) to|i(?: would|'d) (?:just |simply )?)\s*")


@lru_cache(maxsize=2048)
def _prose(text: str, guesses: bool) -> tuple[str, ...]:
    """The sentences outside of blocks of code, addresses and quotes; without ``guesses`` only those that are neither
    asked nor guessed and hold without conditions."""
    plain = _ADDRESS.sub(" ", _FENCED.sub("\n", text)).replace("’", "'").replace("`", "")
    found = (sentence.strip()[:LONGEST_SENTENCE] for sentence in _SENTENCE_END.split(plain))
    advice = (_POLITE.sub("", sentence) for sentence in found)
    return tuple(sentence for sentence in advice if sentence and (guesses or not _DOUBTFUL.search(sentence)))


def _clauses(sentence: str) -> Iterator[str]:
    """The parts of a sentence that stand for themselves; what only says when or why is left out."""
    for clause in _CLAUSE_END.split(sentence):
        if clause and clause.strip() and not _ASIDE.match(clause):
            yield clause.strip()


_PLACES = _pattern(
    r"\b(?:windows|linux|mac ?os|macos|osx|ubuntu|debian|centos|docker|kubernetes|k8s|heroku|aws|azure|gcp|helm"
    r"|cloud|hosted|on-?prem\w*|self-?hosted|enterprise|community|free|pro|production|staging|development|test(?:ing)?"
    r"|local(?:ly)?|android|ios|chrome|firefox|safari|edge|postgres\w*|mysql|oracle|mongo\w*|bigquery|redshift|athena"
    r"|presto|python ?[23])\b|生产|测试环境|开发环境|预发|云端|私有化|企业版|社区版"
)
VERSION = _pattern(
    r"(?<![\w.])v\d+(?:\.\d+)*\b|(?<![\w.])\d+(?:\.\d+)+\b(?!\.?\d)|\b(?:version|release)s?\s+\d+(?:\.\d+)*"
    r"|\d+(?:\.\d+)*\s*(?:版本|版)"
)


def places(text: str) -> frozenset[str]:
    """Platforms, editions, stages and products that are named: what holds on one need not hold on another."""
    return frozenset(found[0].lower() for found in _PLACES.finditer(text))


def versions(text: str) -> frozenset[tuple[int, ...]]:
    """The versions that are named, as numbers."""
    found = (tuple(map(int, re.findall(r"\d+", one[0])[:4])) for one in VERSION.finditer(text))
    return frozenset(number for number in found if number[0] < 1000)  # 2018.1 is a date as well


# ---- values -----------------------------------------------------------------------------------------------

_VALUE = r"(?P<value>[\w.%-]*\w%?(?:\s?(?:ms|s|secs?|seconds?|min|minutes?|h|hours?|days?|kb|mb|gb|%)\b)?)"
_ASSIGNED = re.compile(
    r"(?<![\w.?&/-])(?P<key>[A-Za-z][\w.-]*\w)\s?=\s?[\"']?(?P<value>[\w.%-]+)[\"']?(?![\w/:=(])"
)
_FLAG = re.compile(
    r"(?<![\w-])(?P<key>--?[a-z][\w-]+)(?:=|\s)(?P<value>\d[\w.%]*|true|false|on|off)(?![\w/:])"
)
_LISTED = re.compile(
    r"^[ \t]*-?[ \t]*(?P<key>[A-Za-z][\w.-]+):[ \t]*[\"']?(?P<value>\d[\w.%]*|true|false|on|off)[\"']?[ \t]*$",
    re.M,
)
_SET = _pattern(
    r"\b(?:set|setting|change|raise|lower|increase|decrease|reduce|bump|configure|put)\s+(?:the\s+|your\s+)?"
    rf"(?P<key>[\w .-]{{2,50}}?)\s+(?:from\s+\S+\s+)?(?:to|=|as)\s+[\"']?{_VALUE}"
)
_SET_ZH = _pattern(
    r"(?:把|将)\s*(?P<key>[^，。,\s把将][^，。,把将]{0,24}?)\s*(?:设置?为|设置?成|改为|改成|调到|调成|调为|调整为|调大到|调小到)"
    r"\s*(?P<value>\d+\s?(?:毫秒|秒|分钟|小时|天|ms|s|min|h|kb|mb|gb|%)?|\w+)"
)
_NOUNS = (
    r"port|timeout|limit|maximum|minimum|max|interval|quota|retention|ttl|concurrency|threshold"
    r"|batch size|pool size"
)
_NUMBERED = _pattern(
    rf"(?P<key>(?:\b[\w-]+\s+){{0,2}}\b(?:{_NOUNS}))\s*(?:is|of|to|=|are|must be|should be|needs to be|:)?"
    rf"\s*(?:set to\s+|now\s+)?"
    r"(?P<value>\d[\d.,]*\s?(?:ms|s|secs?|seconds?|min|minutes?|h|hours?|days?|kb|mb|gb|%)?)(?![\w.])"
)
_NUMBERED_ZH = _pattern(
    r"(?<!\w)(?P<key>[^\W把将]{0,8}?(?:端口号?|超时时间|超时|上限|限制|间隔|并发数|线程数|内存|保留期|有效期))\s*"
    r"(?:要|需要|应该|应|请)?(?:设置?为|设成|改为|改成|是|为|：|:|=)\s*(?P<value>\d+\s?(?:毫秒|秒|分钟|小时|天|ms|s|min|h|kb|mb|gb|%)?)"
)
# Everybody has his own of these; that two people write another one says nothing.
_OWN = _pattern(
    r"(?:^|[_.\-\s])(?:host\w*|url|uri|users?|username|pass\w*|secret|token|name|dir|path|file|mail\w*|address|ids?|key"
    r"|tag|image|database|db|version|domain|region|bucket|date|seed|title|label|style|color|width|height|class|type|src"
    r"|href|from|where|email|x|y|i|n|a|b)$"
)
_EXAMPLE = _pattern(r"\b(?:e\.g\.|for example|for instance|such as)[^\n]*$|(?:例如|比如)[^\n]*$")
_NAMED = re.compile(r"[_.-]|[a-z][A-Z]|^[A-Z\d]{3,}$")
_TRUE = frozenset({"true", "on", "yes", "enabled", "开", "开启", "always"})
_FALSE = frozenset({"false", "off", "no", "disabled", "关", "关闭", "never"})
_UNITS: Mapping[str, tuple[str, float]] = {
    **dict.fromkeys(("ms", "毫秒"), ("s", 0.001)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), ("s", 1.0)),
    **dict.fromkeys(("min", "minute", "minutes", "分钟"), ("s", 60.0)),
    **dict.fromkeys(("h", "hour", "hours", "小时"), ("s", 3600.0)),
    **dict.fromkeys(("d", "day", "days", "天"), ("s", 86400.0)),
    **dict.fromkeys(("k", "kb"), ("b", 1e3)),
    "mb": ("b", 1e6),
    **dict.fromkeys(("g", "gb"), ("b", 1e9)),
    "%": ("%", 1.0),
}
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)*)\s*([^\W\d]+|%)?")
_WORD = re.compile(r"[A-Za-z][a-z]{1,15}")


def _values(text: str, guesses: bool) -> Iterator[Claim]:
    """KEY=value, --flag value, "set X to 5", "the port is 5432"."""
    for pattern in (_ASSIGNED, _FLAG, _LISTED):
        for found in pattern.finditer(text):
            if _NAMED.search(found["key"]) and (guesses or not _is_example(text, found.start())):
                yield from _value(found["key"].lstrip("-"), found["value"], frozenset())
    for sentence in _prose(text, guesses):
        where = places(sentence)
        is_default = frozenset({"default"}) if re.search(r"\bdefault|默认", sentence) else frozenset()
        for pattern in (_SET, _SET_ZH, _NUMBERED, _NUMBERED_ZH):
            for found in pattern.finditer(sentence):
                yield from _value(found["key"], found["value"], where, is_default)


def _is_example(text: str, place: int) -> bool:
    return _EXAMPLE.search(text, max(0, place - 60), place) is not None


def _value(
    key: str, value: str, where: frozenset[str], extra: frozenset[str] = frozenset()
) -> Iterator[Claim]:
    said, of = normal_value(value), frozenset(words(key)) - {"max", "default", "set"}
    if said is None or not of or _OWN.search(key.strip()):
        return
    yield Claim(sort=Sort.VALUE, about="", of=of | extra, says=said, where=where)
    if said in "+-":
        yield Claim(sort=Sort.INSTRUCTION, about="switch", of=of, says=said, where=where)


def normal_value(value: str) -> str | None:
    """One spelling for "30 s", "30 seconds" and "30sec", "+" and "-" for on and off; None for what is no value."""
    plain = value.strip().strip("\"'.,").lower()
    if plain in _TRUE or plain in _FALSE:
        return "+" if plain in _TRUE else "-"
    number = _NUMBER.fullmatch(plain)
    if number is None:
        return plain if _WORD.fullmatch(plain) and words(plain) else None
    unit = number[2]
    if unit is not None and unit not in _UNITS:
        return None
    kind, times = _UNITS[unit] if unit else ("", 1.0)
    digits = number[1].replace(",", "")
    return None if digits.count(".") > 1 else f"{float(digits) * times:g} {kind}"


# ---- instructions -----------------------------------------------------------------------------------------

# Verbs that are each other's opposite, by what they are about; the others are opposite only if one is forbidden.
_OPPOSITES: Mapping[str, tuple[str, str]] = {
    "switch": (
        r"enabl(?:e|ed|ing)|turn(?:ed|ing)? on|switch(?:ed|ing)? on|activat(?:e|ed|ing)",
        r"disabl(?:e|ed|ing)|turn(?:ed|ing)? off|switch(?:ed|ing)? off|deactivat(?:e|ed|ing)",
    ),
    "amount": (
        r"increas(?:e|ed|ing)|rais(?:e|ed|ing)|bump(?:ed|ing)?",
        r"decreas(?:e|ed|ing)|lower(?:ed|ing)?|reduc(?:e|ed|ing)",
    ),
    "presence": (
        r"add(?:ed|ing)?|includ(?:e|ed|ing)|keep|keeping|kept",
        r"remov(?:e|ed|ing)|delet(?:e|ed|ing)|drop(?:ped|ping)?|omit",
    ),
    "install": (r"install(?:ed|ing)?", r"uninstall(?:ed|ing)?"),
    "use": (r"us(?:e|ed|ing)|prefer|choos(?:e|ing)|pick", r"avoid(?:ed|ing)?"),
    "version": (r"upgrad(?:e|ed|ing)", r"downgrad(?:e|ed|ing)|roll(?:ed|ing)? back"),
    "allow": (r"allow(?:ed|ing)?|permit|whitelist", r"deny|block(?:ed|ing)?|forbid|disallow"),
    "open": (r"open(?:ed|ing)?|expose", r"clos(?:e|ed|ing)"),
}
_ACTIONS = (
    r"set|change|edit|run|restart|reboot|rebuild|recreate|reinstall|rename|move|copy|clear|flush|reset|rotate|migrate"
    r"|export|import|click|select|configure|create|commit|merge|share|save|send|call|pass|quote|escape|wrap|retry|sync|apply"
    r"|define|declare|put|pin|mount|kill|stop|start|touch|encode|commit|cache|log"
)
_VERBS = {
    **{f"{name} +": pattern for name, (pattern, _) in _OPPOSITES.items()},
    **{f"{name} -": pattern for name, (_, pattern) in _OPPOSITES.items()},
}
_GROUPS = {f"g{number}": name for number, name in enumerate(_VERBS)}
_VERB = _pattern(
    r"\b(?:"
    + "|".join(f"(?P<{group}>{_VERBS[name]})" for group, name in _GROUPS.items())
    + rf"|(?P<action>{_ACTIONS}))\b(?!-)"
)
_SPLIT_VERB = _pattern(r"\b(?:turn|switch)(?:ed|ing)?\s+(?P<of>(?:[\w.-]+\s+){1,4}?)(?P<way>on|off)\b")
_FORBIDS = _pattern(
    r"(?:\b(?:don'?t|do not|never|must not|mustn'?t|should not|shouldn'?t|avoid|without|stop|instead of"
    r"|rather than|not)"
    r"|\bno(?: longer)? need(?: to)?|\b(?:don'?t|do not|no longer) (?:need|have) to|\bneedn'?t|\bno longer)"
    r"(?:\s+(?:ever|just|simply|also|even|then))?\s*$"
)
_INABLE = _pattern(
    r"(?:\b(?:can'?t|cannot|couldn'?t|didn'?t|doesn'?t|wasn'?t|isn'?t|won'?t|forgot(?:ten)? to|failed to|unable to|not"
    r" (?:able|possible) to|forget to|hesitate to|not only|why not)|\bthat|\bwhich|\bwho|\bthey|\bit|\bis|\bare|\bbe"
    r"|\bbeen"
    r"|\bgets?|\bhow to|\bthe|\ban?|\bthis|\byour|\bwas|\bwere)\s*$"
)
_FORGET = _pattern(r"\b(?:forget|hesitate|fail) to\s*$")
# An instruction begins its clause, or follows one of these.
_LEADS = _pattern(
    r"(?:^|[\"'*>\-:]|\b(?:you|we|i|i've|i'll|we'll|please|pls|just|simply|also|now|first|should|must|can|to|by|always|only"
    r"|then|is|then|again|instead|try|tried|never|not|don'?t|need|avoid|without|stop|of|than|longer|ever|even|and|then|step"
    r"|yes|no|actually|recommend|suggest|fix|\d[.)])\b)\s*$"
)
_TO = _pattern(r"\bto\s*$")
_MUST = _pattern(
    r"\b(?:need|needs|have|has|had|sure|remember|enough|sufficient|best|better|is|try|not|longer|want) to\s*$"
)
_MOST_BEFORE = 40  # characters before a verb that say how it is meant


def _instructions(text: str, guesses: bool) -> Iterator[Claim]:
    last: frozenset[str] = frozenset()  # what "it" is
    for sentence in _prose(text, guesses):
        where = places(sentence)
        for clause in _clauses(sentence):
            for claim in (*_told(clause, where, last), *_told_zh(clause, where)):
                yield claim
                last = claim.of


def _told(clause: str, where: frozenset[str], last: frozenset[str]) -> Iterator[Claim]:
    for found in _SPLIT_VERB.finditer(clause):
        sign = "+" if found["way"].lower() == "on" else "-"
        yield from _instruction(clause[: found.start()], "switch", sign, _objects(found["of"], last), where)
    for found in _VERB.finditer(clause):
        about, _, sign = _GROUPS.get(found.lastgroup or "", f"do {found[0].lower()} +").rpartition(" ")
        of = _objects(clause[found.end() :], last)
        yield from _instruction(clause[: found.start()], about, sign, of, where)


def _instruction(
    before: str, about: str, sign: str, of: frozenset[str], where: frozenset[str]
) -> Iterator[Claim]:
    lead = before[-_MOST_BEFORE:]
    forbidden = _FORBIDS.search(lead) is not None and not _FORGET.search(lead)
    if of and (forbidden or _is_told(lead)):
        says = _turned(sign) if forbidden else sign
        yield Claim(sort=Sort.INSTRUCTION, about=about, of=of, says=says, where=where)


def _turned(sign: str) -> str:
    return "-" if sign == "+" else "+"


def _is_told(lead: str) -> bool:
    """Whether what stands before a verb makes it an instruction, or what its author did."""
    if _FORGET.search(lead):
        return re.search(r"(?:don'?t|not|never)\s+\w+ to\s*$", lead, re.IGNORECASE) is not None
    if _TO.search(lead):
        return _MUST.search(lead) is not None
    return _LEADS.search(lead) is not None and not _INABLE.search(lead)


_MOST_OBJECTS = 5
_IT = _pattern(r"\s*(?:it|them|this|that)\b(?!\s+[a-z]+ing\b)")
_OBJECT_END = _pattern(
    r"\b(?:to|for|in order|by|with|instead|rather|because|from|via|through|as|which|that|at|on|in|into|using|unless)\b"
)


def _objects(after: str, last: frozenset[str]) -> frozenset[str]:
    """What an instruction is about: the first informative words after its verb; ``last`` for "it"."""
    if _IT.match(after):
        return last
    head = _OBJECT_END.split(after, maxsplit=1)[0]
    return frozenset(words(head)[:_MOST_OBJECTS])


_ZH_VERBS: Mapping[str, tuple[str, str]] = {
    "switch": (r"启用|开启|打开|勾选", r"禁用|停用|关闭|取消勾选"),
    "amount": (r"增大|调大|调高|提高|增加|加大", r"减小|调小|调低|降低|减少"),
    "presence": (r"添加|加上|增加|保留", r"删除|删掉|去掉|移除"),
    "install": (r"(?<!卸)安装", r"卸载"),
    "use": (r"使用|用", r"避免"),
    "version": (r"升级", r"降级|回退|回滚"),
    "allow": (r"允许|放行", r"禁止|拦截"),
}
_ZH_ACTIONS = r"重启|修改|设置|运行|执行|重建|清空|重置|导出|导入|创建|提交|共享|保存|同步|配置|重试|迁移"
_ZH_GROUPS = {
    f"z{number}": f"{name} {sign}"
    for number, (name, sign) in enumerate((name, sign) for name in _ZH_VERBS for sign in "+-")
}
_ZH_VERB = re.compile(
    "|".join(
        f"(?P<{group}>{_ZH_VERBS[name.split()[0]]['+-'.index(name[-1])]})"
        for group, name in sorted(_ZH_GROUPS.items(), key=lambda item: item[1].startswith("use"))
    )
    + rf"|(?P<action>{_ZH_ACTIONS})"
)
_ZH_FORBIDS = re.compile(
    r"(?:不要|别|切勿|请勿|勿|无需|不需要|不必|不用|不应该?|不能|不可|禁止|不再需要|严禁|避免)(?:再|去|随便|直接|手动)?$"
)
_ZH_OTHER = re.compile(r"(?:无法|没法|没有?|未|已经?被?|被|为什么|怎么|如何|不)$")
_ZH_OBJECT_END = re.compile(r"来|以便|之后|后|时|的话|即可|就|了|，|,")


def _told_zh(clause: str, where: frozenset[str]) -> Iterator[Claim]:
    for found in _ZH_VERB.finditer(clause):
        before = clause[: found.start()].rstrip()
        about, _, sign = _ZH_GROUPS.get(found.lastgroup or "", f"做 {found[0]} +").rpartition(" ")
        forbidden = _ZH_FORBIDS.search(before) is not None
        of = _objects_zh(before, clause[found.end() :])
        if of and (forbidden or not _ZH_OTHER.search(before)):
            says = _turned(sign) if forbidden else sign
            yield Claim(sort=Sort.INSTRUCTION, about=about, of=of, says=says, where=where)


def _objects_zh(before: str, after: str) -> frozenset[str]:
    """What follows the verb; or what 把 puts before it."""
    put = re.search(r"(?:把|将)\s*([^把将]{1,20})$", _ZH_FORBIDS.sub("", before))
    return frozenset(
        words(put[1] if put else _ZH_OBJECT_END.split(after, maxsplit=1)[0][:16])[: 2 * _MOST_OBJECTS]
    )


# ---- what is possible -------------------------------------------------------------------------------------

_STATES: Mapping[str, tuple[str, str]] = {
    "supported": (r"supported|compatible", r"unsupported|incompatible"),
    "possible": (r"possible|doable|feasible", r"impossible"),
    "available": (r"available", r"unavailable"),
    "needed": (r"required|needed|necessary|mandatory", r"unnecessary|optional"),
    "allowed": (r"allowed|permitted", r"forbidden|disallowed"),
    "safe": (r"safe", r"unsafe|dangerous"),
}
_STATE = _pattern(
    r"\b(?:"
    + "|".join(f"(?P<{name}>{yes})|(?P<un{name}>{no})" for name, (yes, no) in _STATES.items())
    + r"|(?P<verb>supports?|requires?|works?|needs?(?!\s+to\b)))\b"
)
_VERB_ABOUT = {"s": "supported", "r": "needed", "n": "needed", "w": "works"}
# "X is not", "does not", "X isn't yet"; and "no X is", "there is no".
_NOT_BEFORE = _pattern(
    r"\b(?:(?:is|are|be|does|do|will)\s+not|(?:is|are|does|do|wo)n'?t|no longer|never|not|no(?:\s+\w+)?)(?:\s+\w+)?\s*$"
)
_NONE_BEFORE = _pattern(r"^\s*(?:there(?:'s| is| are)\s+)?no\s+(?!longer)(?P<of>.+?)\s*(?:is|are)?\s*$")
# "support" and "work" are nouns as well: "ask the support", "at work".
_NOUN = frozenset({"support", "work"})
_VERB_BEFORE = _pattern(r"\b(?:does|do|will|has|have|can|now|both|all|they|we|versions)\s+(?:\w+\s+)?$")
_AUXILIARY = _pattern(r"\b(?:is|are|it's|be)\s*$")
_MOST_AROUND = 80  # characters on each side
_CAN = _pattern(r"(?<!\bi )(?<!\bwe )\b(?P<can>can(?:not|'?t| not| no longer)?)\s+(?P<after>[^,;]{3,60})")
_STATE_ZH = re.compile(
    r"(?P<not>不再|不|没有?|无)?(?P<state>支持|需要|必须|可以|允许|能够?)|(?P<none>无法|没法|无需|不必|不用)"
)
_ZH_ABOUT: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("无法", "没法"), ("can", "-")),
    **dict.fromkeys(("无需", "不必", "不用"), ("needed", "-")),
    **dict.fromkeys(("可以", "允许", "能", "能够"), ("can", "+")),
    **dict.fromkeys(("需要", "必须"), ("needed", "+")),
    "支持": ("supported", "+"),
}


_TIME = _pattern(
    r"\b(?:currently|now|today|yet|already|at the moment|right now|for now|still)\b|目前|现在|暂时?|已经?|还"
)


def _possibilities(text: str, guesses: bool) -> Iterator[Claim]:
    for sentence in _prose(text, guesses):
        where = places(sentence)
        for clause in _clauses(sentence):
            for about, says, of in (*_states(clause), *_states_zh(clause)):
                of_what = frozenset(words(_TIME.sub(" ", of)))
                yield Claim(sort=Sort.POSSIBLE, about=about, of=of_what, says=says, where=where)


def _states(clause: str) -> Iterator[tuple[str, str, str]]:
    """(what about, "+" or "-", of what) for "X is not supported", "does not support X", "no X is required"."""
    for found in _STATE.finditer(clause):
        before, after = clause[: found.start()][-_MOST_AROUND:], clause[found.end() :][:_MOST_AROUND]
        name = str(found.lastgroup)
        about = _VERB_ABOUT[found[0][0].lower()] if name == "verb" else name.removeprefix("un")
        if none := _NONE_BEFORE.search(before):
            yield about, "-", none["of"]
            continue
        refused = _NOT_BEFORE.search(before)
        if found[0].lower() in _NOUN and not refused and not _VERB_BEFORE.search(before):
            continue
        subject = before[: refused.start()] if refused else _AUXILIARY.sub("", before)
        says = "-" if (refused is not None) != name.startswith("un") else "+"
        yield about, says, f"{subject} {after}"
    for found in _CAN.finditer(clause):
        yield "can", "+" if found["can"].lower() == "can" else "-", found["after"]


def _states_zh(clause: str) -> Iterator[tuple[str, str, str]]:
    for found in _STATE_ZH.finditer(clause):
        about, says = _ZH_ABOUT[found["state"] or found["none"]]
        of = f"{clause[: found.start()][-30:]} {clause[found.end() :][:24]}"
        yield about, "-" if found["not"] else says, of


# ---- yes or no --------------------------------------------------------------------------------------------

_YES = _pattern(
    r"\W*(?:yes|yep|yeah|yup|sure|of course|definitely|absolutely"
    r"|是的|可以|能的?|支持|有的|会的|对的?)(?:[\s,.!，。！]|$)"
)
_NO = _pattern(
    r"\W*(?:no|nope|(?:unfortunately|sadly|currently|at the moment)[, ]+(?:no|not)|not (?:at the moment|currently|yet"
    r"|possible|supported)|不行|不能|不可以|不支持|没有|不是|不会|不需要|不用|暂时不|目前不)"
    r"(?:[\s,.!，。！]|$)(?! ?(?:problem|worries|idea|clue))"
)
_YES_NO_QUESTION = _pattern(
    r"(?:^|[.:\n]\s*)\W*(?:is|are|can|could|does|do|did|will|would|has|have|should|must|may|was)\s+\w+"
    r"|\bis (?:it|there)\b|吗|能不能|是否|可不可以|是不是|会不会|需不需要|有没有|要不要|支不支持"
)
_NEGATED = _pattern(
    r"\b(?:not|no|never|without|cannot|can'?t|don'?t|doesn'?t|isn'?t|aren'?t|won'?t)\b|(?<![能可是会要支])不(?![能动断同过足少久对])|没(?!有)|无法"
)


def yes_or_no(answer: str) -> str | None:
    """ "+" or "-" for an answer that begins with yes or no."""
    if _NO.match(answer):
        return "-"
    return "+" if _YES.match(answer) else None


def asks_yes_or_no(question: str) -> bool:
    return _YES_NO_QUESTION.search(question) is not None


def is_negated(question: str) -> bool:
    """Whether it asks for a "not": a yes to it may be a no to the same question asked without."""
    return _NEGATED.search(question) is not None


# ---- together ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def claims_in(texts: tuple[str, ...], *, guesses: bool = False) -> tuple[Claim, ...]:
    """What the passages of one answer claim, with ``guesses`` also what they only suggest.

    What an answer takes back itself ("remove it, then add it again") is left out.
    """
    readers = (_values, _instructions, _possibilities)
    shown = [text[:LONGEST] for text in texts]
    found = dict.fromkeys(claim for text in shown for read in readers for claim in read(text, guesses))
    return tuple(_settled(list(found)[:MOST_CLAIMS]))


def _settled(claims: Sequence[Claim]) -> Iterator[Claim]:
    by_about: dict[tuple[Sort, str], list[Claim]] = {}
    for claim in claims:
        by_about.setdefault((claim.sort, claim.about), []).append(claim)
    for alike in by_about.values():
        yield from (one for one in alike if not any(_excludes(one, other) for other in alike))


def contradiction(ours: Iterable[Claim], theirs: Iterable[Claim]) -> Sort | None:
    """What two answers cannot both be right about, if there is something."""
    by_about: dict[tuple[Sort, str], list[Claim]] = {}
    for claim in theirs:
        by_about.setdefault((claim.sort, claim.about), []).append(claim)
    for claim in ours:
        for other in by_about.get((claim.sort, claim.about), []):
            if _excludes(claim, other):
                return claim.sort
    return None


SHARED = 0.6  # of the words of the claim that has fewer


def _excludes(one: Claim, other: Claim) -> bool:
    if one.says == other.says or _elsewhere(one.where, other.where):
        return False
    if one.sort is Sort.VALUE:
        return one.of == other.of and _same_unit(one.says, other.says)
    return _same_words(one.of, other.of)


def _elsewhere(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether they speak of different places: what one names, the other does not."""
    return bool(one or other) and not one & other


def _same_unit(one: str, other: str) -> bool:
    numbers = [value[:1].isdigit() for value in (one, other)]
    signs = [value in "+-" for value in (one, other)]
    units = [value.partition(" ")[2] for value in (one, other)]
    return numbers[0] == numbers[1] and signs[0] == signs[1] and (not numbers[0] or units[0] == units[1])


def _same_words(one: frozenset[str], other: frozenset[str]) -> bool:
    fewer = min(len(one), len(other))
    return (
        fewer > 0
        and len(one & other) >= SHARED * fewer
        and (len(one & other) > 1 or fewer == max(len(one), len(other)) or fewer == 1)
    )
