"""Whether a piece of an answer says no more, and nothing else, than the sources it cites. Pure, English and Chinese.

What stands word for word in a quote always holds. Anything else was worded anew: every number, name, address and piece
of code of it must stand in a quote or in the conversation, it may not turn a quote round, and its words must come from
there.
The checks compare words and know no meaning: `python -m benchmarks answers --sentences` says how often they are right.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import StrEnum

from knowledge.denial import adds_negation, drops_negation, turns_round
from knowledge.exact import (
    addresses_in,
    blocks_in,
    code_in,
    commands_in,
    names_in,
    numbered,
    numbers_in,
    periods_in,
    plain,
    stands,
    technical_in,
    without_blocks,
    without_code,
)
from knowledge.lexical import words
from knowledge.limits import changes_condition, changes_strength
from knowledge.sequence import mixes_up, reverses
from knowledge.wording import simple, terms_of


class Fault(StrEnum):
    """Why a claim may not be said, in words for people."""

    EMPTY = "it says nothing"
    UNCITED = "it cites nothing"
    UNKNOWN_SOURCE = "it cites what was not given"
    MISQUOTED = "its quote does not stand in its source"
    HIDDEN = "it holds characters that nobody sees"
    PLACEHOLDER = "it holds a placeholder or a mark of the prompt"
    NUMBER = "a number of it stands in no source"
    ADDRESS = "an address of it stands in no source"
    CODE = "code of it does not stand in a source as it is"
    NAME = "a name of it stands in no source"
    NEGATION = "it denies what its source says, or says what its source denies"
    OPPOSITE = "it says the opposite of a word of its source"
    CONDITION = "it adds or leaves out a condition"
    STRENGTH = "it is surer, stronger or wider than its source, or weaker"
    ORDER = "it turns the order of its source round"
    CAUSE = "it takes the effect for the cause"
    MIXED = "it says of one thing what its source says of another"
    UNSUPPORTED = "its words do not come from its source"


LONGEST = 2_000  # characters of a claim; what is longer and not word for word is no answer


def faults_in(text: str, quotes: Sequence[str], told: str = "") -> tuple[Fault, ...]:
    """What speaks against saying ``text`` with ``quotes`` as its sources; nothing, if it holds.

    ``told``: the question and its thread. Numbers, names and code may come from there, what is said of them may not.
    """
    if not text.strip():
        return (Fault.EMPTY,)
    if not any(quote.strip() for quote in quotes):
        return (Fault.UNCITED,)
    if any(one in quote for quote in quotes for one in (text.strip(), _LIST_MARK.sub("", text).strip())):
        return ()
    if len(text) > LONGEST:
        return (Fault.UNSUPPORTED,)
    return tuple(
        dict.fromkeys(
            (*_exact(text, quotes, told), *_turned(text, quotes, told), *_unheard(text, quotes, told))
        )
    )


# ---- exact things -----------------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"\{\{.*?\}\}|\{[a-z_ ]+\}|<[^<>\s][^<>\n]{0,40}>|\[(?:[A-Z_ ]{3,}|insert[^\]]*|your[^\]]*"
    r"|source[^\]]*|\d{1,2})\]|\[\[.*?\]\]"
    r"|【.*?】|\bas an ai\b|\bthe (?:passages?|documents?|sources?|search results?|context) (?:says?"
    r"|provided|given|above|mentions?)\b"
    r"|\bX{3,}\b|\b(?:TODO|TBD|lorem ipsum)\b|\$\{[^}]*\}|</?\w+>",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(
    r"^[ \t]*(?:[-*•]\s|\(?\d{1,2}(?:[.)]\s|、)|step \d{1,2}[:.])[ \t]*", re.MULTILINE | re.IGNORECASE
)


def _exact(text: str, quotes: Sequence[str], told: str) -> Iterator[Fault]:
    sources = [plain(one) for one in (*quotes, told)]
    bare = plain(_LIST_MARK.sub("", text))
    prose = without_code(bare)
    counted = [numbered(one) for one in sources]
    if _hidden(text) - _hidden("".join(quotes)):
        yield Fault.HIDDEN
    if any(not any(mark[0] in one for one in sources) for mark in _PLACEHOLDER.finditer(bare)):
        yield Fault.PLACEHOLDER
    if not all(stands(one, counted) or stands(f"v{one}", counted) for one in numbers_in(prose)) or periods_in(
        prose
    ) - periods_in("\n".join(sources)):
        yield Fault.NUMBER
    if not all(_is_address(one, sources) for one in addresses_in(bare)):
        yield Fault.ADDRESS
    if not _is_code(bare, prose, sources):
        yield Fault.CODE
    if not all(stands(one, sources) or _is_word(one, sources) for one in names_in(prose)):
        yield Fault.NAME


def _hidden(text: str) -> set[str]:
    """Control and format characters, zero-width ones among them, but line ends and tabs."""
    return {one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Co", "Cn", "Cs")} - {
        "\n",
        "\t",
        "\r",
    }


def _is_word(name: str, sources: Sequence[str]) -> bool:
    """Whether what looks like a name is an ordinary word, or one of a source in another form: "Attachments"."""
    if not (name.istitle() and name.isalpha()):
        return False
    said = terms_of(simple("\n".join(sources)))
    return all(term in said or term in _GROUP or term in _FREE for term in terms_of(name.lower()))


def _is_address(address: str, sources: Sequence[str]) -> bool:
    """Whether an address stands whole: not as the beginning of another one."""
    return any(
        re.search(rf"(?<![\w.@/-]){re.escape(address)}/?(?![\w/@?#=&%-]|[.:]\w)", one) for one in sources
    )


def _is_code(bare: str, prose: str, sources: Sequence[str]) -> bool:
    exact = all(stands(one, sources, exact_case=True) for one in (*code_in(bare), *technical_in(prose)))
    return (
        exact
        and all(stands(one, sources) for one in commands_in(prose))
        and all(_in_order(block, sources) for block in blocks_in(bare))
    )


def _in_order(block: str, sources: Sequence[str]) -> bool:
    """Whether the lines of a block of code stand in one source in that order, and none between them is left out."""
    lines = _lines(block)
    there = [_lines(one) for source in sources for one in blocks_in(source)]
    if any(set(lines) <= set(one) for one in there):
        return any(lines == one[at : at + len(lines)] for one in there for at in range(len(one)))
    follow = re.compile(r"(?s:.*?)".join(map(re.escape, lines)))
    return any(follow.search(source) for source in sources)


def _lines(block: str) -> list[str]:
    return [line.strip() for line in block.splitlines() if line.strip()]


# ---- what it says of them ---------------------------------------------------------------------------------


_YES_OR_NO = re.compile(r"^\s*(?:yes|no|not yet|not really|是的|不|对|可以)[,:;.，。：]\s*", re.IGNORECASE)


def _turned(text: str, quotes: Sequence[str], told: str) -> Iterator[Fault]:
    claim, source = _YES_OR_NO.sub("", _LIST_MARK.sub("", text)), "\n".join(quotes)
    if adds_negation(claim, source, told) or drops_negation(claim, source):
        yield Fault.NEGATION
    if turns_round(claim, source, told):
        yield Fault.OPPOSITE
    if changes_condition(claim, source, told):
        yield Fault.CONDITION
    if changes_strength(claim, source, told):
        yield Fault.STRENGTH
    if reverses(claim, source, "order"):
        yield Fault.ORDER
    if reverses(claim, source, "cause"):
        yield Fault.CAUSE
    if mixes_up(claim, source, told):
        yield Fault.MIXED


# ---- whether it was said at all ---------------------------------------------------------------------------

# What a paraphrase may say in other words: the words of one line are taken for the same.
_ALIKE = """
    set change configure edit modify adjust alter update define setting option value parameter configuration config
    remove delete clear drop wipe purge clean empty
    increase raise bump enlarge grow higher larger bigger
    decrease lower reduce shrink smaller fewer shorter
    restart reboot relaunch bounce
    start launch begin boot run execute call invoke
    stop halt shutdown end terminate quit
    fix solve resolve repair cure help work workaround solution
    error failure exception fault problem issue trouble fail bug
    cause reason due result lead trigger produce
    show display appear list print visible see view look
    enable activate
    disable deactivate
    allow permit let accept
    block deny refuse reject forbid
    folder directory dir
    create make generate produce add build new
    need require necessary must
    wait pause sleep delay
    limit cap maximum quota restrict
    old older stale outdated previous earlier
    expired expire
    new newer newest latest recent
    version release
    lose lost loss
    build built
    hold held
    write wrote written
    send sent
    give gave given
    keep kept
    find found
    choose chosen chose
    check verify confirm validate test
    open visit
    fetch download get retrieve pull
    send push post upload submit
    keep retain preserve hold stay remain
    move relocate transfer migrate
    mistake wrong incorrect
    machine host server node
    contact ask message tell
    full filled exhausted fill
    happen occur
    support handle
    login sign log
    copy duplicate
    choose select pick click press
    missing absent lack
    quick fast
    owner own responsible charge
    again redo repeat retry rerun
    connect connection attach
    automatic automatically itself
    document documentation docs guide page
    app application program service
    admin administrator
    auth authentication authenticate
    permission right access
    repo repository
    env environment variable
