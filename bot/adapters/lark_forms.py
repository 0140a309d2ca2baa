"""Lark's form in which something is kept as knowledge: the card that a person fills in, and what sending it says. Pure.

An input takes 1 000 characters, so a longer part stands in several, and is put together again as it was cut.
https://open.feishu.cn/document/feishu-cards/card-json-v2-components/containers/form-container
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.adapters import lark_wire as wire
from bot.adapters.acts import SaveForm
from bot.adapters.events import Event, Ignored, Payload, Saved
from bot.adapters.lark_cards import FORM, MAX_TITLE, OURS, fits

Element = dict[str, Any]

MAX_INPUT = 1_000  # characters that an input takes
SAVE = "save"  # in a button's value: the form is sent
TITLE, PROBLEM, SOLUTION, EVERYWHERE = (
    "earshot_title",
    "earshot_problem",
    "earshot_solution",
    "earshot_everywhere",
)
MAX_LABEL = 100  # characters


def render_form(form: SaveForm) -> Element:
    """The card in which a person decides what is kept. What Lark would not take of it is left out."""
    card = _card(form)
    if fits(card["body"]["elements"]):
        return card
    # Without sources the chosen message stands for all; then words are given up, the person can write them again.
    bare = replace(form, problem_sources=(), solution_sources=())
    for most in (3_000, 2_000, MAX_INPUT, 500):
        card = _card(replace(bare, problem=bare.problem[:most], solution=bare.solution[:most]))
        if fits(card["body"]["elements"]):
            break
    return card


def _card(form: SaveForm) -> Element:
    head = (
        "Keep this as knowledge? Change what you like; nothing is kept before you send it. Only you see this."
    )
    return {
        "schema": "2.0",
        # What it holds was said where only some may read it.
        "config": {
            "update_multi": True,
            "enable_forward": False,
            "summary": {"content": "Save to knowledge"},
        },
        "body": {"elements": [{"tag": "div", "text": _plain(head)}, _form(form)]},
    }


def _form(form: SaveForm) -> Element:
    problem, solution = cut(form.problem), cut(form.solution)
    about = {
        OURS: SAVE,
        "message": form.message_id,
        "channel": form.channel,
        "problem": list(form.problem_sources),
        "solution": list(form.solution_sources),
        "joins": {PROBLEM: list(problem.joins), SOLUTION: list(solution.joins)},
    }
    send = {
        "tag": "button",
        "name": "earshot_save",
        "text": _plain("Save"),
        "type": "primary",
        "form_action_type": "submit",
        "behaviors": [{"type": "callback", "value": about}],
    }
    fields = [
        _input(TITLE, "Title", form.title[:MAX_TITLE], lines=1),
        *_inputs(PROBLEM, "Problem", problem),
        *_inputs(SOLUTION, "Solution", solution),
        *([_checker()] if form.may_be_everywhere else []),
    ]
    return {"tag": "form", "name": "earshot_save_form", "elements": [*fields, send]}


def _inputs(name: str, label: str, parts: "Cut") -> list[Element]:
    first, *rest = parts.pieces
    more = [
        _input(f"{name}_{place}", f"{label}, continued", piece, required=False)
        for place, piece in enumerate(rest, 1)
    ]
    return [_input(name, label, first), *more]


def _input(name: str, label: str, text: str, *, lines: int = 4, required: bool = True) -> Element:
    return {
        "tag": "input",
        "name": name,
        "label": _plain(label),
        "label_position": "top",
        "required": required,
        "max_length": MAX_INPUT if lines > 1 else MAX_TITLE,
        "placeholder": _plain(label),
        **({"input_type": "multiline_text", "rows": lines} if lines > 1 else {}),
        **({"default_value": text} if text else {}),
    }


def _checker() -> Element:
    label = _plain("Everybody in the company may be shown it, not only this group")
    return {"tag": "checker", "name": EVERYWHERE, "checked": True, "text": label}


def _plain(text: str) -> Element:
    return {"tag": "plain_text", "content": text}


# ---- a part in several inputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """A text in pieces of at most MAX_INPUT characters, at least one; ``joins``: what stood between them."""

    pieces: tuple[str, ...]
    joins: tuple[str, ...]


def cut(text: str) -> Cut:
    """``text`` in pieces, cut at the end of a line or a word where that is possible."""
    pieces, joins = [], []
    while len(text) > MAX_INPUT:
        at = max(text.rfind("\n", 1, MAX_INPUT + 1), 0) or max(text.rfind(" ", 1, MAX_INPUT + 1), 0)
        pieces.append(text[: at or MAX_INPUT])
        joins.append(text[at] if at else "")
        text = text[at + 1 :] if at else text[MAX_INPUT:]
    return Cut(pieces=(*pieces, text), joins=tuple(joins))


def put_together(name: str, joins: Sequence[str], filled: Mapping[str, str]) -> str:
    """What was written in the inputs of a part. Uncut it is what ``cut`` was given."""
    said = filled.get(name, "")
    for place, join in enumerate(joins, 1):
        piece = filled.get(f"{name}_{place}", "")
        said = said + join + piece if piece else said
    return said


# ---- what was sent


def parse(body: Payload, me: wire.Me) -> Event | None:
    """The event in a form that was sent; None for another click."""
    event = body["event"]
    action = event.get("action") or {}
    about = action.get("value")
    if not isinstance(about, Mapping) or about.get(OURS) != SAVE:
        return None
    user = (event.get("operator") or {}).get("open_id")
    if not user or not about.get("message") or not about.get("channel"):
        return Ignored(why="a form that says not by whom, or what about")
    message = (event.get("context") or {}).get("open_message_id")
    at = wire.when(body["header"].get("create_time"))
    return _saved(about, action.get("form_value") or {}, f"{wire.NAME}:{me.app}/{user}", at, message)


def _saved(about: Payload, form_value: Payload, user: str, at: datetime, message: object) -> Saved:
    filled = {name: value for name, value in form_value.items() if isinstance(value, str)}
    joins = about.get("joins") or {}
    return Saved(
        message_id=str(about["message"]),
        channel=str(about["channel"]),
        user=user,
        title=filled.get(TITLE, ""),
        problem=put_together(PROBLEM, joins.get(PROBLEM, ()), filled),
        solution=put_together(SOLUTION, joins.get(SOLUTION, ()), filled),
        everywhere=form_value.get(EVERYWHERE) is True,
        at=at,
        problem_sources=tuple(map(str, about.get("problem") or ())),
        solution_sources=tuple(map(str, about.get("solution") or ())),
        respond_to=f"{FORM}/{message}" if message else None,
    )


def content(card: Element) -> str:
    """The content of the card's message."""
    return json.dumps(card, ensure_ascii=False, separators=(",", ":"))
