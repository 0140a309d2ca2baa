"""What was said in Lark's chats, read back: pages as Lark gives them, oldest first, as the events that they were."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from bot.adapters import lark_wire as wire
from bot.adapters.acts import ActRefused
from bot.adapters.adapter import LookupFailed, Page
from bot.adapters.events import Channel, ChannelKind, Payload
from bot.adapters.lark_api import PAGE, LarkApi

MESSAGES = "/open-apis/im/v1/messages"
CHATS = "/open-apis/im/v1/chats"

# We are not in the chat, it is gone, or the permission for it is missing.
_DENIED = (" 230002 ", " 230006 ", " 230027 ", " 232006 ", " 232009 ", " 232011 ", " 232025 ")

Whole = Callable[[Payload], Awaitable[Payload]]


class LarkHistory:
    """The history of one app's chats. ``whole``: an event of a merged forward, with what it holds."""

    def __init__(self, api: LarkApi, whole: Whole) -> None:
        self._api, self._whole = api, whole

    async def channels(self, me: wire.Me) -> list[Channel]:
        """The groups that the bot is in; the list does not tell who can find them. Raises LookupFailed."""
        return [
            Channel(
                id=f"{wire.NAME}:{me.app}/{chat['chat_id']}",
                kind=ChannelKind.PRIVATE,
                name=chat.get("name") or None,
                external=bool(chat.get("external")),
            )
            async for chat in self._api.pages(CHATS, {})
        ]

    async def top_level(
        self, me: wire.Me, channel: Channel, since: datetime, cursor: str | None
    ) -> AsyncIterator[Page]:
        """What was said in a chat outside topics, oldest first, with the messages that topics begin with."""
        query = {
            "container_id_type": "chat",
            "container_id": wire.bare(channel.id),
            "start_time": cursor or str(int(since.timestamp())),
            "sort_type": "ByCreateTimeAsc",
            "page_size": str(PAGE),
        }
        more = True
        while more:
            data = await self._read(MESSAGES, query)
            items = data.get("items") or []
            reached = str(int(wire.when(items[-1].get("create_time")).timestamp())) if items else None
            yield await self._page(me, channel, items, cursor=reached or query["start_time"])
            more = bool(data.get("has_more") and data.get("page_token"))
            query["page_token"] = str(data.get("page_token") or "")

    async def thread(self, me: wire.Me, channel: Channel, root: str) -> Page:
        """All of the topic that a message begins; nothing where it begins none."""
        begins = (await self._read(f"{MESSAGES}/{wire.bare(root)}", {})).get("items") or []
        topic = begins[0].get("thread_id") if begins else None
        if topic is None:
            return Page()
        query = {"container_id_type": "thread", "container_id": topic, "sort_type": "ByCreateTimeAsc"}
        items: list[Payload] = []
        more = {"page_size": str(PAGE)}
        while more:
            data = await self._read(MESSAGES, {**query, **more})
            items += data.get("items") or ()
            going_on = data.get("has_more") and data.get("page_token")
            more = {"page_size": str(PAGE), "page_token": str(data["page_token"])} if going_on else {}
        return await self._page(me, channel, items, cursor=None)

    async def _read(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            return dict((await self._api.read(path, query))["data"])
        except LookupFailed as error:
            if any(code in f"{error} " for code in _DENIED):
                raise ActRefused(str(error)) from error
            raise

    async def _page(
        self, me: wire.Me, channel: Channel, items: Sequence[Payload], *, cursor: str | None
    ) -> Page:
        kept = [item for item in items if not item.get("upper_message_id")]
        said = [one for one in kept if not (one.get("deleted") or wire.is_own(one, me) or _is_of_lark(one))]
        whole = [await self._whole(event_of(one, me, channel)) for one in said]
        return Page(
            found=[found for body in whole if (found := wire.arrival_of(body)) is not None],
            edited={
                f"{channel.id}/{one['message_id']}": wire.when(one.get("update_time"))
                for one in said
                if one.get("updated") and one.get("msg_type") != wire.FORWARDED
            },
            gone=[f"{channel.id}/{one['message_id']}" for one in kept if one.get("deleted")],
            threads={
                f"{channel.id}/{one['message_id']}": None
                for one in kept
                if one.get("thread_id") and not one.get("root_id")
            },
            cursor=cursor,
        )


def _is_of_lark(item: Payload) -> bool:
    return item.get("msg_type") == "system"


def event_of(item: Payload, me: wire.Me, channel: Channel) -> Payload:
    """A message that was read, as the event that it was."""
    sender = item.get("sender") or {}
    created = str(item.get("create_time") or 0)
    # Whether the author is of another company the chat says: of us the message does not tell.
    tenant = str(sender.get("tenant_key") or "")
    return {
        "schema": "2.0",
        "header": {
            "event_id": f"read/{item['message_id']}",
            "event_type": wire.RECEIVED,
            "create_time": created,
            "tenant_key": tenant,
            "app_id": me.app,
        },
        "event": {
            "sender": {
                "sender_id": {"open_id": sender.get("id")},
                "sender_type": sender.get("sender_type"),
                "tenant_key": tenant,
            },
            "message": {
                "message_id": item["message_id"],
                "create_time": created,
                "chat_id": wire.bare(channel.id),
                "chat_type": "p2p" if channel.kind is ChannelKind.DIRECT else "group",
                "message_type": item.get("msg_type"),
                "content": (item.get("body") or {}).get("content"),
                "mentions": [_mention(one) for one in item.get("mentions") or ()],
                **{name: item[name] for name in ("root_id", "parent_id", "thread_id") if item.get(name)},
            },
        },
    }


def _mention(given: Payload) -> Payload:
    """Here the id stands alone; in an event it stands beside others."""
    return {**given, "id": {"open_id": given.get("id")}}
