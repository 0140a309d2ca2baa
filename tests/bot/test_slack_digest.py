"""The report of a night in Slack: shown once, decided once, over the real client."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from bot import digests, intents, ledger, nights
from bot.adapters.slack_cards import CARD_ACTION, CARD_METADATA
from bot.card import Verb
from bot.config import Config
from bot.handlers import Bot
from bot.outbox import GRACE
from bot.report import NightReport
from bot.tables import night_changes, seconds
from knowledge import store
from knowledge.changes import ChangeKind, ChangeState
from knowledge.entry import WORKSPACE, EntryState, KnowledgeEntry
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    PRIVATE,
    WEIGHTS,
    Running,
    entry,
    running,
    workspace,
)
from tests.local_slack import DropAfterEffect, LocalSlack, Message, SlackError, SlowAfterEffect

OPS, ADMIN = "C0OPS00001", "U0ADMIN001"
DATE = "2026-11-20"
QUIET = 0.4  # seconds in which nothing more must happen


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        local.add_user(ADMIN, "ada")
        local.add_channel(OPS, "ops", kind="private", members=[ADMIN, BOB, CARL])
        yield local
        assert local.violations == []


@dataclass
class Nights:
    """The night as far as these tests need it: it moves entries and remembers what it was asked."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def approve(self, bot: Bot, subject: str, by: str) -> str:
        return await self._settle(bot, "approve", subject, by, EntryState.ACTIVE)

    async def reject(self, bot: Bot, subject: str, by: str) -> str:
        return await self._settle(bot, "reject", subject, by, EntryState.REJECTED)

    async def _settle(self, bot: Bot, what: str, subject: str, by: str, state: EntryState) -> str:
        self.asked.append((what, subject, by))

        def move(connection: Connection) -> int:
            waiting = store.in_state(connection, EntryState.PENDING)
            meant = [one.entry.id for one in waiting if subject in (DATE, one.entry.id)]
            for one in meant:
                store.move(connection, one, state)
            settled = night_changes.c.subject.in_(meant)
            after = ChangeState.APPLIED if what == "approve" else ChangeState.REJECTED
            connection.execute(night_changes.update().where(settled).values(state=after))
            return len(meant)

        return f"{await bot.database.run(move)} entries: {what}"

    async def revert_night(self, bot: Bot, date: str, by: str) -> str:
        self.asked.append(("revert", date, by))
        now = bot.clock.now()

        def revert(connection: Connection) -> None:
            connection.execute(night_changes.update().values(state=ChangeState.REVERTED))
            nights.claim(connection, date, "test", now)
            nights.mark_reverted(connection, date)

        await bot.database.run(revert)
        return f"The night of {date} is taken back."

    async def still_true(self, bot: Bot, entry_id: str, holds: bool, by: str) -> str:
        self.asked.append(("still true" if holds else "retire", entry_id, by))
        await bot.database.run(lambda c: store.prove(c, entry_id, bot.clock.now()))
        return "Noted."

    async def settle_dispute(self, bot: Bot, first: str, second: str, keep: str, by: str) -> str:
        self.asked.append((keep, first, second, by))
        await bot.database.run(lambda c: store.move(c, first, EntryState.ACTIVE))
        return f"Kept: {keep}."


def settings(*places: str, **more: Any) -> Config:
    given = {"admins": [ADMIN], "night": {"digest_to": list(places)}, "weights": str(WEIGHTS)}
    return Config.model_validate({"analysts": [BOB], "timezone": "UTC", **given, **more})


def learnt(number: int, title: str | None = None, *, audience: str = WORKSPACE) -> KnowledgeEntry:
    name = title or f"Gate {number} does not start"
    origin = f"slack:T0/C0OLD/{number}.000001"
    return entry(
        f"{name}\nHow can I start gate {number}?", f"Restart gate {number}.", origin=origin, audience=audience
    )


