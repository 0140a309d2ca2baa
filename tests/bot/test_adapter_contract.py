"""What handlers may rely on, whichever platform it is: Slack, Lark and the practice room take the same tests."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from bot.adapters import room
from bot.adapters.acts import (
    ActRefused,
    Ask,
    Buttons,
    Delete,
    Draft,
    Edit,
    Post,
    Question,
    React,
    Receipt,
    Revise,
    SaveForm,
    Say,
    Show,
    Think,
    Whisper,
)
from bot.adapters.adapter import Adapter, Arrival, LookupFailed, Page
from bot.adapters.events import (
    AskedToSave,
    Changed,
    Channel,
    Deleted,
    Departure,
    Edited,
    Event,
    Heard,
    Joined,
    Left,
    PeopleLeft,
)
from bot.adapters.lark import LarkAdapter
from bot.adapters.lark_hook import PATH, LarkHook
from bot.adapters.lark_signing import Keys
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_http import PATH as SLACK_PATH
from bot.adapters.slack_http import SlackHook
from bot.answerer import Citation, Line, Suggestion
from bot.card import Button, Card, Group, Piece, Verb, row
from bot.pictures import PicturesOfPlatforms
from bot.web import Web
from knowledge.entry import EntryKind
from knowledge.images import Pictures
from knowledge.thread import Message, Thread
from tests.bot.running import ANN as SLACK_ANN
from tests.bot.running import CHANNEL, workspace
from tests.bot.running_lark import ANN as LARK_ANN
from tests.bot.running_lark import CHAT, app_of, link, tenant
from tests.local_lark import LocalLark
from tests.local_slack import DEFAULT_SCOPES, PATIENT_SCHEDULE, LocalSlack

NOW = datetime.now(UTC)


class Stage(Protocol):
    """A platform with one adapter listening to it, a channel called help and somebody called Ann in it."""

    adapter: Adapter
    channel: str
    ann: str

    def say(self, text: str, root: str | None = None) -> str:
        """The whole id of what Ann says."""
        ...

    def say_again(self, message_id: str) -> None:
        """The same is delivered once more."""
        ...

    def take_back(self, message_id: str) -> None: ...

    def edit(self, message_id: str, text: str) -> bool:
        """Whether the platform tells."""
        ...

    def texts(self) -> list[str]:
        """What the bot said that still stands, as far as people read it."""
        ...

    def attach(self, picture: bytes) -> str:
        """The whole id of a message of Ann's with a picture."""
        ...

    def choose_save(self, message_id: str) -> bool:
        """Ann chooses the shortcut that saves a message. Whether there is one."""
        ...

    # The life of a channel: Ann lets the bot in or takes it out, gives the channel another name, leaves it, ends it.

    def let_in(self) -> None: ...

    def take_out(self) -> None: ...

    def rename(self, name: str) -> None: ...

    def leave(self) -> None: ...

    def end(self) -> None: ...


class SlackStage:
    def __init__(self, slack: LocalSlack, hook: SlackHook | None = None) -> None:
        self.slack = slack
        self.adapter: Adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url, hook)
        self.home = f"slack:{slack.identity.team}"
        self.channel, self.ann = f"{self.home}/{CHANNEL}", f"{self.home}/{SLACK_ANN}"

    def say(self, text: str, root: str | None = None) -> str:
        thread = None if root is None else root.rsplit("/", 1)[-1]
        return f"{self.channel}/{self.slack.post(CHANNEL, SLACK_ANN, text, thread_ts=thread)}"

    def say_again(self, message_id: str) -> None:
        for event_id in self.slack.event_ids(CHANNEL, message_id.rsplit("/", 1)[-1]):
            self.slack.redeliver(event_id)

    def take_back(self, message_id: str) -> None:
        self.slack.delete(CHANNEL, message_id.rsplit("/", 1)[-1])

    def edit(self, message_id: str, text: str) -> bool:
        self.slack.edit(CHANNEL, message_id.rsplit("/", 1)[-1], text)
        return True

    def texts(self) -> list[str]:
        return [post.text + str(post.blocks) for post in self.slack.posts() if not post.deleted]

    def attach(self, picture: bytes) -> str:
        shot = self.slack.add_file("gate.png", picture)
        return f"{self.channel}/{self.slack.post(CHANNEL, SLACK_ANN, 'see here', files=[shot])}"

    def choose_save(self, message_id: str) -> bool:
        self.slack.message_shortcut("save", CHANNEL, message_id.rsplit("/", 1)[-1], SLACK_ANN)
        return True

    def let_in(self) -> None:
        self.slack.join(CHANNEL, self.slack.identity.bot_user, inviter=SLACK_ANN)

    def take_out(self) -> None:
        self.slack.leave(CHANNEL, self.slack.identity.bot_user)

    def rename(self, name: str) -> None:
        self.slack.rename(CHANNEL, name)

    def leave(self) -> None:
        self.slack.leave(CHANNEL, SLACK_ANN)

    def end(self) -> None:
        self.slack.remove(CHANNEL)


