"""I/O: channels and people as the audience rules see them."""

from sqlalchemy import Connection

from bot.adapters.adapter import Channel, ChannelKind, Person
from bot.config import Config
from knowledge.audience import Asker, Place, Setting, Standing

_SETTINGS = {
    ChannelKind.PUBLIC: Setting.OPEN,
    ChannelKind.PRIVATE: Setting.CLOSED,
    ChannelKind.DIRECT: Setting.DIRECT,
    ChannelKind.GROUP: Setting.GROUP,
}


def place_of(connection: Connection, config: Config, channel: Channel) -> Place:
    """A channel as the audience rules see it."""
    del connection
    return Place(channel=channel.id, setting=setting_of(channel, config))


def setting_of(channel: Channel, config: Config) -> Setting:
    if channel.external:
        return Setting.SHARED if config.external == "on" else Setting.BARRED
    return _SETTINGS[channel.kind]


def asker_of(user: str, person: Person | None, channels: frozenset[str] = frozenset()) -> Asker:
    """Somebody who asks; whoever the platform does not tell of is shown no more than a guest is."""
    standing = person.standing if person is not None and person.standing is not None else Standing.GUEST
    return Asker(user=user, standing=standing, channels=channels)