"""
_GROUP = {stem: line.split()[0] for line in reversed(_ALIKE.strip().splitlines()) for stem in words(line)}
# What a paraphrase may add: it names nothing.
_FREE = frozenset(
    words(
        """
        step way thing case time place part part kind sort order able possible mean say explain according answer
        question setting value option problem issue error work fix solve need require use run make sure ensure note
        please simply first next final finally follow following instead then also current currently new set show find
        happen cause reason because happens usually normally otherwise rest whole same different number amount line
        command file name change work help let go put give take come keep want different look apply effect
        enable disable back result situation user system message contain service version try talk
        helps helped lasts lasted tries tried uses gets goes gives takes comes keeps looks choose although though
        however therefore additionally afterwards directly later early enough good better right fine especially
        exactly depends depending based per own again otherwise along additional provide turn become remain
        belong concern both either existing exist
        请运 请执 运行 执行 选择 等待 查看 检查 重新 设置 添加 修改 打开 联系 请先 请在 或者 也可 以后 以前
        可以 需要 问题 解决 方法 步骤 原因 就是 因为 所以 这样 这个 这种 情况
        然后 接着 之后 之前 即可 就行 应该 必须 如果 使用 出现 导致
        进行 一下 首先 最后 会有 已经 才能 不会 建议 说明 表示 属于
        来自 对应 相关 其中 并且 或者 以及 它是 通过 为了 时候 目前 直接 仍然
        """
    )
)
MOST_FOREIGN = 0.26  # of the telling words of a claim that neither its quotes nor the conversation say
LEAST_FROM_QUOTES = 0.4  # of its telling words that the conversation does not say; at least one
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_CHINESE_SMALL = frozenset(
    "的了是在和与或也就都还把被将让请您你我他它们这那有个会能可要用对从到于以为并且而但则即若如当时后前先"
    "再才里中上下其所之及等吗呢吧着过得地给由按需"
)


def _unheard(text: str, quotes: Sequence[str], told: str) -> Iterator[Fault]:
    prose = without_blocks(plain(_LIST_MARK.sub("", text)))
    parts = [part for part in _PART_END.split(prose) if part.strip()]
    heard = _Heard("\n".join(quotes), told)
    # What says nothing of its own ("It depends.") may stand beside what does.
    telling = [part for part in parts if _tells(part)] or ([] if blocks_in(text) else parts)
    if not all(map(heard.says, telling)) or not (telling or _is_quoted_code(text, quotes)):
        yield Fault.UNSUPPORTED


def _is_quoted_code(text: str, quotes: Sequence[str]) -> bool:
    """Whether code without a word to it stands in the quotes: the conversation's own code is no answer."""
    return all(_in_order(block, [plain(quote) for quote in quotes]) for block in blocks_in(plain(text)))


