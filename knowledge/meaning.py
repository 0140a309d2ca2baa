"""Whether a paraphrase turned round what it was made from: negations, opposites, conditions, strength, order. Pure.

English and Chinese, no model. Each reading compares words, so it is precise rather than complete.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge.exact import numbered, without_code
from knowledge.lexical import words

# ---- the text, made simple --------------------------------------------------------------------------------

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
_CLAUSE_END = re.compile(
    r",(?!\d)|[，、：()]|:(?![\w/])|\s-\s|\b(?:but|and|then|so|because|which)\b|但是?|然后|并且?|而且"
    r"|再(?!次)|因为|所以"
)
_WORD = re.compile(rf"{NOT}|[{_CHINESE}]+|[a-z0-9_][a-z0-9_.:/-]*")


@lru_cache(maxsize=4096)
def sentences_of(text: str) -> tuple[str, ...]:
    return tuple(sentence for sentence in _SENTENCE_END.split(simple(text)) if sentence.strip())


@lru_cache(maxsize=16_384)
def _terms(word: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(words(word)))
    return found[:1] if found and not re.match(rf"[{_CHINESE}]", word) else found


@lru_cache(maxsize=8192)
def terms_of(line: str) -> frozenset[str]:
    """What ``line`` speaks of: stems, and pairs of Chinese characters."""
    return frozenset(term for word in _WORD.findall(line) for term in _terms(word))


# ---- negation ---------------------------------------------------------------------------------------------

_REACH = 3  # words after a "not" that it is about
_LIGHT = frozenset(words("need have want able recommend possible necessary required want 需要 可以"))


@dataclass(frozen=True, slots=True)
class _Denial:
    """One "not": what it is ``about`` (the words after it, or else before it), its first words, and all its clause."""

    about: frozenset[str]
    heads: frozenset[str]
    clause: frozenset[str]


@lru_cache(maxsize=1024)
def _denials(text: str) -> tuple[_Denial, ...]:
    return tuple(denial for line in sentences_of(text) for denial in _negated(line))


def _digits(word: str) -> tuple[str, ...]:
    return (word,) if word.isdigit() else ()


def _negated(line: str) -> Iterator[_Denial]:
    for clause in _CLAUSE_END.split(line):
        found = _WORD.findall(clause)
        for place, word in enumerate(found):
            if word == NOT:
                after = [
                    term
                    for later in found[place + 1 :]
                    if later != NOT
                    for term in _terms(later) or _digits(later)
                ][:_REACH]
                before = [term for earlier in found[:place] for term in _terms(earlier)][-2:]
                about = after if set(after) - _LIGHT else after + before
                about = [term for term in about if len(term) > 1 or term.isdigit()] or about
                heads = [term for term in about if term not in _LIGHT][:2] or about[:1]
                yield _Denial(frozenset(about), frozenset(heads), terms_of(clause))


# What is not to happen, once one does as told: nobody denies that it happens.
_PURPOSE = re.compile(r"\b(?:so that|otherwise)\b[^,.;]*|(?:以免|否则)[^，。；]*", re.IGNORECASE)


# Words that say no without a "not": a paraphrase may put a "not" in their place.
_NEGATIVE = re.compile(
    r"\b(?:refus|reject|drop|den(?:y|ie)|otherwise|miss|prevent|stop|los[et]|block|forbid|too|instead|purg"
    r"|remov|delet"
    r"|expir|only|until|before|unless|ignor|skip|stale|empty|gone)"
    r"|拒绝|否则|缺|丢|拦截|停止|删除|过期|只有|才能|忽略|跳过"
)
_GERUND = re.compile(r"\s*[a-z]+ing\b")
BOTH = 2  # words that two clauses have in common if both deny the same


def adds_negation(claim: str, source: str, told: str) -> bool:
    """Whether the claim denies what its source says, and neither source nor conversation denies."""
    theirs = _denials(source)
    spoken = {term for denial in _denials(told) for term in denial.about}
    said = terms_of(simple(source))
    if any(not denial.about for denial in theirs):
        return False
    return any(
        not denial.about  # "Do not do this: …"
        or (
            not any(_is_same(denial, other) for other in theirs)
            and (denial.about & said or not denial.about & spoken)
            and not _says_no(denial, source)
        )
        for denial in _denials(_PURPOSE.sub(" ", claim))
    )


def _is_same(one: _Denial, other: _Denial) -> bool:
    return bool((one.about & other.about) - _LIGHT) or len(one.clause & other.clause) >= BOTH


def _says_no(denial: _Denial, source: str) -> bool:
    """Whether a sentence of the source says no to the same in another way."""
    return any(
        denial.clause & terms_of(line)
        and any(not any(term.startswith(no) for term in denial.about) for no in _NEGATIVE.findall(line))
        for line in nearest(" ".join(denial.clause), source)
    )


def drops_negation(claim: str, source: str) -> bool:
    """Whether the claim says plainly what its source denies."""
    denied = {term for denial in _denials(claim) for term in denial.about}
    said, granted = _plainly(claim), _plainly(source)
    for denial in _denials(source):
        if not denial.heads or denial.about & denied or any(denial.heads <= clause for clause in granted):
            continue
        if any(denial.heads <= clause for clause in said):
            return True
    return False


def _plainly(text: str) -> list[frozenset[str]]:
    """The words of each clause in which nothing is denied, nor told what doing it leads to ("Removing it breaks …")."""
    clauses = (clause for line in sentences_of(text) for clause in _CLAUSE_END.split(line) if clause)
    return [terms_of(clause) for clause in clauses if not _is_doubtful(clause)]


def _is_doubtful(clause: str) -> bool:
    return (
        NOT in clause
        or re.search(r"\b(?:until|instead|too)\b", clause) is not None
        or bool(_GERUND.match(clause))
    )


# ---- opposites --------------------------------------------------------------------------------------------


def _either(english: str, chinese: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{english})\b|{chinese}" if chinese else rf"\b(?:{english})\b")


_OPPOSITES = tuple(
    (_either(one, zh), _either(other, other_zh))
    for one, zh, other, other_zh in (
        (
            r"enabl\w+|activat\w+",
            "启用|开启|打开|勾选",
            r"disabl\w+|deactivat\w+",
            "禁用|停用|关闭|取消勾选|关掉",
        ),
        (
            r"increas\w+|rais\w+|bump\w*|enlarg\w+",
            "增大|调大|调高|提高|增加|加大",
            r"decreas\w+|lower\w*|reduc\w+|shrink\w*",
            "减小|调小|调低|降低|减少",
        ),
        (
            r"start|starts|started|starting|launch\w*|resum\w+",
            "启动",
            r"stop|stops|stopped|stopping|halt\w*|paus\w+",
            "停止|停掉|暂停",
        ),
        (
            r"allow\w*|permit\w*|whitelist\w*|accept\w*",
            "允许|放行|接受",
            r"den(?:y|ies|ied)|block(?:s|ed|ing)?|forbid\w*|reject\w*|disallow\w*",
            "拒绝|拦截",
        ),
        (
            r"add|adds|added|adding|includ\w+|insert\w*",
            "添加|加上|加入",
            r"remov\w+|delet\w+|drop\w*|exclud\w+|omit\w*",
            "删除|删掉|去掉|移除",
        ),
        (r"install\w*", "(?<!卸)安装", r"uninstall\w*", "卸载"),
        (r"upgrad\w+", "升级", r"downgrad\w+|revert\w*", "降级|回退|回滚"),
        (r"open|opens|opened|opening", "", r"close|closes|closed|closing", ""),
        (
            r"max|maximum|at most|up to|upper",
            "最大|最多|至多|上限",
            r"min|minimum|at least|lower limit",
            "最小|最少|至少|下限",
        ),
        (
            r"new|newer|newest|latest",
            "新版|最新|新的",
            r"old|older|oldest|previous|legacy",
            "旧版|老版|旧的|老的",
        ),
        (r"first", "首先|第一", r"last|finally", "最后"),
        (
            r"above|more than|over|greater|longer than|higher|larger|exceeds?",
            "以上|超过|大于|高于",
            r"below|less than|under|shorter than|smaller|fewer",
            "以下|低于|小于|不到",
        ),
        (r"lock|locks|locked|locking", "锁定", r"unlock\w*", "解锁"),
        (r"import\w*", "导入", r"export\w*", "导出"),
        (r"upload\w*", "上传", r"download\w*", "下载"),
        (r"encrypt\w*", "加密", r"decrypt\w*", "解密"),
        (r"connect\w*|attach\w*", "", r"disconnect\w*|detach\w*", "断开"),
        (r"internal\w*", "内网|内部", r"external\w*", "外网|外部"),
        (r"public\w*", "公开|公有", r"private\w*", "私有|私密"),
        (r"local\w*", "本地", r"remote\w*", "远程|远端"),
        (
            r"primary|leader|master",
            "主库|主节点",
            r"secondary|replicas?|followers?|standby",
            "从库|从节点|备库",
        ),
        (r"automatic\w*|auto", "自动", r"manual\w*|by hand", "手动|手工"),
        (r"temporar\w+", "临时|暂时", r"permanent\w*", "永久"),
        (r"safe|safely", "安全", r"dangerous|unsafe|risky", "危险"),
        (r"faster|quicker|speeds? up", "更快", r"slower|slows? down", "更慢"),
        (r"left", "左", r"right", "右"),
        (r"client\w*", "客户端", r"server\w*", "服务端|服务器端"),
        (r"read|reads|reading", "读取", r"write|writes|writing|written", "写入"),
        (r"true", "", r"false", ""),
        (r"inbound|incoming", "入站", r"outbound|outgoing", "出站"),
        (r"gain\w*|keep\w*|kept|preserv\w+|retain\w*", "保留", r"los[et]\w*|discard\w*", "丢失|丢弃|清除"),
        (r"succe\w+", "成功", r"¬ work", "失败"),
        (r"always", "总是|始终", r"seldom|rarely", "很少"),
        (r"on(?=\s*(?:[,.;)]|$|again))", "", r"off(?=\s*(?:[,.;)]|$|again))", ""),
    )
)


def turns_round(claim: str, source: str, told: str) -> bool:
    """Whether the claim has the opposite of a word of its source: "disable" for "enable", "最小" for "最大"."""
    mine = simple(without_code(claim))
    theirs = "\n".join(nearest(without_code(claim), without_code(source), 1.0))
    return any(
        _turned(mine, theirs, *pair) or _turned(mine, theirs, *reversed(pair))
        for pair in _OPPOSITES
        if not _both(simple(told), *pair)
    )


def _both(line: str, one: re.Pattern[str], other: re.Pattern[str]) -> bool:
    return one.search(line) is not None and other.search(line) is not None


def _turned(mine: str, theirs: str, one: re.Pattern[str], other: re.Pattern[str]) -> bool:
    """Whether ``mine`` has ``one`` where ``theirs`` has only the ``other``, and no "not" makes them the same."""
    if one.search(theirs) or not other.search(theirs):
        return False
    found = one.search(mine)
    if found is None or other.search(mine):
        return False
    there = other.search(theirs)
    assert there is not None
    return _is_denied(mine, found.start()) == _is_denied(theirs, there.start())


def _is_denied(line: str, place: int) -> bool:
    return NOT in _WORD.findall(_CLAUSE_END.split(line[:place])[-1])[-3:]


# ---- conditions -------------------------------------------------------------------------------------------

_RESTRICTS = re.compile(
    r"\b(?:only(?= (?:if|when|after|for|in|on|with|during|while|by)\b)|only(?!(?: \w+)?(?: \w+)? (?:\d"
    r"|once\b))|solely|exclusively|unless|except|other than|apart"
    r" from)\b|只有|仅|只(?!要|是)|除非|除了|除\S{1,12}外|才(?=能|可|会|需)"
)
_IF = re.compile(
    r"\b(?:if|when|whenever|in case|as long as|provided|once|after|with|for|on|in|while|during)\b"
    r"|如果|若|假如|当|的话|时|情况下|后|对于|只要"
)
_NEEDS = re.compile(r"\b(?:must|needs?|requires?d?|has to|have to)\b|需要|必须")
_STATES_CONDITION = re.compile(
    r"(?:^|[,(]|\b(?:and|but|this|only|even)\b)\s*(?:if|when|whenever|in case|as long as|provided(?:"
    r" that)?)\b(?P<en>[^,.;()]+)"
    r"|\b(?:if|as long as|provided that|in case)\b(?P<late>[^,.;()]+)"
    r"|(?:如果|若是?|假如|只要)(?P<zh>[^，,。；]+)"
)
COVERED = 0.5  # of the words of a condition


def changes_condition(claim: str, source: str, told: str) -> bool:
    """Whether a limit ("only", "unless", "除非") was added or dropped, or a condition dropped that nobody fulfils."""
    near = nearest(claim, source)
    if _RESTRICTS.search(simple(claim)):
        limits = (*sentences_of(told), *sentences_of(source))
        return not any(map(_RESTRICTS.search, limits)) and not any(map(_LIMITS, limits))
    widened = not _NEEDS.search(simple(claim)) and any(map(_RESTRICTS.search, _parts(claim, near)))
    return widened or any(_leaves_out(claim, line, told) for line in near)


# What a paraphrase may say with "only".
_LIMITS = re.compile(
    rf"{NOT}|\b(?:once|single|just|at most|at least|must|needs?|require\w*|own|otherwise|instead|up to"
    rf"|until|limit\w*|maximum)\b"
    r"|需要|必须|最多|单次|一次"
).search


def _parts(claim: str, near: Sequence[str]) -> list[str]:
    """Of ``near`` the clause that each clause of the claim was made from."""
    theirs = [clause for line in near for clause in _CLAUSE_END.split(line) if clause and terms_of(clause)]
    found = []
    for line in sentences_of(claim):
        for clause in filter(None, _CLAUSE_END.split(line)):
            shares = [len(terms_of(clause) & terms_of(other)) for other in theirs]
            if max(shares, default=0):
                found.append(theirs[shares.index(max(shares))])
    return found


def _leaves_out(claim: str, line: str, told: str) -> bool:
    """Whether a condition of a sentence of the source is neither in the claim nor what the conversation tells."""
    known = terms_of(simple(claim)) | terms_of(simple(told))
    for found in _STATES_CONDITION.finditer(line):
        condition = terms_of(found["en"] or found["late"] or found["zh"] or "")
        if condition and len(condition & known) < COVERED * len(condition):
            return True
    return False


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


# ---- strength ---------------------------------------------------------------------------------------------

_HEDGED = re.compile(
    r"\b(?:may|might|maybe|perhaps|probably|possibly|i think|i guess|i believe|not sure|likely|seems?"
    r"|apparently|looks? like|should (?:fix|help|work|do)|could be|could also"
    r"|suspect|presumably)\b|可能|也许|大概|或许|似乎|好像|估计|应该是|不确定"
)
_SOMETIMES = re.compile(
    r"\b(?:sometimes|usually|often|occasionally|mostly|typically|(?<!at )most|some|normally|generally)\b"
    r"|有时|通常|偶尔|一般|大多"
)
_ALWAYS = re.compile(
    r"\b(?:always|every(?!one| one|body)|all|any|everywhere|guarantee\w*|certainly|definitely|completely"
    r"|immediately|at once|instantly)\b|总是|所有|全部|一定|任何|始终|必定|立即|立刻|每次|完全"
)
_MUST = re.compile(
    r"\b(?:must|have to|has to|required|mandatory|necessary|needs? to|essential)\b|必须|务必|一定要|强制"
)
_MAY = re.compile(
    r"\b(?:may|can|could|might|¬ (?:need|have|required)\w*|if you like|recommended|advisable|feel free)\b"
    r"|可以|可选|建议"
)
_IF_YOU_LIKE = re.compile(
    r"\b(?:may(?! \w+ at most)|might|if you like|if you want|feel free|¬ (?:need|required))\b|可选|¬ 需要"
)


def changes_strength(claim: str, source: str, told: str) -> bool:
    """Whether a guess became a fact, "sometimes" became "always", or "may" became "must", or the other way round."""
    mine, theirs = simple(claim), "\n".join(nearest(claim, source))
    if not theirs:
        return False
    whole = simple(source) + simple(told)
    if _ALWAYS.search(mine) and not _same_words(_ALWAYS, mine, whole):
        return True
    if _SOMETIMES.search(theirs) and not (_SOMETIMES.search(mine) or _HEDGED.search(mine)):
        return True
    if _HEDGED.search(theirs) and not (_HEDGED.search(mine) or _SOMETIMES.search(mine) or _MAY.search(mine)):
        return True
    if _HEDGED.search(mine.replace("may", "")) and not (
        _HEDGED.search(whole) or _SOMETIMES.search(whole) or _MAY.search(whole)
    ):
        return True
    musts = _MUST.search(mine) is not None, _MUST.search(theirs) is not None
    mays = _MAY.search(mine) is not None, _MAY.search(theirs) is not None
    weakened = _IF_YOU_LIKE.search(mine) is not None and not _IF_YOU_LIKE.search(theirs)
    return (musts == (True, False) and mays[1]) or (musts[1] and weakened)


_ALIKE = ("all", "every", "any", "always", "everywhere", "所有", "全部", "任何", "总是", "每次", "始终")


def _same_words(pattern: re.Pattern[str], mine: str, theirs: str) -> bool:
    """Whether each word of ``pattern`` in mine is in theirs, or one that means as much."""
    there = {found[0] for found in pattern.finditer(theirs)}
    alike = any(word in _ALIKE for word in there)
    return all(found[0] in there or (found[0] in _ALIKE and alike) for found in pattern.finditer(mine))


# ---- order, and cause -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    """What comes (or is the cause), and what comes of it, in the words of each."""

    first: frozenset[str]
    second: frozenset[str]


_BETWEEN = {  # "A before B"; True: what stands first comes first
    "order": (
        (re.compile(r"\b(?:before|prior to|followed by|then|after (?:that|this|which))\b"), True),
        (re.compile(r"\bafter\b(?!wards| that| this| which)|\bonce\b"), False),
        (re.compile(r"(?:之?后)[，,]?"), True),
        (re.compile(r"(?:之?前)[，,]?(?:先)?"), False),
    ),
    "cause": (
        (
            re.compile(
                r"\b(?:causes?|caused(?! by)|leads? to|led to|results? in|triggers?|makes?|means that"
                r"|breaks)\b|导致|引起|造成|触发|所以|因此"
            ),
            True,
        ),
        (
            re.compile(
                r"\b(?:because(?: of)?|when|due to|caused by|comes? from|triggered by)\b|由于|因为|是因为"
            ),
            False,
        ),
    ),
}
_LEADING = {  # "After A, B"
    "order": (
        (re.compile(r"^\s*(?:only )?(?:after|once)\b(?P<a>[^,，]+)[,，](?P<b>.+)"), True),
        (re.compile(r"^\s*before\b(?P<a>[^,，]+)[,，](?P<b>.+)"), False),
        (re.compile(r"先(?P<a>[^，,。]+?)[，,]?\s*(?:然后|接着|最后|才能|再(?!次))(?P<b>.+)"), True),
    ),
    "cause": (
        (re.compile(r"^\s*(?:because(?: of)?|since|when|due to)\b(?P<a>[^,，]+)[,，](?P<b>.+)"), True),
        (re.compile(r"因为(?P<a>[^，,。]+)[，,](?P<b>.+)"), True),
    ),
}


def _pairs(line: str, kind: str) -> Iterator[_Pair]:
    for pattern, forward in _LEADING[kind]:
        if found := pattern.search(line):
            yield _pair(found["a"], found["b"], forward)
    for pattern, forward in _BETWEEN[kind]:
        for found in pattern.finditer(line):
            yield _pair(_beside(line[: found.start()], -1), _beside(line[found.end() :], 0), forward)


def _beside(text: str, place: int) -> str:
    """The last (-1) or the first (0) part of a sentence that says something."""
    parts = [part for part in re.split(r",(?!\d)|[;，；]|:(?![\w/])", text) if terms_of(part)]
    return parts[place] if parts else ""


def _pair(a: str, b: str, forward: bool) -> _Pair:
    one, other = terms_of(a), terms_of(b)
    return _Pair(*((one - other, other - one) if forward else (other - one, one - other)))


def _all_pairs(text: str, kind: str) -> list[_Pair]:
    return [pair for line in sentences_of(text) for pair in _pairs(line, kind)]


def reverses(claim: str, source: str, kind: str) -> bool:
    """Whether the claim lets come first (``kind`` "order"), or cause ("cause"), what in its source is second."""
    if kind == "order" and _out_of_step(claim, source):
        return True
    return any(_opposed(one, other) for one in _all_pairs(claim, kind) for other in _all_pairs(source, kind))


_SEQUENCE = re.compile(r"\b(?:first|then|next|finally|afterwards)\b|先|然后|接着|最后|再(?!次)")
CLEARLY = 0.6  # of the words of a step that one part of the source has


def _out_of_step(claim: str, source: str) -> bool:
    """Whether steps that the claim puts one after the other stand in another order in the source."""
    parts = [
        terms
        for line in sentences_of(source)
        for clause in _CLAUSE_END.split(line)
        if (terms := terms_of(clause or ""))
    ]
    for line in sentences_of(claim):
        if _SEQUENCE.search(line):
            places = [
                place
                for clause in _CLAUSE_END.split(line)
                if (place := _place(clause or "", parts)) is not None
            ]
            if places != sorted(places):
                return True
    return False


def _place(clause: str, parts: Sequence[frozenset[str]]) -> int | None:
    """Which of ``parts`` a step was made from, if one is clearly nearest."""
    terms = terms_of(_SEQUENCE.sub(" ", clause))
    shares = [len(terms & part) for part in parts]
    best = max(shares, default=0)
    if best < 2 or best < CLEARLY * len(terms) or shares.count(best) > 1:
        return None
    return shares.index(best)


def _opposed(mine: _Pair, other: _Pair) -> bool:
    crossed = min(len(mine.first & other.second), len(mine.second & other.first))
    straight = max(len(mine.first & other.first), len(mine.second & other.second))
    return crossed > 0 and crossed > straight


# ---- one thing for another --------------------------------------------------------------------------------


def mixes_up(claim: str, source: str, told: str) -> bool:
    """Whether the claim says of one thing what the source says of another: "web" where it says "mobile"."""
    theirs = [side for line in sentences_of(source) for side in _sides(line)]
    asked = terms_of(simple(told))
    return any(
        _is_mixed(terms_of(side), theirs, asked)
        for line in sentences_of(claim)
        for side in _sides(line)
        if NOT not in side
    )


_SIDES = re.compile(r"[;，；]|,(?!\d)|:(?![\w/])|\b(?:but|while|whereas)\b")
FEW = 2  # words that stand for one thing
NEARLY = 0.6  # of the words of a part of the source that a part of a claim has


def _sides(line: str) -> list[str]:
    """The parts of a sentence that may speak of different things."""
    return [side for side in _SIDES.split(line) if side.strip()]


def _is_mixed(mine: frozenset[str], theirs: Sequence[str], asked: frozenset[str]) -> bool:
    shares = [len(mine & terms_of(side)) for side in theirs]
    if max(shares, default=0) < 2 or shares.count(max(shares)) > 1:
        return False
    nearest_side = theirs[shares.index(max(shares))]
    best = terms_of(nearest_side)
    foreign = mine - best - asked
    if NOT in nearest_side or len(mine & best) < NEARLY * len(best) or not best - mine or len(foreign) > FEW:
        return False
    others = (terms_of(side) for side in theirs if side is not nearest_side)
    return any(foreign & side and best & side for side in others)
