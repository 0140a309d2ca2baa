"""I/O: channels and people as the audience rules see them, and which workspace the store is at home in.

A store may serve several workspaces. Its home is the first that it heard of: ``workspace``, without a name, is its
audience. What is learnt in another one is for that one only.
"""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from bot.adapters.events import Channel, ChannelKind, Person
from bot.config import Config
from bot.tables import workspaces
from knowledge.audience import Asker, Place, Setting, Standing, workspace_in

_SETTINGS = {
    ChannelKind.PUBLIC: Setting.OPEN,
    ChannelKind.PRIVATE: Setting.CLOSED,
    ChannelKind.DIRECT: Setting.DIRECT,
    ChannelKind.GROUP: Setting.GROUP,
}
_SERVED = select(workspaces.c.id).order_by(workspaces.c.number)


def hear_of(connection: Connection, channel_id: str) -> None:
    """Remember the workspace of a channel; the first one becomes the home."""
    named = workspace_in(channel_id)
    if named is not None:
        connection.execute(insert(workspaces).values(id=named).on_conflict_do_nothing())


def home_of(connection: Connection) -> str | None:
    """The home workspace, ``slack:T1``; None as long as no channel of any workspace was heard of."""
    return connection.execute(_SERVED.limit(1)).scalar()


def served(connection: Connection) -> list[str]:
    """The workspaces that were heard of, the home first."""
    return list(connection.execute(_SERVED).scalars())


def place_of(connection: Connection, config: Config, channel: Channel) -> Place:
    """A channel as the audience rules see it. Before any was heard of, it is the home: it would become it."""
    named = workspace_in(channel.id)
    elsewhere = home_of(connection) not in (None, named)
    return Place(
        channel=channel.id, setting=setting_of(channel, config), workspace=named if elsewhere else None
    )


def setting_of(channel: Channel, config: Config) -> Setting:
    if channel.external:
        return Setting.SHARED if config.external == "on" else Setting.BARRED
    return _SETTINGS[channel.kind]


def asker_of(user: str, person: Person | None, channels: frozenset[str] = frozenset()) -> Asker:
    """Somebody who asks; whoever the platform does not tell of is shown no more than a guest is."""
    standing = person.standing if person is not None and person.standing is not None else Standing.GUEST
    return Asker(user=user, standing=standing, channels=channels)
