"""Lark's cards: what is shown and can be pressed, and what a press means. Pure.

What people wrote stands in plain text elements, where Lark looks for no markup; only our own words, links and code
stand in Markdown. Card JSON 2.0: https://open.feishu.cn/document/feishu-cards/card-json-v2-structure
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bot.adapters import lark_markdown
from bot.adapters import lark_wire as wire
from bot.adapters.acts import Buttons, Draft, Edit, Post, Revise, Say, Show, Whisper
from bot.adapters.events import Corrected, Event, Ignored, Judged, Objected, Payload, Pressed, Voted
from bot.adapters.harmless import MAX_NAME, hides_host, name_in, plainly
from bot.adapters.lark_markdown import MAX_PIECE, address
from bot.adapters.lark_markup import lark_safe
from bot.adapters.markdown import answer_pieces
from bot.adapters.slack_wire import intro, provenance, split
from bot.answerer import Citation, Suggestion, joined
from bot.card import Button, Card, Group, Piece, Row, Verb, fitted
from bot.objections import Objection
from bot.parts import parts_of
from knowledge.visible import on_one_line

Element = dict[str, Any]

# Lark takes 30 KB of request and 200 elements: https://open.feishu.cn/document/server-docs/im-v1/message/reply
MAX_REQUEST = 28_000  # bytes
MAX_ELEMENTS = 180
MAX_TEXT = 4_000  # characters of an answer that is said without a card
MAX_TITLE = 150
MAX_LABEL = 100
QUOTED = 300  # characters of a question in a draft
MAX_CORRECTION = 1_000  # characters that an input takes

OURS = "earshot"  # in a button's value: what it means
ANSWER_FIELD = "earshot_answer"
EPHEMERAL, DIRECT = "ephemeral", "direct"  # how something was shown to one person alone
FORM = "form"  # it was filled in, in a direct message: what came of it stands in its place
MARK = "em_"  # how the id of an element begins by which a card is found again

# ---- what is said


def render(post: Post, names: Mapping[str, str]) -> Element:
    """The card of an answer. ``names`` maps ids of people and chats to names: they are shown, not pinged."""
    said = post.suggestion
    head = [*_divs(post.lead), _intro(said) if post.part == 1 else _markdown(counted(post))]
    tail = [*_cited(said, post.now), _feedback(post.id)] if post.is_last else []
    elements = _between(head, said, tail, names)
    return _card(elements if post.of == 1 else _marked(elements, post.mark), _preview(said, names))


def counted(post: Post) -> str:
    """What stands above a message that goes on where the one before it ended."""
    return f"({post.part}/{post.of})"


# Names of people, how long ago something was said, and that it comes late, are not the same at any time.
_MORE_FOR_A_NAME, _MORE_FOR_A_SOURCE, _MORE = 2 * MAX_NAME, 60, 1_500  # bytes
_LEAST_ROOM = 4_000


def parts(post: Post) -> Sequence[Post]:
    """The messages in which an answer is said."""
    said = post.suggestion
    tail = [*_cited(said, _ANY_TIME), _feedback(post.id)]
    room = MAX_REQUEST - _MORE - _MORE_FOR_A_SOURCE * len(said.citations) - _size(tail)
    most = MAX_ELEMENTS - 10 - sum(map(_count, tail))
    return parts_of(post, lambda some: _share(some, max(room, _LEAST_ROOM), most))


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _share(said: Suggestion, room: int, most: int) -> float:
    """The share of one card that the lines of an answer take, whatever people are called."""
    elements = list(_body(said, {}))
    people = sum(len(_NAMED.findall(line.text)) for line in said.lines)
    return max((_size(elements) + people * _MORE_FOR_A_NAME) / room, sum(map(_count, elements)) / most)


def plain(suggestion: Suggestion, names: Mapping[str, str], now: datetime, lead: str = "") -> str:
    """The same answer where no card can be shown: a text in which nothing is markup, with its sources."""
    sources = [
        f"[{c.number}] {_shortened(c.title)} · {provenance(c, now)}" + _address(c)
        for c in suggestion.citations
    ]
    around = [*([lead] if lead else []), *([suggestion.note] if suggestion.note else []), *sources]
    said = show_names(joined(suggestion.lines), names)
    room = MAX_TEXT - sum(len(line) + 1 for line in around)
    shown = said if len(said) <= room else f"{said[:room]} …"
    return "\n".join([*around[: bool(lead)], shown, *around[bool(lead) :]])


def plain_part(post: Post, names: Mapping[str, str]) -> str:
    """One of the messages of an answer where no card can be shown."""
    if post.is_last:
        return plain(post.suggestion, names, post.now, post.lead)
    return plain(replace(post.suggestion, citations=(), note=""), names, post.now, post.lead)


_LIVE_IN_TEXT = re.compile(r"(?<=<)(?=[/\w])|(?<=\])(?=\()")


def plain_text_content(text: str) -> str:
    """The content of a text message. Only tags, such as ``<at …>``, and ``[label](address)`` would be markup in it."""
    return json.dumps({"text": _LIVE_IN_TEXT.sub("\u2060", text)}, ensure_ascii=False)


def content(card: Element) -> str:
    """The content of a card message."""
    return json.dumps(card, ensure_ascii=False, separators=(",", ":"))


def _address(citation: Citation) -> str:
    return f" · {citation.link}" if is_web(citation.link) else ""


def _intro(suggestion: Suggestion) -> Element:
    return _markdown(f"**{intro(suggestion).strip('*')}**")


def _cited(suggestion: Suggestion, now: datetime) -> list[Element]:
    """The note about an answer, if it has one, and its sources."""
    note = [_markdown(f"*{lark_safe(suggestion.note)}*")] if suggestion.note else []
    return [*note, *_sources(suggestion.citations, now)]


def _preview(suggestion: Suggestion, names: Mapping[str, str]) -> str:
    return show_names(suggestion.text, names)


def _card(elements: list[Element], summary: str) -> Element:
    """``summary``: what the list of chats shows."""
    return {
        "schema": "2.0",
        "config": {"update_multi": True, "summary": {"content": _shortened(summary)}},
        "body": {"elements": elements},
    }


def _between(
    head: Sequence[Element], said: Suggestion, tail: Sequence[Element], names: Mapping[str, str]
) -> list[Element]:
    """The elements of an answer between what stands before and after it, within Lark's limits for all together."""
    rest = _markdown("*… the rest is in the source.*")
    body: list[Element] = []
    for element in _body(said, names):
        if not fits([*head, *body, element, rest, *tail]):
            return [*head, *body, rest, *tail]
        body.append(element)
    return [*head, *body, *tail]


