"""The seam to the pictures of a thread, and what is said about those that nobody looked at. Pure."""

import base64 as encoding
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from knowledge.thread import Thread

MEDIA_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MAX_BYTES = 3_000_000  # of one picture; the service takes 5 MB of base64
MAX_IMAGES = 3  # the newest of a thread

# How a picture begins, whatever its name or its sender says that it is.
_BEGINNINGS: Mapping[bytes, str] = MappingProxyType(
    {
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"GIF87a": "image/gif",
        b"GIF89a": "image/gif",
        b"RIFF": "image/webp",
    }
)

UNSEEN = "I cannot see the screenshot; this is from the text alone."
UNSEEN_CHINESE = "我看不到截图，以上只根据文字。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """A picture, as it is sent: ``content`` is at most MAX_BYTES."""

    media_type: str
    content: bytes

    @property
    def base64(self) -> str:
        return encoding.b64encode(self.content).decode("ascii")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """The pictures of a thread, oldest first. ``unseen``: how many more there are."""

    images: tuple[Image, ...] = ()
    unseen: int = 0


class Images(Protocol):
    """Fetches what people attached."""

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """The asker's pictures; only their number where ``read`` is false.

        What cannot be loaded is unseen. Never fails.
        """
        ...


class NoImages:
    """Where nothing can be attached."""

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        del thread, read
        return Pictures()


def image_of(content: bytes) -> Image | None:
    """``content`` as a picture; None if it is none that can be sent, or too large."""
    if len(content) > MAX_BYTES:
        return None
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning) and (media_type != "image/webp" or content[8:12] == b"WEBP"):
            return Image(media_type=media_type, content=content)
    return None


def note_on(pictures: Pictures, question: str) -> str:
    """What an answer openly says of pictures that nobody looked at; "" if there are none."""
    if not pictures.unseen:
        return ""
    return UNSEEN_CHINESE if any("\u4e00" <= character <= "\u9fff" for character in question) else UNSEEN