async def dig(run: Running, report: NightReport, *changes: dict[str, Any]) -> None:
    """What a night leaves behind: its changes, and the report, queued."""
    at = seconds(datetime.now(UTC))
    rows = [{"night": report.date, "why": "", "doubts": "[]", "at": at, **change} for change in changes]

    def put(connection: Connection) -> None:
        for row in rows:
            connection.execute(insert(night_changes).values(**row))
        digests.put_digest(connection, run.bot.config(), report, run.bot.clock.now())

    await run.database.run(put)


async def pending(run: Running, entries: Sequence[KnowledgeEntry], *, doubts: str = '["one author"]') -> None:
    """A night whose new entries all wait."""
    put = await run.knowledge.prepare(entries)
    await run.database.run(lambda connection: put(connection, entries, EntryState.PENDING))
    waiting = [
        {"kind": ChangeKind.ADDED, "subject": one.id, "state": ChangeState.PROPOSED, "doubts": doubts}
        for one in entries
    ]
    await dig(run, NightReport(date=DATE, threads=3, pending=len(entries)), *waiting)


async def digest(slack: LocalSlack, channel: str = OPS) -> Message:
    await slack.until(lambda: len(slack.posts(channel)) >= 1)
    return slack.posts(channel)[-1]


async def changed(slack: LocalSlack, card: Message, words: str) -> Message:
    await slack.until(lambda: words in str(slack.message(card.channel, card.ts).blocks))
    return slack.message(card.channel, card.ts)


def press(slack: LocalSlack, card: Message, user: str, verb: Verb, subject: str = "") -> None:
    value = f"{DATE} {subject}".strip()
    slack.click(card.channel, card.ts, user, CARD_ACTION + verb.name, value)


def offers(card: Message, verb: Verb) -> int:
    elements = [one for block in card.blocks for one in block.get("elements", ())]
    return sum(one.get("action_id") == CARD_ACTION + verb.name for one in elements)


async def told(slack: LocalSlack, user: str, words: str) -> None:
    await slack.until(lambda: any(one.user == user and words in one.text for one in slack.ephemerals))


# ---- shown once ------------------------------------------------------------------------------


async def test_a_night_is_told_once_with_its_numbers_its_best_and_what_drifts(
    slack: LocalSlack, tmp_path: Path
) -> None:
    best = learnt(1)
    channel = f"slack:{slack.identity.team}/C0HELP001"
    report = NightReport(
        date=DATE,
        threads=120,
        added=12,
        merged=2,
        not_worth={"nobody answered": 80},
        tried=200,
        gained=("m1", "m2"),
        best=(best.id,),
        thresholds={channel: (0.5, 0.42)},
        drift={channel: "thumbs fell from 0.80 to 0.40"},
    )
    async with running(slack, tmp_path, [best], settings=settings("#ops"), night=Nights()) as run:
        await dig(run, report)
        await dig(run, report)  # handled again after a crash
        card = await digest(slack)
        await asyncio.sleep(QUIET)
    text = str(card.blocks)
    assert len(slack.posts()) == 1 and card.metadata is not None
    assert card.metadata["event_type"] == CARD_METADATA and "ops" not in str(card.metadata)
    assert "120 closed threads read: 12 new entries, 2 merged." in text and "80 (nobody answered)" in text
    assert "Of 200 past questions 2 more would be answered, 0 no longer." in text
    assert "Gate 1 does not start" in text and "0.50 → 0.42, less readily" in text
    assert "<#C0HELP001>: drafts instead of replies: thumbs fell from 0.80 to 0.40" in text
    assert offers(card, Verb.REVERT) == 1 and offers(card, Verb.APPROVE_ALL) == 0


async def test_a_night_that_did_nothing_is_not_told(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=settings("#ops"), night=Nights()) as run:
        await dig(run, NightReport(date=DATE, threads=9, not_worth={"nobody answered": 9}))
        await asyncio.sleep(QUIET)
    assert slack.posts() == []


