"""The audit log: every kind of row is written by a real action, none holds a text, and no change of it stays unseen."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, delete, update
from sqlalchemy.exc import IntegrityError

from bot import audit, clicks, comings, forget, handlers, ledger, saving, tables
from bot.adapters.events import (
    Corrected,
    Deleted,
    Departure,
    Edited,
    Judged,
    Left,
    Objected,
    Reacted,
    Saved,
    Voted,
)
from bot.app import open_database
from bot.approval import approve, reject, revert_night, settle_dispute, still_true
from bot.audit import AuditedCalls, AuditedSettings, Kind, Wanted
from bot.audit_chain import BEGINNING, Link, chained, check, detail_of, head_of, seal_of
from bot.cli import main
from bot.config_file import ConfigFile
from bot.objections import Objection
from bot.revising import DECIDED_AFTER
from bot.scorer import silent
from knowledge.database import Database
from knowledge.model_calls import ModelCall
from tests.bot.running import QUESTION
from tests.bot.test_drafts import Room, practice, settings, work
from tests.bot.test_night import (
    ANSWER,
    LICENCE,
    LICENCE_ANSWER,
    NIGHT,
    PROBLEM,
    THANKS,
    World,
    config,
    make,
)

T = TypeVar("T")
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SOURCE = "slack:T0/C0OLD/1600000001.000001"  # of the entry that the room knows

OF_THE_ROOM = {
    Kind.DECIDED,
    Kind.DRAFTED,
    Kind.SHOWN,
    Kind.SHARED,
    Kind.VOTED,
    Kind.POSTED,
    Kind.DISMISSED,
    Kind.DRAFT_EXPIRED,
    Kind.VOTE_WITHDRAWN,
    Kind.OBJECTED,
    Kind.CORRECTED,
    Kind.EDITED,
    Kind.DELETED,
    Kind.REMOVED,
    Kind.WITHDRAWN,
    Kind.DROPPED,
    Kind.UPDATED,
    Kind.ANSWER_REJECTED,
    Kind.MUTED,
    Kind.UNMUTED,
    Kind.OPTED_OUT,
    Kind.OPTED_IN,
    Kind.CLOSED,
    Kind.SAVED,
    Kind.CHANNEL,
}
OF_NIGHTS = {
    Kind.LEARNT,
    Kind.PROPOSED,
    Kind.NIGHT,
    Kind.APPROVED,
    Kind.REJECTED,
    Kind.REVERTED,
    Kind.CONFIRMED,
    Kind.RETIRED,
    Kind.SETTLED,
    Kind.EXPIRED,
}
OF_COMMANDS = {
    Kind.IMPORTED,
    Kind.EXPORTED,
    Kind.ENTRY_MOVED,
    Kind.ENTRY_EDITED,
    Kind.RETRIED,
    Kind.FORGOT,
}
OF_SLACK = {Kind.INSTALLED, Kind.UNINSTALLED}  # test_slack_install
OF_RUNNING = {Kind.STARTED, Kind.STOPPED, Kind.CONFIGURED, Kind.CONFIG_REFUSED, Kind.MODEL_CALL}


def test_every_kind_is_made_to_happen_by_a_test() -> None:
    assert set(Kind) == OF_THE_ROOM | OF_NIGHTS | OF_COMMANDS | OF_SLACK | OF_RUNNING


def recorded(database: Database) -> list[Any]:
    return database.run_blocking(lambda connection: audit.rows(connection, Wanted()))


def kinds(database: Database) -> set[Kind]:
    return {Kind(row.kind) for row in recorded(database)}


def assert_whole(database: Database) -> None:
    checked = database.run_blocking(audit.verify)
    assert checked.problems == () and checked.rows == len(recorded(database)) > 0


# ---- every kind -----------------------------------------------------


async def drafted(played: Room, message_id: str, user: str) -> str:
    """Hours later somebody asks the same; the id of what is drafted."""
    played.clock.move_to(played.clock.now() + timedelta(hours=3))
    await played.say(message_id, user, QUESTION, "")
    row = await played.database.run(lambda c: ledger.suggestion_for(c, message_id))
    assert row is not None
    return str(row.id)


async def removed(played: Room, message_id: str) -> None:
    deleted = Deleted(message_id=message_id, at=played.clock.now())
    await handlers.on_delete(played.app.bot, work(played.clock.now()), deleted)
    await played.app.drain()


async def test_what_happens_in_channels_is_recorded_without_a_word_of_it(tmp_path: Path) -> None:
    async with practice(tmp_path, settings(stale_after="30m")) as played:
        bot, now, job = played.app.bot, played.clock.now, work(NOW)
        first = await drafted(played, "q1", "ann")
        await played.judge(first, "bob", share=True)
        second = await drafted(played, "q2", "carl")
        await played.judge(second, "bob", share=True)
        third = await drafted(played, "q3", "dan")
        await played.judge(third, "bob", share=False)
        await drafted(played, "q4", "eve")
        await played.say("a4", "bob", "Look into the walnut folder.", "q4")
        late = await drafted(played, "q5", "fay")
        share = Judged(suggestion_id=late, user="bob", share=True, at=now(), channel="#drafts")
        await clicks.on_judged(bot, job, share)
        played.clock.move_to(now() + timedelta(hours=1))
        await played.app.drain()  # what was shared is stale by now
        await handlers.on_vote(bot, job, Voted(suggestion_id=first, user="carl", helpful=False, at=now()))
        wrong = Objected(
            suggestion_id=first, user="carl", objection=Objection.WRONG, at=now(), channel="help"
        )
        await clicks.on_objected(bot, job, wrong)
        right = Corrected(suggestion_id=first, user="carl", text="Empty the walnut folder.", at=now())
        await clicks.on_corrected(bot, job, right)
        await clicks.on_corrected(
            bot, job, replace(right, user="bob")
        )  # an analyst's takes the place of ours
        await played.app.drain()
        for added in (True, False):
            thumb = Reacted(message_id=f"room:{first}", user="dan", name="+1", added=added, at=now())
            await handlers.on_reaction(bot, job, thumb)
        await handlers.on_edit(bot, job, Edited(message_id="q4", text="The walnut gate stops.", at=now()))
        await removed(played, f"room:{second}")
        await handlers.on_vote(bot, job, Voted(suggestion_id=first, user="bob", helpful=False, at=now()))
        played.clock.move_to(now() + DECIDED_AFTER)
        await played.app.drain()
        await removed(played, SOURCE)
        for n, order in enumerate(("mute", "unmute", "optout", "optin", "close")):
            await played.say(f"o{n}", "bob", f"@Earshot {order}", "q4")
        kept = Saved(
            message_id="q4",
            channel="help",
            user="bob",
            title="The walnut gate",
            problem="The walnut gate stops.",
            solution="Empty its folder.",
            everywhere=True,
            at=now(),
        )
        await saving.on_saved(bot, job, kept)
        await comings.on_left(bot, job, Left(channel="help", how=Departure.ARCHIVED, at=now()))
        assert kinds(played.database) >= OF_THE_ROOM, OF_THE_ROOM - kinds(played.database)
        assert_whole(played.database)
        told = " ".join(str(cell) for row in recorded(played.database) for cell in row).casefold()
        for word in ("walnut", "mlr-4090", "folder", "spill", "since this morning"):
            assert word not in told
        [posted, _] = [row for row in recorded(played.database) if row.kind == Kind.POSTED]
        assert (posted.subject, posted.channel, json.loads(posted.detail)["suggestion"]) == (
            "q1",
            "help",
            first,
        )


@pytest.fixture
async def reviewed(tmp_path: Path) -> AsyncIterator[World]:
    async for made in make(tmp_path, config(approve="review")):
        yield made


async def test_what_nights_do_and_what_people_decide_about_them_is_recorded(reviewed: World) -> None:
    bot = reviewed.app.bot
    first = await reviewed.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await reviewed.hear(("eve", LICENCE), ("bob", LICENCE_ANSWER), ("eve", THANKS))
    await reviewed.night()
    proposed = [row.subject for row in recorded(reviewed.database) if row.kind == Kind.PROPOSED]
    assert len(proposed) == 2
    await approve(bot, proposed[0], "bob")
    await still_true(bot, proposed[0], True, "bob")
    await still_true(bot, proposed[0], False, "bob")
    await reject(bot, proposed[1], "bob")
    await settle_dispute(bot, proposed[0], proposed[1], "both", "bob")
    await revert_night(bot, NIGHT.isoformat(), "bob")
    reviewed.settings = reviewed.settings.model_copy(
        update={"retention": reviewed.settings.retention.model_copy(update={"days": 1})}
    )
    await reviewed.night(NIGHT + timedelta(days=3))
    assert kinds(reviewed.database) >= OF_NIGHTS, OF_NIGHTS - kinds(reviewed.database)
    assert_whole(reviewed.database)
    assert reviewed.database.run_blocking(lambda c: ledger.message_row(c, first)) is None
    [ticked, _] = [row for row in recorded(reviewed.database) if row.kind == Kind.CLOSED]
    assert (ticked.subject, ticked.actor, ticked.channel) == (first, "bob", "help")
    by = {row.kind: row.actor for row in recorded(reviewed.database)}
    assert [by[kind] for kind in (Kind.APPROVED, Kind.REJECTED, Kind.REVERTED, Kind.SETTLED)] == ["bob"] * 4
    changes = {row.id: row.subject for row in reviewed.database.run_blocking(_changes)}
    for row in recorded(reviewed.database):
        if row.kind in (Kind.PROPOSED, Kind.LEARNT):
            assert changes[json.loads(row.detail)["number"]] == row.subject


def _changes(connection: Connection) -> Sequence[Any]:
    return connection.execute(tables.night_changes.select()).all()


Earshot = Callable[..., tuple[int, str, str]]


@pytest.fixture
def earshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Earshot]:
    """Runs a command in a folder of its own: exit code, stdout, stderr."""
    handlers_, level = list(logging.root.handlers), logging.root.level
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    text = "embedder: {model: hash}\nstore: sqlite:///earshot.db\nslack: {enabled: false}\ntimezone: UTC\n"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    logging.root.handlers[:] = handlers_
    logging.root.setLevel(level)


def in_store(folder: Path, does: Callable[[Connection], T]) -> T:
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    try:
        return database.run_blocking(does)
    finally:
        database.close()


def rows_of(ran: tuple[int, str, str]) -> list[dict[str, Any]]:
    assert ran[0] == 0, ran[2]
    return [json.loads(line) for line in ran[1].splitlines()]


def test_what_commands_change_is_recorded(earshot: Earshot) -> None:
    [entry] = rows_of(earshot("learn", "--json", "--text", "Turn the key twice.", "--title", "The key"))
    [edited] = rows_of(
        earshot("entries", "edit", entry["id"], "--set-title", "How the key is turned", "--json")
    )
    earshot("entries", "retire", edited["id"])
    earshot("export", "out.jsonl", "--state", "all")
    earshot("doctor", "--retry", "--offline")
    earshot("forget", "--message", "slack:T0/C0/1.1", "--yes")
    shown = rows_of(earshot("audit", "--json"))
    assert {row["kind"] for row in shown} >= OF_COMMANDS
    assert {row["actor"] for row in shown if row["kind"] in OF_COMMANDS} == {"the command line"}
    assert "key" not in " ".join(str(row["detail"]) for row in shown)
    [moved] = rows_of(earshot("audit", "--kind", "entry-moved", "--json"))
    assert (moved["subject"], moved["detail"]) == (edited["id"], {"step": "retire", "before": "active"})


async def test_starts_stops_settings_and_model_calls_are_recorded(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("external: off\n", encoding="utf-8")
    followed, stop = ConfigFile(file, {}), asyncio.Event()
    async with practice(tmp_path) as played:
        database = played.database
        edits = AuditedSettings(database, played.clock)
        following = asyncio.create_task(followed.follow(lambda _: None, stop, edits))
        running = asyncio.create_task(played.app.run(stop))
        await until(lambda: Kind.STARTED in kinds(database))
        for text, kind in (
            ("external: on\nredact: {patterns: [s3cret-words]}\n", Kind.CONFIGURED),
            ("external: walnut\nstale_after: never\n", Kind.CONFIG_REFUSED),
        ):
            await asyncio.sleep(0.05)
            file.write_text(text, encoding="utf-8")
            await until(lambda: kind in kinds(database))
        await AuditedCalls(database, played.clock).called(call())
        stop.set()
        await asyncio.gather(running, following)
        assert kinds(database) >= OF_RUNNING
        assert_whole(database)
        rows = {Kind(row.kind): json.loads(row.detail) for row in recorded(database)}
        assert rows[Kind.CONFIGURED]["keys"] == ["external", "redact.patterns"]
        assert rows[Kind.CONFIG_REFUSED]["problems"] == 2
        assert "s3cret" not in str(recorded(database)) and "walnut" not in str(recorded(database))
        assert (rows[Kind.MODEL_CALL]["usd"], rows[Kind.MODEL_CALL]["input_tokens"]) == (0.0123, 2000)


def call() -> ModelCall:
    return ModelCall(
        purpose="answer",
        model="claude-x",
        channel="help",
        request_sha256="a" * 64,
        response_sha256="b" * 64,
        input_tokens=2000,
        output_tokens=100,
        cache_read_tokens=1500,
        cache_write_tokens=0,
        usd=0.0123,
        seconds=1.5,
        outcome="answered",
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what it waits for stands in the store
            await asyncio.sleep(0.02)


# ---- with what it records, or not at all -----------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(f"sqlite:///{tmp_path / 'earshot.db'}", durable=False)
    yield made
    made.close()


def decide(connection: Connection, message_id: str = "m1") -> None:
    ledger.put_decision(connection, message_id, silent("off", "the mode is off"), (), NOW, channel="help")


def test_a_row_is_there_if_and_only_if_what_it_records_is(database: Database) -> None:
    def fail(connection: Connection) -> None:
        decide(connection)
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        database.run_blocking(fail)
    assert recorded(database) == []
    database.run_blocking(decide)
    [row] = recorded(database)
    assert (row.kind, row.subject, row.channel, row.actor) == ("decided", "m1", "help", None)
    assert json.loads(row.detail)["reasons"] == ["off"]


def test_what_is_too_long_to_be_a_name_is_refused(database: Database) -> None:
    long = "somebody said this " * 10
    with pytest.raises(ValueError, match="120 characters"):
        database.run_blocking(lambda c: audit.put(c, Kind.NIGHT, NOW, why=long))
    with pytest.raises(ValueError, match="120 characters"):
        detail_of({"reasons": [long]})


def test_a_scratch_copy_begins_with_an_empty_log_that_is_guarded_again(database: Database) -> None:
    database.run_blocking(decide)
    database.run_blocking(tables.clear)
    assert recorded(database) == []
    database.run_blocking(decide)
    assert_whole(database)
    with pytest.raises(IntegrityError, match="append-only"):
        database.run_blocking(lambda c: c.execute(delete(tables.audit)))


@pytest.mark.parametrize(
    "change",
    [
        delete(tables.audit),
        update(tables.audit).values(detail="{}"),
        update(tables.audit).values(kind="posted"),
        update(tables.audit).values(at=0.0),
        update(tables.audit).values(actor="somebody else"),
        update(tables.audit).values(subject=None),
        update(tables.audit).values(chain=b""),
    ],
    ids=str,
)
def test_the_store_refuses_to_change_the_log(database: Database, change: Any) -> None:
    database.run_blocking(decide)
    before = recorded(database)
    with pytest.raises(IntegrityError, match="append-only"):
        database.run_blocking(lambda c: c.execute(change))
    assert recorded(database) == before


# ---- forgetting -----------------------------------------------------


ANN, HOME = "slack:T0/U0ANN00001", "slack:T0/C0HELP001"


def about_ann(connection: Connection) -> None:
    decide(connection, f"{HOME}/1.1")
    audit.put(connection, Kind.VOTED, NOW, subject=f"{HOME}/1.1", actor=ANN, channel=HOME, helpful=True)
    audit.put(connection, Kind.SHOWN, NOW, channel=ANN, what="draft")
    decide(connection, "slack:T0/C0OTHER01/2.2")


async def test_who_is_forgotten_is_unlinked_and_the_log_stays_whole(database: Database) -> None:
    database.run_blocking(about_ann)
    before = recorded(database)
    await forget.forget_user(database, ANN, config=config(), now=NOW)
    after = recorded(database)
    assert ANN not in str(after) and len(after) == len(before) + 1
    assert [row.chain for row in after[: len(before)]] == [row.chain for row in before]
    aliases = {after[1].actor, after[2].channel, json.loads(after[-1].detail)["alias"]}
    assert len(aliases) == 1 and aliases.pop().startswith("forgotten:")
    checked = database.run_blocking(audit.verify)
    assert (checked.problems, checked.unlinked) == ((), 2)


async def test_a_channel_that_is_forgotten_is_unlinked_too(database: Database) -> None:
    database.run_blocking(about_ann)
    receipt = await forget.forget_channel(database, HOME, config=config(), now=NOW)
    assert HOME not in str(recorded(database)) and "C0OTHER01" in str(recorded(database))
    assert receipt.counts["audit"] == 3
    checked = database.run_blocking(audit.verify)
    assert (checked.problems, checked.unlinked) == ((), 2)


# ---- the chain -----------------------------------------------------


def chain(size: int) -> list[Link]:
    """A log as it is written."""
    made: list[Link] = []
    before = BEGINNING
    for number in range(1, size + 1):
        detail, nonce, names = detail_of({"n": number}), bytes([number] * 16), (f"m{number}", "ann", "help")
        seal = seal_of(nonce, *names)
        before = chained(before, 1.5 * number, "voted", detail, seal)
        subject, actor, channel = names
        made.append(
            Link(
                id=number,
                at=1.5 * number,
                kind="voted",
                detail=detail,
                subject=subject,
                actor=actor,
                channel=channel,
                nonce=nonce,
                seal=seal,
                chain=before,
            )
        )
    return made


WHOLE = chain(6)
ALIAS = "forgotten:00000000-0000-4000-8000-000000000000"


def changed(number: int, **fields: Any) -> list[Link]:
    return [replace(row, **fields) if row.id == number else row for row in WHOLE]


def renumbered(rows: Sequence[Link]) -> list[Link]:
    return [replace(row, id=number) for number, row in enumerate(rows, start=1)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (changed(3, detail='{"n": 4}'), "row 3 was changed"),
        (changed(3, kind="posted"), "row 3 was changed"),
        (changed(3, at=9.0), "row 3 was changed"),
        (changed(3, seal=b"x" * 32), "row 3 was changed"),
        (changed(3, actor="bob"), "row 3: its names were changed"),
        (changed(3, subject=None), "row 3: its names were changed"),
        (changed(3, nonce=None), "row 3: its names were taken off, and nobody was forgotten"),
        (changed(3, nonce=None, actor=ALIAS), "no later row says who asked for that"),
        ([row for row in WHOLE if row.id != 3], "row 3 is missing"),
        ([row for row in WHOLE if row.id not in (3, 4)], "rows 3 to 4 are missing"),
        (renumbered([row for row in WHOLE if row.id != 3]), "row 3 was changed, or does not follow"),
        (renumbered([*WHOLE[:3], WHOLE[1], *WHOLE[3:]]), "row 4 was changed, or does not follow"),
        (renumbered([*WHOLE[:2], WHOLE[3], WHOLE[2], *WHOLE[4:]]), "row 3 was changed, or does not follow"),
    ],
)
def test_whatever_is_changed_is_found(rows: list[Link], told: str) -> None:
    assert told in "\n".join(check(rows).problems)


def test_a_log_that_is_whole_gives_its_head() -> None:
    checked = check(WHOLE)
    assert (checked.problems, checked.rows, checked.head) == ((), 6, head_of(WHOLE[-1]))
    assert check([]).head is None


def test_rows_cut_off_the_end_are_found_by_whoever_noted_the_head() -> None:
    assert check(WHOLE[:4]).problems == ()  # nothing in the store itself can tell
    [told] = check(WHOLE[:4], head_of(WHOLE[5])).problems
    assert told.endswith("is gone or changed")
    assert check(WHOLE, head_of(WHOLE[3])).problems == ()


# ---- the command -----------------------------------------------------


def fill(connection: Connection) -> None:
    about_ann(connection)
    for day in range(3):
        at = NOW + timedelta(days=day)
        audit.put(connection, Kind.MUTED, at, subject=HOME, actor="slack:T0/U0BOB00001")


def test_the_command_shows_what_is_asked_for(tmp_path: Path, earshot: Earshot) -> None:
    in_store(tmp_path, fill)
    assert len(rows_of(earshot("audit", "--json"))) == 7
    assert len(rows_of(earshot("audit", "--json", "--user", "U0ANN00001"))) == 1
    assert len(rows_of(earshot("audit", "--json", "--message", "1.1"))) == 2
    assert len(rows_of(earshot("audit", "--json", "--channel", HOME))) == 5
    dates = ("--since", "2026-03-03", "--until", "2026-03-03")
    assert [row["at"] for row in rows_of(earshot("audit", "--json", *dates))] == ["2026-03-03T12:00:00+00:00"]
    both = rows_of(earshot("audit", "--json", "--kind", "voted", "--kind", "muted"))
    assert [row["kind"] for row in both] == ["voted", "muted", "muted", "muted"]
    code, out, err = earshot("audit", "--limit", "2")
    assert code == 0 and out.count("muted") == 2 and "the newest 2 of 7 rows" in err
    assert earshot("audit", "--kind", "decided", "--since", "1h")[1] == "Nothing of that kind was recorded.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--kind", "walnut"], 2, "'walnut' is none; give one of: decided, model-call, "),
        (["--user", "nobody"], 1, "nobody: no such person is known"),
        (["--message", "9.9"], 1, "9.9: no such message is known"),
        (["--since", "soon"], 2, "'soon' is no span and no date"),
        (["--limit", "0"], 2, "'0' is no number of rows"),
    ],
)
def test_what_cannot_be_shown_says_why(earshot: Earshot, arguments: list[str], code: int, told: str) -> None:
    got, _, err = earshot("audit", *arguments)
    assert got == code and told in err


def test_text_is_shown_only_if_asked_for_and_only_while_it_is_kept(tmp_path: Path, earshot: Earshot) -> None:
    def say(connection: Connection) -> None:
        values = {"id": "m1", "channel": "help", "conversation": "m1", "root": "m1", "user": "ann"}
        kept = {**values, "role": "customer", "at": 0.0, "text": "the walnut gate stops"}
        connection.execute(tables.messages.insert().values(**kept))
        decide(connection, "m1")

    in_store(tmp_path, say)
    assert "walnut" not in earshot("audit")[1]
    assert "walnut" in earshot("audit", "--text")[1]
    [row] = rows_of(earshot("audit", "--text", "--json"))
    assert row["text"] == "the walnut gate stops"
    in_store(tmp_path, lambda connection: connection.execute(delete(tables.messages)))
    [row] = rows_of(earshot("audit", "--text", "--json"))
    assert row["text"] is None


def test_verify_says_what_was_tampered_with(tmp_path: Path, earshot: Earshot) -> None:
    in_store(tmp_path, fill)
    code, out, _ = earshot("audit", "--verify")
    assert code == 0 and "7 rows, none changed or taken out" in out
    head = out.split("head ")[1].split(":")[0]
    noted = out.split("head ")[1].split(": note")[0]
    assert head == "7"

    def tamper(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TRIGGER audit_keeps_rows")
        connection.exec_driver_sql("DELETE FROM audit WHERE id = 7")

    in_store(tmp_path, tamper)
    assert earshot("audit", "--verify")[0] == 0
    code, out, err = earshot("audit", "--verify", noted)
    assert code == 1 and "is gone or changed" in err
    in_store(tmp_path, lambda c: c.exec_driver_sql("DELETE FROM audit WHERE id = 2"))
    code, out, _ = earshot("audit", "--verify", "--json")
    assert code == 1 and "row 2 is missing" in json.loads(out)["problems"]


def test_every_kind_is_named_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    [line] = [line for line in page.splitlines() if line.startswith("| `--kind KIND`")]
    named = [f"`{kind.replace(' ', '-')}`" for kind in Kind]
    assert line.split("repeated: ")[1] == f"{', '.join(named)}. |"
