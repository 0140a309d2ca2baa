"""What means something only to those who were there: hosts, ticket numbers, customers, home folders. Pure.

Not personal data and no secrets (`knowledge.redact` has taken those out before): a reader months later cannot use them,
and a reader elsewhere should not see them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Span = tuple[int, int]


class Local(StrEnum):
    """What a placeholder says that it stands for: ``<host 1>``."""

    HOST = "host"
    TICKET = "ticket"
    CUSTOMER = "customer"
    USER = "user"
    NAME = "name"  # of whom nobody knew when the thread was redacted


@dataclass(frozen=True, kw_only=True, slots=True)
class _Numbers:
    """The placeholders given so far; the same is called the same throughout a thread."""

    given: dict[tuple[Local, str], str] = field(default_factory=dict)
    last: dict[Local, int] = field(default_factory=dict)

    def mark(self, kind: Local, value: str) -> str:
        key = (kind, value.casefold())
        if key not in self.given:
            self.last[kind] = self.last.get(kind, 0) + 1
            self.given[key] = f"<{kind} {self.last[kind]}>"
        return self.given[key]


def generalised(texts: Sequence[str]) -> list[str]:
    """``texts`` of one thread with placeholders for hosts, tickets, customers, home folders and who is mentioned."""
    numbers = _Numbers(last={Local.NAME: _last_name(texts)})
    return [_generalised(text, numbers) for text in texts]


def _last_name(texts: Sequence[str]) -> int:
    """The highest number that a name already has."""
    return max((int(mark) for text in texts for mark in re.findall(r"<name (\d{1,6})>", text)), default=0)


def _generalised(text: str, numbers: _Numbers) -> str:
    pieces, at = [], 0
    for (start, end), kind in _apart(text):
        pieces += [text[at:start], numbers.mark(kind, text[start:end])]
        at = end
    return "".join((*pieces, text[at:]))


def _apart(text: str) -> list[tuple[Span, Local]]:
    """What is found, in order of the text; of two that touch, the one found first."""
    kept: list[tuple[Span, Local]] = []
    for (start, end), kind in _found(text):
        if all(end <= other[0] or other[1] <= start for other, _ in kept):
            kept.append(((start, end), kind))
    return sorted(kept)


def _found(text: str) -> Iterator[tuple[Span, Local]]:
    for find, kind in (
        (hosts_in, Local.HOST),
        (tickets_in, Local.TICKET),
        (customers_in, Local.CUSTOMER),
        (homes_in, Local.USER),
        (mentions_in, Local.NAME),
    ):
        for span in find(text):
            yield span, kind


# ---- hosts ------------------------------------------------------------------------------------------------

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FQDN = re.compile(
    rf"(?<![\w.@$/-])(?<!<)(?:{_LABEL}\.)+(?:internal|corp|intra|intranet|lan|localdomain|local)(?![\w(=-]|\.\w)"
    rf"|(?<=://)(?:{_LABEL}\.)+(?:internal|corp|intra|intranet|lan|localdomain|local)(?![\w-]|\.\w)",
    re.IGNORECASE,
)
# The names that a cloud or a cluster gives to everybody's machines, and settings files.
_EVERYBODYS = re.compile(
    r"(?:^|\.)(?:cluster\.local|host\.docker\.internal|docker\.internal|metadata\.google\.internal"
    r"|localhost\.localdomain)$|^(?:host|gateway)\.docker\.internal$|example",
    re.IGNORECASE,
)
_WHERE = r"(?:prod|production|prd|stag(?:e|ing)?|stg|uat|qa|preprod|live|test|tst|dev|dmz)"
_WHAT = (
    r"(?:db|web|app|api|srv|server|host|node|mail|mx|smtp|dns|ns|proxy|lb|gw|cache|redis|pg|postgres|mysql"
    r"|kafka|es"
    r"|elastic|queue|mq|worker|batch|etl|ci|build|jenkins|vm|bastion|jump|vpn|fs|nas|nfs|backup|k8s|master"
    r"|replica)"
)
# What a machine is for, where it stands and its number: db-prod-03, prod-web-1, srv-mail-02, ip-10-0-3-7.
_NUMBERED = re.compile(
    rf"(?<![\w./@=-])(?:(?:[a-z]+\d?-)?(?:{_WHERE}-(?:[a-z]+-)?{_WHAT}|{_WHAT}-(?:[a-z]+-)?{_WHERE})-?\d{{1,3}}"
    rf"|(?:srv|vm|bastion|jump)-(?:[a-z]+-)?0?\d{{1,4}}"
    rf"|{_WHAT}-?0\d(?:-{_WHERE})?"
    rf"|{_WHERE}-{_WHAT}0?\d{{1,3}}"
    r"|ip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}(?:\.[a-z0-9-]+)*)(?![\w-]|\.[\w])",
    re.IGNORECASE,
)
_PROMPT = re.compile(
    r"(?m)^[ \t`>]*\(?(?:[\w.-]+\)[ \t]+)?\[?(?P<host>[a-z_][\w.-]*@[A-Za-z0-9][\w.-]*)(?=[: ][~/\w])"
)


def hosts_in(text: str) -> Iterator[Span]:
    """Machines by a name of their own; not public domains, ``localhost``, containers or Kubernetes' services."""
    yield from (found.span("host") for found in _PROMPT.finditer(text) if _is_prompt(text, found))
    for found in _FQDN.finditer(text):
        if not _EVERYBODYS.search(found[0]) and _is_machine(found[0]):
            yield found.span()
    yield from (found.span() for found in _NUMBERED.finditer(text))


