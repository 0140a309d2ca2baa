"""What the command and the shortcuts are in Lark, which has neither for bots: words, replies and the bot's menu."""

import asyncio
import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import ledger, mutes, optouts
from bot.adapters.events import Channel, ChannelKind
from bot.scorer import Action
from tests.bot.running import QUESTION, SOLUTION, entry
from tests.bot.running_lark import ANN, BOB, CARL, CHAT, TOPICS, Running, running, tenant
from tests.local_lark import LocalLark, Message
from tests.local_lark.cards import text_of


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


async def decided(run: Running, message: str, chat: str = CHAT) -> None:
    """Wait until Earshot has decided about a message for good."""
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, run.whole(message, chat)))
        if row is not None and row.action != Action.WAIT:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{message} was not decided; {run.lark.report()}")


async def told(lark: LocalLark, user: str, count: int = 1) -> str:
    """What the last of ``count`` cards says that ``user`` alone was shown, in a group or directly."""

    def shown() -> list[Message]:
        return [one for one in lark.sent() if one.ephemeral_to == user or one.chat == lark.dm(user)]

    await lark.until(lambda: len(shown()) >= count)
    return html.unescape(text_of(shown()[-1].card))


def to_bot(lark: LocalLark, words: str, *, root: str, user: str = ANN, chat: str = CHAT, topic: bool) -> str:
    """``@Earshot words`` as an answer to ``root``."""
    text = f"{{{lark.bot}}} {words}"
    return lark.say(chat, user, text, root=root, topic=topic, mentions=(lark.bot,))


# ---- direct messages


async def test_the_words_of_the_command_work_in_direct_messages(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(CHAT, ANN, QUESTION)
        lark.say(CHAT, BOB, "Did you restart the gate after the update?", root=root)
        await decided(run, root)
        dm = lark.dm(ANN)
        for count, (words, answer) in enumerate(
            (
                (f"why {root}", "SILENT"),
                (f"summary {root}", "The gate stops with MLR"),
                ("help", "`om_…`"),
                (f"close {root}", "this conversation is over"),
                ("optout", "learn nothing"),
                ("why om_nowhere", "I did not hear this message"),
            ),
            1,
        ):
            lark.say(dm, ANN, words)
            assert answer.casefold() in (await told(lark, ANN, count)).casefold(), words
        assert await run.database.run(lambda c: optouts.opted_out(c)) == {f"lark:{lark.app_id}/{ANN}"}
        assert await run.database.run(lambda c: ledger.ticket_counts(c)) == {"closed": 1}
        # Nothing of it is kept as something that was said.
        kept = await run.database.run(
            lambda c: list(c.exec_driver_sql("select text from messages").scalars())
        )
        assert "help" not in kept and f"close {root}" not in kept


async def test_a_link_to_a_topic_names_the_message_that_began_it(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(TOPICS, ANN, QUESTION)
        inner = lark.say(TOPICS, BOB, "Did you restart the gate after the update?", root=root)
        await decided(run, inner, TOPICS)
        link = lark.link_to_topic(inner)
        lark.say(lark.dm(ANN), ANN, f"summary {link}")
        assert "The gate stops with MLR" in await told(lark, ANN)
        lark.say(lark.dm(CARL), CARL, f"summary {link}")  # who is not in that group
        assert "MLR" not in await told(lark, CARL)
        lark.say(lark.dm(ANN), ANN, f"summary {link.replace('omt_', 'omt_nowhere')}")
        assert "MLR" not in await told(lark, ANN, 2)
        (read,) = await run.adapter.fetch(Channel(id=f"lark:{lark.app_id}/{CHAT}"), lark.say(CHAT, ANN, "so"))
        assert read.message.link is not None and "&position=" in read.message.link


async def test_an_order_about_a_message_is_given_for_its_own_conversation(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(CHAT, ANN, QUESTION)
        await decided(run, root)
        lark.say(lark.dm(ANN), ANN, f"mute {root}")
        await told(lark, ANN)
        muted = await run.database.run(
            lambda c: (
                mutes.muted_here(c, run.whole(root), run.whole(CHAT).rpartition("/")[0]),
                mutes.muted_here(c, "other", f"lark:{lark.app_id}/{lark.dm(ANN)}"),
            )
        )
    assert muted[0] is not None and muted[1] is None


async def test_what_somebody_may_not_read_is_not_told_him_directly(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        secret = lark.say(TOPICS, BOB, QUESTION)  # Carl is not in that group
        await decided(run, secret, TOPICS)
        for count, words in enumerate((f"summary {secret}", f"why {secret}", f"close {secret}"), 1):
            lark.say(lark.dm(CARL), CARL, words)
            said = await told(lark, CARL, count)
            assert "MLR" not in said and "over" not in said
        assert await run.database.run(lambda c: ledger.ticket_counts(c)) != {"closed": 1}


async def test_a_question_that_begins_like_a_command_is_a_question(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]):
        for user, words in ((ANN, f"why so? {QUESTION}"), (CARL, f"ask {QUESTION}")):
            lark.say(lark.dm(user), user, words)
            assert SOLUTION.split(".")[0] in await told(lark, user)
        assert [one.root is None for one in lark.sent()] == [False, False]  # answers, in their threads


# ---- replies


async def test_why_as_a_reply_is_about_the_message_replied_to_and_told_to_one_alone(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await lark.until(lambda: len(lark.replies(asked)) == 1)
        chatter = lark.say(CHAT, CARL, "lunch?")
        await decided(run, chatter)
        to_bot(lark, "why", root=chatter, topic=False)
        about_chatter = await told(lark, ANN)
        to_bot(lark, "why", root=asked, topic=False)
        about_question = await told(lark, ANN, 2)
        to_bot(lark, "why", root=lark.replies(asked)[0].id, user=BOB, topic=False)
        about_answer = await told(lark, BOB)
    assert "SILENT" in about_chatter and "REPLY" in about_question and "REPLY" in about_answer
    assert [one.ephemeral_to for one in lark.sent()][1:] == [ANN, ANN, BOB]


async def test_why_in_a_topic_is_about_what_was_decided_there(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(TOPICS, ANN, QUESTION)
        await decided(run, root, TOPICS)
        to_bot(lark, "why?", root=root, chat=TOPICS, topic=True)
        assert "SILENT" in await told(lark, ANN)
    assert [one.chat for one in lark.sent()] == [lark.dm(ANN)]


async def test_summary_as_a_reply_is_the_hand_over_of_that_conversation(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(CHAT, ANN, QUESTION)
        await decided(run, root)
        to_bot(lark, "summary", root=root, user=BOB, topic=False)
        assert "The gate stops with MLR" in await told(lark, BOB)
    assert [one.ephemeral_to for one in lark.sent()] == [BOB]


# ---- the bot's menu


async def test_the_menu_does_what_the_command_does(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        for count, (key, answer) in enumerate(
            (("help", "@Earshot summary"), ("status", "open conversation"), ("optout", "learn nothing")), 1
        ):
            lark.choose(ANN, key)
            assert answer.casefold() in (await told(lark, ANN, count)).casefold()
        lark.choose(ANN, "something of another bot")
        await lark.until(lark.all_acked)
        place = await run.adapter.describe(Channel(id=f"lark:{lark.app_id}/{ANN}"))
        assert place.kind is ChannelKind.DIRECT
    assert {one.chat for one in lark.sent()} == {lark.dm(ANN)} and len(lark.sent()) == 3
