"""Pure: the limits of texts, blocks, metadata and views, as Block Kit's reference states them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from .arguments import Refused

Json = dict[str, Any]

MAX_TEXT = 40_000
MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_MARKDOWN = 12_000
MAX_METADATA = 16_000
# Undocumented; about 13.2k characters were seen: https://github.com/slackapi/bolt-js/issues/2509
MAX_BLOCKS_JSON = 13_000

Problems = Iterator[str]


def check_message(args: Json) -> None:
    """Raise ``Refused`` if Slack would not take these arguments as a message."""
    if "text" in args and "markdown_text" in args:
        raise Refused("markdown_text_conflict", "text and markdown_text exclude each other")
    _check_length(args)
    _check_blocks(args.get("blocks", []), MAX_BLOCKS, _MESSAGE_BLOCKS)
    if len(json.dumps(args.get("blocks", []), ensure_ascii=False)) > MAX_BLOCKS_JSON:
        raise Refused("msg_blocks_too_long", f"blocks are over {MAX_BLOCKS_JSON} characters of JSON")
    if len(args.get("attachments", [])) > 100:
        raise Refused("too_many_attachments", "over 100 attachments")
    if "metadata" in args:
        _check_metadata(args["metadata"])
    if "as_user" in args:
        raise Refused("as_user_not_supported", "as_user is for classic apps only")


def check_view(view: Json) -> None:
    """Raise ``Refused`` if ``view`` is no modal and no home tab."""
    common = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
    modal = {"title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"}
    problems = [
        *_keys(view, common | (modal if view.get("type") == "modal" else set()), "view"),
        *([] if view.get("type") in ("modal", "home") else [f"view: type {view.get('type')!r}"]),
        *(_plain(view.get("title"), 24, "title") if view.get("type") == "modal" else []),
        *(
            problem
            for name in ("submit", "close")
            if name in view
            for problem in _plain(view[name], 24, name)
        ),
        *_string(view, "private_metadata", 3000, "view"),
        *_string(view, "callback_id", 255, "view"),
    ]
    if problems:
        raise Refused("invalid_arguments", "; ".join(problems))
    if not isinstance(view.get("blocks"), list):
        raise Refused("invalid_arguments", "view: no blocks")
    _check_blocks(view["blocks"], MAX_VIEW_BLOCKS, _VIEW_BLOCKS)
    inputs = any(block["type"] == "input" for block in view["blocks"])
    if inputs and view["type"] == "modal" and "submit" not in view:
        raise Refused("invalid_arguments", "view: input blocks need a submit")


def _check_length(args: Json) -> None:
    text, markdown = args.get("text", ""), args.get("markdown_text", "")
    if len(text) > MAX_TEXT:
        raise Refused("msg_too_long", f"text has {len(text)} characters, at most {MAX_TEXT}")
    if len(markdown) > MAX_MARKDOWN:
        raise Refused("msg_too_long", f"markdown_text has {len(markdown)} characters, at most {MAX_MARKDOWN}")
    if not (text.strip() or markdown.strip() or args.get("blocks") or args.get("attachments")):
        raise Refused("no_text", "neither text nor blocks")


def _check_metadata(metadata: Json) -> None:
    if metadata == {}:
        return  # chat.update: takes the metadata away
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if set(metadata) != {"event_type", "event_payload"} or not isinstance(kind, str) or not kind:
        raise Refused(
            "invalid_metadata_format", f"metadata is {metadata!r}; it needs event_type and event_payload"
        )
    if not isinstance(payload, dict):
        raise Refused("invalid_metadata_format", f"event_payload is {payload!r}, not an object")
    size = len(json.dumps(metadata, ensure_ascii=False).encode())
    if size > MAX_METADATA:
        raise Refused("metadata_too_large", f"metadata has {size} bytes, at most {MAX_METADATA}")


def _check_blocks(blocks: list[Any], most: int, allowed: dict[str, "Check"]) -> None:
    problems = [f"{len(blocks)} blocks, at most {most}"] if len(blocks) > most else []
    for index, block in enumerate(blocks):
        problems += [f"blocks/{index} {problem}" for problem in _block(block, allowed)]
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    if len(set(map(str, ids))) < len(ids):
        problems.append("a block_id is used twice")
    if problems:
        raise Refused("invalid_blocks", "; ".join(problems))


Check = Callable[[Json], Problems]


def _block(block: Any, allowed: dict[str, Check]) -> Problems:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in allowed:
        yield f"type {kind!r} is not one of {', '.join(sorted(allowed))}"
        return
    yield from _string(block, "block_id", 255, kind)
    yield from allowed[kind](block)


def _section(block: Json) -> Problems:
    yield from _keys(block, {"text", "fields", "accessory", "expand"}, "section")
    if "text" not in block and not block.get("fields"):
        yield "section: neither text nor fields"
    if "text" in block:
        yield from _text(block["text"], 3000, "section")
    yield from _count(block.get("fields", []), 10, "section fields")
    for one in block.get("fields", []):
        yield from _text(one, 2000, "section field")
    if "accessory" in block:
        yield from _element(block["accessory"], {**_ACTIONS, "image": _image})


def _header(block: Json) -> Problems:
    yield from _keys(block, {"text"}, "header")
    yield from _plain(block.get("text"), 150, "header")


def _markdown(block: Json) -> Problems:
    yield from _keys(block, {"text"}, "markdown")
    yield from _string(block, "text", MAX_MARKDOWN, "markdown", needed=True)


def _context(block: Json) -> Problems:
    yield from _keys(block, {"elements"}, "context")
    yield from _elements(block, 10, {"mrkdwn": _context_text, "plain_text": _context_text, "image": _image})


def _actions(block: Json) -> Problems:
    yield from _keys(block, {"elements"}, "actions")
    yield from _elements(block, 25, _ACTIONS)


def _context_actions(block: Json) -> Problems:
    yield from _keys(block, {"elements"}, "context_actions")
    yield from _elements(block, 5, {"feedback_buttons": _feedback, "icon_button": _icon_button})


def _divider(block: Json) -> Problems:
    yield from _keys(block, set(), "divider")


def _image(element: Json) -> Problems:
    yield from _keys(element, {"image_url", "alt_text", "title", "slack_file"}, "image")
    yield from _string(element, "image_url", 3000, "image")
    yield from _string(element, "alt_text", 2000, "image", needed=True)


def _rich_text(block: Json) -> Problems:
    yield from _keys(block, {"elements"}, "rich_text")
    if not isinstance(block.get("elements"), list):
        yield "rich_text: no elements"
        return
    for part in block["elements"]:
        yield from _keys(part, {"elements", "border", "style", "indent", "offset", "language"}, "rich_text")
        if part.get("type") not in _RICH_PARTS:
            yield f"rich_text: element type {part.get('type')!r}"
        for element in part.get("elements", []) if part.get("type") != "rich_text_list" else []:
            yield from _rich(element)


_RICH_PARTS = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
_RICH_STYLES = {"bold", "italic", "strike", "code", "underline"}


def _rich(element: Json) -> Problems:
    match element.get("type"):
        case "text":
            yield from _keys(element, {"text", "style"}, "rich_text text")
            yield from _string(element, "text", MAX_BLOCKS_JSON, "rich_text text", needed=True)
        case "link":
            yield from _keys(element, {"url", "text", "style", "unsafe"}, "rich_text link")
            yield from _string(element, "url", 3000, "rich_text link", needed=True)
            yield from _string(element, "text", MAX_BLOCKS_JSON, "rich_text link")
        case "user" | "usergroup" | "channel" | "broadcast" | "emoji" | "date" | "color":
            pass
        case kind:
            yield f"rich_text: element {kind!r}"
    if unknown := set(element.get("style", {})) - _RICH_STYLES:
        yield f"rich_text: style {', '.join(sorted(unknown))}"


def _input(block: Json) -> Problems:
    yield from _keys(block, {"label", "element", "hint", "optional", "dispatch_action"}, "input")
    yield from _plain(block.get("label"), 2000, "input label")
    yield from _element(block.get("element"), {**_ACTIONS, "plain_text_input": _text_input})


def _text_input(element: Json) -> Problems:
    known = {"action_id", "initial_value", "multiline", "min_length", "max_length", "placeholder"}
    yield from _keys(element, known | {"focus_on_load", "dispatch_action_config"}, "plain_text_input")
    yield from _string(element, "action_id", 255, "plain_text_input")
    yield from _string(element, "initial_value", 3000, "plain_text_input")
    if "placeholder" in element:
        yield from _plain(element["placeholder"], 150, "placeholder")


def _button(element: Json) -> Problems:
    known = {"text", "action_id", "value", "url", "style", "confirm", "accessibility_label"}
    yield from _keys(element, known, "button")
    yield from _plain(element.get("text"), 75, "button text")
    yield from _string(element, "action_id", 255, "button")
    yield from _string(element, "value", 2000, "button")
    yield from _string(element, "url", 3000, "button")
    if element.get("style", "primary") not in ("primary", "danger"):
        yield f"button: style {element['style']!r}"


def _icon_button(element: Json) -> Problems:
    known = {"icon", "text", "action_id", "value", "confirm", "accessibility_label", "visible_to_user_ids"}
    yield from _keys(element, known, "icon_button")
    yield from _plain(element.get("text"), 75, "icon_button text")
    yield from _string(element, "icon", 50, "icon_button", needed=True)
    yield from _string(element, "action_id", 255, "icon_button")
    yield from _string(element, "value", 2000, "icon_button")


def _feedback(element: Json) -> Problems:
    yield from _keys(element, {"action_id", "positive_button", "negative_button"}, "feedback_buttons")
    yield from _string(element, "action_id", 255, "feedback_buttons")
    for name in ("positive_button", "negative_button"):
        button = element.get(name)
        if not isinstance(button, dict):
            yield f"feedback_buttons: no {name}"
            continue
        yield from _keys(button, {"text", "value", "accessibility_label"}, name)
        yield from _plain(button.get("text"), 75, name)
        yield from _string(button, "value", 2000, name, needed=True)


def _select(element: Json) -> Problems:
    known = {"action_id", "options", "initial_option", "initial_options", "placeholder", "confirm"}
    yield from _keys(element, known | {"focus_on_load"}, str(element["type"]))
    yield from _string(element, "action_id", 255, str(element["type"]))
    options = element.get("options")
    if not isinstance(options, list) or not options:
        yield f"{element['type']}: no options"
        return
    yield from _count(options, 100, "options")
    for option in options:
        yield from _plain(option.get("text"), 75, "option")
        yield from _string(option, "value", 150, "option", needed=True)


def _context_text(element: Json) -> Problems:
    yield from _text(element, 3000, "context")


_ACTIONS: dict[str, Check] = {
    "button": _button,
    "static_select": _select,
    "overflow": _select,
    "radio_buttons": _select,
    "checkboxes": _select,
}
_MESSAGE_BLOCKS: dict[str, Check] = {
    "section": _section,
    "header": _header,
    "markdown": _markdown,
    "context": _context,
    "actions": _actions,
    "context_actions": _context_actions,
    "divider": _divider,
    "image": _image,
    "rich_text": _rich_text,
}
_VIEW_BLOCKS = {name: check for name, check in _MESSAGE_BLOCKS.items() if name != "markdown"} | {
    "input": _input
}


def _elements(block: Json, most: int, allowed: dict[str, Check]) -> Problems:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield f"{block['type']}: no elements"
        return
    yield from _count(elements, most, f"{block['type']} elements")
    for element in elements:
        yield from _element(element, allowed)
    ids = [
        element["action_id"] for element in elements if isinstance(element, dict) and "action_id" in element
    ]
    if len(set(map(str, ids))) < len(ids):
        yield f"{block['type']}: an action_id is used twice"


def _element(element: Any, allowed: dict[str, Check]) -> Problems:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in allowed:
        yield f"element type {kind!r} is not one of {', '.join(sorted(allowed))}"
        return
    yield from allowed[kind](element)


def _text(text: Any, most: int, where: str) -> Problems:
    if not isinstance(text, dict) or text.get("type") not in ("mrkdwn", "plain_text"):
        yield f"{where}: text is {text!r}, not a text object"
        return
    known = {"text", "emoji"} if text["type"] == "plain_text" else {"text", "verbatim"}
    yield from _keys(text, known, where)
    yield from _string(text, "text", most, where, needed=True)


def _plain(text: Any, most: int, where: str) -> Problems:
    if isinstance(text, dict) and text.get("type") == "mrkdwn":
        yield f"{where}: must be plain_text"
    yield from _text(text, most, where)


def _string(holder: Json, name: str, most: int, where: str, *, needed: bool = False) -> Problems:
    if name not in holder and not needed:
        return
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        yield f"{where}: {name} is {value!r}, not a text"
    elif len(value) > most:
        yield f"{where}: {name} has {len(value)} characters, at most {most}"


def _count(values: list[Any], most: int, what: str) -> Problems:
    if len(values) > most:
        yield f"{len(values)} {what}, at most {most}"


def _keys(holder: Json, known: set[str], where: str) -> Problems:
    unknown = set(holder) - known - {"type", "block_id"}
    if unknown:
        yield f"{where}: unknown property {', '.join(sorted(unknown))}"
