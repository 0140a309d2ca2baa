"""I/O: the pictures of a thread, from whichever platform it is on."""

from collections.abc import Mapping

from knowledge.images import Images, Pictures
from knowledge.thread import Thread


class PicturesOfPlatforms:
    """Asks the platform that a thread's channel names (``slack:…``, ``lark:…``); elsewhere there are none."""

    def __init__(self, platforms: Mapping[str, Images]) -> None:
        self._platforms = platforms

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """As ``knowledge.images.Images`` says."""
        platform = self._platforms.get(thread.channel.partition(":")[0])
        return Pictures() if platform is None else await platform.load(thread, read=read)
