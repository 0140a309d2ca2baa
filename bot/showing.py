"""I/O: what stands behind a card, read at the moment when it is shown. Runs in a transaction of its caller."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from bot import cards, digests, introductions, weeklies
from bot.adapters.acts import Show
from bot.card import Card
from bot.cards import CardKind
from bot.config import Config
from bot.intents import Intent
from bot.tables import moment


def show_of(connection: Connection, intent: Intent, config: Config, now: datetime) -> Show | None:
    """What is to be shown, as it stands now; None if it is not wanted any more."""
    row = cards.card_row(connection, intent.suggestion_id)
    again = intent.kind != cards.SHOW
    if row is None or row.channel is None or (again and row.message_id is None):
        return None
    if CardKind(row.kind) is CardKind.DIGEST:
        return _show(row, digests.card_of(connection, config, row), again=again)
    if CardKind(row.kind) is CardKind.INTRODUCTION:
        said = introductions.card_of(connection, config, row)
        return None if said is None else _show(row, said, again=again)
    card = weeklies.card_of(connection, config, row, now)
    return None if card is None else _show(row, card, again=again)


def _show(row: Row[Any], card: Card, *, again: bool) -> Show:
    return Show(
        id=row.id,
        channel=row.channel,
        card=card,
        opened_at=moment(row.at),
        message_id=row.message_id if again else None,
    )