_PART_END = re.compile(r"(?<=[.!?])\s+(?![a-z])|(?<=[。！？])|\n+")


def _tells(part: str) -> bool:
    return bool(_telling(_CHINESE.sub(" ", without_code(part))) or len("".join(_CHINESE.findall(part))) > 4)


class _Heard:
    """What the quotes and the conversation say, word by word."""

    def __init__(self, quotes: str, told: str) -> None:
        self._quotes = quotes
        self._sources = f"{quotes}\n{told}"
        self._said, self._known = _folded(quotes), _folded(told)

    def says(self, part: str) -> bool:
        """Whether the words of one sentence come from them, and enough of them from the quotes."""
        claim = without_code(part)
        english = _telling(_CHINESE.sub(" ", claim))
        foreign = [term for term in english if not _is_known(term, self._said | self._known)]
        return (
            len(foreign) <= MOST_FOREIGN * len(english)
            and not _is_invented(claim, self._said | self._known)
            and not _is_invented_chinese(claim, self._sources)
            and self._rests_on_quotes(part, english)
        )

    def _rests_on_quotes(self, part: str, english: Sequence[str]) -> bool:
        own = [term for term in english if not _is_known(term, self._known)]
        if own:
            return sum(_is_known(term, self._said) for term in own) >= LEAST_FROM_QUOTES * len(own)
        mine = {_GROUP.get(term, term) for term in terms_of(simple(part)) | frozenset(words(part))}
        return bool(mine & self._said) or any(stands(code, [self._quotes]) for code in code_in(part))


