"""What people in Lark meet: the real long-connection client against the local Lark, from the question to the thumb."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from bot import ledger, nights, votes
from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain, Think, Whisper
from bot.adapters.adapter import Arrival, LookupFailed
from bot.adapters.lark import LarkAdapter, LarkStartFailed
from bot.adapters.lark_api import ApiRefused, LarkApi
from bot.adapters.lark_link import ENDPOINT_WITHIN, PATIENCE, PAUSES
from bot.night import run_night
from bot.scorer import Action
from bot.tables import Sent, outbox
from knowledge.audience import Standing
from knowledge.entry import PUBLIC
from tests.bot.running import QUESTION, SOLUTION, entry
from tests.bot.running_lark import (
    ANN,
    BOB,
    CARL,
    CHAT,
    TOPICS,
    Running,
    app_of,
    config,
    link,
    running,
    tenant,
)
from tests.local_lark import (
    ApiError,
    DropAfterEffect,
    DropBefore,
    Fault,
    Hang,
    Http500,
    Limited,
    LocalLark,
    Message,
    Pass,
    Said,
)
from tests.local_lark.cards import text_of, walk

NOW = datetime.now(UTC)
QUIET = 0.3  # seconds in which nothing more must happen


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


async def handled(run: Running, message: str, chat: str = CHAT) -> Action:
    """The final decision about a message."""
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, run.whole(message, chat)))
        if row is not None and row.action != Action.WAIT:
            return Action(row.action)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{message} was not decided; {run.lark.report()}")


async def answered(run: Running, message: str, count: int = 1) -> None:
    await answered_in(run.lark, message, count)


async def answered_in(lark: LocalLark, message: str, count: int = 1) -> None:
    await lark.until(lambda: len(lark.replies(message)) >= count)


async def test_a_question_gets_one_card_in_its_topic_with_its_source(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
    (reply,) = lark.sent()
    assert reply.type == "interactive" and reply.root == asked
    assert reply.topic == lark.message(asked).topic is not None
    said = text_of(reply.card)
    assert SOLUTION.split(".")[0] in said and "[1]" in said
    assert "https://example.slack.com/archives/C0OLD/p1600000001000001" in said
    assert "analyst, 3 months ago, confirmed" in said
    labels = [one["text"]["content"] for one in walk(reply.card) if one["tag"] == "button"]
    assert labels == ["Helpful", "Not helpful"]
    assert lark.all_acked()


async def texts(run: Running) -> list[str]:
    return await run.database.run(
        lambda c: list(c.exec_driver_sql("select text from messages order by at").scalars())
    )


async def becomes(run: Running, wanted: dict[str, bool]) -> None:
    """Wait until these people have voted so on the one suggestion."""
    for _ in range(500):
        found = await run.database.run(
            lambda c: votes.votes_on(c, c.exec_driver_sql("select id from suggestions").scalar_one())
        )
        if {user.rpartition("/")[2]: helpful for user, helpful in found.items()} == wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the votes are {found}, not {wanted}")


async def shown_to(lark: LocalLark, user: str, count: int = 1) -> Message:
    """The last card shown to ``user`` alone, once there were ``count``."""

    def found() -> list[Message]:
        return [one for one in lark.sent() if one.ephemeral_to == user]

    await lark.until(lambda: len(found()) >= count)
    return found()[-1]


# ---- what is said


async def test_chatter_is_met_with_silence(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        for chatter in ("lunch?", "谢谢，好了"):
            assert await handled(run, lark.say(CHAT, ANN, chatter)) is Action.SILENT
    assert lark.sent() == []


async def test_a_question_as_a_rich_post_is_understood(lark: LocalLark, tmp_path: Path) -> None:
    post = {
        "title": "Gate",
        "content": [
            [
                {"tag": "text", "text": "The gate stops with "},
                {"tag": "text", "text": "MLR-4090", "style": ["bold"]},
            ],
            [{"tag": "img", "image_key": "img_1"}],
            [{"tag": "text", "text": "since this morning, how do I make it start again?"}],
        ],
    }
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, type="post", content=post)
        await answered(run, asked)
        assert (await texts(run))[0].split("\n") == [
            "Gate",
            "The gate stops with MLR-4090",
            "[image]",
            "since this morning, how do I make it start again?",
        ]


async def test_what_was_forwarded_together_is_read(lark: LocalLark, tmp_path: Path) -> None:
    lines = (Said(chat=CHAT, user=CARL, text="It stops."), Said(chat=CHAT, user=BOB, text="Since when?"))
    async with running(lark, tmp_path) as run:
        sent = lark.say(CHAT, ANN, type="merge_forward", content={}, children=lines)
        await handled(run, sent)
        assert await texts(run) == [f"[forwarded]\n@{CARL}: It stops.\n@{BOB}: Since when?"]


async def test_an_order_that_mentions_the_bot_is_obeyed(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        root = lark.say(TOPICS, ANN, "Something about the gate")
        lark.say(TOPICS, ANN, f"{{{lark.bot}}} mute", root=root, mentions=(lark.bot,))
        asked = lark.say(TOPICS, ANN, QUESTION, root=root)
        assert await handled(run, asked, TOPICS) is Action.SILENT
        await lark.until(lambda: bool(lark.sent(lark.dm(ANN))))
    (told,) = lark.sent()  # to who ordered it, alone
    assert (told.chat, "keep quiet" in text_of(told.card)) == (lark.dm(ANN), True)


async def test_each_topic_is_a_conversation_of_its_own(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        first = lark.say(TOPICS, ANN, QUESTION)
        await answered(run, first)
        second = lark.say(TOPICS, ANN, "Does anybody know when the office opens?")
        await handled(run, second, TOPICS)
        conversations = await run.database.run(
            lambda c: set(c.exec_driver_sql("select conversation from messages").scalars())
        )
    assert conversations == {run.whole(first, TOPICS), run.whole(second, TOPICS)}


async def test_a_direct_message_is_answered_there(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(lark.dm(ANN), ANN, QUESTION)
        await answered(run, asked)
    assert [one.chat for one in lark.sent()] == [lark.dm(ANN)]


async def test_a_topic_that_began_before_us_is_read_first(lark: LocalLark, tmp_path: Path) -> None:
    root = lark.say(TOPICS, CARL, "Does anybody know what this is about?")
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(TOPICS, ANN, QUESTION, root=root)
        assert (
            await handled(run, asked, TOPICS) is Action.SILENT
        )  # Carl asks here; Ann talks about his question
    assert lark.sent() == []


async def test_another_bot_and_an_analyst_get_no_answer(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        for asked in (lark.say(CHAT, "ou_robot", QUESTION, by_bot=True), lark.say(CHAT, BOB, QUESTION)):
            assert await handled(run, asked) is Action.SILENT
    assert lark.sent() == []


async def test_a_group_with_people_of_another_company_hears_nothing(lark: LocalLark, tmp_path: Path) -> None:
    lark.add_chat("oc_shared", "shared", members=[ANN], external=True)
    async with running(lark, tmp_path, [entry()]) as run:
        assert await handled(run, lark.say("oc_shared", ANN, QUESTION), "oc_shared") is Action.SILENT
    assert lark.sent() == []


# ---- once and only once


async def test_delivered_again_and_again_answered_once(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say_twice(CHAT, ANN, QUESTION)
        await answered(run, asked)
        lark.redeliver(asked)
        await asyncio.sleep(QUIET)
    assert len(lark.sent()) == 1


async def test_an_answer_that_lark_gave_no_answer_to_stands_there_once(
    lark: LocalLark, tmp_path: Path
) -> None:
    lark.faults["message.reply"].append(DropAfterEffect())
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await lark.until(lambda: len(lark.calls("message.reply")) >= 1)
        await answered(run, asked)
        await lark.until(
            lambda: (
                run.database.run_blocking(
                    lambda c: c.exec_driver_sql("select posted_id from suggestions").scalar()
                )
                is not None
            )
        )
        await asyncio.sleep(QUIET)
    assert len(lark.sent()) == 1
    assert len({call.body["uuid"] for call in lark.calls("message.reply")}) == 1


async def test_a_stop_in_the_middle_of_posting_neither_loses_nor_doubles_the_answer(
    lark: LocalLark, tmp_path: Path
) -> None:
    lark.faults["message.reply"].append(DropAfterEffect())
    async with running(lark, tmp_path, [entry()]):
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered_in(lark, asked)
    async with running(lark, tmp_path, [entry()]) as run:
        await lark.until(
            lambda: (
                run.database.run_blocking(
                    lambda c: c.exec_driver_sql("select posted_id from suggestions").scalar()
                )
                == run.whole(lark.sent()[0].id)
            )
        )
    assert len(lark.sent()) == len(lark.calls("message.reply")) == 1  # it was read back, not sent again


async def test_a_card_that_lark_refuses_is_said_as_a_text(lark: LocalLark, tmp_path: Path) -> None:
    lark.faults["message.reply"].append(ApiError(230099, "Failed to create card content"))
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
    (reply,) = lark.sent()
    assert reply.type == "text" and SOLUTION.split(".")[0] in reply.card["text"]
    assert "https://example.slack.com/archives/C0OLD/p1600000001000001" in reply.card["text"]


async def test_where_a_chat_has_no_topics_the_answer_stands_beside_the_question(
    lark: LocalLark, tmp_path: Path
) -> None:
    lark.faults["message.reply"].append(ApiError(230071))
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
    assert [(one.root, one.topic) for one in lark.sent()] == [(asked, None)]


async def test_a_group_that_is_gone_is_not_written_to_again(lark: LocalLark, tmp_path: Path) -> None:
    lark.faults["message.reply"].append(ApiError(232009, "a chat which has already been dissolved"))
    async with running(lark, tmp_path, [entry()]):
        lark.say(CHAT, ANN, QUESTION)
        lark.disband(TOPICS)
        await lark.until(lambda: bool(lark.calls("message.reply")))
        await lark.until(lark.all_acked)
        await asyncio.sleep(QUIET)
    assert lark.sent() == [] and len(lark.calls("message.reply")) == 1


# ---- who speaks to it


UNKNOWN = "who painted the moon above the harbour?"


async def test_who_mentions_it_in_a_group_is_answered_whatever_the_dial_says(
    lark: LocalLark, tmp_path: Path
) -> None:
    strict = {"wait_seconds": "300", "precision": "0.99", "max_per_hour": "1", "max_per_thread": "1"}
    async with running(lark, tmp_path, [entry()], settings=config(defaults=strict)) as run:
        asked = lark.say(CHAT, ANN, f"{{{lark.bot}}} {QUESTION}", mentions=(lark.bot,))
        await answered(run, asked)
        other = lark.say(CHAT, CARL, f"{{{lark.bot}}} {UNKNOWN}", mentions=(lark.bot,))
        await answered(run, other)
    (cited,), (unknown,) = lark.replies(asked), lark.replies(other)
    assert SOLUTION.split(".")[0] in text_of(cited.card)
    assert "I have nothing that is close to it" in text_of(unknown.card)


async def test_a_direct_message_always_gets_an_answer(lark: LocalLark, tmp_path: Path) -> None:
    far = entry("The colour of the login page is odd in the morning", "Ask the designers about it.")
    async with running(lark, tmp_path, [far]) as run:
        asked = lark.say(lark.dm(ANN), ANN, "How can I change the colour of the login page of our intranet?")
        await answered(run, asked)
        wants_help = lark.say(lark.dm(ANN), ANN, "help")
        await answered(run, wants_help)
    (closest,), (helped,) = lark.replies(asked), lark.replies(wants_help)
    assert "[The colour of the login page is odd in the morning](https://" in text_of(closest.card)
    assert "designers" not in text_of(closest.card)  # a title and a link, never a claim
    assert "@Earshot status" in text_of(helped.card) and "/earshot" not in text_of(helped.card)


async def test_a_bare_mention_in_a_topic_gets_the_hand_over(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(TOPICS, ANN, QUESTION)
        tried = lark.say(TOPICS, BOB, "Did you restart the gate after the update?", root=root)
        await handled(run, tried, TOPICS)
        lark.say(TOPICS, ANN, f"{{{lark.bot}}}", root=root, mentions=(lark.bot,))
        await answered(run, root)
    (summary,) = lark.replies(root)
    assert "The gate stops with MLR" in text_of(summary.card)


async def test_where_it_may_not_speak_up_a_mention_is_answered_to_one_alone(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path, [entry()], settings=config(defaults={"mode": "draft"})):
        lark.say(CHAT, ANN, f"{{{lark.bot}}} {QUESTION}", mentions=(lark.bot,))
        told = await shown_to(lark, ANN)
    assert SOLUTION.split(".")[0] in text_of(told.card)
    assert [one.ephemeral_to for one in lark.sent()] == [ANN]


async def test_an_answer_that_a_stop_cut_off_is_found_and_comes_once(lark: LocalLark, tmp_path: Path) -> None:
    lark.faults["message.reply"].append(DropAfterEffect())
    async with running(lark, tmp_path):
        asked = lark.say(CHAT, ANN, f"{{{lark.bot}}} {UNKNOWN}", mentions=(lark.bot,))
        await answered_in(lark, asked)
    async with running(lark, tmp_path) as run:
        await lark.until(lambda: run.database.run_blocking(_unsent) == 0)
    assert len(lark.replies(asked)) == len(lark.calls("message.reply")) == 1


def _unsent(connection: Connection) -> int:
    waiting = outbox.c.state.in_([Sent.INTENT, Sent.SENDING])
    return connection.execute(select(func.count()).select_from(outbox).where(waiting)).scalar_one()


async def test_a_sign_of_thinking_is_taken_off_again_though_putting_it_on_was_cut_off(
    lark: LocalLark,
) -> None:
    adapter = LarkAdapter([app_of(lark)])
    await adapter.check()
    home = f"lark:{lark.app_id}/{CHAT}"
    first, second = lark.say(CHAT, ANN, QUESTION), lark.say(CHAT, ANN, QUESTION)
    signs = [
        Think(channel=home, message_id=f"{home}/{said}", reply_to=f"{home}/{said}", on=True)
        for said in (first, second)
    ]
    await adapter.perform(signs[0])
    assert [emoji for _, _, emoji in lark.message(first).reactions] == ["Typing"]
    lark.faults["reaction.create"].append(DropAfterEffect())
    with pytest.raises(ActUncertain):
        await adapter.perform(signs[1])
    for sign in signs:
        await adapter.perform(replace(sign, on=False))
    await adapter.close()
    assert lark.message(first).reactions == lark.message(second).reactions == []


async def test_who_is_of_another_company_is_no_member(lark: LocalLark) -> None:
    eve = lark.add_user("ou_eve", "Eve", tenant="tenant-2")
    shared = lark.add_chat("oc_shared", "shared", members=[ANN, eve], external=True)
    heard: list[Arrival] = []

    async def emit(arrival: Arrival) -> None:
        heard.append(arrival)

    adapter = LarkAdapter([app_of(lark)], link)
    await adapter.listen(emit)
    home = f"lark:{lark.app_id}"
    with pytest.raises(
        LookupFailed, match="41050"
    ):  # nothing is told of her, and nothing is taken for granted
        await adapter.people(f"{home}/{eve}")
    lark.say(shared, eve, "hello")
    await lark.until(lambda: len(heard) == 1)
    (person,) = await adapter.people(f"{home}/{eve}")
    (ann,) = await adapter.people(f"{home}/{ANN}")
    await adapter.close()
    assert (person.standing, ann.standing) == (Standing.STRANGER, Standing.MEMBER)


# ---- thumbs, buttons, drafts


async def test_reactions_are_votes_though_lark_does_not_say_where(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
        (reply,) = lark.sent()
        lark.react(reply.id, ANN, "THUMBSUP")
        await becomes(run, {ANN: True})
        lark.react(reply.id, BOB, "ThumbsDown")
        await becomes(run, {ANN: True, BOB: False})
        lark.unreact(reply.id, BOB, "ThumbsDown")
        await becomes(run, {ANN: True})
        lark.react(asked, BOB, "DONE")
        await lark.until(
            lambda: run.database.run_blocking(lambda c: ledger.ticket_counts(c)) == {"closed": 1}
        )


async def test_a_button_is_a_vote_and_asks_for_the_reason_privately(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
        click = lark.click(lark.sent()[0].id, ANN, "Not helpful")
        await becomes(run, {ANN: False})
        assert click.answers == [(200, {"toast": {"type": "info", "content": "Thank you."}})]
        why = await shown_to(lark, ANN)
        assert "Why did it not help?" in text_of(why.card)
        lark.click(why.id, ANN, "Outdated")
        noted = await shown_to(lark, ANN, 2)
        assert "Noted: outdated" in text_of(noted.card)
        await lark.until(lambda: lark.message(why.id).deleted)  # the question gives way to the answer


async def test_where_nothing_is_shown_to_one_alone_it_comes_as_a_direct_message(
    lark: LocalLark, tmp_path: Path
) -> None:
    lark.faults["ephemeral.send"].append(ApiError(18053))  # as a group of topics answers
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
        lark.click(lark.sent()[0].id, ANN, "Not helpful")
        await lark.until(lambda: len(lark.sent(lark.dm(ANN))) == 1)
        why = lark.sent(lark.dm(ANN))[0]
        lark.click(why.id, ANN, "Wrong")
        await lark.until(lambda: lark.message(why.id).deleted)


async def test_what_stands_in_a_group_is_shown_to_nobody_outside(lark: LocalLark) -> None:
    lark.add_chat("oc_small", "small", mode="topic", members=[ANN])
    adapter = LarkAdapter([app_of(lark)])
    home = f"lark:{lark.app_id}"
    shown = Whisper(
        id="w", channel=f"{home}/oc_small", reply_to=None, user=f"{home}/{BOB}", text="A draft", now=NOW
    )
    with pytest.raises(ActRefused, match="ou_bob is not known to be in"):
        await adapter.perform(shown)
    await adapter.perform(replace(shown, user=f"{home}/{ANN}"))
    await adapter.close()
    assert [one.chat for one in lark.sent()] == [lark.dm(ANN)]


async def test_the_right_answer_can_be_given_in_the_card(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
        lark.click(lark.sent()[0].id, ANN, "Not helpful")
        why = await shown_to(lark, ANN)
        lark.click(
            why.id, ANN, "Give the right answer", {"earshot_answer": "Empty the spill folder by hand."}
        )
        await shown_to(lark, ANN, 2)
        kept = await run.database.run(
            lambda c: list(c.exec_driver_sql("select text from corrections").scalars())
        )
        assert kept == ["Empty the spill folder by hand."]


async def test_a_draft_is_shared_from_the_analysts_group(lark: LocalLark, tmp_path: Path) -> None:
    lark.add_chat("oc_drafts", "Drafts", members=[BOB])
    speaking = {"wait_seconds": "0", "precision": "0.5", "max_per_hour": "100", "mode": "draft"}
    settings = config(defaults=speaking, drafts_to="#drafts")
    async with running(lark, tmp_path, [entry()], settings=settings) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await lark.until(lambda: len(lark.sent("oc_drafts")) == 1)
        (draft,) = lark.sent("oc_drafts")
        said = text_of(draft.card)
        assert "of &#35;" not in said and "Ann Ash" in said and " in help" in said
        lark.click(draft.id, BOB, "Share")
        await answered(run, asked)
        await lark.until(lambda: "shared by" in text_of(lark.message(draft.id).card))
        assert [one for one in walk(lark.message(draft.id).card) if one["tag"] == "button"] == []
        await lark.until(lark.all_acked)


# ---- recalls


async def test_what_is_recalled_is_erased(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        said = lark.say(CHAT, ANN, "My password is hunter2, why does it not work?")
        await handled(run, said)
        lark.recall(said)
        await lark.until(lambda: run.database.run_blocking(lambda c: _count(c, "messages")) == 0)


def _count(connection: object, table: str) -> int:
    return int(connection.exec_driver_sql(f"select count(*) from {table}").scalar_one())  # type: ignore[attr-defined]


async def test_a_recalled_source_takes_the_answer_with_it(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(TOPICS, CARL, "How is the report called that lists the late flows?")
        source = lark.say(TOPICS, BOB, SOLUTION, root=root)
        await handled(run, source, TOPICS)
        known = entry(origin=run.whole(root, TOPICS), source=run.whole(source, TOPICS))
        await run.app.bot.knowledge.learn([known])
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)
        lark.recall(source)
        await lark.until(lambda: lark.replies(asked) == [])
        assert await run.app.bot.knowledge.count() == 0


async def test_edits_that_lark_tells_nobody_of_are_read_before_a_thread_is_learnt(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path) as run:
        root = lark.say(CHAT, ANN, QUESTION)
        fix = lark.say(CHAT, BOB, SOLUTION.replace("7d", "1d"), root=root)
        aside = lark.say(CHAT, BOB, "My own phone number is in the wiki.", root=root)
        done = lark.say(CHAT, ANN, "That fixed it, thanks a lot!", root=root)
        await handled(run, done)
        lark.edit(fix, SOLUTION)
        lark.message_is_gone(aside)
        lark.react(root, BOB, "DONE")
        await lark.until(lambda: bool(run.database.run_blocking(nights.count_closed)))
        await run_night(run.app.bot, date(2026, 1, 1), again=True)
        assert SOLUTION in await texts(run) and len(await texts(run)) == 3
        changes = "select kind, subject from audit where kind in ('edited', 'deleted')"
        rows = await run.database.run(lambda c: list(c.exec_driver_sql(changes)))
        recorded = sorted((kind, subject) for kind, subject in rows)
        assert recorded == [("deleted", run.whole(aside)), ("edited", run.whole(fix))]
        asked = lark.say(CHAT, CARL, f"Good morning everybody. {QUESTION}")
        await answered(run, asked)
    assert "--older 7d" in text_of(lark.sent()[0].card)


# ---- the connection


async def test_a_burst_over_a_cut_connection_loses_nothing(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        first = [lark.say(CHAT, ANN, f"line {number} of what happened here") for number in range(12)]
        lark.cut()
        second = [lark.say(CHAT, ANN, f"line {number} of what happened then") for number in range(12)]
        await lark.until(lark.all_acked)
        for message in (*first, *second):
            await handled(run, message)
        assert len(await texts(run)) == 24
    assert lark.link.opened >= 2


async def test_a_long_event_that_comes_in_parts_is_put_together(lark: LocalLark, tmp_path: Path) -> None:
    text = "The log says: " + "文字 and words. " * 1_500
    async with running(lark, tmp_path) as run:
        await handled(run, lark.say(CHAT, ANN, text))
        assert (await texts(run))[0].strip() == text.strip()


async def test_a_half_open_connection_is_noticed_and_replaced(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()], patience=0.3) as run:
        lark.go_deaf()
        await lark.until(lambda: lark.link.opened >= 2)
        await lark.until(lambda: run.adapter.links[0].connected)
        asked = lark.say(CHAT, ANN, QUESTION)
        await answered(run, asked)


async def test_a_refused_endpoint_does_not_end_the_listening(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        lark.faults["endpoint"] += [ApiError(403, status=403), Http500()]
        lark.cut()
        await lark.until(lambda: run.adapter.links[0].tries >= 2)
        state = run.adapter.links[0]
        assert not state.connected and state.why is not None and "endpoint" in state.why
        await lark.until(lambda: run.adapter.links[0].connected)
        assert run.adapter.links[0].why is None
        await handled(run, lark.say(CHAT, ANN, "good morning"))


async def test_a_program_that_waits_for_a_hung_endpoint_can_be_stopped(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path):
        lark.faults["endpoint"] += [Hang()]
        lark.cut()
        await lark.until(lambda: len(lark.calls("endpoint")) == 2)


async def test_a_hung_endpoint_is_given_up_and_asked_again(lark: LocalLark) -> None:
    api = LarkApi(lark.app_id, lark.app_secret, lark.url)
    lark.faults["endpoint"] += [Hang()]
    with pytest.raises(TimeoutError):
        await api.endpoint(0.2)
    assert "ws://" in (await api.endpoint(10.0))["URL"]
    await api.close()


async def test_a_store_that_cannot_keep_an_event_leaves_it_unacknowledged(lark: LocalLark) -> None:
    failing = [True]

    async def take_in(_: dict[str, object]) -> dict[str, object]:
        if failing and failing.pop():
            raise OSError("the disk is full")
        return {}

    api = LarkApi(lark.app_id, lark.app_secret, lark.url)
    kept = link(api)
    kept.start(take_in)
    await lark.until(lark.connected)
    lark.say(CHAT, ANN, "keep this")
    await lark.until(lark.all_acked)
    await kept.stop()
    await api.close()
    assert [code for code, _ in lark.deliveries[0].answers] == [500, 200]


def test_a_dead_connection_is_replaced_within_a_minute_at_worst() -> None:
    # A look, its ping, the endpoint that hangs once, and the longest pause.
    assert PATIENCE + PATIENCE + ENDPOINT_WITHIN + max(PAUSES) <= 60


# ---- tokens, apps


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (DropBefore(), ActUncertain),
        (DropAfterEffect(), ActUncertain),
        (Http500(), ActUncertain),
        (ApiError(230049), ActUncertain),
        (Limited(), ActPostponed),
        (ApiError(230020), ActPostponed),
        (ApiError(230027), ApiRefused),
    ],
    ids=str,
)
async def test_what_took_effect_is_told_from_what_did_not_and_what_nobody_knows(
    lark: LocalLark, fault: Fault, error: type[Exception]
) -> None:
    api = LarkApi(lark.app_id, lark.app_secret, lark.url)
    lark.faults["message.create"].append(fault)
    body = {"receive_id": CHAT, "msg_type": "text", "content": '{"text": "so"}', "uuid": "u1"}
    try:
        with pytest.raises(error):
            await api.do("POST", "/open-apis/im/v1/messages", query={"receive_id_type": "chat_id"}, body=body)
    finally:
        await api.close()
    assert len(lark.sent()) == isinstance(fault, DropAfterEffect)
    assert len(lark.calls("message.create")) == 1


async def test_nothing_took_effect_where_nobody_listens() -> None:
    api = LarkApi("cli_1", "s", "http://127.0.0.1:9")
    with pytest.raises(ActPostponed):
        await api.do("DELETE", "/open-apis/im/v1/messages/om_1")
    await api.close()


async def test_a_revoked_token_is_fetched_anew_once_for_all(lark: LocalLark) -> None:
    api = LarkApi(lark.app_id, lark.app_secret, lark.url)
    await asyncio.gather(*(api.read(f"/open-apis/im/v1/chats/{CHAT}") for _ in range(10)))
    assert len(lark.calls("token")) == 1
    lark.revoke_tokens()
    await asyncio.gather(*(api.read(f"/open-apis/im/v1/chats/{CHAT}") for _ in range(10)))
    assert len(lark.calls("token")) == 2
    await api.close()


async def test_a_read_waits_for_a_limit_once(lark: LocalLark) -> None:
    api = LarkApi(lark.app_id, lark.app_secret, lark.url)
    lark.faults["chat.get"] += [Limited(0.2), Pass(), ApiError(230027)]
    assert (await api.read(f"/open-apis/im/v1/chats/{CHAT}"))["data"]["name"] == "help"
    with pytest.raises(LookupFailed, match="230027"):
        await api.read(f"/open-apis/im/v1/chats/{CHAT}")
    await api.close()


async def test_two_apps_are_heard_and_answered_each_by_itself(lark: LocalLark, tmp_path: Path) -> None:
    with LocalLark(app_id="cli_second") as second:
        tenant(second)
        # Each app counts as a workspace of its own, so only what is public is known to both.
        async with running(lark, tmp_path, [entry(audience=PUBLIC)], more=[second]) as run:
            first_asked, second_asked = lark.say(CHAT, ANN, QUESTION), second.say(CHAT, ANN, QUESTION)
            await answered(run, first_asked)
            await second.until(lambda: len(second.replies(second_asked)) == 1)
            assert [state.name for state in run.adapter.links] == [lark.app_id, "cli_second"]
        assert len(lark.sent()) == len(second.sent()) == 1
        assert second.violations == []


async def test_a_wrong_secret_is_said_at_the_start(lark: LocalLark) -> None:
    lark.api.secret = "another"
    adapter = LarkAdapter([app_of(lark)], link)
    with pytest.raises(LarkStartFailed, match="10014 app secret invalid; copy App ID and App Secret from"):
        await adapter.check()
    await adapter.close()
