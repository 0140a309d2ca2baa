"""Slack's buttons, forms and shortcuts: what is shown to press, and what a press means. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.adapters import slack_wire as wire
from bot.adapters.acts import Buttons, Draft, Edit, Home, Revise, SaveForm, Say, Show, Whisper
from bot.adapters.adapter import Arrival
from bot.adapters.events import (
    AskedForSummary,
    AskedToReword,
    AskedToSave,
    AskedWhy,
    Commanded,
    Corrected,
    Correcting,
    Event,
    Judged,
    Objected,
    OrderedAtHome,
    Payload,
    Pressed,
    Reworded,
    Saved,
)
from bot.adapters.slack_markup import escape, is_web, labelled, mrkdwn
from bot.answerer import Suggestion, joined
from bot.card import Button, Card, Group, Piece, Row, Verb, fitted
from bot.manners import Order
from bot.objections import Objection
from knowledge.slacktext import plain_text

DRAFT_METADATA = "earshot_draft"
SHARE_ACTION = "earshot_share"
DISMISS_ACTION = "earshot_dismiss"
REWORD_ACTION = "earshot_edit"  # opens a form at once, too
REWORD_FORM = "earshot_edit"
REWORD_INPUT = "earshot_words"
OBJECTION_ACTION = "earshot_objection_"  # and the objection, because action ids in a block must differ
CORRECT_ACTION = "earshot_correct"  # opens a form at once: its trigger is good for three seconds only
CORRECTION_FORM = "earshot_correction"
CORRECTION_INPUT = "earshot_answer"
WHY_SHORTCUT = "why"
COMMAND = "/earshot"
SAVE_SHORTCUT = "save"
SUMMARY_SHORTCUT = "summary"
CARD_METADATA = "earshot_card"
CARD_ACTION = "earshot_card_"  # and the verb
HOME_ACTION = "earshot_home_"  # and the order
HOME_VIEW = "earshot_home"
MAX_VIEW_BLOCKS = 100
MAX_VIEW = 100_000  # characters of a view; Slack takes 250 KB
SAVE_FORM = "earshot_save"
TITLE_INPUT, PROBLEM_INPUT, SOLUTION_INPUT = "earshot_title", "earshot_problem", "earshot_solution"
AUDIENCE_INPUT = "earshot_audience"
EVERYWHERE, HERE = "workspace", "channel"
MAX_BLOCKS = 50
MAX_TITLE = 200  # characters
MAX_INPUT = 3_000  # characters that Slack takes for what stands in a field at first
MAX_PRIVATE = 3_000  # characters of a form's private_metadata

HINT = "Earshot learns from it. What an analyst writes also takes the place of the answer, with the name."
QUOTED = 300  # characters of a question in a draft
MAX_CORRECTION = 3_000  # characters

# ---- from Slack -----------------------------------------------------


_RECEIVED = "earshot_received_at"  # Slack does not say when a form was sent


def arrival_of(body: Payload, now: datetime) -> Arrival | None:
    """What the inbox keeps of a form that was sent, a shortcut and a command that were used, a decision about a night;
    else None."""
    if body.get("command") == COMMAND:
        return _command_arrival(body, now)
    if body.get("type") == "view_submission":
        return _form_arrival(body, now)
    if body.get("type") == "message_action":
        return _shortcut_arrival(body)
    if body.get("type") == "block_actions":
        return _press_arrival(body)
    return None


def _press_arrival(body: Payload) -> Arrival | None:
    """All that is decided about a night stands in one queue, on whichever report it is pressed."""
    action: Payload = next(iter(body.get("actions") or ()), {})
    if str(action.get("action_id")).startswith(HOME_ACTION):
        return _home_arrival(body)
    arrival = wire.arrival_of(body) if str(action.get("action_id")).startswith(CARD_ACTION) else None
    if arrival is None:
        return None
    return replace(arrival, conversation=f"slack:night/{str(action.get('value')).partition(' ')[0]}")


def _home_arrival(body: Payload) -> Arrival | None:
    """Without what stands on the page."""
    arrival = wire.arrival_of({name: value for name, value in body.items() if name != "view"})
    queue = wire.home_of(body["team"]["id"], body["user"]["id"])
    return None if arrival is None else replace(arrival, conversation=queue)


def _form_arrival(body: Payload, now: datetime) -> Arrival | None:
    view = body["view"]
    if view.get("callback_id") not in (CORRECTION_FORM, SAVE_FORM, REWORD_FORM):
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
    if body.get("callback_id") not in (WHY_SHORTCUT, SAVE_SHORTCUT, SUMMARY_SHORTCUT):
        return None
    channel, ts = _place(body), body["message_ts"]
    key = f"slack:shortcut/{body['user']['id']}/{body['action_ts']}"
    # A form must be opened within three seconds: it waits for nothing that goes on in the thread.
    at_once = body["callback_id"] == SAVE_SHORTCUT
    return Arrival(
        adapter=wire.NAME,
        key=key,
        content_key=None,
        conversation=key if at_once else f"{channel}/{ts}",
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
            return _sent(body)
        case "message_action":
            return _asked(body)
        case "block_actions":
            return _pressed(body)
    return None


def _sent(body: Payload) -> Event:
    match body["view"]["callback_id"]:
        case name if name == SAVE_FORM:
            return _saved(body)
        case name if name == REWORD_FORM:
            return _reworded(body)
        case _:
            return _corrected(body)


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
    if name == REWORD_ACTION:
        return AskedToReword(
            suggestion_id=subject,
            user=_user(body),
            at=wire.when(str(action["action_ts"])),
            channel=_place(body),
            respond_to=body.get("response_url"),
            private=bool(body["container"].get("is_ephemeral")),
        )
    if name == CORRECT_ACTION:
        at = wire.when(str(action["action_ts"]))
        return Correcting(suggestion_id=subject, user=_user(body), at=at)
    if name.startswith(HOME_ACTION):
        return _ordered_at_home(body, name, subject)
    if name.startswith(CARD_ACTION):
        return _pressed_on_card(body, name, subject)
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


def _ordered_at_home(body: Payload, name: str, value: str) -> Event | None:
    order = {HOME_ACTION + each.name: each for each in Order}.get(name)
    _, _, subject = value.partition(" ")
    if order is None:
        return None
    at = wire.when(str(body["actions"][0]["action_ts"]))
    return OrderedAtHome(order=order, subject=subject or None, user=_user(body), at=at)


def _pressed_on_card(body: Payload, name: str, value: str) -> Event | None:
    verb = {CARD_ACTION + each.name: each for each in Verb}.get(name)
    night, *subjects = value.split(" ")
    if verb is None:
        return None
    channel = _place(body)
    return Pressed(
        verb=verb,
        night=night,
        subjects=tuple(subjects),
        user=_user(body),
        at=wire.when(str(body["actions"][0]["action_ts"])),
        channel=channel,
        message_id=f"{channel}/{body['container'].get('message_ts')}",
        respond_to=body.get("response_url"),
    )


def _asked(body: Payload) -> Event:
    match body["callback_id"]:
        case name if name == SAVE_SHORTCUT:
            return _asked_to_save(body)
        case name if name == SUMMARY_SHORTCUT:
            return _asked_for_summary(body)
        case _:
            return _asked_why(body)


def _asked_to_save(body: Payload) -> Event:
    channel, message = _place(body), body.get("message") or {}
    return AskedToSave(
        message_id=f"{channel}/{body['message_ts']}",
        channel=channel,
        user=_user(body),
        text=plain_text(str(message.get("text") or ""), {}, {}),
        at=wire.when(body["action_ts"]),
        trigger=body["trigger_id"],
        respond_to=body.get("response_url"),
    )


def _saved(body: Payload) -> Event:
    view = body["view"]
    about = json.loads(view["private_metadata"])
    return Saved(
        message_id=about["message"],
        channel=about["channel"],
        user=_user(body),
        title=_filled(view, TITLE_INPUT),
        problem=_filled(view, PROBLEM_INPUT),
        solution=_filled(view, SOLUTION_INPUT),
        everywhere=_filled(view, AUDIENCE_INPUT) == EVERYWHERE,
        at=datetime.fromisoformat(body[_RECEIVED]),
        problem_sources=tuple(about.get("problem", ())),
        solution_sources=tuple(about.get("solution", ())),
        respond_to=about.get("respond_to"),
    )


def _filled(view: Payload, name: str) -> str:
    """What a person wrote or chose in a field of a form."""
    for elements in view["state"]["values"].values():
        if name in elements:
            chosen = elements[name].get("selected_option") or {}
            return str(chosen.get("value") or elements[name].get("value") or "")
    return ""


def _corrected(body: Payload) -> Event:
    view = body["view"]
    text = _filled(view, CORRECTION_INPUT)
    at = datetime.fromisoformat(body[_RECEIVED])
    return Corrected(suggestion_id=view["private_metadata"], user=_user(body), text=text, at=at)


def _reworded(body: Payload) -> Reworded:
    view = body["view"]
    about, text = json.loads(view["private_metadata"]), _filled(view, REWORD_INPUT)
    return Reworded(
        suggestion_id=about["suggestion"],
        user=_user(body),
        text=text,
        changed=about["cut"] or text.split() != _offered(view).split(),
        at=datetime.fromisoformat(body[_RECEIVED]),
        channel=about["channel"],
        respond_to=about["respond_to"],
        private=about["private"],
    )


def _offered(view: Payload) -> str:
    """What stood in the first field of a form when it was opened."""
    return str(view["blocks"][0]["element"].get("initial_value") or "")


def _asked_why(body: Payload) -> AskedWhy:
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


def _asked_for_summary(body: Payload) -> AskedForSummary:
    asked = _asked_why(body)
    return AskedForSummary(
        message_id=asked.message_id,
        channel=asked.channel,
        user=asked.user,
        at=asked.at,
        reply_to=asked.reply_to,
        respond_to=asked.respond_to,
    )


def _commanded(body: Payload) -> Event:
    return Commanded(
        words=wire.with_ids(str(body.get("text") or ""), str(body["team_id"])),
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


def clicked_on(body: Payload) -> tuple[str, str]:
    """The id of the draft that a click is about, and who clicked."""
    return str(body["actions"][0]["value"]), _user(body)


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
        *wire.noted(draft.suggestion),
        *wire.sources(draft.suggestion.citations, draft.now),
        _judge(draft.id),
    ]
    return {
        "text": escape(f"Draft for a question: {quoted}")[: wire.MAX_TEXT],
        "blocks": wire.between(head, draft.suggestion, tail, names),
        "metadata": {"event_type": DRAFT_METADATA, "event_payload": {"id": draft.id}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def render_edit(edit: Edit, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.update besides channel and ts. The metadata is not given, so it stays."""
    text = _shown(edit.text, names)
    link = f" · {_linked('the question', edit.link)}" if is_web(edit.link) else ""
    return {"text": text, "blocks": [_section(f"_{text}_{link}")]}