def _telling(line: str) -> list[str]:
    return [_GROUP.get(term, term) for term in sorted(terms_of(simple(line)) - _FREE)]


def _folded(text: str) -> frozenset[str]:
    return frozenset(_GROUP.get(term, term) for term in terms_of(simple(text)) | frozenset(words(text)))


def _is_known(term: str, said: frozenset[str]) -> bool:
    """Whether a word is said, or one that is the beginning of it or begins with it ("config", "configuration")."""
    return term in said or (
        len(term) >= 4
        and any(len(one) >= 4 and (one.startswith(term) or term.startswith(one)) for one in said)
    )


_CLAUSE = re.compile(
    r"[,;:]|\b(?:and|then|but|or|so|because|which|before|after|while|by|via)\b", re.IGNORECASE
)


def _is_invented(claim: str, known: frozenset[str]) -> bool:
    """Whether a part of a sentence holds nothing that anybody said."""
    for clause in _CLAUSE.split(_CHINESE.sub(" ", claim)):
        terms = _telling(clause)
        if len(terms) >= 2 and not any(_is_known(term, known) for term in terms):
            return True
    return False


MOST_CHINESE = 0.25  # of the telling characters that stand beside no neighbour of theirs in a source


def _is_invented_chinese(claim: str, sources: str) -> bool:
    """Whether too much of the Chinese of a claim is not in its sources."""
    said = set(words(sources)) | _FREE
    telling, foreign = 0, 0
    for run in _CHINESE.findall(claim):
        for place, character in enumerate(run):
            if character in _CHINESE_SMALL:
                continue
            telling += 1
            foreign += not {run[max(place - 1, 0) : place + 1], run[place : place + 2]} & said
    return foreign > max(2.0, MOST_CHINESE * telling) or (telling <= 4 and foreign == telling > 0)
