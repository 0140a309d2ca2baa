"""Whether a paraphrase denies what its source says, or says the opposite of it. Pure, English and Chinese.

Each reading compares words, so it is precise rather than complete.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from knowledge.exact import without_code
from knowledge.lexical import words
from knowledge.wording import CLAUSE_END, NOT, WORD, nearest, sentences_of, simple, terms_in, terms_of

# ---- negation ---------------------------------------------------------------------------------------------

_REACH = 3  # words after a "not" that it is about
_LIGHT = frozenset(words("need have want able recommend possible necessary required want 需要 可以"))


@dataclass(frozen=True, slots=True)
class _Denial:
    """One "not": its clause as it stands, what it is ``about`` (the words after it, or else before it), the first of
    these, and all words of the clause."""

    text: str
    about: frozenset[str]
    heads: frozenset[str]
    clause: frozenset[str]


@lru_cache(maxsize=1024)
def _denials(text: str) -> tuple[_Denial, ...]:
    return tuple(denial for line in sentences_of(text) for denial in _negated(line))


def _digits(word: str) -> tuple[str, ...]:
    return (word,) if word.isdigit() else ()


def _negated(line: str) -> Iterator[_Denial]:
    for clause in CLAUSE_END.split(line):
        found = WORD.findall(clause)
        for place, word in enumerate(found):
            if word == NOT:
                after = [
                    term
                    for later in found[place + 1 :]
                    if later != NOT
                    for term in terms_in(later) or _digits(later)
                ][:_REACH]
                before = [term for earlier in found[:place] for term in terms_in(earlier)][-2:]
                about = after if set(after) - _LIGHT else after + before
                about = [term for term in about if len(term) > 1 or term.isdigit()] or about
                heads = [term for term in about if term not in _LIGHT][:2] or about[:1]
                yield _Denial(clause.strip(), frozenset(about), frozenset(heads), terms_of(clause))


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
    theirs, mine = _denials(source), _denials(_PURPOSE.sub(" ", claim))
    if any(not denial.about and denial.text not in simple(source) for denial in mine):  # "Do not do this: …"
        return True
    if any(not denial.about for denial in theirs):
        return False
    spoken = {term for denial in _denials(told) for term in denial.about}
    said = terms_of(simple(source))
    return any(
        not any(_is_same(denial, other) for other in theirs)
        and (denial.about & said or not denial.about & spoken)
        and not _says_no(denial, source)
        for denial in mine
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
    clauses = (clause for line in sentences_of(text) for clause in CLAUSE_END.split(line) if clause)
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
    return NOT in WORD.findall(CLAUSE_END.split(line[:place])[-1])[-3:]