class LarkStage:
    def __init__(self, lark: LocalLark, hook: LarkHook | None = None) -> None:
        self.lark = lark
        self.adapter: Adapter = LarkAdapter([app_of(lark)], None if hook else link, hook)
        self.home = f"lark:{lark.app_id}"
        self.channel, self.ann = f"{self.home}/{CHAT}", f"{self.home}/{LARK_ANN}"

    def say(self, text: str, root: str | None = None) -> str:
        return f"{self.channel}/{self.lark.say(CHAT, LARK_ANN, text, root=root and root.rsplit('/', 1)[-1])}"

    def say_again(self, message_id: str) -> None:
        self.lark.redeliver(message_id.rsplit("/", 1)[-1])

    def take_back(self, message_id: str) -> None:
        self.lark.recall(message_id.rsplit("/", 1)[-1])

    def edit(self, message_id: str, text: str) -> bool:
        self.lark.edit(message_id.rsplit("/", 1)[-1], text)
        return False

    def texts(self) -> list[str]:
        return [message.content for message in self.lark.sent() if not message.deleted]

    def attach(self, picture: bytes) -> str:
        self.lark.keep("img_v3_1", picture)
        content = {"image_key": "img_v3_1"}
        return f"{self.channel}/{self.lark.say(CHAT, LARK_ANN, type='image', content=content)}"

    def choose_save(self, message_id: str) -> bool:
        del message_id
        return False  # she says it

    def let_in(self) -> None:
        self.lark.add_bot(CHAT, LARK_ANN)

    def take_out(self) -> None:
        self.lark.remove_bot(CHAT, LARK_ANN)

    def rename(self, name: str) -> None:
        self.lark.rename(CHAT, name, LARK_ANN)

    def leave(self) -> None:
        self.lark.leave(CHAT, LARK_ANN)

    def end(self) -> None:
        self.lark.disband(CHAT)


