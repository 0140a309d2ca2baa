"""A person in texts: where he is named, and the texts without that. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from knowledge.personal import names_in

NOBODY = "<name 0>"  # as redaction writes people; these begin with 1
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody as he is known: ``id`` as the platform or a recording gives it, ``names`` that he is called by."""

    id: str
    names: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """The whole id, and the last part of it, as groups and texts give it."""
        return frozenset({self.id, self.id.rsplit("/", 1)[-1]})

    @cached_property
    def certain(self) -> tuple[str, ...]:
        """What can only mean him, wherever it stands: ids, and names of several words; the longest first."""
        told = {each for each in self.ids if _is_certain_id(each)}
        told |= {name for name in self.names if _is_certain_name(name)}
        return tuple(sorted(told, key=lambda each: (-len(each), each)))

    @cached_property
    def possible(self) -> frozenset[str]:
        """What may be an ordinary word, too; looked for as redaction looks for names."""
        return frozenset(each for each in (self.names | self.ids) if each not in self.certain)

    @cached_property
    def hints(self) -> frozenset[str]:
        """Pieces of text of which one stands, in some case, wherever he is named."""
        bare = {each.rsplit("/", 1)[-1] for each in self.certain if "/" in each}
        split = {word for name in (self.names | bare) for word in re.split(r"[\s._]+", name) if word}
        return frozenset(split | {each for each in self.ids if "/" not in each})

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        forms = [
            rf"<@{re.escape(each)}(?:\|[^>]*)?>"
            for each in self.certain
            if "/" not in each and " " not in each
        ]
        forms += [_form(each) for each in self.certain]
        return re.compile("|".join(forms), re.IGNORECASE) if forms else None


def _is_certain_id(given: str) -> bool:
    return "/" in given or (len(given) >= 5 and any(map(str.isdigit, given)))


def _is_certain_name(name: str) -> bool:
    several = len(name.split()) > 1 or len(_HAN.findall(name)) > 1
    return len(name) > 1 and (several or (len(name) >= 5 and not name.isalpha()))


def _form(told: str) -> str:
    if _HAN.search(told):
        return re.escape(told)
    return rf"(?<![^\W_]){re.escape(told)}(?![^\W_])"


def masked(text: str, person: Person) -> str:
    """``text`` without his ids and names. Masking it again changes nothing."""
    if person._pattern is not None:
        text = person._pattern.sub(NOBODY, text)
    for start, end in sorted(_named(text, person), reverse=True):
        text = text[:start] + NOBODY + text[end:]
    return text


def _named(text: str, person: Person) -> Iterator[tuple[int, int]]:
    """Where he is called by what may be a word, too; no place twice."""
    last = 0
    everything = person.names | person.possible  # parts of a whole name may stand alone
    for start, end, _ in sorted(names_in(text, everything), key=lambda found: (found[0], -found[1])):
        if start >= last:
            yield start, end
            last = end


def masked_value(value: str, person: Person) -> str:
    """As ``masked``, of a column: JSON stays JSON."""
    if value[:1] not in ("{", "["):
        return masked(value, person)
    try:
        data = json.loads(value)
    except ValueError:
        return masked(value, person)
    left = _masked_json(data, person)
    return value if left == data else json.dumps(left, ensure_ascii=False)


def _masked_json(data: Any, person: Person) -> Any:
    match data:
        case str():
            return NOBODY if data in person.ids else masked(data, person)
        case list():
            return [_masked_json(each, person) for each in data]
        case dict():
            return {masked(key, person): _masked_json(each, person) for key, each in data.items()}
    return data


def names(text: str, person: Person) -> bool:
    """Whether an id or a key of ours holds his id: ``draft/4f…/slack:T1/U1``."""
    return text in person.ids or any(
        re.search(rf"(?<![^\W_]){re.escape(each)}(?![^\W_])", text) for each in person.ids
    )


def is_by(payload: Any, person: Person) -> bool:
    """Whether a delivery that was not handled yet is of his: said, clicked or ordered by him."""
    return any(author in person.ids for author in _authors(payload))


def _authors(payload: Any) -> Iterator[str]:
    for part in _parts(payload):
        user = part.get("user")
        yield from (str(each) for each in (user, part.get("user_id")) if isinstance(each, str))
        if isinstance(user, dict):
            yield str(user.get("id"))
        yield from _authors_in_lark(part)


def _authors_in_lark(part: dict[str, Any]) -> Iterator[str]:
    """Who said, clicked or reacted, as Lark nests it."""
    sender = part.get("sender")
    for ids in (
        part.get("operator"),
        part.get("user_id"),
        sender.get("sender_id") if isinstance(sender, dict) else None,
    ):
        if isinstance(ids, dict):
            yield str(ids.get("open_id"))


def is_about(payload: Any, message_ids: frozenset[str]) -> bool:
    """Whether a delivery holds one of these messages."""
    for part in _parts(payload):
        if part.get("id") in message_ids:
            return True
        own = part.get("message_id")  # Lark's, which is one message wherever it stands
        if isinstance(own, str) and any(each.endswith(f"/{own}") for each in message_ids):
            return True
        place = payload.get("event", payload).get("channel") if isinstance(payload, dict) else None
        ts = part.get("ts")
        if isinstance(place, str) and ts and any(each.endswith(f"/{place}/{ts}") for each in message_ids):
            return True
    return False


def _parts(payload: Any) -> Iterator[dict[str, Any]]:
    """A delivery, the event in it and the message in that, as Slack and rooms nest them."""
    if isinstance(payload, dict):
        yield payload
        for name in ("event", "message", "previous_message", "reaction"):
            yield from _parts(payload.get(name))
