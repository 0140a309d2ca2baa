"""Slack's buttons, forms and shortcuts: what is shown to press, and what a press means. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.adapters import slack_wire as wire
from bot.adapters.adapter import (
    Arrival,
    AskedWhy,
    Buttons,
    Commanded,
    Corrected,
    Draft,
    Edit,
    Event,
    Ignored,
    Judged,
    Objected,
    Payload,
    Whisper,
)
from bot.answerer import Suggestion
from bot.objections import Objection

DRAFT_METADATA = "earshot_draft"
SHARE_ACTION = "earshot_share"
DISMISS_ACTION = "earshot_dismiss"
OBJECTION_ACTION = "earshot_objection_"  # and the objection, because action ids in a block must differ
CORRECT_ACTION = "earshot_correct"  # opens a form at once: its trigger is good for three seconds only
CORRECTION_FORM = "earshot_correction"
CORRECTION_INPUT = "earshot_answer"
WHY_SHORTCUT = "why"
COMMAND = "/earshot"


QUOTED = 300  # characters of a question in a draft
MAX_CORRECTION = 3_000  # characters

# ---- from Slack -----------------------------------------------------


_RECEIVED = "earshot_received_at"  # Slack does not say when a form was sent


def arrival_of(body: Payload, now: datetime) -> Arrival | None:
    """What the inbox keeps of a form that was sent, a shortcut and a command that were used; else None."""
    if body.get("command") == COMMAND:
        return _command_arrival(body, now)
    if body.get("type") == "view_submission":
        return _form_arrival(body, now)
    if body.get("type") == "message_action":
        return _shortcut_arrival(body)
    return None


def _form_arrival(body: Payload, now: datetime) -> Arrival | None:
    view = body["view"]
    if view.get("callback_id") != CORRECTION_FORM:
        return None
    return Arrival(
        adapter=wire.NAME,
        key=f"slack:form/{view['id']}",
        content_key=None,
        conversation=f"slack:form/{view['id']}",
        at=now,
        payload={**body, _RECEIVED: now.isoformat()},
    )


def _shortcut_arrival(body: Payload) -> Arrival | None:
    if body.get("callback_id") != WHY_SHORTCUT:
        return None
    channel, ts = _place(body), body["message_ts"]
    return Arrival(
        adapter=wire.NAME,
        key=f"slack:shortcut/{body['user']['id']}/{body['action_ts']}",
        content_key=None,
        conversation=f"{channel}/{ts}",
        at=wire.when(body["action_ts"]),
        payload=body,
    )


def _command_arrival(body: Payload, now: datetime) -> Arrival:
    place = f"slack:{body['team_id']}/{body['channel_id']}"
    return Arrival(
        adapter=wire.NAME,
        key=f"slack:command/{body['trigger_id']}",
        content_key=None,
        conversation=f"{place}/commands",
        at=now,
        payload={**body, _RECEIVED: now.isoformat()},
    )


def parse(body: Payload) -> Event | None:
    """The event in what somebody pressed, sent or used; None for what is not of this module."""
    if body.get("command") == COMMAND:
        return _commanded(body)
    match body.get("type"):
        case "view_submission":
            return _corrected(body)
        case "message_action":
            return _asked_why(body)
        case "block_actions":
            return _pressed(body)
    return None


def _pressed(body: Payload) -> Event | None:
    action = body["actions"][0]
    name, subject = str(action.get("action_id")), str(action.get("value") or "")
    if name in (SHARE_ACTION, DISMISS_ACTION):
        return Judged(
            suggestion_id=subject,
            user=_user(body),
            share=name == SHARE_ACTION,
            at=wire.when(str(action["action_ts"])),
            channel=_place(body),
            respond_to=body.get("response_url"),
            private=bool(body["container"].get("is_ephemeral")),
        )
    if name == CORRECT_ACTION:
        return Ignored(why="the form for the right answer was opened")
    objection = {OBJECTION_ACTION + each.name: each for each in Objection}.get(name)
    if objection is None:
        return None
    return Objected(
        suggestion_id=subject,
        user=_user(body),
        objection=objection,
        at=wire.when(str(action["action_ts"])),
        channel=_place(body),
        respond_to=body.get("response_url"),
    )


def _corrected(body: Payload) -> Event:
    view = body["view"]
    filled = [elements for elements in view["state"]["values"].values() if CORRECTION_INPUT in elements]
    text = next((elements[CORRECTION_INPUT].get("value") for elements in filled), None)
    at = datetime.fromisoformat(body[_RECEIVED])
    return Corrected(suggestion_id=view["private_metadata"], user=_user(body), text=text or "", at=at)


def _asked_why(body: Payload) -> Event:
    channel, message = _place(body), body.get("message") or {}
    root = message.get("thread_ts")
    return AskedWhy(
        message_id=f"{channel}/{body['message_ts']}",
        channel=channel,
        user=_user(body),
        at=wire.when(body["action_ts"]),
        reply_to=f"{channel}/{root}" if root else None,
        respond_to=body.get("response_url"),
    )


def _commanded(body: Payload) -> Event:
    return Commanded(
        words=str(body.get("text") or ""),
        channel=f"slack:{body['team_id']}/{body['channel_id']}",
        user=f"slack:{body['team_id']}/{body['user_id']}",
        at=datetime.fromisoformat(body[_RECEIVED]),
        respond_to=body.get("response_url"),
    )


def _user(body: Payload) -> str:
    return f"slack:{body['team']['id']}/{body['user']['id']}"


def _place(body: Payload) -> str:
    """The channel in which something was pressed or used."""
    channel = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id")
    return f"slack:{body['team']['id']}/{channel}"


# ---- to Slack -----------------------------------------------------


def render_draft(draft: Draft, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.postMessage besides the channel."""
    asked = draft.question
    quoted = asked.text if len(asked.text) <= QUOTED else asked.text[:QUOTED] + " …"
    where = f" in <#{wire.bare(asked.channel)}>"
    head = [
        _section(f"*Draft* for {_linked('a question', asked.link)} of {_shown(asked.user, names)}{where}:"),
        _section("\n".join(f">{line}" for line in _shown(quoted, names).split("\n"))),
    ]
    tail = [
        *wire.sources(draft.suggestion.citations, draft.now),
        _actions(
            _button(SHARE_ACTION, "Share", draft.id, style="primary"),
            _button(DISMISS_ACTION, "Dismiss", draft.id),
        ),
    ]
    return {
        "text": wire.escape(f"Draft for a question: {quoted}")[: wire.MAX_TEXT],
        "blocks": wire.between(head, draft.suggestion.lines, tail, names),
        "metadata": {"event_type": DRAFT_METADATA, "event_payload": {"id": draft.id}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def render_edit(edit: Edit, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.update besides channel and ts. The metadata is not given, so it stays."""
    text = _shown(edit.text, names)
    link = f" · {_linked('the question', edit.link)}" if wire.is_web(edit.link) else ""
    return {"text": text, "blocks": [_section(f"_{text}_{link}")]}


def render_whisper(whisper: Whisper, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.postEphemeral, or of a response URL, besides where it goes."""
    head = [_section(piece) for piece in wire.split(_shown(whisper.text, names), wire.MAX_SECTION)]
    tail = _buttons(whisper)
    text = _shown(whisper.text, names)[: wire.MAX_TEXT]
    if whisper.suggestion is None:
        return {"text": text, "blocks": [*head, *tail]}
    cited = [*wire.sources(whisper.suggestion.citations, whisper.now), *tail]
    return {"text": text, "blocks": wire.between(head, whisper.suggestion.lines, cited, names)}


def _buttons(whisper: Whisper) -> list[dict[str, Any]]:
    match whisper.buttons:
        case Buttons.NONE:
            return []
        case Buttons.FEEDBACK:
            return [wire.feedback(whisper.subject)]
        case Buttons.JUDGE:
            share = _button(SHARE_ACTION, "Share", whisper.subject, style="primary")
            return [_actions(share, _button(DISMISS_ACTION, "Dismiss", whisper.subject))]
        case Buttons.REASONS:
            reasons = [
                _button(OBJECTION_ACTION + each.name, each.capitalize(), whisper.subject)
                for each in Objection
            ]
            correct = _button(CORRECT_ACTION, "Give the right answer", whisper.subject, style="primary")
            return [_actions(*reasons, correct)]


def correction_form(suggestion_id: str) -> dict[str, Any]:
    """The modal in which the right answer is given."""
    return {
        "type": "modal",
        "callback_id": CORRECTION_FORM,
        "private_metadata": suggestion_id,
        "title": _plain("The right answer"),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "label": _plain("What would have been right?"),
                "hint": _plain("Earshot learns from it. It is not posted anywhere."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": CORRECTION_INPUT,
                    "multiline": True,
                    "max_length": MAX_CORRECTION,
                },
            }
        ],
    }


def people_in(*texts: str) -> set[str]:
    """The ids of the people that texts name."""
    return {user for text in texts for user in wire.USER_MENTION.findall(_mentioned(text))}


def said_by(suggestion: Suggestion | None) -> list[str]:
    """The texts of a suggestion, which may name people."""
    return [] if suggestion is None else [line.text for line in suggestion.lines]


_WHOLE_USER = re.compile(r"slack:\w+/([UW][A-Z0-9]{5,})\b")


def _mentioned(text: str) -> str:
    """Whole ids of people as texts name them: ``slack:T1/U0123ABCD`` is ``@U0123ABCD``."""
    return _WHOLE_USER.sub(r"@\1", text)


def _shown(text: str, names: Mapping[str, str]) -> str:
    return wire.escape(wire.show_names(_mentioned(text), names))


def _linked(text: str, link: str | None) -> str:
    return f"<{link}|{text}>" if link is not None and wire.is_web(link) else text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def _button(action: str, text: str, value: str, **more: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": _plain(text), "value": value, **more}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