def _is_prompt(text: str, found: re.Match[str]) -> bool:
    """Whether it is what a shell prints before a command: ``ann@laptop:~$``, ``[root@web ~]#``."""
    line = text[found.end() : found.end() + 200].partition("\n")[0]
    in_environment = (
        text[found.start() : found.start("host")].strip().startswith("(")
    )  # conda's: "(base) ann@laptop: "
    # [ann@web ~]$ or, by oneself, [ann@web:~/dir tag] cmd
    in_brackets = text[found.start() : found.start("host")].endswith("[")
    if in_brackets and re.match(r"(?::~?[\w/.~-]*(?: [\w.-]+)?| [\w/.~-]+)\][$#%>]?(?:\s|$)", line):
        return True
    return in_environment or re.match(r"[: ][^\s\]$#%]*\]?[$#%>](?:\s|$)", line) is not None


def _is_machine(name: str) -> bool:
    """``settings.local`` and ``threading.local`` are no machines; ``printer.local`` is taken for one of them, too."""
    if not name.lower().endswith(".local"):
        return True
    return name.count(".") > 1 or re.search(r"[\d-]", name) is not None


# ---- tickets ----------------------------------------------------------------------------------------------

_DESK = (
    r"(?:JIRA|TICKET|INC|CASE|REQ|RITM|SCTASK|CHG|PRB|OPS|SUP|SUPPORT|HELP|HELPDESK|ITSM|TASK|DEVOPS"
    r"|INFRA|HD|SD)"
)
_KEY = r"[A-Z][A-Z0-9]{1,9}-\d{1,7}"
_TRACKED = (
    r"(?:ticket|jira|case|task|story|tracked|tracking|filed|opened|raised|logged|created|reported|issue|bug"
    r"|incident"
    r"|(?:change )?request|工单|单号|任务|事件)"
)
_TICKETS = (
    re.compile(rf"(?<![\w/#.-]){_DESK}-\d{{1,9}}(?![\w-]|\.\d)"),
    re.compile(r"(?<![\w/#.-])(?:INC|RITM|SCTASK|CHG|PRB|REQ|CS|CASE)\d{5,12}(?!\w)"),
    # Any other key only where it is called one: MLR-4090 and ORA-12547 are errors.
    re.compile(
        rf"(?i:\b{_TRACKED})(?:[ \t]+(?:as|in|under|is|it|this|that|id|key|no\.?|number|it as|this as|for it"
        rf"|here))?"
        rf"[ \t]*[:：#]?[ \t]*[\[(]?(?P<key>{_KEY})(?![\w-]|\.\d)"
    ),
    re.compile(
        rf"(?:工单|单号|任务|事件)(?:编?号)?(?:是|为)?[ \t]*[:：#]?[ \t]*(?P<key>{_KEY}|#?\d{{3,12}})(?!\w)"
    ),
    re.compile(
        r"(?i:\b(?:ticket|case|incident|helpdesk|servicenow|zendesk)(?:[ \t]+(?:no\.?|number|nr\.?"
        r"|id))?)[ \t]*[:#]?[ \t]*"
        r"(?P<key>\d{4,12})(?![\w.])"
    ),
    re.compile(r"(?<![\w/&\[(=\"'#])(?P<key>#\d{3,9})(?![\w;\"'-]|\.\d|\])"),
)
_NO_TICKET = re.compile(
    r"^(?:CVE|CWE|RFC|ISO|PEP|JSR|JEP|KIP|GHSA|UTF|SHA|AES|RSA|MD|TLS|SSL|HTTP|IEEE|EN|DIN|ORA|DPI|SQL|ERR|X"
    r"|UTC|GMT|EPSG"
    r"|UCS|BSD|GPL|MPL|CC|EMR|RHEL|CUDA|GPT|LLAMA|KB|TS|US|EU|AP)-?\d*",
)
_PUBLIC = re.compile(
    r"(?:\b(?:PR|MR|pull(?: request)?|merge request|commit|github(?: issue)?|gh(?: issue)?|error|code"
    r"|exit)s?|[·–|])[ \t]*"
    r"(?:\(|on |number |no\. )?$",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)


