"""I/O: the introduction in a channel: queued once for ever, worded when it is said.

Runs in a transaction of its caller.
"""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from bot import cards, intents, ledger, mutes
from bot.adapters.events import Channel
from bot.card import Card
from bot.cards import CardKind
from bot.config import Config
from bot.drafts import called
from bot.introduction import Manner, introduces, introduction
from bot.places import place_of
from bot.situation import chosen_for, whole_user
from knowledge.audience import audience_of, workspace_in

_SUBJECT = "itself"


def put_introduction(
    connection: Connection, config: Config, channel: Channel, by: str | None, now: datetime
) -> bool:
    """Queue it, if it is to be said and never was. ``by``: who invited us."""
    if not _introduces(connection, config, channel):
        return False
    content = None if by is None else json.dumps({"by": by})
    new = cards.put_card(connection, CardKind.INTRODUCTION, _SUBJECT, channel.id, now, content)
    card_id = cards.id_of(CardKind.INTRODUCTION, _SUBJECT, channel.id)
    if new:
        cards.settle_place(connection, card_id, channel.id)
    else:  # we may have been taken out before it was said
        intents.try_again(connection, channel.id, cards.SHOW, now, only=card_id)
    return new


def card_of(connection: Connection, config: Config, row: Row[Any]) -> Card | None:
    """The introduction as it is to be said now; None if it is not wanted any more."""
    channel = ledger.channel_of(connection, row.channel)
    if not _introduces(connection, config, channel):
        return None
    by = None if row.content is None else json.loads(row.content).get("by")
    stays = audience_of(place_of(connection, config, channel)) == f"channel:{channel.id}"
    manner = Manner(mode=chosen_for(config, channel).mode, stays=stays)
    ask = [called(admin) for admin in _admins(config, channel.id)]
    return introduction(manner, ask, None if by is None else called(by))


def _admins(config: Config, channel: str) -> list[str]:
    """The whole ids of those who are on the channel's platform: people of another one have no name here."""
    lark = channel.startswith("lark:")
    near = (given for given in sorted(config.admins) if "/" in given or given.startswith("ou_") is lark)
    home = workspace_in(channel)
    return [admin for given in near if workspace_in(admin := whole_user(given, channel)) == home]


def channel_of_post(connection: Connection, message_id: str) -> str | None:
    """The channel of which a message of ours is the introduction; None if it is none."""
    row = cards.by_message(connection, CardKind.INTRODUCTION, message_id)
    return None if row is None else str(row.channel)


def _introduces(connection: Connection, config: Config, channel: Channel) -> bool:
    chosen = chosen_for(config, channel)
    return introduces(
        channel,
        mode=chosen.mode,
        wanted=chosen.introduce,
        external=config.external,
        muted=mutes.muted_here(connection, "", channel.id) is not None,
    )