def render_revise(revise: Revise, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.update besides channel and ts. The metadata is not given, so it stays."""
    note = _shown(revise.note, names)
    head, said = [_section(f"_{note}_")], revise.suggestion
    if said is None:
        return {"text": note[: wire.MAX_TEXT], "blocks": head}
    if not revise.corrected:
        head.append(_section(wire.intro(said)))
    tail = [*wire.noted(said), *wire.sources(said.citations, revise.now), wire.feedback(revise.id)]
    text = f"{note}\n{_shown(joined(said.lines), names)}"[: wire.MAX_TEXT]
    return {"text": text, "blocks": wire.between(head, said, tail, names)}


def render_whisper(whisper: Whisper, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.postEphemeral, or of a response URL, besides where it goes."""
    if whisper.card is not None:
        return _answered_alone(whisper, whisper.card, names)
    head = [_section(piece) for piece in wire.split(_shown(whisper.text, names), wire.MAX_SECTION)]
    tail = _buttons(whisper)
    text = _shown(whisper.text, names)[: wire.MAX_TEXT]
    if whisper.suggestion is None:
        return {"text": text, "blocks": [*head, *tail]}
    shown = whisper.suggestion
    cited = [*wire.noted(shown), *wire.sources(shown.citations, whisper.now), *tail]
    return {"text": text, "blocks": wire.between(head, whisper.suggestion, cited, names)}


def _answered_alone(whisper: Whisper, card: Card, names: Mapping[str, str]) -> dict[str, Any]:
    said = whisper.suggestion
    head = _card_blocks(card, names)
    if said is None:
        return {"text": _told(card, names), "blocks": head}
    head += [_section(wire.intro(said))]
    tail = [*wire.noted(said), *wire.sources(said.citations, whisper.now)]
    blocks = wire.between(head, said, tail, names)
    return {"text": _shown(said.text, names)[: wire.MAX_TEXT], "blocks": blocks}


def render_say(say: Say, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.postMessage besides channel and thread."""
    card = fitted(say.card, lambda shorter: _fits(_card_blocks(shorter, names)))
    return {
        "text": _told(card, names),
        "blocks": _card_blocks(card, names),
        "metadata": {"event_type": wire.ANSWER_METADATA, "event_payload": {"id": say.id}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _told(card: Card, names: Mapping[str, str]) -> str:
    """All that a card says in words, for notifications and screen readers."""
    rows = [one for group in card.groups for one in group.rows]
    lines = ("".join(_plainly(piece, names) for piece in one.columns[0]) for one in rows)
    return "\n".join(lines)[: wire.MAX_TEXT]


def _plainly(piece: Piece, names: Mapping[str, str]) -> str:
    return _piece(replace(piece, link=None, bold=False), names)


def _buttons(whisper: Whisper) -> list[dict[str, Any]]:
    match whisper.buttons:
        case Buttons.NONE:
            return []
        case Buttons.FEEDBACK:
            return [wire.feedback(whisper.subject)]
        case Buttons.JUDGE:
            return [_judge(whisper.subject)]
        case Buttons.REASONS:
            reasons = [
                _button(OBJECTION_ACTION + each.name, each.capitalize(), whisper.subject)
                for each in Objection
            ]
            correct = _button(CORRECT_ACTION, "Give the right answer", whisper.subject, style="primary")
            return [_actions(*reasons, correct)]


def _judge(suggestion_id: str) -> dict[str, Any]:
    """What can be done with a draft."""
    return _actions(
        _button(SHARE_ACTION, "Share", suggestion_id, style="primary"),
        _button(REWORD_ACTION, "Edit", suggestion_id),
        _button(DISMISS_ACTION, "Dismiss", suggestion_id),
    )


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
                "hint": _plain(HINT),
                "element": {
                    "type": "plain_text_input",
                    "action_id": CORRECTION_INPUT,
                    "multiline": True,
                    "max_length": MAX_CORRECTION,
                },
            }
        ],
    }


_KEEP_MARKS = (
    "It is posted as yours. Numbers such as [1] keep their sources; a source whose number goes is left out."
)
_TOO_LONG = " The draft is longer than this field: its end is missing here."


def reword_form(clicked: Payload, suggestion: Suggestion, names: Mapping[str, str]) -> dict[str, Any]:
    """The modal in which a draft is put in other words. ``clicked``: the click on Edit."""
    shown = wire.show_names(joined(suggestion.lines), names)
    about = {
        "suggestion": clicked["actions"][0]["value"],
        "channel": _place(clicked),
        "respond_to": clicked.get("response_url"),
        "private": bool(clicked["container"].get("is_ephemeral")),
        "cut": len(shown) > MAX_INPUT,
    }
    field = _field("What shall stand in the thread?", REWORD_INPUT, shown, MAX_INPUT)
    return {
        "type": "modal",
        "callback_id": REWORD_FORM,
        "private_metadata": json.dumps(about),
        "title": _plain("Edit the draft"),
        "submit": _plain("Share"),
        "close": _plain("Cancel"),
        "blocks": [{**field, "hint": _plain(_KEEP_MARKS + (_TOO_LONG if about["cut"] else ""))}],
    }


# ---- cards -----------------------------------------------------


def render_card(show: Show, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.postMessage besides the channel; without the metadata those of chat.update."""
    card = fitted(show.card, lambda shorter: _fits(_card_blocks(shorter, names)))
    blocks = _card_blocks(card, names)
    return {
        "text": _card_text(card, names),
        "blocks": blocks,
        "metadata": {"event_type": CARD_METADATA, "event_payload": {"id": show.id}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _fits(blocks: list[dict[str, Any]]) -> bool:
    return len(blocks) <= MAX_BLOCKS and len(json.dumps(blocks, ensure_ascii=False)) <= wire.MAX_TOTAL


def _card_text(card: Card, names: Mapping[str, str]) -> str:
    """What notifications say: the title, or without one the first row."""
    first = next((row for group in card.groups for row in group.rows), None)
    pieces = () if first is None else first.columns[0]
    said = card.title or "".join(piece.text for piece in pieces)
    return _shown(said, names)[: wire.MAX_TEXT]


def _card_blocks(card: Card, names: Mapping[str, str]) -> list[dict[str, Any]]:
    head = [_words(f"*{_shown(card.title, names)}*")] if card.title else []
    body = [block for group in card.groups for block in _group_blocks(group, names)]
    tail = [_actions(*(_card_button(button) for button in card.buttons))] if card.buttons else []
    return [*head, *body, *tail]


def _group_blocks(group: Group, names: Mapping[str, str]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    lines = [f"*{_shown(group.heading, names)}*"] if group.heading else []
    for row in group.rows:
        if not row.buttons and len(row.columns) == 1:
            lines.append(_inline(row.columns[0], names))
            continue
        blocks += [*_flowing(lines), *_row_blocks(row, names)]
        lines = []
    lines += [f"_{escape(group.rest)}_"] if group.rest else []
    return [*blocks, *_flowing(lines)]


def _flowing(lines: list[str]) -> list[dict[str, Any]]:
    """Lines below each other, in as few sections as they fit in."""
    return [_words(piece) for piece in wire.split("\n".join(lines), wire.MAX_SECTION)] if lines else []


def _row_blocks(row: Row, names: Mapping[str, str]) -> list[dict[str, Any]]:
    buttons = [_actions(*(_card_button(button) for button in row.buttons))] if row.buttons else []
    texts = [_inline(column, names) for column in row.columns]
    if len(texts) == 1:
        return [_words(texts[0]), *buttons]
    return [{"type": "section", "fields": [mrkdwn(text[:MAX_FIELD]) for text in texts]}, *buttons]


MAX_FIELD = 2_000


def _inline(pieces: Iterable[Piece], names: Mapping[str, str]) -> str:
    return "".join(_piece(piece, names) for piece in pieces)


def _piece(piece: Piece, names: Mapping[str, str]) -> str:
    if piece.channel is not None:
        return f"<#{wire.bare(piece.channel)}>"
    if piece.person is not None:
        return f"<@{wire.bare(piece.person)}>"
    text = _shown(piece.text, names)
    if is_web(piece.link):
        text = labelled(str(piece.link), text)
    return f"*{text.replace('*', '∗')}*" if piece.bold and text else text


def _words(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def _card_button(button: Button) -> dict[str, Any]:
    value = " ".join((button.night, *button.subjects))
    more: dict[str, Any] = {"style": "primary"} if button.main else {}
    if button.confirm:
        more = {"style": "danger", "confirm": _confirm(button)}
    action = HOME_ACTION if isinstance(button.verb, Order) else CARD_ACTION
    return {**_button(action + button.verb.name, button.label, value), **more}


def _confirm(button: Button) -> dict[str, Any]:
    return {
        "title": _plain(f"{button.label}?"),
        "text": _plain(button.confirm),
        "confirm": _plain(button.label),
        "deny": _plain("Cancel"),
    }


def home_view(home: Home, names: Mapping[str, str]) -> dict[str, Any]:
    """Our own page, as one person sees it."""

    def fits(card: Card) -> bool:
        blocks = _home_blocks(card, names)
        return len(blocks) <= MAX_VIEW_BLOCKS and len(json.dumps(blocks, ensure_ascii=False)) <= MAX_VIEW

    blocks = _home_blocks(fitted(home.card, fits), names)
    return {"type": "home", "callback_id": HOME_VIEW, "blocks": blocks}


def _home_blocks(card: Card, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The title, and each group below a line."""
    title = {"type": "header", "text": _plain(card.title)}
    groups = ([{"type": "divider"}, *_group_blocks(group, names)] for group in card.groups)
    return [title, *(block for blocks in groups for block in blocks)]


# ---- keeping by hand -----------------------------------------------------


def save_form(form: SaveForm) -> dict[str, Any]:
    """The modal in which something is kept as knowledge."""
    return {
        "type": "modal",
        "callback_id": SAVE_FORM,
        "private_metadata": _private(form),
        "title": _plain("Save to knowledge"),
        "submit": _plain("Save"),
        "close": _plain("Cancel"),
        "blocks": [
            _field("Title", TITLE_INPUT, form.title, MAX_TITLE, multiline=False),
            _field("Problem", PROBLEM_INPUT, form.problem, MAX_INPUT),
            _field("Solution", SOLUTION_INPUT, form.solution, MAX_INPUT),
            _audience(form),
        ],
    }


def _private(form: SaveForm) -> str:
    """What the form is about; what does not fit is left out: then the chosen message is the only source."""
    about = {"message": form.message_id, "channel": form.channel}
    sources = {"problem": form.problem_sources, "solution": form.solution_sources}
    whole = json.dumps({**about, **sources, "respond_to": form.respond_to})
    return whole if len(whole) <= MAX_PRIVATE else json.dumps(about)


def _field(label: str, name: str, text: str, most: int, *, multiline: bool = True) -> dict[str, Any]:
    element = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": multiline,
        "max_length": most,
        **({"initial_value": text[:most]} if text else {}),
    }
    return {"type": "input", "label": _plain(label), "element": element}


def _audience(form: SaveForm) -> dict[str, Any]:
    here = {"text": _plain("This channel only"), "value": HERE}
    everywhere = {"text": _plain("The whole workspace"), "value": EVERYWHERE}
    options = [everywhere, here] if form.may_be_everywhere else [here]
    return {
        "type": "input",
        "label": _plain("Who may be shown it"),
        "element": {
            "type": "static_select",
            "action_id": AUDIENCE_INPUT,
            "options": options,
            "initial_option": options[0],
        },
    }


def people_in(*texts: str) -> set[str]:
    """The ids of the people that texts name."""
    return {user for text in texts for user in wire.mentioned_in(_mentioned(text))}


def said_by(suggestion: Suggestion | None) -> list[str]:
    """The texts of a suggestion, which may name people."""
    return [] if suggestion is None else [suggestion.worded_by, *(line.text for line in suggestion.lines)]


_WHOLE_USER = re.compile(r"slack:\w+/([UW][A-Z0-9]{5,})\b")


def _mentioned(text: str) -> str:
    """Whole ids of people as texts name them: ``slack:T1/U0123ABCD`` is ``@U0123ABCD``."""
    return _WHOLE_USER.sub(r"@\1", text)


def _shown(text: str, names: Mapping[str, str]) -> str:
    return escape(wire.show_names(_mentioned(text), names))


def _linked(text: str, link: str | None) -> str:
    return labelled(link, text) if link is not None and is_web(link) else text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def _actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def _button(action: str, text: str, value: str, **more: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": _plain(text), "value": value, **more}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
