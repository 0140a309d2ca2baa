"""What a page of history tells that is not known yet: messages to hear, edits and deletions. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.adapters.adapter import Arrival, Page
from bot.adapters.events import Deleted, Edited, Event, Heard, Payload


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is known of messages: ``texts`` of those that are kept by id, and the ids of those ``erased``."""

    texts: Mapping[str, str]
    erased: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """What a page tells: ``unheard`` as it came, and what became of messages that are kept."""

    unheard: Sequence[Arrival] = ()
    changes: Sequence[Edited | Deleted] = ()


def heard_in(page: Page, parse: Callable[[Payload], Event]) -> dict[str, tuple[Arrival, Heard]]:
    """The messages of a page by id."""
    events = ((arrival, parse(arrival.payload)) for arrival in page.found)
    return {event.message.id: (arrival, event) for arrival, event in events if isinstance(event, Heard)}


def news_of(
    page: Page,
    said: Mapping[str, tuple[Arrival, Heard]],
    known: Known,
    *,
    since: datetime,
    expected: Collection[str],
    now: datetime,
) -> News:
    """What ``page`` tells. Of ``said`` in it what is younger than ``since`` is to be heard. ``expected``: the kept
    messages that a whole thread must hold; what is not in it is not there any more."""
    unheard = [
        arrival
        for name, (arrival, event) in said.items()
        if event.message.at > since and name not in known.texts and name not in known.erased
    ]
    # What is not understood is not gone: then nothing here tells what is.
    all_read = page.whole and len(said) == len({arrival.key for arrival in page.found})
    missing = [name for name in expected if name not in said] if all_read else []
    gone = [name for name in dict.fromkeys([*page.gone, *missing]) if name in known.texts]
    deleted = [Deleted(message_id=name, at=now) for name in gone]
    return News(unheard=unheard, changes=[*_edits(page, said, known), *deleted])


def _edits(page: Page, said: Mapping[str, tuple[Arrival, Heard]], known: Known) -> Iterable[Edited]:
    """The platform must say that it was edited: texts may be written down in more than one way."""
    for name, at in page.edited.items():
        if name in said and name in known.texts:
            text = said[name][1].message.text
            if text != known.texts[name]:
                yield Edited(message_id=name, text=text, at=at)
