"""Edits and deletions that nobody told us of and that were found by reading, as what the inbox keeps. Pure.

They are ours, not the platform's: an adapter's ``parse`` does not know them.
"""

from datetime import datetime

from bot.adapters.adapter import Arrival
from bot.adapters.events import Deleted, Edited, Payload

FOUND = "earshot_found"


def arrival_of(event: Edited | Deleted, adapter: str) -> Arrival:
    """What the inbox keeps of it; the same change found twice has the same key."""
    edited = isinstance(event, Edited)
    kind = "edited" if edited else "deleted"
    stamp = f"/{event.at.isoformat()}" if edited else ""
    payload = {FOUND: kind, "id": event.message_id, "at": event.at.isoformat()}
    return Arrival(
        adapter=adapter,
        key=f"{adapter}:found/{kind}/{event.message_id}{stamp}",
        content_key=None,
        conversation=event.message_id,
        at=event.at,
        payload={**payload, "text": event.text} if isinstance(event, Edited) else payload,
    )


def event_in(payload: Payload) -> Edited | Deleted | None:
    """The change in a payload of ``arrival_of``; None for what a platform delivered."""
    if FOUND not in payload:
        return None
    about, at = str(payload["id"]), datetime.fromisoformat(str(payload["at"]))
    if payload[FOUND] == "edited":
        return Edited(message_id=about, text=str(payload["text"]), at=at)
    return Deleted(message_id=about, at=at)