def fits(elements: Sequence[Element]) -> bool:
    """Whether a card of these elements is one that Lark takes."""
    request = json.dumps({"content": content(_card(list(elements), ""))}, ensure_ascii=False)
    return len(request.encode()) <= MAX_REQUEST and sum(map(_count, elements)) <= MAX_ELEMENTS


def _size(elements: Sequence[Element]) -> int:
    """Bytes that they take of a request, in which the card stands as a string."""
    return len(json.dumps(json.dumps(list(elements), ensure_ascii=False), ensure_ascii=False).encode())


def _count(element: Element) -> int:
    inner = (*element.get("elements", ()), *element.get("columns", ()))
    return 1 + sum(map(_count, inner))


def _body(said: Suggestion, names: Mapping[str, str]) -> Iterator[Element]:
    for pieces in answer_pieces(said, lambda text: show_names(text, names)):
        yield from lark_markdown.elements(pieces)


def _divs(text: str) -> list[Element]:
    """Plain text as elements that can be left out where a card is full."""
    return [_div(part) for part in split(plainly(text), MAX_PIECE) if part.strip()]


def _sources(citations: Sequence[Citation], now: datetime) -> list[Element]:
    return [{"tag": "hr"}, *({**_markdown(_source(one, now)), "text_size": "notation"} for one in citations)]


def _source(citation: Citation, now: datetime) -> str:
    shown = _linked(_shortened(citation.title), citation.link)
    return f"{lark_safe(f'[{citation.number}]')} {shown} · {lark_safe(provenance(citation, now))}"


def _shortened(text: str) -> str:
    line = on_one_line(text)
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1].rstrip() + "…"


# ---- drafts, whispers, cards


def render_draft(draft: Draft, names: Mapping[str, str]) -> Element:
    asked = draft.question
    quoted = asked.text if len(asked.text) <= QUOTED else asked.text[:QUOTED] + " …"
    where = names.get(wire.bare(asked.channel))
    place = f" in {lark_safe(where)}" if where else ""
    who = lark_safe(show_names(asked.user, names))
    head = [
        _markdown(f"**Draft** for {_linked('a question', asked.link)} of {who}{place}:"),
        _div(show_names(quoted, names).strip() or "…"),
    ]
    share = _button("Share", {OURS: "share", "id": draft.id}, kind="primary")
    buttons = _side_by_side(share, _button("Dismiss", {OURS: "dismiss", "id": draft.id}))
    tail = [*_cited(draft.suggestion, draft.now), buttons]
    return _card(_between(head, draft.suggestion, tail, names), f"Draft: {show_names(quoted, names)}")