def tickets_in(text: str) -> Iterator[Span]:
    """Numbers of tickets, changes and cases; not error codes, standards, CVEs, pull requests, or what is in a URL."""
    code = [found.span() for found in _CODE.finditer(text)]
    for pattern in _TICKETS:
        for found in pattern.finditer(text):
            start, end = found.span("key" if "key" in pattern.groupindex else 0)
            inside = any(low <= start < high for low, high in code)
            if not inside and not _is_public(text, start, end):
                yield start, end


def _is_public(text: str, start: int, end: int) -> bool:
    known = _NO_TICKET.match(text[start:end])
    if known is not None and known.end() > text[start:end].find("-") >= 0:
        return True
    return _PUBLIC.search(text[max(0, start - 24) : start]) is not None or "://" in _word_before(text, start)


def _word_before(text: str, at: int) -> str:
    return re.split(r"\s", text[max(0, at - 200) : at])[-1]


# ---- customers --------------------------------------------------------------------------------------------

_CAPITAL = r"[A-Z][\w&'’-]*"
_COMPANY = re.compile(
    rf"(?<![\w./-])(?P<name>{_CAPITAL}(?: (?:& )?{_CAPITAL}){{0,3}},? (?:Inc\b\.?|Ltd\b\.?|LLC\b|GmbH\b|AG\b"
    rf"|Corp\b\.?|S\.A\.|PLC\b|B\.V\.))"
    r"|(?P<zh>[\u4e00-\u9fff]{2,12}(?:有限公司|股份公司|集团))"
)
_CUSTOMER = re.compile(
    r"\b(?i:(?:our|my) (?:[a-z]+ )?(?:customer|client)|customer|on behalf of"
    r"|for (?:the )?customer)[ \t]+"
    r"(?P<name>(?!(?:ID|API|IDs|Name|Number|Support|Portal|Service|Success|Table|Data|I|We|It|The|This|That"
    r"|Can|Could|Is|Has)\b)"
    r"[A-Z][a-z]\w+(?: (?:& )?[A-Z][a-z]\w+){0,2})(?![\w(:/]|\.\w)"
    r"|(?:客户|甲方)(?:是|：|:|「|“|\")(?P<zh>[\u4e00-\u9fffA-Za-z]{2,12}?)(?=[，。,;；”\"」\s]|的|$)"
)


