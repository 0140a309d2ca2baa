"""The life of a channel in Slack, met by the real client: coming, going, archived, renamed, with another id."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot import aliases, audit, ledger
from bot.audit import Kind
from bot.config import Config
from bot.forget import forget_channel
from bot.scorer import Action
from bot.tables import drafts, outbox, tickets
from bot.tickets import TicketState
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    OTHERS_QUESTION,
    PRIVATE,
    QUESTION,
    THIRD_QUESTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.local_slack import DropAfterEffect, Http429, LocalSlack, SlackError

NEW, NEW_ID = "C0NEW00001", "C0OTHER001"
QUIET = 0.3  # seconds in which nothing more must happen


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        local.add_channel(NEW, "machines", members=[ANN, BOB], with_bot=False)
        yield local
        assert local.violations == []


def whole(slack: LocalSlack, channel: str, ts: str = "") -> str:
    return f"slack:{slack.identity.team}/{channel}" + (f"/{ts}" if ts else "")


async def becomes(run: Running, holds: Callable[[Connection], bool]) -> None:
    for _ in range(1_000):
        if await run.database.run(holds):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(run.slack.report())


async def decided(run: Running, channel: str, ts: str) -> tuple[Action, str]:
    """The final decision about a message, and what decided it."""
    message = whole(run.slack, channel, ts)
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, message))
        if row is not None and row.action != Action.WAIT:
            return Action(row.action), ledger.first_reason(row)[0]
        await asyncio.sleep(0.01)
    raise AssertionError(f"{message} was not decided; {run.slack.report()}")


async def told(run: Running, what: str, count: int = 1) -> None:
    """Wait until the record says so of a channel."""

    def is_told(connection: Connection) -> bool:
        found = audit.rows(connection, audit.Wanted(kinds=frozenset({Kind.CHANNEL})))
        return sum(f'"what":"{what}"' in row.detail.replace(" ", "") for row in found) >= count

    await becomes(run, is_told)


# ---- coming


async def introduced(slack: LocalSlack, channel: str = NEW) -> str:
    await slack.until(lambda: bool(slack.posts(channel)))
    await asyncio.sleep(QUIET)
    (post,) = slack.posts(channel)
    assert post.thread_ts is None
    return str(post.blocks)


async def test_who_invites_it_meets_one_short_introduction(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path):
        slack.join(NEW, slack.identity.bot_user, inviter=ANN)
        said = await introduced(slack)
        slack.join(NEW, CARL)
        await slack.until(slack.all_acked)
        await asyncio.sleep(QUIET)
    assert "I'm Earshot" in said and "mute channel" in said and "optout" in said
    assert "Ask @ann, who invited me" in said and f"<@{ANN}>" not in said  # shown, not pinged
    assert "may help in other channels" in said and said.count("\\n") == 3
    assert len(slack.posts(NEW)) == 1


async def test_it_names_the_admins_and_says_what_stays_private(slack: LocalSlack, tmp_path: Path) -> None:
    slack.leave(PRIVATE, slack.identity.bot_user)
    async with running(slack, tmp_path, settings=config(admins=[BOB, "lark:cli_1/ou_1", "ou_2"])):
        slack.join(PRIVATE, slack.identity.bot_user, inviter=ANN)
        said = await introduced(slack, PRIVATE)
    assert "Ask @bob." in said and "ou_" not in said
    assert "What I learn stays in this channel" in said


async def test_in_shadow_it_says_that_it_only_listens(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config(channels={"#machines": {"mode": "shadow"}})):
        slack.join(NEW, slack.identity.bot_user)
        said = await introduced(slack)
    assert "For now I only listen" in said and "mute" not in said


@pytest.mark.parametrize(
    ("settings", "external"),
    [
        (config(channels={"#machines": {"mode": "off"}}), False),
        (config(channels={NEW: {"introduce": "off"}}), False),
        (config(), True),
    ],
)
async def test_it_says_nothing_of_itself_where_it_is_off_or_others_read(
    slack: LocalSlack, tmp_path: Path, settings: Config, external: bool
) -> None:
    slack.share(NEW, shared=external)
    async with running(slack, tmp_path, settings=settings) as run:
        slack.join(NEW, slack.identity.bot_user, inviter=ANN)
        await told(run, "joined")
        await asyncio.sleep(QUIET)
    assert slack.posts(NEW) == []


async def test_coming_again_and_a_broken_connection_lead_to_no_second_one(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postMessage"].append(DropAfterEffect())
    async with running(slack, tmp_path) as run:
        slack.join(NEW, slack.identity.bot_user)
        await introduced(slack)
        await slack.until(
            lambda: bool(slack.calls("conversations.history"))
        )  # looked whether it stands there
        slack.leave(NEW, slack.identity.bot_user)
        await told(run, "left")
    async with running(slack, tmp_path) as run:
        slack.join(NEW, slack.identity.bot_user)
        await told(run, "joined", 2)
        await asyncio.sleep(QUIET)
    assert len(slack.posts(NEW)) == 1


async def test_who_was_taken_out_before_he_could_say_it_says_it_when_he_is_back(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postMessage"].append(Http429(1))
    async with running(slack, tmp_path) as run:
        slack.join(NEW, slack.identity.bot_user)
        await slack.until(lambda: bool(slack.calls("chat.postMessage")))
        slack.leave(NEW, slack.identity.bot_user)
        dropped = select(outbox.c.id).where(outbox.c.state == "dropped")
        await becomes(run, lambda c: c.execute(dropped).first() is not None)
        slack.join(NEW, slack.identity.bot_user)
        await introduced(slack)


async def test_while_slack_does_not_say_what_a_channel_is_called_nothing_is_said_there(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["conversations.info"] += [SlackError("internal_error"), SlackError("internal_error")]
    async with running(slack, tmp_path, settings=config(channels={"#machines": {"mode": "off"}})) as run:
        slack.join(NEW, slack.identity.bot_user)
        await slack.until(lambda: len(slack.calls("conversations.info")) == 2)
        assert await run.database.run(lambda c: ledger.is_known(c, whole(slack, NEW))) is False
    assert slack.posts(NEW) == []


async def test_a_mute_sign_on_the_introduction_mutes_the_channel_from_who_may(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.join(NEW, slack.identity.bot_user)
        await introduced(slack)
        (post,) = slack.posts(NEW)
        slack.react(NEW, post.ts, ANN, "mute")  # a customer
        answered = slack.post(NEW, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(answered)) == 1)
        slack.react(NEW, post.ts, BOB, "mute")  # an analyst
        await slack.until(slack.all_acked)
        await asyncio.sleep(QUIET)
        unanswered = slack.post(NEW, CARL, OTHERS_QUESTION)
        assert await decided(run, NEW, unanswered) == (Action.SILENT, "muted")


# ---- going


async def test_what_waited_in_an_archived_channel_is_let_go_and_works_again_afterwards(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=config(wait=60)) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await becomes(run, lambda c: ledger.last_decision(c, whole(slack, CHANNEL, ts)) is not None)
        slack.archive(CHANNEL)
        assert await decided(run, CHANNEL, ts) == (Action.SILENT, "out of reach")
        ticket = await run.database.run(lambda c: ledger.ticket(c, whole(slack, CHANNEL, ts)))
        assert ticket is not None and ticket.state is TicketState.CLOSED
        assert (
            await run.database.run(lambda c: ledger.closed_unlearnt(c, 5)) == []
        )  # nobody said it was solved
        slack.unarchive(CHANNEL)
        await told(run, "reopened")
    async with running(slack, tmp_path, [entry()]) as run:
        again = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        await slack.until(lambda: len(slack.bot_replies(again)) == 1)
    assert slack.bot_replies(ts) == []


async def test_what_was_resolved_before_the_end_is_still_learnt_from(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        slack.post(CHANNEL, ANN, "thanks, that fixed it!", thread_ts=ts)
        conversation = whole(slack, CHANNEL, ts)

        def is_resolved(connection: Connection) -> bool:
            ticket = ledger.ticket(connection, conversation)
            return ticket is not None and ticket.state is TicketState.RESOLVED

        await becomes(run, is_resolved)
        slack.remove(CHANNEL)
        await told(run, "deleted")
        (learnt,) = await run.database.run(lambda c: ledger.closed_unlearnt(c, 5))
    assert learnt.conversation == conversation


async def test_nothing_is_sent_to_a_channel_that_it_was_taken_out_of(
    slack: LocalSlack, tmp_path: Path
) -> None:
    settings = config(defaults={"mode": "draft", "wait_seconds": "0", "precision": "0.5"}, drafts_to=PRIVATE)
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: bool(slack.posts(PRIVATE)))
        (draft,) = slack.posts(PRIVATE)
        slack.leave(CHANNEL, slack.identity.bot_user)
        await slack.until(lambda: "expired" in slack.posts(PRIVATE)[0].text)
        suggestion = await run.database.run(lambda c: c.execute(select(drafts.c.suggestion_id)).scalar_one())

        def say_all_the_same(connection: Connection) -> None:
            connection.execute(
                outbox.insert().values(
                    suggestion_id=suggestion,
                    kind="post",
                    channel=whole(slack, CHANNEL),
                    state="intent",
                    tries=0,
                    due_at=0.0,
                )
            )

        await run.database.run(say_all_the_same)
        said_no = select(outbox.c.error).where(outbox.c.kind == "post", outbox.c.state == "dropped")
        await becomes(run, lambda c: c.execute(said_no).scalar() is not None)
        assert "not in the channel" in str(await run.database.run(lambda c: c.execute(said_no).scalar()))
    assert slack.bot_replies(ts) == [] and draft.channel == PRIVATE


async def test_an_answer_whose_source_went_in_an_archived_channel_is_taken_back_once_it_can_be(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run:
        source = slack.post(PRIVATE, BOB, "MLR-4090 means that the spill folder is full.")
        learnt = entry(source=whole(slack, PRIVATE, source), origin=whole(slack, PRIVATE, source))
        await run.knowledge.learn([learnt])
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        slack.archive(CHANNEL)
        await told(run, "archived")
        slack.delete(PRIVATE, source)
        dropped = select(outbox.c.id).where(outbox.c.kind == "delete", outbox.c.state == "dropped")
        await becomes(run, lambda c: c.execute(dropped).first() is not None)
        slack.unarchive(CHANNEL)
        await slack.until(lambda: slack.bot_replies(ts) == [])


async def test_word_from_a_channel_proves_that_it_is_back(slack: LocalSlack, tmp_path: Path) -> None:
    """Nobody told of its return: it was down."""
    async with running(slack, tmp_path) as run:
        slack.leave(CHANNEL, slack.identity.bot_user)
        await told(run, "left")
    slack.workspace.channels[CHANNEL].members.append(slack.identity.bot_user)
    async with running(slack, tmp_path, [entry()]):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)


async def test_who_left_a_private_channel_is_told_of_it_no_more(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        adapter = run.bot.adapters["slack"]
        private = whole(slack, PRIVATE)
        assert whole(slack, ANN) in await adapter.members(private)
        slack.leave(PRIVATE, ANN)
        await slack.until(slack.all_acked)
        assert whole(slack, ANN) not in await adapter.members(private)


# ---- other names and ids


async def test_settings_go_by_the_new_name_at_once_and_an_old_one_still_means_the_channel(
    slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config(channels={"#helpdesk": {"mode": "off"}, "#help-private": {"mode": "off"}})
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        first = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(first)) == 1)
        assert (await decided(run, PRIVATE, slack.post(PRIVATE, ANN, QUESTION)))[1] == "off"
        slack.rename(CHANNEL, "helpdesk")
        slack.rename(PRIVATE, "quiet-please")
        await told(run, "changed", 2)
        assert (await decided(run, CHANNEL, slack.post(CHANNEL, CARL, OTHERS_QUESTION)))[1] == "off"
        # Whoever renamed it did not mean to let it speak there.
        assert (await decided(run, PRIVATE, slack.post(PRIVATE, ANN, THIRD_QUESTION)))[1] == "off"
        assert "by a name that it had (#help-private); write '#quiet-please'" in caplog.text
        adapter = run.bot.adapters["slack"]
        new, old = await adapter.place("#helpdesk"), await adapter.place("#help")
        assert new is not None and old is not None and new.id == old.id == whole(slack, CHANNEL)
        assert await run.database.run(lambda c: ledger.find_channels(c, "#help")) == [whole(slack, CHANNEL)]


async def test_a_channel_that_is_shared_is_known_to_be_and_again_when_it_is_no_more(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.post(CHANNEL, ANN, "good morning everybody")
        await becomes(run, lambda c: ledger.is_known(c, whole(slack, CHANNEL)))
        slack.share(CHANNEL)
        await told(run, "changed")
        channel = await run.database.run(lambda c: ledger.channel_of(c, whole(slack, CHANNEL)))
        assert channel.external
        slack.share(CHANNEL, shared=False)
        await told(run, "changed", 2)
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)


async def test_a_channel_with_another_id_is_the_same_channel(slack: LocalSlack, tmp_path: Path) -> None:
    own = entry(audience=f"channel:{whole(slack, PRIVATE)}")
    async with running(slack, tmp_path, [own]) as run:
        ts = slack.post(PRIVATE, ANN, "Our gate is slow since the update.")
        await becomes(run, lambda c: ledger.ticket(c, whole(slack, PRIVATE, ts)) is not None)
        slack.renumber(PRIVATE, NEW_ID)
        await told(run, "moved")
        slack.post(NEW_ID, BOB, "Which version?", thread_ts=ts)

        def is_engaged(connection: Connection) -> bool:
            ticket = ledger.ticket(connection, whole(slack, PRIVATE, ts))
            return ticket is not None and ticket.state is TicketState.ENGAGED

        await becomes(run, is_engaged)  # the thread goes on
        slack.join(NEW_ID, CARL)
        asked = slack.post(NEW_ID, CARL, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(asked)) == 1)  # what was learnt there serves there
    async with running(slack, tmp_path) as run:  # it is known after a restart, too
        later = slack.post(NEW_ID, BOB, "I'll have a look at it.", thread_ts=asked)
        await becomes(run, lambda c: ledger.message_row(c, whole(slack, PRIVATE, later)) is not None)
        query = select(tickets.c.channel).distinct()
        rows = await run.database.run(lambda c: c.execute(query).scalars().all())
    assert rows == [whole(slack, PRIVATE)]
    (reply,) = slack.bot_replies(asked)
    assert reply.channel == NEW_ID


async def test_a_channel_is_forgotten_by_any_of_its_ids(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(PRIVATE, ANN, "Our gate is slow since the update.")
        await becomes(run, lambda c: ledger.message_row(c, whole(slack, PRIVATE, ts)) is not None)
        slack.renumber(PRIVATE, NEW_ID)
        await told(run, "moved")
        later = slack.post(NEW_ID, ANN, "Is anybody there?")
        await becomes(run, lambda c: ledger.message_row(c, whole(slack, PRIVATE, later)) is not None)
        for given in (PRIVATE, NEW_ID, whole(slack, NEW_ID)):
            assert await run.database.run(lambda c: ledger.find_channels(c, given)) == [whole(slack, PRIVATE)]
        link = slack.permalink(NEW_ID, ts)
        found = await run.database.run(lambda c: ledger.find_messages(c, link))
        assert found == [whole(slack, PRIVATE, ts)]  # a link that was copied after the change
        receipt = await forget_channel(
            run.database, whole(slack, PRIVATE), config=config(), now=run.bot.clock.now()
        )
        assert receipt.counts["messages"] == 2
        # It is still gone to by the id of now: answers may have to be taken back there.
        assert (await run.database.run(aliases.known)).kept == {whole(slack, NEW_ID): whole(slack, PRIVATE)}
