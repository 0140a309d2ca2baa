"""Pure: what a card of JSON 2.0 may hold. In 2.0 an unknown property is an error, not passed over."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

MAX_CARD = 30 * 1024  # bytes of the request
MAX_TEXT = 150 * 1024
MAX_ELEMENTS = 200
MAX_DEPTH = 5

_TOP = {"schema", "config", "card_link", "header", "body"}
_CONFIG = {"update_multi", "enable_forward", "summary", "width_mode", "style", "streaming_mode", "locales"}
_HEADER = {"title", "subtitle", "template", "icon", "padding", "text_tag_list"}
_BODY = {"elements", "direction", "padding", "horizontal_spacing", "vertical_spacing"}
_PLACED = {"tag", "element_id", "margin"}
# tag: what it may hold, what it must
_ELEMENTS: dict[str, tuple[set[str], set[str]]] = {
    "markdown": ({"content", "text_align", "text_size", "icon"}, {"content"}),
    "div": ({"text", "icon", "width"}, {"text"}),
    "hr": (set(), set()),
    "column_set": ({"columns", "flex_mode", "background_style", "horizontal_spacing", "action"}, {"columns"}),
    "column": (
        {"elements", "width", "weight", "vertical_align", "vertical_spacing", "padding", "background_style"},
        {"elements"},
    ),
    "button": (
        {"text", "type", "size", "width", "icon", "hover_tips", "disabled", "disabled_tips", "confirm"}
        | {"behaviors", "name", "form_action_type"},
        {"text", "behaviors"},
    ),
    "form": (
        {"name", "elements", "direction", "padding", "horizontal_spacing", "vertical_spacing"},
        {"name"},
    ),
    "input": (
        {"name", "required", "placeholder", "default_value", "disabled", "width", "max_length", "input_type"}
        | {"rows", "auto_resize", "max_rows", "label", "label_position"},
        set(),
    ),
    "checker": (
        {"name", "checked", "text", "overall_checkable", "button_area", "checked_style", "padding", "confirm"}
        | {"behaviors", "hover_tips", "disabled", "disabled_tips"},
        set(),
    ),
}
_FILLED = ("input", "checker")  # what a form holds to fill in
_BUTTON_TYPES = {"default", "primary", "danger", "text", "primary_text", "danger_text", "primary_filled"}


def problems(card: Any) -> list[str]:
    """Why Lark would not take the card; empty if it would."""
    return list(_problems(card))


def _problems(card: Any) -> Iterator[str]:
    if not isinstance(card, dict) or card.get("schema") != "2.0":
        yield "a card without schema 2.0"
        return
    yield from _unknown(card, _TOP, "card")
    config = card.get("config", {})
    yield from _unknown(config, _CONFIG, "config")
    if config.get("update_multi") is not True:
        yield "config.update_multi must be true: in 2.0 only shared cards exist"
    yield from _unknown(card.get("header", {}), _HEADER, "header")
    body = card.get("body", {})
    yield from _unknown(body, _BODY, "body")
    elements = body.get("elements", [])
    if not elements:
        yield "a card without elements"
    if sum(1 for _ in walk(card)) > MAX_ELEMENTS:
        yield f"over {MAX_ELEMENTS} elements"
    names = [element["name"] for element in walk(card) if "name" in element]
    if len(set(names)) != len(names):
        yield f"names are not unique: {names}"
    for element in elements:
        yield from _element(element, 0, in_form=False)


def walk(card: Json) -> Iterator[Json]:
    """Every element of a card, those within others included."""
    waiting = list(card.get("body", {}).get("elements", []))
    while waiting:
        element = waiting.pop(0)
        yield element
        waiting = [*element.get("elements", []), *element.get("columns", []), *waiting]


def _element(element: Json, depth: int, *, in_form: bool) -> Iterator[str]:
    tag = element.get("tag")
    if tag not in _ELEMENTS:
        yield f"200861: unsupported tag {tag}"
        return
    allowed, needed = _ELEMENTS[tag]
    yield from _unknown(element, allowed | _PLACED, tag)
    if missing := needed - set(element):
        yield f"{tag} without {', '.join(sorted(missing))}"
    if depth > MAX_DEPTH or (tag == "form" and depth > 0):
        yield f"{tag} stands too deep"
    if tag == "div":
        yield from _text(element.get("text"), {"plain_text", "lark_md"}, "div.text")
    if tag == "button":
        yield from _button(element, in_form=in_form)
    if tag == "input":
        yield from _input(element)
    if tag == "checker":
        yield from _text(element.get("text"), {"plain_text", "lark_md"}, "checker.text")
        if not isinstance(element.get("checked", False), bool):
            yield f"checker.checked is {element['checked']!r}"
    if in_form and tag in _FILLED and not element.get("name"):
        yield f"{tag} of a form without a name"
    if tag == "form" and not any(one.get("form_action_type") == "submit" for one in walk({"body": element})):
        yield "a form without a button that submits it"
    for inner in (*element.get("elements", []), *element.get("columns", [])):
        yield from _element(inner, depth + 1, in_form=in_form or tag == "form")


def offered(form: Json) -> Json:
    """What stands in a form at first."""
    return {
        name: one.get("checked", False) if one["tag"] == "checker" else one.get("default_value", "")
        for name, one in _fields(form).items()
    }


def _fields(form: Json) -> dict[str, Json]:
    return {one["name"]: one for one in walk({"body": form}) if one["tag"] in _FILLED}


def filled_in(form: Json, given: Mapping[str, str | bool]) -> Json:
    """``form_value`` of a form in which somebody changed ``given``. The client sends nothing that must be filled in and
    is not, and nothing that the form does not hold."""
    fields = _fields(form)
    assert set(given) <= set(fields), f"the form has {sorted(fields)}, not {sorted(set(given) - set(fields))}"
    sent = offered(form) | dict(given)
    for name, one in fields.items():
        assert sent[name] or not one.get("required"), f"{name} must be filled in"
        assert one["tag"] == "checker" or len(sent[name]) <= one.get("max_length", 1000), (
            f"{name} is too long"
        )
    return sent


def _button(button: Json, *, in_form: bool) -> Iterator[str]:
    yield from _text(button.get("text"), {"plain_text"}, "button.text", most=100)
    if button.get("type", "default") not in _BUTTON_TYPES:
        yield f"button.type {button.get('type')!r}"
    if ("name" in button) != in_form or ("form_action_type" in button) != in_form:
        yield "name and form_action_type belong to buttons of forms, and to no others"
    for behaviour in button.get("behaviors", []):
        if behaviour.get("type") == "callback" and not isinstance(behaviour.get("value"), dict):
            yield f"a callback's value is {behaviour.get('value')!r}, not an object"
        elif behaviour.get("type") not in ("callback", "open_url"):
            yield f"behaviour {behaviour.get('type')!r}"
    if "confirm" in button:
        yield from _text(button["confirm"].get("title"), {"plain_text"}, "confirm.title")
        yield from _text(button["confirm"].get("text"), {"plain_text"}, "confirm.text")


def _input(element: Json) -> Iterator[str]:
    most = element.get("max_length", 1000)
    if not 1 <= most <= 1000:
        yield f"input.max_length {most}; from 1 to 1000"
    given = element.get("default_value", "")
    if not isinstance(given, str) or len(given) > most:
        yield f"input.default_value {given!r}; a text of at most {most} characters"
    if element.get("input_type", "text") not in ("text", "multiline_text", "password"):
        yield f"input.input_type {element['input_type']!r}"
    if "rows" in element and element.get("input_type") != "multiline_text":
        yield "input.rows without input_type multiline_text"
    if element.get("label_position", "top") not in ("top", "left"):
        yield f"input.label_position {element['label_position']!r}"
    if not isinstance(element.get("required", False), bool):
        yield f"input.required is {element['required']!r}"
    for name in ("placeholder", "label"):
        if name in element:
            yield from _text(element[name], {"plain_text"}, f"input.{name}", most=100)


def _text(text: Any, tags: set[str], where: str, most: int = MAX_CARD) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("tag") not in tags or not isinstance(text.get("content"), str):
        yield f"{where} is {text!r}"
        return
    yield from _unknown(text, {"tag", "content", "text_size", "text_align", "text_color", "lines"}, where)
    if not 0 < len(text["content"]) <= most:
        yield f"{where} has {len(text['content'])} characters"


def _unknown(given: Json, known: set[str], where: str) -> Iterator[str]:
    if unknown := set(given) - known:
        yield f"{where}: unknown property {', '.join(sorted(unknown))}"


def text_of(card: Json) -> str:
    """What can be read on a card, a line an element."""
    return "\n".join(line for element in walk(card) if (line := _said(element)))


def _said(element: Json) -> str:
    if element["tag"] == "markdown":
        return str(element["content"])
    return str(element.get("text", {}).get("content", ""))


def simplified(card: Json) -> str:
    """A card's content as it is read back where its JSON is not asked for: words only, no buttons' values."""
    return json.dumps(
        {"title": None, "elements": [[{"tag": "text", "text": text_of(card)}]]}, ensure_ascii=False
    )


# ---- what people read


@dataclass(kw_only=True)
class Read:
    """What people see of elements: all characters in order, where links lead, what is shown as code, and its tags."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