async def test_without_a_place_it_goes_to_each_admin(slack: LocalSlack, tmp_path: Path) -> None:
    both = settings(admins=[ADMIN, BOB])
    async with running(slack, tmp_path, settings=both, night=Nights()) as run:
        await dig(run, NightReport(date=DATE, added=1))
        await slack.until(lambda: len(slack.posts()) == 2)
    assert {card.channel for card in slack.posts()} == {slack.dm(ADMIN), slack.dm(BOB)}


async def test_a_place_under_two_names_gets_one_report_and_one_that_is_shared_none(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.add_channel("C0PARTNER1", "partner", external=True, members=[BOB])
    places = settings("#ops", OPS, "#partner", "#nowhere")
    async with running(slack, tmp_path, settings=places, night=Nights()) as run:
        await dig(run, NightReport(date=DATE, added=1))
        await digest(slack)
        await asyncio.sleep(QUIET)
        dropped = await run.database.run(intents.dropped)
    assert [card.channel for card in slack.posts()] == [OPS]
    assert sum("no channel of ours" in why for why in dropped) == 2


@pytest.mark.parametrize("fault", [DropAfterEffect(), SlackError("internal_error")])
async def test_a_doubtful_report_is_read_back_and_there_once(
    slack: LocalSlack, tmp_path: Path, fault: DropAfterEffect | SlackError
) -> None:
    slack.faults["chat.postMessage"].append(fault)
    nights = Nights()
    async with running(slack, tmp_path, settings=settings("#ops"), night=nights) as run:
        await pending(run, [learnt(1)])
        card = await digest(slack)
        await asyncio.sleep(GRACE.total_seconds() + 1.0)
        assert len(slack.posts(OPS)) == 1 and slack.calls("conversations.history")
        press(slack, card, ADMIN, Verb.APPROVE_ALL)
        await changed(slack, card, "all approved by @ada")


async def test_a_stop_in_the_middle_of_the_post_leaves_one(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["chat.postMessage"].append(SlowAfterEffect(5.0))
    async with running(slack, tmp_path, settings=settings("#ops"), night=Nights()) as run:
        await dig(run, NightReport(date=DATE, added=1))
        await digest(slack)  # it stands there, but nobody told us
    async with running(slack, tmp_path, settings=settings("#ops"), night=Nights()):
        await slack.until(lambda: bool(slack.calls("conversations.history")))
        await asyncio.sleep(GRACE.total_seconds() + 1.0)
    assert len(slack.posts(OPS)) == 1


# ---- decided once ------------------------------------------------------------------------------


async def test_an_admin_approves_one_and_rejects_another_and_the_report_says_so(
    slack: LocalSlack, tmp_path: Path
) -> None:
    good, bad = learnt(1), learnt(2)
    nights = Nights()
    async with running(slack, tmp_path, settings=settings("#ops"), night=nights) as run:
        await pending(run, [good, bad])
        card = await digest(slack)
        assert "Why it waits: one author" in str(card.blocks) and "Restart gate 2." in str(card.blocks)
        assert offers(card, Verb.APPROVE) == 2
        press(slack, card, ADMIN, Verb.APPROVE, good.id)
        await told(slack, ADMIN, "1 entries: approve")
        press(slack, card, ADMIN, Verb.REJECT, bad.id)
        await changed(slack, card, "approved by @ada")
        final = await changed(slack, card, "rejected by @ada")
        states = await run.database.run(lambda c: [store.state_of(c, good.id), store.state_of(c, bad.id)])
        await slack.until(slack.all_acked)
    assert states == [EntryState.ACTIVE, EntryState.REJECTED]
    assert offers(final, Verb.APPROVE) == 0 and offers(final, Verb.APPROVE_ALL) == 0
    ada = f"slack:{slack.identity.team}/{ADMIN}"
    assert nights.asked == [("approve", good.id, ada), ("reject", bad.id, ada)]


async def test_only_admins_and_owners_decide(slack: LocalSlack, tmp_path: Path) -> None:
    nights = Nights()
    async with running(slack, tmp_path, settings=settings("#ops", owners=[CARL]), night=nights) as run:
        await pending(run, [learnt(1)])
        card = await digest(slack)
        press(slack, card, BOB, Verb.APPROVE_ALL)
        await told(slack, BOB, "Only admins")
        assert nights.asked == [] and offers(slack.message(OPS, card.ts), Verb.APPROVE_ALL) == 1
        press(slack, card, CARL, Verb.REJECT_ALL)
        await changed(slack, card, "all rejected by @carl")
    assert nights.asked == [("reject", DATE, f"slack:{slack.identity.team}/{CARL}")]


async def test_what_is_pressed_twice_happens_once(slack: LocalSlack, tmp_path: Path) -> None:
    nights, one = Nights(), learnt(1)
    both = settings("#ops", admins=[ADMIN, BOB])
    async with running(slack, tmp_path, settings=both, night=nights) as run:
        await pending(run, [one, learnt(2)])
        card = await digest(slack)
        press(slack, card, ADMIN, Verb.APPROVE, one.id)
        press(slack, card, ADMIN, Verb.APPROVE, one.id)
        press(slack, card, BOB, Verb.REJECT, one.id)
        await told(slack, BOB, "This was decided before: approved by @ada")
        await told(slack, ADMIN, "This was decided before")
        final = await changed(slack, card, "approved by @ada")
        await asyncio.sleep(QUIET)
    assert [what for what, *_ in nights.asked] == ["approve"]
    assert str(final.blocks).count("approved by") == 1


async def test_a_decision_shows_on_every_report_of_the_night_also_where_the_receipt_was_lost(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postMessage"].append(DropAfterEffect())
    nights = Nights()
    async with running(slack, tmp_path, settings=settings(ADMIN, "#ops"), night=nights) as run:
        await pending(run, [learnt(1)])
        await slack.until(lambda: len(slack.posts()) == 2)
        await asyncio.sleep(GRACE.total_seconds() + QUIET)
        (direct,) = slack.posts(slack.dm(ADMIN))
        press(slack, direct, ADMIN, Verb.APPROVE_ALL)
        await changed(slack, direct, "all approved by @ada")
        await changed(slack, await digest(slack), "all approved by @ada")
    assert len(slack.posts()) == 2


async def test_two_admins_at_once_on_two_reports_decide_once(slack: LocalSlack, tmp_path: Path) -> None:
    nights, one = Nights(), learnt(1)
    both = settings("#ops", BOB, admins=[ADMIN, BOB])
    async with running(slack, tmp_path, settings=both, night=nights) as run:
        await pending(run, [one])
        await slack.until(lambda: len(slack.posts()) == 2)
        (direct,) = slack.posts(slack.dm(BOB))
        card = await digest(slack)
        await asyncio.sleep(QUIET)  # both receipts are kept
        press(slack, card, ADMIN, Verb.APPROVE, one.id)
        press(slack, direct, BOB, Verb.REJECT, one.id)
        await told(slack, BOB, "This was decided before: approved by @ada")
        await changed(slack, card, "approved by @ada")
        await changed(slack, direct, "approved by @ada")
        state = await run.database.run(lambda c: store.state_of(c, one.id))
    assert state is EntryState.ACTIVE and [what for what, *_ in nights.asked] == ["approve"]


async def test_a_night_is_taken_back_and_then_offers_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    one = learnt(1)
    async with running(slack, tmp_path, [one], settings=settings("#ops"), night=Nights()) as run:
        added = {"kind": ChangeKind.ADDED, "subject": one.id, "state": ChangeState.APPLIED}
        await dig(run, NightReport(date=DATE, added=1, best=(one.id,)), added)
        card = await digest(slack)
        press(slack, card, ADMIN, Verb.REVERT)
        final = await changed(slack, card, "the night was taken back by @ada")
        await told(slack, ADMIN, "is taken back")
    assert offers(final, Verb.REVERT) == 0 and "(taken back)" in str(final.blocks)


async def test_a_contradiction_stands_side_by_side_until_somebody_decides(
    slack: LocalSlack, tmp_path: Path
) -> None:
    first, second = learnt(1), learnt(2)
    nights = Nights()
    async with running(slack, tmp_path, [first, second], settings=settings("#ops"), night=nights) as run:

        def dispute(connection: Connection) -> None:
            store.move(connection, first.id, EntryState.DISPUTED, second.id)
            store.move(connection, second.id, EntryState.DISPUTED, first.id)

        await run.database.run(dispute)
        shared = {"kind": ChangeKind.DISPUTED, "state": ChangeState.APPLIED}
        one_way = {**shared, "subject": first.id, "other": second.id}
        other_way = {**shared, "subject": second.id, "other": first.id}
        await dig(run, NightReport(date=DATE, disputed=2), one_way, other_way)
        card = await digest(slack)
        (pair,) = (block for block in card.blocks if "fields" in block)
        assert [
            "Restart gate 1." in pair["fields"][0]["text"],
            "Restart gate 2." in pair["fields"][1]["text"],
        ]
        press(slack, card, ADMIN, Verb.KEEP_FIRST, f"{first.id} {second.id}")
        final = await changed(slack, card, "the first of these was kept by @ada")
    assert nights.asked == [("first", first.id, second.id, f"slack:{slack.identity.team}/{ADMIN}")]
    assert not any("fields" in block for block in final.blocks)


async def test_what_nobody_confirmed_for_long_is_asked_about_with_one_tap(
    slack: LocalSlack, tmp_path: Path
) -> None:
    old, older = learnt(1), learnt(2)
    nights = Nights()
    async with running(slack, tmp_path, [old, older], settings=settings("#ops"), night=nights) as run:
        for one in (old, older):
            await run.database.run(lambda c: store.ask_about(c, one.id, run.bot.clock.now()))
        asked = [
            {"kind": ChangeKind.ASKED, "subject": one.id, "state": ChangeState.APPLIED}
            for one in (old, older)
        ]
        await dig(run, NightReport(date=DATE, asked=2), *asked)
        card = await digest(slack)
        press(slack, card, ADMIN, Verb.HOLDS, old.id)
        await changed(slack, card, "still true, says @ada")
        press(slack, card, ADMIN, Verb.RETIRE, older.id)
        await changed(slack, card, "retired by @ada")
    assert [ask[:2] for ask in nights.asked] == [("still true", old.id), ("retire", older.id)]


async def test_a_night_that_fails_is_asked_again_and_the_press_counts_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    class Stumbling(Nights):
        async def approve(self, bot: Bot, subject: str, by: str) -> str:
            if not self.asked:
                self.asked.append(("stumble", subject, by))
                raise RuntimeError("the store is busy")
            return await super().approve(bot, subject, by)

    nights = Stumbling()
    async with running(slack, tmp_path, settings=settings("#ops"), night=nights) as run:
        await pending(run, [learnt(1)])
        card = await digest(slack)
        press(slack, card, ADMIN, Verb.APPROVE_ALL)
        await changed(slack, card, "all approved by @ada")
    assert [what for what, *_ in nights.asked] == ["stumble", "approve"]


# ---- what it shows ------------------------------------------------------------------------------


async def test_sixty_waiting_entries_with_long_titles_fit(slack: LocalSlack, tmp_path: Path) -> None:
    nights = Nights()
    entries = [learnt(number, f"{number} " + "<gate> & *spill* " * 40) for number in range(60)]
    doubts = '["' + "one author repeats himself; " * 30 + '"]'
    async with running(slack, tmp_path, settings=settings("#ops"), night=nights) as run:
        await pending(run, entries, doubts=doubts)
        card = await digest(slack)  # the local Slack refuses what is too long
        shown = offers(card, Verb.APPROVE)
        assert 5 <= shown <= 10
        assert f"and {60 - shown} more: earshot entries --state pending" in str(card.blocks)
        press(slack, card, ADMIN, Verb.APPROVE_ALL)
        await told(slack, ADMIN, "60 entries: approve")
        final = await changed(slack, card, "all approved by @ada")
    assert offers(final, Verb.APPROVE) == 0


async def test_nothing_in_a_title_comes_alive(slack: LocalSlack, tmp_path: Path) -> None:
    nasty = f"<!channel> @here <@{ANN}> <https://evil.example|docs> *now*"
    async with running(slack, tmp_path, settings=settings("#ops"), night=Nights()) as run:
        await pending(run, [learnt(1, nasty)])
        card = await digest(slack)
    text = str([block["text"]["text"] for block in card.blocks if "text" in block])
    assert "<!" not in text and "<@" not in text and "<https://evil" not in text and "@here" not in text
    assert "&lt;!channel" in text.replace("\u2060", "")


async def test_what_comes_from_a_private_channel_is_only_counted_elsewhere(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.join(PRIVATE, ADMIN)
    home = f"channel:slack:{slack.identity.team}/{PRIVATE}"
    places = settings("#ops", "#help-private")
    async with running(slack, tmp_path, settings=places, night=Nights()) as run:
        await pending(run, [learnt(1, "The secret gate", audience=home)])
        elsewhere, at_home = await digest(slack), await digest(slack, PRIVATE)
    assert "secret" not in str(elsewhere.blocks) and "1 entry from a private channel" in str(elsewhere.blocks)
    assert offers(elsewhere, Verb.APPROVE) == 0 and offers(elsewhere, Verb.APPROVE_ALL) == 1
    assert "The secret gate" in str(at_home.blocks) and offers(at_home, Verb.APPROVE) == 1


async def test_what_is_deleted_later_goes_from_the_report_too(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=settings("#ops"), night=Nights()) as run:
        question = slack.post(CHANNEL, ANN, "How can we renew the licence of gate 9?")
        answer = slack.post(CHANNEL, BOB, "Ask the licence desk.", thread_ts=question)
        place = f"slack:{slack.identity.team}/{CHANNEL}"
        one = entry("Gate 9?\nThe licence of gate 9", "Ask the licence desk.", source=f"{place}/{answer}")
        await run.knowledge.learn([one])
        added = {"kind": ChangeKind.ADDED, "subject": one.id, "state": ChangeState.APPLIED}
        report = NightReport(date=DATE, added=1, best=(one.id,), open_questions=(f"{place}/{question}",))
        for _ in range(300):
            if await run.database.run(lambda c: ledger.message_row(c, f"{place}/{question}")) is not None:
                break
            await asyncio.sleep(0.01)
        await dig(run, report, added)
        card = await digest(slack)
        assert "Gate 9?" in str(card.blocks) and "renew the licence of gate 9" in str(card.blocks)
        await asyncio.sleep(QUIET)
        slack.delete(CHANNEL, answer)
        await slack.until(lambda: "Gate 9?" not in str(slack.message(OPS, card.ts).blocks))
        slack.delete(CHANNEL, question)
        await slack.until(lambda: "renew the licence" not in str(slack.message(OPS, card.ts).blocks))


async def test_what_was_forgotten_meanwhile_is_not_told(slack: LocalSlack, tmp_path: Path) -> None:
    one = learnt(1)
    async with running(slack, tmp_path, [one], settings=settings("#ops"), night=Nights()) as run:
        await run.knowledge.retire([one.id])
        await dig(run, NightReport(date=DATE, added=1, best=(one.id,), open_questions=("slack:T0/C1/1.0",)))
        card = await digest(slack)
    assert "Gate 1" not in str(card.blocks) and "Nobody could answer" not in str(card.blocks)
