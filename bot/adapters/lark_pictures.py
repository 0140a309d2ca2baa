"""I/O: the pictures that people attached in Lark, fetched when an answer is written and kept nowhere.

https://open.feishu.cn/document/server-docs/im-v1/message/get-2
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Payload
from bot.adapters.lark_wire import IMAGE, NAME, image_keys, images_forwarded
from knowledge.images import MAX_IMAGES, Image, Pictures, image_of
from knowledge.thread import Thread

log = logging.getLogger("earshot.lark")

MOST_LOOKS = 4  # messages that are read again for one answer

Read = Callable[
    [str], Awaitable[Sequence[Payload]]
]  # a whole message id -> the message, and what it forwards
Fetch = Callable[[str, str], Awaitable[bytes]]  # a whole message id, a picture's key -> the picture


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """The pictures of messages, oldest first: message and key. ``closed``: how many more Lark lets nobody fetch."""

    keys: tuple[tuple[str, str], ...] = ()
    closed: int = 0


class LarkPictures:
    """Reads messages that were heard with a picture again, so that what was recalled meanwhile is not looked at."""

    def __init__(self, read: Read, fetch: Fetch) -> None:
        self._read, self._fetch = read, fetch

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """As ``knowledge.images.Images`` says; other platforms' threads have none here."""
        if not thread.channel.startswith(f"{NAME}:"):
            return Pictures()
        found = await self._found(thread)
        total = len(found.keys) + found.closed
        if not read or not found.keys:
            return Pictures(unseen=total)
        loaded = [await self._image(message, key) for message, key in found.keys[-MAX_IMAGES:]]
        images = tuple(image for image in loaded if image is not None)
        return Pictures(images=images, unseen=total - len(images))

    async def _found(self, thread: Thread) -> _Found:
        """What the newest messages with pictures hold; nothing of those that cannot be read now."""
        heard = [message.id for message in thread.messages if IMAGE in message.text]
        keys: list[tuple[str, str]] = []
        closed = 0
        for message_id in heard[-MOST_LOOKS:]:
            try:
                items = await self._read(message_id)
            except LookupFailed as error:
                log.info("%s: whether it has pictures is not known: %s", message_id, error)
                continue
            keys += [(message_id, key) for item in items[:1] for key in image_keys(item)]
            closed += images_forwarded(items)
        return _Found(keys=tuple(keys), closed=closed)

    async def _image(self, message: str, key: str) -> Image | None:
        try:
            return image_of(await self._fetch(message, key))
        except LookupFailed as error:
            log.info("%s: a picture could not be fetched: %s", message, error)
            return None
