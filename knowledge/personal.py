"""Personal data in text: mail and IP addresses, phone, card, account and identity numbers, names. Pure."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

import phonenumbers
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from knowledge.credentials import words_of

Span = tuple[int, int]

# ---- mail -------------------------------------------------------------------------------------------------

_MAIL = re.compile(r"(?<![\w.+%/@-])[\w+%-][\w.+%'-]*@(?:[\w-]+\.)+([^\W\d_]{2,24})(?![\w-]|@|\.\w)")
_NO_PERSON = frozenset(
    ("git root ubuntu debian centos admin@localhost ec2-user postgres hg svn deploy").split()  # noqa: SIM905 (a list of this length is easier to read so)
)
_NO_TOP_LEVEL = words_of(
    "png jpg jpeg gif svg webp service socket timer target mount local internal lan cluster js ts css "
    "py so dll jar zip"
)
_REMOTE = re.compile(r"\b(?:ssh|scp|sftp|rsync|mosh|ssh-copy-id)\s[^\n]*$")


def mails_in(text: str) -> Iterator[Span]:
    """Mail addresses; not who logs in where (``git@host``, what ssh is given), images and units (``a@2x.png``)."""
    for found in _MAIL.finditer(text):
        user = found[0].partition("@")[0].lower()
        if user in _NO_PERSON or found[1].lower() in _NO_TOP_LEVEL:
            continue
        if _REMOTE.search(text, 0, found.start()) or re.match(r":[~/]", text[found.end() :]):
            continue
        yield found.span()


# ---- phone ------------------------------------------------------------------------------------------------

_MOBILE_CN = re.compile(r"(?<![\w.+/#-])(?:86[ -]?)?1[3-9]\d([ -]?)\d{4}\1\d{4}(?![\w/-]|\.\d)")
_NORTH_AMERICAN = re.compile(
    r"(?<![\w.+/#(-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[.-]\d{4}(?![\w-]|\.\d)"
)
_ABROAD = re.compile(r"(?<![\w.+/#-])00[1-9]\d{0,2}[ -](?:\(0\) ?)?\d[\d -]{6,14}\d(?![\w-]|\.\d)")
_CALLED = re.compile(
    r"(?:\b(?:tel|telephone|phone(?: number)?|mobile|cell|fax|whatsapp|call(?: me)?(?: (?:at|on|under))?"
    r"|ring me(?: at| on)?|reach me (?:at|on|under)|telefon|handy|m\.)|手机(?:号)?|电话|致电|座机|传真|联系方式)"
    r"(?: is| number)?\W{0,3}(?P<number>\(?\+?\d[\d ()/.-]{5,18}\d)(?!\w)",
    re.IGNORECASE,
)
_MEASURED_BEFORE = re.compile(
    r"(?:size|bytes|offset|ids?|pid|lsn|xid|count|total|rows?|limit|memory|seq\w*|order|run|ticket|=|#)[ :=]*$",
    re.IGNORECASE,
)
_MEASURED_AFTER = re.compile(r" ?(?:bytes?|[KMG]?i?B|ms|ns|us|rows?|records|字节|行)\b", re.IGNORECASE)


def phones_in(text: str) -> Iterator[Span]:
    """Phone numbers: international, Chinese mobile and North American ones, and what is called one."""
    for match in phonenumbers.PhoneNumberMatcher(text, None):
        if not re.search(r"[\w.]$", text[: match.start]):
            yield match.start, match.end
    for pattern, region in ((_MOBILE_CN, "CN"), (_NORTH_AMERICAN, "US"), (_ABROAD, "DE")):
        for found in pattern.finditer(text):
            if _is_number(found[0], region) and not _is_measured(text, found):
                yield found.span()
    yield from (
        found.span("number")
        for found in _CALLED.finditer(text)
        if sum(map(str.isdigit, found["number"])) >= 7
    )


def _is_number(text: str, region: str) -> bool:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number) if region == "US" else phonenumbers.is_valid_number(number)


def _is_measured(text: str, found: re.Match[str]) -> bool:
    """Whether it is a size, a count or an id: 17179869184 bytes look like a Chinese mobile."""
    before = _MEASURED_BEFORE.search(text, max(0, found.start() - 20), found.start())
    return before is not None or _MEASURED_AFTER.match(text, found.end()) is not None


# ---- addresses of machines --------------------------------------------------------------------------------

_V4 = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_V6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?!\w|:[\w:]|\.\d)")
_VERSION = re.compile(
    r"(?:\b(?:v|ver|versions?|release|build|firmware|driver|(?:up|down)grad\w+(?: to| from)?|版本)[ :.=]*"
    r"|[=<>~^!]=? ?|[A-Za-z]/)$",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"\b(?:ip|host|addr|address|server|remote|client|from|src|dst|bind)\w* ?==? ?$", re.IGNORECASE
)
_RESOLVERS = frozenset(
    {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "114.114.114.114", "223.5.5.5"}
)
_PRIVATE = re.compile(r"(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|22[4-9]|23\d|24\d|25\d)\.")
_GLOBAL_V6 = IPv6Network("2000::/3")


# A package's version with its checksum.
_HASHED = re.compile(r"[\"'][\s,:(\"']{1,6}[0-9a-f]{40}\b")


def addresses_in(text: str) -> Iterator[Span]:
    """IP addresses that lead to somebody: not private, local, multicast, masks, public resolvers or versions."""
    for found in _V4.finditer(text):
        if (
            _leads_somewhere(found[0])
            and not _is_version(text, found.start())
            and not _HASHED.match(text, found.end())
        ):
            yield found.span()
    for found in _V6.finditer(text):
        told = found[0] if found[0].endswith("::") else found[0].removesuffix(":")  # "from 2a00::1: refused"
        try:
            if IPv6Address(told) in _GLOBAL_V6:
                yield found.start(), found.start() + len(told)
        except AddressValueError:
            continue


def _leads_somewhere(address: str) -> bool:
    try:
        IPv4Address(address)
    except AddressValueError:
        return False
    return not _PRIVATE.match(address) and address not in _RESOLVERS


def _is_version(text: str, start: int) -> bool:
    before = text[max(0, start - 24) : start]
    return _VERSION.search(before) is not None and _ASSIGNED.search(before) is None


# ---- numbers with a check digit ---------------------------------------------------------------------------

_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_ISSUED = re.compile(  # by the issuers' ranges: Visa, Mastercard, Amex, Discover, Diners, JCB, UnionPay
    r"4\d{15}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(?:6011|65\d\d|64[4-9]\d)\d{12}|3[068]\d{12}|35\d{14}|62\d{14,17}"
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_ID_CN = re.compile(r"(?<![\w.-])\d{17}[\dXx](?![A-Za-z0-9_.-]\w|[A-Za-z0-9_])")


def cards_in(text: str) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if _ISSUED.fullmatch(digits) and luhn.is_valid(digits):
            yield found.span()


def ibans_in(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        told = found[0]
        while told and not iban.is_valid(told):  # a word in capitals may follow
            told = told.rpartition(" ")[0]
        if told:
            yield found.start(), found.start() + len(told)


def identities_in(text: str) -> Iterator[Span]:
    """Numbers of Chinese identity cards, by birthday and check digit."""
    return (found.span() for found in _ID_CN.finditer(text) if _is_identity(found[0].upper()))


def _is_identity(number: str) -> bool:
    # Not ric.is_valid: its list lacks counties that were renamed or merged, whose numbers go on.
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return bool(ric.calc_check_digit(number) == number[-1])


# ---- names ------------------------------------------------------------------------------------------------

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_HAN = re.compile(r"[\u3400-\u9fff]")
# Words that are also names, and accounts that are nobody's: only as @mention, in a greeting or as a signature.
_WORDS = words_of(
    "will mark may grace art bill rob pat sue jack chase drew hope joy faith guy ray rich dean max "
    "min frank june april august bot admin support root user test team help earshot slack github "
    "jenkins docker python java ruby rust go it app api dev ops qa data system service server client "
    "worker host main master build deploy release alert alerts monitor prometheus the and null none "
    "error info log core page stone rose miles lane dale grant wade victor angel crystal amber ivy "
    "jade dash ash sky monday tuesday wednesday thursday friday saturday sunday january february march july "
    "september october november december omega alpha beta "
    "long young white brown black green gray little short best good day king wood field park hill moon star"
)
_PEOPLE = (
    r"(?:all|team|there|everyone|everybody|folks|guys|again|both|support|sir|madam|earshot|hi|hello|hey|the|i|it|we"
    r"|you|this|that|my|what|how|when|why|is|does|can|after|since|thanks|thank|just|so|please|no|yes|ok"
    r"|[\w-]+ (?:team|community|support|people|developers|devs|users|forum|experts|maintainers|friends))\b"
)
_NAME = r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’-]+"
_GREETED = re.compile(
    rf"^(?:(?i:hi|hello|hey|dear|good morning|good evening|hallo|bonjour|hola)) "
    rf"(?!(?i:{_PEOPLE}))(?P<name>{_NAME}(?: {_NAME})?)(?=\s*(?:[,!.–-]|$))",
    re.MULTILINE,
)
_SIGNED = re.compile(
    rf"(?im:^(?:(?:kind|best|warm) regards|regards|best|cheers|br|thanks|thank you|many thanks"
    rf"|mit freundlichen grüßen"
    rf"|viele grüße|lg|vg|此致|谢谢)[,.!，]?\s*\n+)\s*[-–—]*\s*"
    rf"(?!(?i:{_PEOPLE}))(?P<name>{_NAME}(?: {_NAME}){{0,2}}|[\u4e00-\u9fff]{{2,4}})[ .]*(?=\n|\Z)"
)
# Who is quoted in a forum: [quote="name"], [quote=“name, post:3, topic:7”].
_QUOTED = re.compile(r"\[quote=[\"“'’]?(?P<name>[^\]\"”“'’,\n]{2,40}?)(?=[\]\"”'’,])", re.IGNORECASE)
# No name, though it stands where one might, and with a capital.
_NO_NAME = (
    r"(?!(?i:all|team|there|everyone|everybody|folks|guys|again|both|support|sir|madam|i|it|we|you|your|this"
    r"|that|these|those"
    r"|my|the|what|how|when|why|where|who|which|is|are|was|do|did|does|can|could|would|should|will|have|has|had"
    r"|after|since"
    r"|thanks?|just|so|please|no|not|yes|yeah|ok|okay|if|in|on|at|to|for|from|and|but|or|as|any|anything|also"
    r"|now|then|see|try|use"
    r"|works?|worked|working|solved|done|got|great|awesome|perfect|cool|nice|fixed|sure|sorry|anyway|anyways"
    r"|appreciated|much|very"
    r"|many|a|an|advance|really|tons|heaps|lots|cheers|understood|interesting|bye|regards|best|hope|kindly"
    r"|however|unfortunately"
    r"|actually|perhaps|maybe|here|hi|hey|hello|looks?|sounds|good|let|unless|while|because|maintainers?|admins?"
    r"|community|people"
    r"|users?|developers?|devs|forum|friends|love|indeed|exactly|right|oh|ah|wow|hm+|might|may|another|some|one"
    r"|two|first|next"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|am|be|been|being|think|guess|happy|glad|feel"
    r"|like|with)\b)"
)
# Where more than a handle is mentioned: "@Ann Lee"; what follows the name may have a capital, too.
_MENTIONED = re.compile(
    rf"(?<![\w@/.`'\"-])@(?P<name>{_NAME} {_NO_NAME}(?:[A-Z]\.? {_NO_NAME})?(?P<last>[A-ZÀ-ÖØ-Þ][\w'’-]*[^\W\d_A-Z])"
    rf"(?: {_NO_NAME}{_NAME}(?=\s*(?:[,.:;!?)&\n]|$)))?)"
    r"(?![\w/({\[:@]|\.\w)"
)
# Who is spoken of in ways in which only people are.
_SPOKEN_OF = (
    re.compile(
        rf"\b(?:Dr|Prof|Mr|Mrs|Ms)\.? (?P<name>{_NO_NAME}{_NAME}(?: {_NO_NAME}{_NAME})?)"
        rf"|\bProfessor (?P<other>{_NO_NAME}{_NAME})"
    ),
    re.compile(
        rf"^(?P<name>{_NO_NAME}{_NAME}(?: [A-Z]\.?)? {_NO_NAME}[A-Z][\w'’-]+) (?:said|wrote):", re.MULTILINE
    ),
    re.compile(
        rf"(?:^|[.!?)] ?)(?:Best|Cheers|Regards|Best regards|Kind regards"
        rf"|Best wishes), (?P<name>{_NO_NAME}{_NAME})[ .!]*$",
        re.MULTILINE,
    ),
    re.compile(
        rf"^[–—-]* ?(?P<name>{_NO_NAME}{_NAME}(?: {_NO_NAME}{_NAME})?),? \(?on behalf of\b", re.MULTILINE
    ),
    re.compile(
        rf"\b(?i:thanks|thank you|thx)(?i: so much| a lot| very much| again)?,? (?P<name>{_NO_NAME}{_NAME})"
        r"(?=[!.,](?:\s|$)|\s*$|\s*\n)",
        re.MULTILINE,
    ),
    re.compile(
        rf"\bI (?:think|believe|guess) (?P<name>{_NO_NAME}{_NAME}) (?:meant|said|means|wrote|mentioned"
        rf"|was asking|asked)\b"
    ),
    re.compile(
        rf"\b(?P<name>{_NO_NAME}{_NAME} {_NO_NAME}{_NAME}) (?:(?:just|also|kindly) )?(?:pointed|told|asked)"
        r" (?:me|us|him|her)\b"
    ),
)


def names_given(text: str) -> Iterator[str]:
    """The names that greetings, signatures, quotations and what is told of people in ``text`` give."""
    for pattern in (_GREETED, _SIGNED, _QUOTED, *_SPOKEN_OF):
        for found in pattern.finditer(text):
            name = found["name"] or found.groupdict().get("other")
            if name and not _is_a_word(name, text):
                yield name


def names_mentioned(texts: Collection[str]) -> Iterator[str]:
    """The first and last names in mentions of ``texts``; not a last one that is a word of theirs ("@Ann Could you")."""
    said = "\n".join(texts)
    code = [found.span() for found in _CODE.finditer(said)]
    for found in _MENTIONED.finditer(said):
        inside = any(start <= found.start() < end for start, end in code)
        if not inside and not _is_a_word(found["last"], said):
            yield re.sub(r"['’]s$", "", found["name"])


def _is_a_word(name: str, text: str) -> bool:
    """Whether what looks like a name is written small elsewhere, as "xarray" is and people are not."""
    last = name.split(" ")[-1]
    if last.lower() == last:  # Chinese
        return False
    return re.search(rf"(?<![\w/.@~-]){re.escape(last.lower())}(?![\w/@-])", text) is not None


# ---- accounts ---------------------------------------------------------------------------------------------

_FIELD = re.compile(
    r"[\"'](?P<key>(?:\w+_)?uid|user_?id|screen_?name|nick_?name|nick|full_?name|display_?name)[\"']\s*:\s*"
    r"(?:[\"'](?P<text>[^\"'\n<>{}$]{2,120})[\"']|(?P<number>\d{5,24})\b)",
    re.IGNORECASE,
)
_SORTS = words_of(
    "string int integer text number varchar bigint uuid null none true false name user id str xxx xxxx"
)
_HANDLES = (
    re.compile(r"\bby (?P<name>[A-Za-z][\w-]{2,38})(?= · (?:Pull Request|Issue|Discussion)\b)"),
    re.compile(r" - #\d+ by (?P<name>[A-Za-z][\w.-]{1,38}\w)"),
    re.compile(r"\bgist\.github\.com/(?P<name>[A-Za-z][\w-]{1,38})(?=/[0-9a-f]{6,})"),
)


def numbers_of_people(text: str) -> Iterator[Span]:
    """What fields such as ``"uid"`` hold in pasted data."""
    for found in _FIELD.finditer(text):
        if found["key"].lower().endswith("id") and (found["text"] or found["number"]).lower() not in _SORTS:
            yield found.span("text" if found["text"] else "number")


def accounts_in(text: str) -> Iterator[Span]:
    """What people are called on other platforms: in pasted data, headlines of pull requests and posts, links."""
    for found in _FIELD.finditer(text):
        if found["text"] and not found["key"].lower().endswith("id") and found["text"].lower() not in _SORTS:
            yield found.span("text")
    yield from (found.span("name") for pattern in _HANDLES for found in pattern.finditer(text))


_PARTED = re.compile(r"[\s._]+")


def names_in(text: str, names: Collection[str]) -> Iterator[tuple[int, int, str]]:
    """Where people of these names are named, outside of code, and who: (start, end, the whole name in small letters).

    A name is also its parts, with a capital; "will" is a name only where it is greeted or mentioned.
    """
    code = [found.span() for found in _CODE.finditer(text)]
    folded = text.casefold()
    for name in sorted({each.strip() for each in names} - {""}, key=lambda each: (-len(each), each)):
        for pattern in _forms(name) if _may_stand(name, folded) else ():
            for found in pattern.finditer(text):
                if not any(start <= found.start() < end for start, end in code):
                    yield *found.span("name"), name.casefold()


def _may_stand(name: str, folded: str) -> bool:
    """Whether any form of the name can be found in a text, told by looking only: most names stand in few texts."""
    return not name.isascii() or any(part in folded for part in _PARTED.split(name.casefold()))


@lru_cache(maxsize=4096)
def _forms(name: str) -> tuple[re.Pattern[str], ...]:
    """How somebody of this name may be named; the whole before its parts."""
    return tuple(_made_forms(name))


def _made_forms(name: str) -> Iterator[re.Pattern[str]]:
    whole = re.escape(name)
    yield re.compile(rf"(?<![\w.])@(?P<name>{whole})(?![\w/]|-\w)", re.IGNORECASE)
    yield re.compile(rf"\[quote=[\"“'’]?(?P<name>{whole})(?=[\]\"”'’,])", re.IGNORECASE)
    if len(name) >= 3 and name.casefold() not in _WORDS:
        yield re.compile(rf"\A(?P<name>{whole})(?=:(?:\s|$))", re.IGNORECASE)  # "nick: have you tried …"
    if _HAN.search(name):
        if len(name) >= 2:
            yield re.compile(f"(?P<name>{whole})")
        return
    words = [word for word in _PARTED.split(name) if len(word) >= 3 and word[0].isalpha()]
    if len(words) > 1:
        yield re.compile(rf"(?<![\w@/.-])(?P<name>{whole})(?![\w@/]|[.-]\w)", re.IGNORECASE)
    for word in words:
        yield re.compile(
            rf"(?im:^|[.!?\n,] ?)(?i:hi|hello|hey|dear|thanks|thank you|thx|cc|ask|@)[ ,]*"
            rf"(?P<name>(?i:{re.escape(word)}))(?![\w@/]|[.-]\w)"
        )
        if word.casefold() not in _WORDS and not any(map(str.isdigit, word)):
            shown = re.escape(word[0].upper() + word[1:])
            yield re.compile(rf"(?<![\w@/.#-])(?P<name>{shown})(?![\w@/(]|[.-]\w|::)")
