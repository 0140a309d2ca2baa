"""What one text of config.yaml can mean: pure parsers that return the value or raise Refused with a remedy."""

import difflib
import re
import zoneinfo
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.weighing import WeightsError, read_weights

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_HANDLE = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._-]*")
_MAIL_DOMAIN = re.compile(r"\*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SPAN = re.compile(r"(\S+?)\s*[-–]\s*(\S+)")
_UNITS = MappingProxyType(
    {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
)
_LONGEST = timedelta(days=3650)
_SWITCH = MappingProxyType({"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False})
# What other programs make of an unquoted off or on when they rewrite the file.
_SWITCH_NAME = MappingProxyType({"true": "on", "yes": "on", "false": "off", "no": "off"})


class Refused(ValueError):
    """A text that does not fit its key: what is wrong with it (to follow the text) and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to just before ``end``, local time; over midnight if ``end`` is the earlier one."""

    start: time
    end: time


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


def parse_wait(text: str) -> timedelta:
    """Seconds (``90``, ``0`` for at once) or a duration, at most ten years. Raises Refused."""
    seconds = _number(text.removesuffix("s"))
    if 0 <= seconds <= _LONGEST.total_seconds():
        return timedelta(seconds=seconds)
    try:
        return parse_duration(text)
    except Refused:
        raise Refused("is not a waiting time", "give seconds or a duration, such as 90 or 2m") from None


def parse_pause(text: str) -> timedelta:
    """A duration, or ``off`` for none. Raises Refused."""
    if _SWITCH.get(text.casefold()) is False:
        return timedelta(0)
    try:
        return parse_duration(text)
    except Refused as refused:
        raise Refused(refused.what, f"{refused.remedy}, or off") from None


def parse_switch(text: str) -> bool:
    """``true``, ``yes``, ``on`` or their opposites. Raises Refused."""
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


def parse_share(text: str) -> float:
    """A share such as ``0.9``, between 0.5 and 0.99. Raises Refused."""
    share = _number(text)
    if not 0.5 <= share <= 0.99:
        raise Refused("is not a share between 0.5 and 0.99", "give one such as 0.9")
    return share


def parse_dollars(text: str) -> float:
    """An amount of US dollars such as ``2.50``, 0 to a million. Raises Refused."""
    dollars = _number(text)
    if not 0 <= dollars <= 1_000_000:
        raise Refused("is not an amount of US dollars", "give one such as 5 or 2.50")
    return dollars


def parse_whole(text: str, *, least: int, most: int, example: int) -> int:
    """A whole number such as ``1_000``, from ``least`` to ``most``; the remedy names ``example``. Raises Refused."""
    digits = text.replace("_", "")
    if not re.fullmatch("[0-9]{1,15}", digits) or not least <= int(digits) <= most:
        raise Refused(f"is not a whole number between {least} and {most}", f"give one such as {example}")
    return int(digits)


def parse_budget(text: str) -> int:
    """How often at most: a whole number of 1 or more. Raises Refused."""
    if not re.fullmatch("0*[1-9][0-9]{0,5}", text):
        raise Refused("is not a whole number of 1 or more", "give one such as 3; to be silent set mode: off")
    return int(text)


def parse_choice(names: tuple[str, ...], text: str) -> str:
    """The one of ``names`` (lower case) that ``text`` means. Raises Refused."""
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


def parse_api_address(text: str) -> str:
    """The base address of a web API, ending in a slash. Raises Refused."""
    return _web_address(text).removesuffix("/") + "/"


def parse_lark_domain(text: str) -> str:
    """``feishu``, ``lark`` or the address of another. Raises Refused."""
    if text.casefold() in ("feishu", "lark"):
        return text.casefold()
    try:
        return _web_address(text)
    except Refused:
        raise Refused("is not a Lark domain", "give feishu, lark or a URL") from None


def parse_store(text: str) -> str:
    """The URL of an SQLite or PostgreSQL store. Raises Refused."""
    if not re.fullmatch(r"(sqlite:///|postgres(ql)?(\+\w+)?://)\S.*", text):
        raise Refused("is not the URL of a store", "give one such as sqlite:///data/earshot.db")
    return text


def parse_zone(text: str) -> str:
    """The name of a time zone, such as ``Europe/Berlin``. Raises Refused."""
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


def parse_user(text: str) -> str:
    """One person's id, qualified or bare. Raises Refused."""
    if text.startswith("@") or "," in text:
        remedy = "give ids such as U012AB3CD (profile, ⋮, Copy member ID), one a list item"
        raise Refused("is not one person's id", remedy)
    return text


def parse_analyst(text: str) -> str:
    """A person's id, a group (``@handle``, ``S0123ABC``) or a mail domain (``*@example.com``). Raises Refused."""
    if _HANDLE.fullmatch(text) or _MAIL_DOMAIN.fullmatch(text):
        return text.casefold()
    if "@" in text or "," in text:
        remedy = (
            "give ids such as U012AB3CD, groups such as '@support-team' or domains such as '*@example.com'"
        )
        raise Refused("is not a person, group or mail domain", f"{remedy}, one a list item")
    return text


def parse_place(text: str) -> str:
    """A channel: qualified id, bare id, ``#name`` or permalink. Raises Refused."""
    half = re.match("slack:|lark:", text) and not re.fullmatch(r"\w+:[^/]+/[^/]+", text)
    if half or text.startswith("@"):
        raise Refused("is not a channel's id", "give slack:TEAM/CHANNEL, the bare id, or '#name' in quotes")
    return text


def parse_pattern(text: str) -> re.Pattern[str]:
    """A regular expression, compiled. Raises Refused."""
    try:
        return re.compile(text)
    except re.error as error:
        raise Refused(f"is not a regular expression: {error.msg}", "mend it, in single quotes") from None


def parse_weights(text: str) -> Path:
    """A file that ``python -m benchmarks train_scorer`` wrote. Raises Refused."""
    path = Path(text.strip()).expanduser()
    try:
        read_weights(path)
    except WeightsError as error:
        what, remedy = str(error).removeprefix(f"weights: {path} ").rsplit(": ", 1)
        raise Refused(what, remedy) from error
    return path
