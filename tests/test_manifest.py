"""manifest.json asks for exactly what the code uses: no scope or event too many, none too few."""

import ast
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.adapters import slack, slack_channels, slack_wire
from bot.adapters.acts import Post
from bot.adapters.events import Ignored
from bot.adapters.slack_cards import COMMAND, SAVE_SHORTCUT, SUMMARY_SHORTCUT, WHY_SHORTCUT
from bot.adapters.slack_wire import EVENTS, FEEDBACK_ACTION, OPTIONAL_SCOPES, SCOPES, Me, parse, render
from bot.answerer import Citation, Line, Suggestion
from knowledge.entry import EntryKind
from knowledge.thread import Role
from tests.local_slack.blocks import check_message

ROOT = Path(__file__).parent.parent
MANIFEST: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
BOT_SCOPES: list[str] = MANIFEST["oauth_config"]["scopes"]["bot"]
BOT_EVENTS: list[str] = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
WIRE = ROOT.parent / "shared" / "wire"
with_slacks_reference = pytest.mark.skipif(
    not WIRE.is_dir(), reason=f"no copy of Slack's reference in {WIRE}"
)

# From the method pages of https://docs.slack.dev/reference/methods, for public and private channels.
METHOD_SCOPES: dict[str, set[str]] = {
    "apps.connections.open": set(),  # the app-level token's connections:write
    "assistant.threads.setStatus": {"chat:write"},
    "auth.test": set(),
    "chat.delete": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.appendStream": {"chat:write"},
    "chat.startStream": {"chat:write"},
    "chat.stopStream": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.members": {"channels:read", "groups:read"},
    "conversations.list": {"channels:read", "groups:read"},
    "conversations.replies": {"channels:history", "groups:history"},
    "users.info": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
}
# Called only where config.yaml turns the 📎 on or names user groups.
OPTIONAL_METHODS: dict[str, set[str]] = {
    "reactions.add": {"reactions:write"},
    "reactions.remove": {"reactions:write"},
    "usergroups.list": {"usergroups:read"},
    "usergroups.users.list": {"usergroups:read"},
}
OPTIONAL_FIELDS = {"users:read.email", "files:read"}  # of users.info; of the files in messages
# From the event pages of https://docs.slack.dev/reference/events.
EVENT_SCOPES: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_uninstalled": set(),
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "reaction_added": {"reactions:read"},
    "reaction_removed": {"reactions:read"},
    "channel_archive": {"channels:read"},
    "channel_deleted": {"channels:read"},
    "channel_id_changed": set(),
    "channel_left": {"channels:read"},
    "channel_rename": {"channels:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unarchive": {"channels:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "group_archive": {"groups:read"},
    "group_deleted": {"groups:read"},
    "group_left": {"groups:read"},
    "group_rename": {"groups:read"},
    "group_unarchive": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "tokens_revoked": set(),
}
# The reference at hand leaves them out; https://docs.slack.dev/reference/events has them.
LEFT_OUT = {"channel_archive", "channel_unarchive", "group_archive", "group_unarchive"}
# Of groups among several people, in whose messages nothing is heard.
NOT_NEEDED = {"mpim:read"}


SHORTCUT_SCOPES = {"commands"}


CLIENTS = ("client", "self.client", "workspace.client")


def called_methods() -> set[str]:
    """The Web API methods that bot/adapters/slack*.py call: ``self.client.chat_postMessage`` -> chat.postMessage."""
    sources = sorted(Path(slack.__file__).parent.glob("slack*.py"))
    trees = [ast.parse(source.read_text(encoding="utf-8")) for source in sources]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.attr.replace("_", ".")
        for call in calls
        if isinstance(call, ast.Attribute) and ast.unparse(call.value) in CLIENTS and "_" in call.attr
    }