def render_edit(edit: Edit, names: Mapping[str, str]) -> Element:
    link = f" · {_linked('the question', edit.link)}" if is_web(edit.link) else ""
    text = show_names(edit.text, names)
    return _card([_markdown(f"*{lark_safe(text)}*{link}")], text)


def render_revise(revise: Revise, names: Mapping[str, str]) -> Element:
    note, said = show_names(revise.note, names), revise.suggestion
    head = [_markdown(f"*{lark_safe(note)}*")]
    if said is None:
        return _card(head, note)
    head += [] if revise.corrected else [_intro(said)]
    tail = [*_cited(said, revise.now), _feedback(revise.id)]
    return _card(_between(head, said, tail, names), f"{note} {_preview(said, names)}")


def plain_revised(revise: Revise, names: Mapping[str, str]) -> str:
    """The same where the answer was said as a text."""
    note = show_names(revise.note, names)
    return note if revise.suggestion is None else plain(revise.suggestion, names, revise.now, note)


def render_whisper(whisper: Whisper, names: Mapping[str, str], seen: str) -> Element:
    """``seen``: EPHEMERAL or DIRECT; its buttons remember it, so that what a click answers can take the place."""
    if whisper.card is not None:
        return _answered_alone(whisper, whisper.card, names)
    text = show_names(whisper.text, names)
    head, tail = _divs(text), list(_buttons(whisper, seen))
    if whisper.suggestion is None:
        return _card([*head, *tail], text)
    cited = [*_cited(whisper.suggestion, whisper.now), *tail]
    return _card(_between(head, whisper.suggestion, cited, names), text)


def _answered_alone(whisper: Whisper, given: Card, names: Mapping[str, str]) -> Element:
    card, said = _fitted(given, names), whisper.suggestion
    head = _card_elements(card, names)
    if said is None:
        return _card(head, told(card, names))
    cited = _cited(said, whisper.now)
    return _card(_between([*head, _intro(said)], said, cited, names), _preview(said, names))


def told_alone(whisper: Whisper, names: Mapping[str, str]) -> str:
    """A whisper where no card can be shown."""
    head = show_names(whisper.text, names) if whisper.card is None else told(whisper.card, names)
    if whisper.suggestion is None:
        return head[:MAX_TEXT]
    return plain(whisper.suggestion, names, whisper.now, head)


def _buttons(whisper: Whisper, seen: str) -> Iterator[Element]:
    def value(what: str) -> dict[str, Any]:
        return {OURS: what, "id": whisper.subject, "seen": seen}

    match whisper.buttons:
        case Buttons.FEEDBACK:
            yield _feedback(whisper.subject)
        case Buttons.JUDGE:
            yield _side_by_side(
                _button("Share", value("share"), kind="primary"), _button("Dismiss", value("dismiss"))
            )
        case Buttons.REASONS:
            yield _side_by_side(*(_button(one.capitalize(), value(one.name)) for one in Objection))
            yield _correction(value("correct"))


def _correction(value: dict[str, Any]) -> Element:
    """The form in which the right answer is given."""
    field = {
        "tag": "input",
        "name": ANSWER_FIELD,
        "input_type": "multiline_text",
        "rows": 3,
        "max_length": MAX_CORRECTION,
        "placeholder": _plain(
            "What would have been right? I learn from it. An analyst's takes my answer's place."
        ),
    }
    send = _button("Give the right answer", value, kind="primary")
    send |= {"name": "earshot_send", "form_action_type": "submit"}
    return {"tag": "form", "name": "earshot_correction", "elements": [field, send]}


def _feedback(suggestion_id: str) -> Element:
    return _side_by_side(
        _button("Helpful", {OURS: "up", "id": suggestion_id}),
        _button("Not helpful", {OURS: "down", "id": suggestion_id}),
    )


def render_card(show: Show | Say, names: Mapping[str, str]) -> Element:
    card = _fitted(show.card, names)
    elements = _card_elements(card, names, show.id)
    return _card(_marked(elements, show.id), show_names(card.title, names) or told(card, names))


def _fitted(card: Card, names: Mapping[str, str]) -> Card:
    return fitted(card, lambda shorter: fits(_card_elements(shorter, names)))


