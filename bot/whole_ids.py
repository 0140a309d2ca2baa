"""I/O: messages that a platform names without saying where they stand. Runs in a transaction of its caller."""

import re

from sqlalchemy import Connection, select

from bot.tables import cards, drafts, erased, further_parts, messages, suggestions

_HALF = re.compile(r"(lark:[^/]+)//([^/]+)")
_KNOWN = (
    messages.c.id,
    suggestions.c.posted_id,
    further_parts.c.posted_id,
    drafts.c.message_id,
    cards.c.message_id,
    erased.c.message_id,
)


def whole_id(connection: Connection, message_id: str) -> str:
    """The id with its channel for ``lark:APP//MESSAGE``; as it is given, where it is whole or nobody knows it."""
    half = _HALF.fullmatch(message_id)
    if half is None:
        return message_id
    home, own = half.groups()
    for column in _KNOWN:
        # The beginning is a range of the column's index; what stands between is one chat's id.
        inside = column.startswith(f"{home}/", autoescape=True)
        ending = column.endswith(f"/{own}", autoescape=True)
        found = connection.execute(select(column).where(inside, ending).limit(1)).scalar()
        if found is not None:
            return str(found)
    return message_id
