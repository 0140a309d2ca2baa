"""I/O: the pictures that people attached in Slack, fetched when an answer is written and kept nowhere."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from urllib.parse import urlsplit

import aiohttp

from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Payload
from bot.adapters.slack_wire import NAME, bare
from knowledge.images import MAX_BYTES, MAX_IMAGES, MEDIA_TYPES, Image, Pictures, image_of
from knowledge.thread import Thread

log = logging.getLogger("earshot.slack")

Replies = Callable[[str, str], AsyncIterator[Payload]]  # channel, ts -> the messages of that thread

MOST_LOOKS = (
    4  # calls to Slack for one answer: in a channel without threads each message is a thread of its own
)
TIMEOUT = 15  # seconds for one picture
_CHUNK = 64 * 1024


class SlackPictures:
    """Asks Slack again which files a thread has now, so that what was deleted meanwhile is not looked at."""

    def __init__(self, replies: Replies, token: str, api: str) -> None:
        self._replies = replies
        self._token = token
        self._api_host = urlsplit(api).netloc

    def renew(self, token: str) -> None:
        """Use this token from now on."""
        self._token = token

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """As ``knowledge.images.Images`` says; other platforms' threads have none here."""
        if not thread.channel.startswith(f"{NAME}:"):
            return Pictures()
        files = await self._files(thread)
        if not read or not files:
            return Pictures(unseen=len(files))
        loaded = [await self._image(file) for file in files[-MAX_IMAGES:]]
        images = tuple(image for image in loaded if image is not None)
        return Pictures(images=images, unseen=len(files) - len(images))

    async def _files(self, thread: Thread) -> list[Payload]:
        """The pictures on the messages of ``thread``, oldest first; none, if Slack cannot be asked."""
        left = {bare(message.id) for message in thread.messages}
        found: dict[str, Sequence[Payload]] = {}
        for ts in [bare(thread.id), *sorted(left, reverse=True)][:MOST_LOOKS]:
            if ts not in left:
                continue
            try:
                async for message in self._replies(thread.channel, ts):
                    if message["ts"] in left:
                        found[message["ts"]] = pictures_on(message)
            except LookupFailed as error:
                log.info("%s: whether it has pictures is not known: %s", thread.id, error)
                break
            left -= found.keys()
        return [file for ts in sorted(found) for file in found[ts]]

    async def _image(self, file: Payload) -> Image | None:
        address = address_of(file)
        if address is None or not self._may_have_token(address):
            return None
        try:
            content = await self._fetched(address)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.info("a picture could not be fetched: %s", type(error).__name__)
            return None
        return image_of(content)

    def _may_have_token(self, address: str) -> bool:
        """The token goes to Slack alone, whatever a file says that its address is."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        ours = parts.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
        return ours or parts.netloc == self._api_host

    async def _fetched(self, address: str) -> bytes:
        """At most a little more than MAX_BYTES. Empty for what Slack does not give: without the scope, a page."""
        headers = {"Authorization": f"Bearer {self._token}"}
        limit = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(address, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                return b""
            content = b""
            while len(content) <= MAX_BYTES and (chunk := await answer.content.read(_CHUNK)):
                content += chunk
            return content


def pictures_on(message: Payload) -> list[Payload]:
    """The files of a message that are pictures."""
    files = message.get("files") or []
    return [file for file in files if isinstance(file, Mapping) and file.get("mimetype") in MEDIA_TYPES]


def address_of(file: Payload) -> str | None:
    """Where a picture is fetched: Slack's smaller copy, if the whole is too large; None if there is no such."""
    small = int(file.get("size") or 0) <= MAX_BYTES
    address = file.get("url_private") if small else file.get("thumb_1024")
    return str(address) if address else None