def told(card: Card, names: Mapping[str, str]) -> str:
    """All that a card says in words, for the list of chats, and where no card can be shown."""
    rows = [one for group in card.groups for one in group.rows]
    said = ["".join(_plainly(piece, names) for column in one.columns for piece in column) for one in rows]
    return "\n".join([*([show_names(card.title, names)] if card.title else []), *said])[:MAX_TEXT]


def _plainly(piece: Piece, names: Mapping[str, str]) -> str:
    if piece.channel is not None:
        return named(piece.channel, names, "a group")
    if piece.person is not None:
        return "@" + named(piece.person, names, "someone")
    text = show_names(piece.text, names)
    return f"{text} ({piece.link})" if is_web(piece.link) and piece.link != text else text


def named(qualified: str, names: Mapping[str, str], otherwise: str) -> str:
    """What a chat or a person is called."""
    return name_in(names.get(wire.bare(qualified), otherwise))


def mark_of(act_id: str) -> str:
    """The id of an element by which a card is found again: at most 20 characters, a letter first."""
    return MARK + hashlib.blake2b(act_id.encode(), digest_size=8).hexdigest()


def _marked(elements: list[Element], act_id: str) -> list[Element]:
    return [{**element, "element_id": mark_of(act_id)} for element in elements[:1]] + elements[1:]


def _card_elements(card: Card, names: Mapping[str, str], mark: str = "") -> list[Element]:
    head = [_markdown(f"**{_shown(card.title, names)}**")] if card.title else []
    body = [element for group in card.groups for element in _group(group, names)]
    tail = [_side_by_side(*(_card_button(button, mark) for button in card.buttons))] if card.buttons else []
    return [*head, *body, *tail]


def _group(group: Group, names: Mapping[str, str]) -> Iterator[Element]:
    if group.heading:
        yield _markdown(f"**{_shown(group.heading, names)}**")
    for row in group.rows:
        yield from _row(row, names)
    if group.rest:
        yield _markdown(f"*{lark_safe(group.rest)}*")


def _row(row: Row, names: Mapping[str, str]) -> Iterator[Element]:
    texts = [_markdown(_inline(column, names)) for column in row.columns]
    yield texts[0] if len(texts) == 1 else _side_by_side(*texts, width="weighted")
    if row.buttons:
        yield _side_by_side(*(_card_button(button) for button in row.buttons))


def _inline(pieces: Iterable[Piece], names: Mapping[str, str]) -> str:
    return "".join(_piece(piece, names) for piece in pieces) or "·"


def _piece(piece: Piece, names: Mapping[str, str]) -> str:
    if piece.channel is not None:
        return lark_safe(named(piece.channel, names, "a group"))
    if piece.person is not None:
        return _called(piece.person, names)
    text = _linked(show_names(piece.text, names), piece.link)
    return f"**{text}**" if piece.bold and text else text


def _called(person: str, names: Mapping[str, str]) -> str:
    """Somebody who is called, so that he notices; only his name, where it is nobody's id here."""
    if _PERSON.fullmatch(wire.bare(person)):
        return f"<at id={wire.bare(person)}></at>"
    return lark_safe("@" + named(person, names, "someone"))


def _card_button(button: Button, mark: str = "") -> Element:
    """``mark``: the id of the card, which makes it findable."""
    value = {OURS: "card", "verb": button.verb.name, "night": button.night, "subjects": list(button.subjects)}
    made = _button(
        button.label,
        {**value, **({"id": mark} if mark else {})},
        kind="primary" if button.main else "default",
    )
    if not button.confirm:
        return made
    question = {"title": _plain(f"{button.label}?"), "text": _plain(button.confirm)}
    return {**made, "type": "danger", "confirm": question}


# ---- names


_NAMED = re.compile(r"(?:lark:\w+/|<?@)(o[uc]_\w+)>?")
_PERSON = re.compile(r"ou_\w+", re.ASCII)


def people_in(*texts: str) -> set[str]:
    """The ids of people and chats that texts name."""
    return {found for text in texts for found in _NAMED.findall(text)}


def show_names(text: str, names: Mapping[str, str]) -> str:
    """``@ou_1`` as ``@Name``, or ``@someone`` where the name is not known."""
    return _NAMED.sub(lambda found: "@" + name_in(names.get(found[1], "")), plainly(text))


def _shown(text: str, names: Mapping[str, str]) -> str:
    return lark_safe(show_names(text, names))


