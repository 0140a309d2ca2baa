"""What the doctor says of Lark: each thing that would leave it deaf or dumb, in the console's words."""

import pytest

from bot.adapters import lark_wire as wire
from bot.config import Config
from bot.doctor_lark import PERMISSIONS, examine_lark, examine_lark_settings

ALL = frozenset(PERMISSIONS)
EVENTS, CALLBACKS = frozenset(wire.EVENTS), frozenset(wire.CALLBACKS)


def told(
    granted: frozenset[str], events: frozenset[str] = EVENTS, callbacks: frozenset[str] = CALLBACKS
) -> list[str]:
    return [finding.text for finding in examine_lark("cli_1", granted, (events, callbacks))]


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert told(ALL) == []


@pytest.mark.parametrize("permission", sorted(ALL - {"im:message.reactions:read"}))
def test_each_missing_permission_is_named_as_the_console_calls_it(permission: str) -> None:
    (text,) = told(ALL - {permission})
    assert text.startswith(f"cli_1 lacks {permission} ({PERMISSIONS[permission].title}), so ")
    assert "Permissions & Scopes" in text


def test_one_permission_may_give_what_several_do() -> None:
    small = {"im:message:send_as_bot", "im:message:readonly"}
    assert told((ALL - small) | {"im:message"}) == []
    assert told(ALL - {"im:message.reactions:read"}) == []


@pytest.mark.parametrize("event", [*wire.EVENTS, *wire.CALLBACKS])
def test_each_event_that_does_not_come_is_named(event: str) -> None:
    (finding,) = examine_lark("cli_1", ALL, (EVENTS - {event}, CALLBACKS - {event}))
    assert event in finding.text and "Events & Callbacks" in finding.text
    deaf = event in (wire.RECEIVED, wire.RECALLED, wire.REACTED, wire.UNREACTED, wire.CLICKED)
    assert finding.ok is not deaf


def test_what_cannot_be_asked_is_said() -> None:
    (finding,) = examine_lark("cli_1", frozenset(), None)
    assert not finding.ok and "docs/lark.md" in finding.text
    assert examine_lark("cli_1", ALL, None) == []


def test_settings_ask_for_more() -> None:
    config = Config.model_validate({"defaults": {"clip": "on"}, "analysts": ["*@example.com"]})
    found = [finding.text for finding in examine_lark_settings(config, "cli_1", ALL)]
    assert ["im:message.reactions:write_only" in text for text in found] == [True, False]
    assert "contact:user.email:readonly" in found[1]
    assert examine_lark_settings(Config(), "cli_1", ALL) == []


def test_pictures_need_the_permission_to_read_messages() -> None:
    config = Config.model_validate({"writer": "claude", "claude": {"images": "on"}})
    (finding,) = examine_lark_settings(config, "cli_1", ALL - {"im:message:readonly"})
    assert "im:message:readonly" in finding.text and "no picture can be fetched" in finding.text
    for given in ("im:message:readonly", "im:message", "im:message.history:readonly"):
        assert examine_lark_settings(config, "cli_1", frozenset({given})) == []
    assert examine_lark_settings(Config(), "cli_1", frozenset({"im:chat"})) == []