def handled_types() -> set[str]:
    """The types of events that the modules of the wire tell apart, each in its `parse`."""
    trees = [
        ast.parse(Path(str(m.__file__)).read_text(encoding="utf-8")) for m in (slack_wire, slack_channels)
    ]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    parsing = [function for function in functions if function.name == "parse"]
    values = [node.value for parse in parsing for node in ast.walk(parse) if isinstance(node, ast.MatchValue)]
    return {
        value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def inner_type(event: str) -> str:
    """What a subscription's events call themselves: ``message`` for ``message.channels``."""
    return event.partition(".")[0]


# ---- the manifest and the code -----------------------------------------------------


def test_the_manifest_lists_what_the_code_declares() -> None:
    assert sorted(BOT_SCOPES) == sorted(SCOPES)
    assert sorted(BOT_EVENTS) == sorted(EVENTS)


def test_every_called_method_is_one_whose_scopes_are_known_here() -> None:
    assert called_methods() == METHOD_SCOPES.keys() | OPTIONAL_METHODS.keys()


def test_every_scope_is_needed_and_every_needed_scope_is_asked_for() -> None:
    needed = set().union(*(METHOD_SCOPES[name] for name in called_methods() - OPTIONAL_METHODS.keys()))
    needed |= set().union(*(EVENT_SCOPES[name] for name in BOT_EVENTS))
    needed |= SHORTCUT_SCOPES if MANIFEST["features"]["shortcuts"] else set()
    assert needed == set(BOT_SCOPES)


def test_every_shortcut_is_served() -> None:
    assert [(made["callback_id"], made["type"]) for made in MANIFEST["features"]["shortcuts"]] == [
        (WHY_SHORTCUT, "message"),
        (SAVE_SHORTCUT, "message"),
        (SUMMARY_SHORTCUT, "message"),
    ]


def test_the_command_is_served() -> None:
    assert [made["command"] for made in MANIFEST["features"]["slash_commands"]] == [COMMAND]


def test_a_scope_that_only_some_settings_need_is_off() -> None:
    assert set().union(*OPTIONAL_METHODS.values()) | OPTIONAL_FIELDS == OPTIONAL_SCOPES
    assert OPTIONAL_SCOPES.isdisjoint(BOT_SCOPES)


def test_no_scope_of_a_person_is_asked_for() -> None:
    assert set(MANIFEST["oauth_config"]["scopes"]) == {"bot"}


def test_every_event_is_handled_and_every_handled_event_is_subscribed_to() -> None:
    assert {inner_type(event) for event in BOT_EVENTS} == handled_types()


@pytest.mark.parametrize("name", BOT_EVENTS)
def test_an_event_as_slack_sends_it_is_not_ignored(name: str) -> None:
    me = Me(team="T1", user="UBOT", bot="BBOT", url="https://example.slack.com/")
    item = {"type": "message", "channel": "C1", "ts": "1700000000.000100"}
    event = {
        "type": inner_type(name),
        "user": "U1",
        "event_ts": "1700000001.000100",
        "reaction": "+1",
        "tab": "home",
    }
    said = {**item, "channel_type": name.partition(".")[2].removesuffix("s"), "text": "hello"}
    inner: dict[str, Any] = {**event, "item": item} if "reaction" in name else {**said, **event}
    inner |= {"channel": {"id": "C1", "name": "helpdesk"}} if name.endswith("_rename") else {}
    inner |= {"old_channel_id": "C1", "new_channel_id": "C2"} if name == "channel_id_changed" else {}
    inner |= {"user": "UBOT"} if name.startswith("member_") else {}
    inner |= {"tokens": {"bot": ["UBOT"]}} if name == "tokens_revoked" else {}
    body = {"type": "event_callback", "team_id": "T1", "event": inner}
    assert not isinstance(slack_channels.parse(body, me) or parse(body, me), Ignored)


def test_it_needs_no_public_address_and_its_buttons_work() -> None:
    settings = MANIFEST["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"] == {"is_enabled": True}  # with a socket there is no request_url
    assert "request_url" not in settings["event_subscriptions"]
    assert settings["org_deploy_enabled"] is False and settings["token_rotation_enabled"] is False


def test_no_feature_is_switched_on_that_the_code_does_not_serve() -> None:
    assert set(MANIFEST["features"]) == {"app_home", "bot_user", "shortcuts", "slash_commands"}


# ---- Slack's own reference -----------------------------------------------------


@with_slacks_reference
def test_the_manifest_fits_slacks_schema() -> None:
    schema = json.loads((WIRE / "manifest.schema.1.0.0.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(MANIFEST)] == []
    broken = {**MANIFEST, "display_information": {}}
    assert not validator.is_valid(broken), "the schema accepts an app without a name, so it proves nothing"


@with_slacks_reference
def test_slack_knows_the_events_their_scopes_and_the_methods() -> None:
    reference = json.loads((WIRE / "slack_ref.json").read_text(encoding="utf-8"))
    there = set(BOT_EVENTS) - LEFT_OUT
    known = {name: set(reference["events"][name]["scopes"]) - NOT_NEEDED for name in there}
    assert known == {name: EVENT_SCOPES[name] for name in there}
    assert all("Events" in reference["events"][name]["apis"] for name in there)
    assert LEFT_OUT.isdisjoint(reference["events"])
    called = called_methods() - OPTIONAL_METHODS.keys()  # the reference at hand leaves user groups out
    assert called <= set(reference["methods"])
    assert [name for name in called if reference["methods"][name]["deprecated"]] == []


# ---- what is posted -----------------------------------------------------


def test_a_reply_is_made_of_blocks_that_slack_takes() -> None:
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    cited = Citation(
        number=1,
        entry="e1",
        source="slack:T1/C1/1700000000.000100",
        quote="Restart the gate.",
        title="The gate stops <again>",
        kind=EntryKind.THREAD,
        role=Role.ANALYST,
        at=now,
        link="https://example.slack.com/archives/C1/p1700000000000100",
        confirmed=True,
    )
    said = Suggestion(
        lines=(Line(text="Restart the gate.\n```\ngate up\n```", citations=(1,)),), citations=(cited,)
    )
    post = Post(id="s1", channel="slack:T1/C1", reply_to="slack:T1/C1/1.000001", suggestion=said, now=now)
    rendered = render(post, {})
    check_message(rendered)  # raises what Slack would answer
    assert [block["type"] for block in rendered["blocks"]] == [
        "section",
        "section",
        "context",
        "context_actions",
    ]
    assert rendered["blocks"][-1]["elements"][0]["action_id"] == FEEDBACK_ACTION