# ---- elements


def _markdown(text: str) -> Element:
    return {"tag": "markdown", "content": text}


def _div(text: str) -> Element:
    return {"tag": "div", "text": _plain(text)}


def _plain(text: str) -> Element:
    return {"tag": "plain_text", "content": text}


def is_web(link: str | None) -> bool:
    return _part(link, "scheme") in ("http", "https")


def _part(link: str | None, name: str) -> str:
    try:
        return str(getattr(urlsplit(link or ""), name) or "")
    except ValueError:  # "https://[" has no host that could be read
        return ""


def _linked(text: str, link: str | None) -> str:
    """``text`` with the link behind it; beside it, where the text names another host than it would lead to."""
    text = plainly(text)
    if link is None or not is_web(link):
        return lark_safe(text)
    if not text.strip() or hides_host(link, text):
        return f"{lark_safe(text)} ([source]({address(link)}))"
    return f"[{lark_safe(text)}]({address(link)})"


def _button(label: str, value: dict[str, Any], *, kind: str = "default") -> Element:
    return {
        "tag": "button",
        "text": _plain(label[:MAX_LABEL]),
        "type": kind,
        "behaviors": [{"type": "callback", "value": value}],
    }


def _side_by_side(*elements: Element, width: str = "auto") -> Element:
    columns = [{"tag": "column", "width": width, "elements": [element]} for element in elements]
    return {"tag": "column_set", "flex_mode": "flow", "columns": columns}


# ---- what is pressed


def parse(body: Payload, me: wire.Me) -> Event:
    """The event in a click on a card."""
    event, at = body["event"], wire.when(body["header"].get("create_time"))
    value = (event.get("action") or {}).get("value")
    what = value.get(OURS) if isinstance(value, Mapping) else None
    if what is None or not isinstance(value, Mapping):
        return Ignored(why=f"a click on something of somebody else's: {value!r}")
    context = event.get("context") or {}
    channel = f"{wire.NAME}:{me.app}/{context.get('open_chat_id')}"
    user = f"{wire.NAME}:{me.app}/{(event.get('operator') or {}).get('open_id')}"
    subject, seen = str(value.get("id") or ""), value.get("seen")
    respond_to = f"{seen}/{context.get('open_message_id')}" if seen in (EPHEMERAL, DIRECT) else None
    if what in ("up", "down"):
        return Voted(suggestion_id=subject, user=user, helpful=what == "up", at=at)
    if what in ("share", "dismiss"):
        return Judged(
            suggestion_id=subject,
            user=user,
            share=what == "share",
            at=at,
            channel=channel,
            respond_to=respond_to,
            private=respond_to is not None,
        )
    if what == "correct":
        text = str(((event.get("action") or {}).get("form_value") or {}).get(ANSWER_FIELD) or "")
        return Corrected(suggestion_id=subject, user=user, text=text, at=at)
    if what == "card":
        return _pressed(value, user, at, channel, str(context.get("open_message_id")))
    objection = {each.name: each for each in Objection}.get(str(what))
    if objection is None:
        return Ignored(why=f"a click that means {what!r}, which this version does not know")
    return Objected(
        suggestion_id=subject,
        user=user,
        objection=objection,
        at=at,
        channel=channel,
        respond_to=respond_to,
    )


def _pressed(value: Payload, user: str, at: datetime, channel: str, message: str) -> Event:
    verb = {each.name: each for each in Verb}.get(str(value.get("verb")))
    if verb is None:
        return Ignored(why=f"a decision {value.get('verb')!r} that this version does not know")
    return Pressed(
        verb=verb,
        night=str(value.get("night")),
        subjects=tuple(map(str, value.get("subjects") or ())),
        user=user,
        at=at,
        channel=channel,
        message_id=f"{channel}/{message}",
    )


def night_of(body: Payload) -> str | None:
    """The night that a press decides about; all that is decided about it stands in one queue."""
    value = ((body.get("event") or {}).get("action") or {}).get("value")
    return str(value.get("night")) if isinstance(value, Mapping) and value.get(OURS) == "card" else None


def toast(body: Payload) -> dict[str, Any]:
    """What the person who clicked is shown at once; what came of it follows when it is done."""
    value = ((body.get("event") or {}).get("action") or {}).get("value")
    if not isinstance(value, Mapping) or OURS not in value:
        return {}
    said = "Thank you." if value[OURS] in ("up", "down", "correct", "save") else "Noted."
    return {"toast": {"type": "info", "content": said}}
