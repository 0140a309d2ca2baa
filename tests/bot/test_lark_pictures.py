"""The pictures of a conversation in Lark: which are fetched, with how many calls, and what is said of the rest."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.adapters import lark_wire as wire
from bot.adapters.lark import LarkAdapter
from bot.adapters.lark_pictures import MOST_LOOKS
from bot.pictures import PicturesOfPlatforms
from knowledge.images import MAX_BYTES, MAX_IMAGES, Pictures
from knowledge.thread import Message, Thread
from tests.bot.running_lark import ANN, BOB, CHAT, app_of, tenant
from tests.local_lark import ApiError, LocalLark, Said

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


@asynccontextmanager
async def adapter(lark: LocalLark) -> AsyncIterator[LarkAdapter]:
    made = LarkAdapter([app_of(lark)])
    yield made
    await made.close()


def picture(lark: LocalLark, key: str, content: bytes | None = None, **more: Any) -> str:
    """An image message."""
    lark.keep(key, PNG + key.encode() if content is None else content)
    return lark.say(CHAT, ANN, type="image", content={"image_key": key}, **more)


def thread_of(lark: LocalLark, said: Sequence[tuple[str, str]]) -> Thread:
    """A conversation as it was heard: ids and texts."""
    channel = f"lark:{lark.app_id}/{CHAT}"
    begun = datetime(2026, 1, 5, tzinfo=UTC)
    messages = tuple(
        Message(
            id=f"{channel}/{message}",
            channel=channel,
            thread=f"{channel}/{said[0][0]}",
            user="u",
            at=begun + timedelta(seconds=place),
            text=text,
        )
        for place, (message, text) in enumerate(said)
    )
    return Thread(id=messages[0].id, channel=channel, messages=messages)


async def loaded(lark: LocalLark, *said: tuple[str, str], read: bool = True) -> Pictures:
    async with adapter(lark) as made:
        return await made.load(thread_of(lark, said), read=read)


async def test_pictures_of_images_and_posts_are_fetched_oldest_first(lark: LocalLark) -> None:
    first = picture(lark, "img_v3_a-1")
    lark.keep("img_b", PNG + b"b")
    paragraphs = [
        [{"tag": "text", "text": "see "}, {"tag": "img", "image_key": "img_b"}],
        [{"tag": "img", "image_key": ""}],
    ]
    second = lark.say(CHAT, ANN, type="post", content={"title": "", "content": paragraphs}, root=first)
    found = await loaded(lark, (first, wire.IMAGE), (second, f"see {wire.IMAGE}"))
    assert [image.content for image in found.images] == [PNG + b"img_v3_a-1", PNG + b"b"]
    assert {image.media_type for image in found.images} == {"image/png"} and found.unseen == 0


async def test_nothing_is_asked_where_nobody_sent_a_picture(lark: LocalLark) -> None:
    said = lark.say(CHAT, ANN, "the gate stops")
    assert await loaded(lark, (said, "the gate stops")) == Pictures()
    assert lark.requests == []


async def test_pictures_that_may_not_be_sent_along_are_only_counted(lark: LocalLark) -> None:
    said = picture(lark, "img_a")
    assert await loaded(lark, (said, wire.IMAGE), read=False) == Pictures(unseen=1)
    assert lark.calls("resource.get") == []


async def test_the_newest_are_taken_and_the_rest_is_owned_up_to(lark: LocalLark) -> None:
    said = [(picture(lark, f"img_{number}"), wire.IMAGE) for number in range(MOST_LOOKS + 2)]
    found = await loaded(lark, *said)
    newest = [PNG + f"img_{number}".encode() for number in range(MOST_LOOKS + 2)][-MAX_IMAGES:]
    assert [image.content for image in found.images] == newest
    assert found.unseen == MOST_LOOKS - MAX_IMAGES and len(lark.calls("message.get")) == MOST_LOOKS


async def test_what_was_recalled_meanwhile_is_not_looked_at(lark: LocalLark) -> None:
    said = picture(lark, "img_a")
    lark.message_is_gone(said)
    assert await loaded(lark, (said, wire.IMAGE)) == Pictures()


async def test_what_was_forwarded_together_cannot_be_fetched_and_is_owned_up_to(lark: LocalLark) -> None:
    inner = Said(chat=CHAT, user=BOB, type="image", content={"image_key": "img_a"})
    said = lark.say(CHAT, ANN, type="merge_forward", content={}, children=(inner,))
    assert await loaded(lark, (said, f"[forwarded]\n@{BOB}: {wire.IMAGE}")) == Pictures(unseen=1)
    assert lark.calls("resource.get") == []


@pytest.mark.parametrize("content", [b"no picture", PNG + b"x" * MAX_BYTES], ids=["no picture", "too large"])
async def test_what_cannot_be_sent_along_is_owned_up_to(lark: LocalLark, content: bytes) -> None:
    said = picture(lark, "img_a", content)
    assert await loaded(lark, (said, wire.IMAGE)) == Pictures(unseen=1)


async def test_what_lark_does_not_give_is_owned_up_to_and_a_revoked_token_is_none_of_it(
    lark: LocalLark,
) -> None:
    said = picture(lark, "img_a")
    async with adapter(lark) as made:
        thread = thread_of(lark, [(said, wire.IMAGE)])
        lark.faults["resource.get"].append(ApiError(234003, "File not in msg."))
        assert await made.load(thread, read=True) == Pictures(unseen=1)
        lark.faults["resource.get"].append(ApiError(99991663, "Invalid access token"))
        found = await made.load(thread, read=True)
    assert [image.content for image in found.images] == [PNG + b"img_a"]
    assert len(lark.calls("token")) == 2


async def test_where_lark_cannot_be_asked_nothing_is_said_of_pictures(lark: LocalLark) -> None:
    said = picture(lark, "img_a")
    lark.faults["message.get"].append(ApiError(230027))
    assert await loaded(lark, (said, wire.IMAGE)) == Pictures()


async def test_each_platform_is_asked_for_its_own(lark: LocalLark) -> None:
    said = picture(lark, "img_a")
    thread = thread_of(lark, [(said, wire.IMAGE)])
    async with adapter(lark) as made:
        assert len((await PicturesOfPlatforms({"lark": made}).load(thread, read=True)).images) == 1
        assert await PicturesOfPlatforms({"slack": made}).load(thread, read=True) == Pictures()
        assert await made.load(Thread(id="r", channel="room:help", messages=()), read=True) == Pictures()


@pytest.mark.parametrize("key", ["", "../../chats", "a?type=file", "a/b"])
def test_a_key_that_is_none_is_no_picture(key: str) -> None:
    item = {"msg_type": "image", "body": {"content": f'{{"image_key": "{key}"}}'}}
    assert wire.image_keys(item) == []