_VENDOR = re.compile(
    r"(?:Google|Microsoft|Amazon|Apple|Oracle|IBM|Red Hat|Intel|NVIDIA|Docker|GitHub|Elastic|MongoDB"
    r"|Facebook|Meta|VMware|Cisco"
    r"|SAP|Adobe|Slack|Atlassian|Salesforce|Alibaba|Huawei|Tencent)\b|(?:阿里|腾讯|华为|百度)"
)


def customers_in(text: str) -> Iterator[Span]:
    """Companies by their legal form, and whoever is called a customer by name."""
    code = [found.span() for found in _CODE.finditer(text)]
    for pattern in (_COMPANY, _CUSTOMER):
        for found in pattern.finditer(text):
            span = found.span("name") if found["name"] else found.span("zh")
            if not _VENDOR.match(text, span[0]) and not any(low <= span[0] < high for low, high in code):
                yield span


# ---- home folders -----------------------------------------------------------------------------------------

_HOME = re.compile(
    r"(?:(?<![\w.])/(?:home|Users)/|(?<![\w/])~(?=\w+/)|\b[A-Za-z]:\\+Users\\+|(?<![\w.])(?!/(?:var|usr|opt"
    r"|etc|app|srv|tmp"
    r"|mnt)/)(?:/[\w.-]+){1,3}/(?:work|scratch"
    r"|people|home|users)/)"
    r"(?P<name>[A-Za-z][\w.-]*?)(?=[/\\\s\"':`)\],;]|$)"
)
_NOBODYS = frozenset(
    re.findall(
        r"\w+",
        """
        output input tmp temp data src dist cache logs log bin lib run jobs files config
        user username users me you name yourname your myname root admin administrator ubuntu debian centos ec2
        vagrant app runner jovyan docker node redash shared public default deploy git jenkins build test web
        www postgres airflow pi
        """,
    )
)


def homes_in(text: str) -> Iterator[Span]:
    """Whose home folder a path leads through; not accounts that are nobody's."""
    for found in _HOME.finditer(text):
        if found["name"].split("-")[0].lower() not in _NOBODYS:
            yield found.span("name")


# ---- mentions ---------------------------------------------------------------------------------------------

_MENTION = re.compile(
    r"(?<![\w@/.`'\"-])@(?P<name>[A-Za-z][\w.-]{1,38}\w"
    r"(?: (?!(?:Can|Could|Do|Did|Does|How|What|Why|When|Where|Thanks|Thank|Yes|No|The|Is|Are|Will|Would"
    r"|Please|Any|If|You"
    r"|Your|This|That|It|We|My|Have|Has|For|In|On|Hi|Hey|So|And|But|As|Sorry|See|Try|Use|Just|Not|Just|Great"
    r"|Good|Ok)\b)"
    r"[A-Z][a-z]+){0,2})(?![\w/({\[:]|\.\w|@)"
)
_NO_PERSON = frozenset(
    re.findall(
        r"\w+",
        """
        here channel everyone all team earshot latest next beta alpha rc lts stable master main head override property
        staticmethod classmethod param params return returns media import keyframes type types app angular vue babel
        nestjs component injectable input output autowired test before after bean data localhost
        supports charset include
        """,
    )
)


def mentions_in(text: str) -> Iterator[Span]:
    """Who is mentioned and was not known: ``@somebody``; not groups, decorators, tags and packages."""
    code = [found.span() for found in _CODE.finditer(text)]
    for found in _MENTION.finditer(text):
        known = found["name"].lower() in _NO_PERSON
        if not known and not any(low <= found.start() < high for low, high in code):
            yield found.span("name")