_CODE = re.compile(r"(?ms)^```[\w+-]*\n(.*?)\n```$|`([^`\n]+)`")
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]*)\)")
_TAG = re.compile(r"<\s*/?\s*\w+[^>]*>")
_LINE_MARK = re.compile(r"(?m)^(?:> )?[ ]*(?:[-+*] |#{1,6} )?")


def read(elements: Iterable[Json]) -> Read:
    """Elements as Lark shows them, a line each. Entities are read last: what they stand for is no markup."""
    seen = Read()
    for element in elements:
        if element["tag"] == "markdown":
            _see(element["content"], seen)
        seen.text += str(element.get("text", {}).get("content", "")) + "\n"
    return seen


def _see(content: str, seen: Read) -> None:
    done = 0
    for found in _CODE.finditer(content):
        _see_words(content[done : found.start()], seen)
        code = found[1] if found[1] is not None else found[2]
        seen.code.append(code)
        seen.text += code
        done = found.end()
    _see_words(content[done:], seen)


def _see_words(content: str, seen: Read) -> None:
    seen.tags += _TAG.findall(content)
    for found in _LINK.finditer(content):
        (seen.tags if found[1] else seen.links).append(found[3])
    words = _LINE_MARK.sub("", _LINK.sub(lambda found: found[2], content))
    seen.text += html.unescape(re.sub(r"\*|~~|_", "", words))