class RoomStage:
    """Whoever plays in the room hands over the arrivals."""

    def __init__(self) -> None:
        self.channel, self.ann = "help", "ann"
        self.room = room.RoomAdapter({"help": room.channel("help", name="help")})
        self.adapter: Adapter = self.room
        self.take: Callable[[Arrival], None] = lambda _: None
        self.said: dict[str, Message] = {}

    def say(self, text: str, root: str | None = None) -> str:
        message_id = f"m{len(self.said)}"
        at = NOW + timedelta(seconds=len(self.said))
        self.said[message_id] = Message(
            id=message_id, channel="help", thread=root or "", user="ann", at=at, text=text
        )
        self.take(room.said(self.said[message_id]))
        return message_id

    def say_again(self, message_id: str) -> None:
        self.take(room.said(self.said[message_id]))

    def take_back(self, message_id: str) -> None:
        raise NotImplementedError(message_id)

    def edit(self, message_id: str, text: str) -> bool:
        raise NotImplementedError(message_id, text)

    def texts(self) -> list[str]:
        return [f"{post.id}: {post.lead} {post.suggestion.text}" for post in self.room.posts.values()]

    def attach(self, picture: bytes) -> str:
        raise NotImplementedError(picture)

    def choose_save(self, message_id: str) -> bool:
        del message_id
        return False

    def let_in(self) -> None:
        raise NotImplementedError

    def take_out(self) -> None:
        raise NotImplementedError

    def rename(self, name: str) -> None:
        raise NotImplementedError(name)

    def leave(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class Heart:
    """A stage and what arrived from it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.adapter = stage, stage.adapter
        self.arrivals: list[Arrival] = []

    async def emit(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)

    async def arrived(self, count: int) -> list[Arrival]:
        deadline = time.monotonic() + 15
        while len(self.arrivals) < count:
            assert time.monotonic() < deadline, f"{len(self.arrivals)} of {count} arrived"
            await asyncio.sleep(0.005)
        return self.arrivals

    def event(self, arrival: Arrival) -> Event:
        """As after a restart: from what the inbox kept."""
        return self.adapter.parse(json.loads(json.dumps(arrival.payload)))


@contextlib.asynccontextmanager
async def _slack() -> AsyncIterator[Heart]:
    with LocalSlack(scopes=[*DEFAULT_SCOPES, "usergroups:read"]) as slack:
        workspace(slack)
        heart = Heart(SlackStage(slack))
        await heart.adapter.listen(heart.emit)
        await slack.until(slack.connected)
        yield heart
        await heart.adapter.close()
        assert slack.violations == []


@contextlib.asynccontextmanager
async def _slack_over_http() -> AsyncIterator[Heart]:
    with LocalSlack(scopes=[*DEFAULT_SCOPES, "usergroups:read"], schedule=PATIENT_SCHEDULE) as slack:
        workspace(slack)
        web = Web("127.0.0.1", 0)
        heart = Heart(SlackStage(slack, SlackHook("a secret", web)))
        await heart.adapter.listen(heart.emit)
        await web.start()
        slack.post_events_to(web.url + SLACK_PATH, "a secret")
        await slack.until(lambda: bool(slack.http_answers))  # the challenge with which Slack begins
        yield heart
        await web.stop()
        await heart.adapter.close()
        assert slack.violations == [] and slack.sockets_opened == 0


@contextlib.asynccontextmanager
async def _lark() -> AsyncIterator[Heart]:
    with LocalLark() as lark:
        tenant(lark)
        heart = Heart(LarkStage(lark))
        await heart.adapter.listen(heart.emit)
        await lark.until(lark.connected)
        yield heart
        await heart.adapter.close()
        assert lark.violations == []


@contextlib.asynccontextmanager
async def _lark_over_http() -> AsyncIterator[Heart]:
    with LocalLark() as lark:
        tenant(lark)
        web = Web("127.0.0.1", 0)
        heart = Heart(LarkStage(lark, LarkHook({lark.app_id: Keys(token="a token", encrypt="a key")}, web)))
        await heart.adapter.listen(heart.emit)
        await web.start()
        lark.post_events_to(web.url + PATH, "a token", "a key")
        yield heart
        await web.stop()
        await heart.adapter.close()
        assert lark.violations == [] and lark.link.opened == 0


@contextlib.asynccontextmanager
async def _room() -> AsyncIterator[Heart]:
    stage = RoomStage()
    heart = Heart(stage)
    stage.take = heart.arrivals.append
    await heart.adapter.listen(heart.emit)
    yield heart
    await heart.adapter.close()


# As docs/platforms.md calls them.
STAGES = {
    "Slack, socket": _slack,
    "Slack, HTTP": _slack_over_http,
    "Lark, ws": _lark,
    "Lark, HTTP": _lark_over_http,
    "room": _room,
}


# What cannot happen there: nobody changes or takes back what was said in a room, which keeps none of it either, or
# sends pictures; and rooms stay as they are.
NOT_THERE = {
    ("room", "test_being_let_in_and_taken_out_of_a_channel_is_told"),
    ("room", "test_another_name_of_a_channel_is_told_and_holds_at_once"),
    ("room", "test_who_left_a_channel_is_not_in_it_any_more_at_once"),
    ("room", "test_the_end_of_a_channel_is_told"),
    ("room", "test_what_was_taken_back_is_told"),
    ("room", "test_an_edit_is_told_or_found_when_it_is_read_again"),
    ("room", "test_a_picture_that_somebody_sent_can_be_looked_at"),
    ("room", "test_what_was_said_is_read_back_oldest_first_as_it_arrived"),
    ("room", "test_reading_back_goes_on_behind_the_last_page"),
    ("room", "test_a_thread_read_back_tells_what_is_new_changed_and_gone"),
}


@pytest.fixture(params=STAGES)
async def heart(request: pytest.FixtureRequest) -> AsyncIterator[Heart]:
    if (request.param, request.function.__name__) in NOT_THERE:
        pytest.skip("it cannot happen there")
    async with STAGES[request.param]() as opened:
        yield opened


CITED = Citation(
    number=1,
    entry="e1",
    source="source",
    title="Gate stops",
    quote="Empty the spill folder.",
    kind=EntryKind.THREAD,
    at=NOW - timedelta(days=92),
    link="https://example.com/a",
)
SUGGESTION = Suggestion(lines=(Line(text="Empty the spill folder.", citations=(1,)),), citations=(CITED,))


def post_to(stage: Stage, root: str, post_id: str = "4f00aa") -> Post:
    return Post(id=post_id, channel=stage.channel, reply_to=root, suggestion=SUGGESTION, now=NOW)


async def test_what_is_said_arrives_and_can_be_read_after_a_restart(heart: Heart) -> None:
    said = heart.stage.say("the gate stops")
    (arrival,) = await heart.arrived(1)
    event = heart.event(arrival)
    assert isinstance(event, Heard)
    message = event.message
    assert (message.id, message.text, message.thread) == (said, "the gate stops", "")
    assert (message.channel, message.user, event.channel.id) == (
        heart.stage.channel,
        heart.stage.ann,
        heart.stage.channel,
    )
    assert arrival.adapter == heart.adapter.name and arrival.at == message.at


async def test_the_same_delivered_again_has_the_same_key(heart: Heart) -> None:
    said = heart.stage.say("the gate stops")
    await heart.arrived(1)
    heart.stage.say_again(said)
    first, second = await heart.arrived(2)
    assert first.key == second.key and first.content_key == second.content_key


async def test_a_thread_is_named_by_its_first_message_and_queued_by_itself(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    heart.stage.say("since monday", root)
    first, second = sorted(await heart.arrived(2), key=lambda arrival: arrival.at)
    inner = heart.event(second)
    assert isinstance(inner, Heard) and inner.message.thread == root
    assert first.conversation != second.conversation


async def test_a_thread_is_read_back_oldest_first_without_what_we_said(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    inner = heart.stage.say("since monday", root)
    await heart.arrived(2)
    await heart.adapter.perform(post_to(heart.stage, root))
    read = await heart.adapter.fetch(Channel(id=heart.stage.channel), root)
    assert [said.message.id for said in read] in ([root, inner], [])  # a room keeps none


async def test_an_answer_stands_there_once_and_is_found(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    await heart.arrived(1)
    post = post_to(heart.stage, root)
    assert await heart.adapter.find_post(post) is None
    receipt = await heart.adapter.perform(post)
    assert await heart.adapter.find_post(post) == receipt
    assert await heart.adapter.find_post(replace(post, id="another")) is None
    (text,) = heart.stage.texts()
    assert "Empty the spill folder." in text and "[1]" in text


async def test_an_answer_that_is_too_long_for_one_message_is_said_in_several_each_once(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    await heart.arrived(1)
    words = [f"Step {number}: empty the spill folder. " + "Look twice. " * 60 for number in range(40)]
    lines = tuple(Line(text=text, citations=(1,), gap="\n\n") for text in words)
    post = post_to(heart.stage, root)
    post = replace(post, suggestion=replace(SUGGESTION, lines=lines))
    parts = heart.adapter.parts(post)
    assert parts == heart.adapter.parts(post) and 1 <= len(parts) <= 3
    receipts = []
    for part in parts:
        assert await heart.adapter.find_post(part) is None
        receipts.append(await heart.adapter.perform(part))
        await asyncio.sleep(heart.adapter.post_interval)
    assert [await heart.adapter.find_post(part) for part in parts] == receipts
    texts = heart.stage.texts()
    assert len(texts) == len(parts) and all("Step" in text for text in texts)
    said = [int(number) for text in texts for number in dict.fromkeys(re.findall(r"Step (\d+)", text))]
    assert sorted(set(said)) == list(range(len(set(said)))) and len(set(said)) > 30
    for receipt in receipts:
        await heart.adapter.perform(Delete(channel=heart.stage.channel, message_id=receipt.message_id))
    assert heart.stage.texts() == []


async def test_an_answer_is_taken_back_and_taking_it_back_again_harms_nothing(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    await heart.arrived(1)
    receipt = await heart.adapter.perform(post_to(heart.stage, root))
    for _ in range(2):
        await heart.adapter.perform(Delete(channel=heart.stage.channel, message_id=receipt.message_id))
    assert heart.stage.texts() == []


async def test_an_answer_is_revised_in_its_place_buttons_kept_and_revising_again_harms_nothing(
    heart: Heart,
) -> None:
    root = heart.stage.say("the gate stops")
    await heart.arrived(1)
    post = post_to(heart.stage, root)
    receipt = await heart.adapter.perform(post)
    newer = Suggestion(lines=(Line(text="Restart the gate.", citations=(1,)),), citations=(CITED,))
    revise = Revise(
        id=post.id,
        channel=heart.stage.channel,
        message_id=receipt.message_id,
        suggestion=newer,
        note="Updated 02 Mar 12:00 UTC: newer information.",
        now=NOW,
    )
    for _ in range(2):
        assert await heart.adapter.perform(revise) == receipt
    (text,) = heart.stage.texts()
    assert text.index("newer information") < text.index("Restart the gate.") and "spill" not in text
    assert post.id in text  # which its buttons hold
    assert await heart.adapter.find_post(post) == receipt
    await heart.adapter.perform(replace(revise, suggestion=None, note="Withdrawn."))
    (text,) = heart.stage.texts()
    assert "Withdrawn." in text and "Restart" not in text
    await heart.adapter.perform(Delete(channel=heart.stage.channel, message_id=receipt.message_id))
    with pytest.raises(ActRefused):
        await heart.adapter.perform(revise)


async def test_what_was_taken_back_is_told(heart: Heart) -> None:
    said = heart.stage.say("my password is hunter2")
    await heart.arrived(1)
    heart.stage.take_back(said)
    event = heart.event((await heart.arrived(2))[1])
    assert isinstance(event, Deleted) and event.message_id == said


async def test_all_that_it_says_it_performs_it_does(heart: Heart) -> None:
    stage = heart.stage
    root = stage.say("the gate stops")
    await heart.arrived(1)
    assert {Post, Say, Think, Delete, Draft, Edit, Revise, React, Whisper, Show} <= heart.adapter.performs
    asked = Question(
        channel=stage.channel, user=stage.ann, text="the gate stops", link="https://example.com/q"
    )
    draft = Draft(
        id="d0ff", channel=stage.channel, question=asked, suggestion=SUGGESTION, opened_at=NOW, now=NOW
    )
    button = Button(verb=Verb.REVERT, label="Revert", night="2026-01-01", confirm="All of it?")
    card = Card(title="Night", groups=(Group(heading="New", rows=(row("one thing"),)),), buttons=(button,))
    show = Show(id="5400", channel=stage.channel, card=card, opened_at=NOW)
    whisper = Whisper(
        id="w",
        channel=stage.channel,
        reply_to=None,
        user=stage.ann,
        text="Why?",
        now=NOW,
        subject="4f00aa",
        buttons=Buttons.REASONS,
    )
    drafted = await heart.adapter.perform(draft)
    assert await heart.adapter.find_post(draft) == drafted
    await asyncio.sleep(heart.adapter.post_interval)
    shown = await heart.adapter.perform(show)
    assert await heart.adapter.find_post(show) == shown
    edit = Edit(channel=stage.channel, message_id=drafted.message_id, text="Draft dismissed", link=asked.link)
    react = React(channel=stage.channel, message_id=root, name="paperclip")
    for act in (replace(show, message_id=shown.message_id), edit, edit, react, react, whisper):
        assert isinstance(await heart.adapter.perform(act), Receipt)


async def test_a_form_is_opened_for_who_asks_for_it(heart: Heart) -> None:
    stage = heart.stage
    trigger = root = stage.say("the gate stops")
    await heart.arrived(1)
    if stage.choose_save(root):
        event = heart.event((await heart.arrived(2))[1])
        assert isinstance(event, AskedToSave) and event.message_id == root
        trigger = event.trigger
    form = SaveForm(
        message_id=root,
        channel=stage.channel,
        title="Gate",
        problem="the gate stops",
        solution="",
        may_be_everywhere=True,
    )
    assert Ask in heart.adapter.performs
    ask = Ask(channel=stage.channel, user=stage.ann, form=form, trigger=trigger)
    assert isinstance(await heart.adapter.perform(ask), Receipt)


async def test_what_is_said_in_words_of_its_own_stands_there_once_and_is_found(heart: Heart) -> None:
    stage = heart.stage
    root = stage.say("@earshot who painted the moon?")
    await heart.arrived(1)
    rows = (row("I don't know. The closest I have is: ", Piece(text="Gate", link="https://example.com/a")),)
    card = Card(title="", groups=(Group(heading="", rows=rows),))
    say = Say(id="5a77", channel=stage.channel, reply_to=root, card=card, now=NOW)
    assert await heart.adapter.find_post(say) is None
    receipt = await heart.adapter.perform(say)
    assert await heart.adapter.find_post(say) == receipt
    assert await heart.adapter.find_post(replace(say, id="another")) is None


async def test_the_sign_that_it_works_on_an_answer_is_put_on_and_taken_off(heart: Heart) -> None:
    root = heart.stage.say("@earshot how do I start the gate?")
    await heart.arrived(1)
    sign = Think(channel=heart.stage.channel, message_id=root, reply_to=root, on=True)
    for act in (sign, sign, replace(sign, on=False), replace(sign, on=False)):
        assert isinstance(await heart.adapter.perform(act), Receipt)


async def test_who_is_in_a_channel_is_told_or_said_to_be_unknown(heart: Heart) -> None:
    try:
        inside = await heart.adapter.members(heart.stage.channel)
    except LookupFailed:
        inside = frozenset({heart.stage.ann})  # nobody told the room
    assert heart.stage.ann in inside


async def test_a_channel_and_a_person_go_by_their_names(heart: Heart) -> None:
    named = await heart.adapter.place("#help")
    assert named is not None and named.id == heart.stage.channel
    described = await heart.adapter.describe(Channel(id=heart.stage.channel))
    assert (
        described.name in ("help", None) and described.id == heart.stage.channel
    )  # a room says what it was told
    assert [person.id for person in await heart.adapter.people(heart.stage.ann)] in ([heart.stage.ann], [])


async def test_a_group_that_nobody_knows_is_said_so(heart: Heart) -> None:
    with pytest.raises(LookupFailed):
        await heart.adapter.people("@nobody")


async def test_a_picture_that_somebody_sent_can_be_looked_at(heart: Heart) -> None:
    picture = b"\x89PNG\r\n\x1a\n of the gate"
    heart.stage.attach(picture)
    event = heart.event((await heart.arrived(1))[0])
    assert isinstance(event, Heard) and isinstance(heart.adapter, SlackAdapter | LarkAdapter)
    said = replace(event.message, thread=event.message.id)
    thread = Thread(id=said.id, channel=said.channel, messages=(said,))
    images = PicturesOfPlatforms({heart.adapter.name: heart.adapter})
    assert await images.load(thread, read=False) == Pictures(unseen=1)
    loaded = await images.load(thread, read=True)
    assert [image.content for image in loaded.images] == [picture] and loaded.unseen == 0


async def test_an_edit_is_told_or_found_when_it_is_read_again(heart: Heart) -> None:
    said = heart.stage.say("the gate stops")
    await heart.arrived(1)
    assert await heart.adapter.reread([said]) == {}
    assert heart.stage.edit(said, "the gate starts") is heart.adapter.tells_edits
    if heart.adapter.tells_edits:
        event = heart.event((await heart.arrived(2))[1])
        assert isinstance(event, Edited) and (event.message_id, event.text) == (said, "the gate starts")
        assert await heart.adapter.reread([said]) == {}
    else:
        assert await heart.adapter.reread([said]) == {said: "the gate starts"}


async def read_back(heart: Heart, since: datetime = NOW - timedelta(days=1), **more: str) -> list[Page]:
    channel = await heart.adapter.describe(Channel(id=heart.stage.channel))
    return [page async for page in heart.adapter.history(channel, since, **more)]


def found_in(pages: list[Page]) -> list[Arrival]:
    return [arrival for page in pages for arrival in page.found]


async def test_what_was_said_is_read_back_oldest_first_as_it_arrived(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    heart.stage.say("since monday", root)
    heart.stage.say("lunch?")
    live = sorted(await heart.arrived(3), key=lambda arrival: arrival.at)
    await heart.adapter.perform(post_to(heart.stage, root))
    pages = await read_back(heart)
    (thread,) = await read_back(heart, thread=root)
    assert {name for page in pages for name in page.threads} == {root}
    both = [live[0], live[2]], [live[0], live[1]]
    for read, arrived in zip((found_in(pages), found_in([thread])), both, strict=True):
        assert [one.content_key for one in read] == [one.content_key for one in arrived]
        assert read[1].conversation == arrived[1].conversation  # the first now begins a thread
        assert [one.at for one in read] == [one.at for one in arrived]
        for one, other in zip(read, arrived, strict=True):
            event, told = heart.event(one), heart.event(other)
            assert isinstance(event, Heard) and isinstance(told, Heard)
            begins = event.message.thread == event.message.id
            message = replace(event.message, thread="") if begins else event.message
            assert (message, event.channel.id) == (told.message, told.channel.id)


async def test_reading_back_goes_on_behind_the_last_page(heart: Heart) -> None:
    heart.stage.say("the gate stops")
    await heart.arrived(1)
    first = await read_back(heart)
    heart.stage.say("lunch?")
    await heart.arrived(2)
    rest = found_in(await read_back(heart, cursor=str(first[-1].cursor)))
    assert [one.content_key for one in rest][-1:] == [heart.arrivals[1].content_key]
    assert len(rest) <= 2  # Lark counts from whole seconds on, so the last one may come again


async def test_a_thread_read_back_tells_what_is_new_changed_and_gone(heart: Heart) -> None:
    root = heart.stage.say("the gate stops")
    inner = heart.stage.say("since monday", root)
    other = heart.stage.say("no, tuesday", root)
    await heart.arrived(3)
    heart.stage.edit(inner, "since sunday")
    heart.stage.take_back(other)
    (page,) = await read_back(heart, thread=root)
    events = [heart.event(arrival) for arrival in page.found]
    texts = {event.message.id: event.message.text for event in events if isinstance(event, Heard)}
    assert texts == {root: "the gate stops", inner: "since sunday"}
    assert set(page.edited) == {inner}
    assert other in page.gone or page.whole  # said to be gone, or not in what is all of the thread


async def test_the_channels_that_it_is_in_are_listed(heart: Heart) -> None:
    listed = {channel.id: channel.name for channel in await heart.adapter.channels()}
    assert listed.get(heart.stage.channel) in ("help", None)
    assert bool(listed) is (heart.adapter.name != "room")


async def test_stopping_twice_is_stopping(heart: Heart) -> None:
    await heart.adapter.close()
    await heart.adapter.close()


async def test_being_let_in_and_taken_out_of_a_channel_is_told(heart: Heart) -> None:
    stage = heart.stage
    stage.take_out()
    stage.let_in()
    left, joined = map(heart.event, await heart.arrived(2))
    assert isinstance(left, Left) and (left.channel, left.how) == (stage.channel, Departure.LEFT)
    assert isinstance(joined, Joined) and (joined.channel.id, joined.by) == (stage.channel, stage.ann)
    assert left.at <= joined.at and heart.arrivals[0].conversation == heart.arrivals[1].conversation


async def test_another_name_of_a_channel_is_told_and_holds_at_once(heart: Heart) -> None:
    stage = heart.stage
    assert (await heart.adapter.describe(Channel(id=stage.channel))).name == "help"
    stage.rename("helpdesk")
    (changed,) = map(heart.event, await heart.arrived(1))
    assert isinstance(changed, Changed) and (changed.channel, changed.name) == (stage.channel, "helpdesk")
    assert (await heart.adapter.describe(Channel(id=stage.channel))).name == "helpdesk"
    assert (await heart.adapter.place("#help")) is None
    named = await heart.adapter.place("#helpdesk")
    assert named is not None and named.id == stage.channel


async def test_who_left_a_channel_is_not_in_it_any_more_at_once(heart: Heart) -> None:
    stage = heart.stage
    assert stage.ann in await heart.adapter.members(stage.channel)
    stage.leave()
    (gone,) = map(heart.event, await heart.arrived(1))
    assert isinstance(gone, PeopleLeft) and (gone.channel, gone.users) == (stage.channel, (stage.ann,))
    assert stage.ann not in await heart.adapter.members(stage.channel)


async def test_the_end_of_a_channel_is_told(heart: Heart) -> None:
    heart.stage.end()
    (ended,) = map(heart.event, await heart.arrived(1))
    assert isinstance(ended, Left)
    assert (ended.channel, ended.how) == (heart.stage.channel, Departure.DELETED)
