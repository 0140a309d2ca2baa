"""Knowledge by hand: written, looked through, changed, taken out and carried elsewhere, all from the command line."""

import io
import json
import logging
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from bot import entries, votes
from bot.adapters.events import Deleted
from bot.adapters.slack_wire import provenance
from bot.answerer import Citation
from bot.app import open_database
from bot.cli import main
from bot.entries import STEPS, EntryError, Step
from bot.feedback import Vote
from bot.forms import form, wording_from
from bot.handlers import on_delete
from bot.tables import night_changes, quoted, suggestions
from knowledge import store
from knowledge.entry import EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.exchange import exported_from, line_of
from knowledge.notes import NoteError, Wording, edited, note, wording_of
from knowledge.records import Unusable
from knowledge.store import Stored
from knowledge.thread import Role
from tests.bot.test_drafts import practice, work
from tests.knowledge.making import entry
from tests.test_cli import Earshot, Ran, recording, settings

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROBLEM = "The gate stops with MLR-4090, how do I start it again?"
SOLUTION = "Run `millrace spill clean --older 7d` and restart the gate."
KEY = "AKIA" + "QWERTYUIOPASDFGH"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    handlers, level = list(logging.root.handlers), logging.root.level
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    settings(tmp_path)
    yield tmp_path
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def earshot(capsys: pytest.CaptureFixture[str]) -> Earshot:
    def run(*arguments: object) -> Ran:
        code: int | str | None
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code
        said = capsys.readouterr()
        return Ran(code=code, out=said.out, err=said.err)

    return run


def in_store(folder: Path, work: Callable[[Connection], object]) -> None:
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    try:
        database.run_blocking(work)
    finally:
        database.close()


def put(folder: Path, *given: KnowledgeEntry, state: EntryState = EntryState.ACTIVE) -> list[str]:
    in_store(folder, lambda connection: store.put_entries(connection, given, state))
    return [one.id for one in given]


def stored(folder: Path, entry_id: str) -> Stored:
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    found = database.run_blocking(lambda connection: store.stored_by_id(connection, [entry_id]))
    database.close()
    return found[entry_id]


# ---- notes


def test_a_note_is_found_and_quoted_at_once(earshot: Earshot, folder: Path) -> None:
    added = earshot("learn", "--text", SOLUTION, "--problem", PROBLEM, "--json")
    assert added.code == 0 and added.json["added"]
    kept = stored(folder, added.json["id"])
    assert kept.entry.kind is EntryKind.NOTE and kept.entry.origin.startswith("note:")
    assert {passage.role for passage in kept.entry.passages} == {Role.ANALYST}
    asked = earshot("ask", PROBLEM, "--json").json
    assert asked["hits"][0]["entry"] == kept.entry.id
    assert SOLUTION in asked["answer"]


def test_what_cites_a_note_says_that_it_was_saved_by_hand() -> None:
    citation = Citation(
        number=1,
        entry="e1",
        source="note:1",
        title="T",
        quote="Q",
        kind=EntryKind.NOTE,
        role=Role.ANALYST,
        at=T0,
    )
    assert provenance(citation, T0 + timedelta(days=3)) == "saved by hand, 3 days ago"


def test_the_same_note_again_changes_nothing_and_says_where_it_stands(earshot: Earshot, folder: Path) -> None:
    first = earshot("learn", "--text", SOLUTION, "--title", "MLR-4090", "--json").json
    before = stored(folder, first["id"])
    again = earshot("learn", "--text", SOLUTION, "--title", "MLR-4090", "--json").json
    assert again == {"id": first["id"], "added": False, "state": "active"}
    assert stored(folder, first["id"]) == before
    earshot("entries", "retire", first["id"])
    said = earshot("learn", "--text", SOLUTION, "--title", "MLR-4090").out
    assert "is known and retired" in said and f"earshot entries restore {first['id']}" in said


def test_a_note_from_stdin_keeps_no_secret(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"# Deploying\nSet the key to {KEY} and deploy.\n"))
    kept = stored(folder, earshot("learn", "--text", "-", "--json").json["id"]).entry
    assert kept.title == "Deploying"
    assert KEY not in line_of(Stored(number=1, entry=kept, trust=Trust()), people=True)
    assert "<secret 1>" in kept.of(PassageKind.SOLUTION)[0].text


def test_an_empty_note_is_refused(earshot: Earshot) -> None:
    refused = earshot("learn", "--text", "  ")
    assert (refused.code, refused.out) == (1, "")
    assert "the text is empty" in refused.err


def test_a_note_for_another_audience_is_another_note() -> None:
    notes = {note(SOLUTION, audience=audience, at=T0).id for audience in ("public", "workspace", "public")}
    assert len(notes) == 2


# ---- wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["learn"], "give a PATH, or --text"),
        (["learn", "x.md", "--text", "y"], "either --text or PATHs"),
        (["learn", "x.md", "--title", "y"], "--title and --problem describe --text"),
        (["entries", "list", "e1"], "list takes no ID"),
        (["entries", "show"], "show needs an ID"),
        (["entries", "edit", "e1", "e2"], "one ID at a time"),
        (["entries", "retire", "e1", "--limit", "3"], "--limit belongs to list, not to retire"),
        (["entries", "--set-title", "x"], "--set-title belongs to edit, not to list"),
        (["entries", "--limit", "0"], "'0' is no number of entries"),
        (["entries", "--state", "dead"], "dead"),
        (["entries", "burn", "e1"], "burn"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(earshot: Earshot, arguments: list[str], said: str) -> None:
    refused = earshot(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err and f"usage: earshot {arguments[0]}" in refused.err


# ---- list and show


def test_a_list_can_be_narrowed_by_state_origin_words_and_readers(earshot: Earshot, folder: Path) -> None:
    gate = entry(PROBLEM, SOLUTION, origin="slack:T1/C1/1.0")
    slots = entry("How many slots?", "Set worker.slots to 100%.", origin="docs/workers.md", audience="public")
    own = entry("Where is the key?", "In the safe.", origin="slack:T1/C2/2.0", audience="channel:slack:T1/C2")
    put(folder, gate, slots, own)
    doubtful = entry("Is it safe?", "It is.", origin="slack:T1/C1/3.0")
    put(folder, doubtful, state=EntryState.PENDING)

    def listed(*options: str) -> list[str]:
        return [one["id"] for one in earshot("entries", *options, "--json").json]

    assert listed() == [own.id, slots.id, gate.id]  # newest first
    assert listed("list", "--limit", "1") == [own.id]
    assert listed("--state", "pending") == [doubtful.id]
    assert len(listed("--state", "all")) == 4
    assert listed("--origin", "slack:T1/C1") == [gate.id]
    assert listed("--match", "GATE clean") == [gate.id]  # one word in the title, one in the solution
    assert listed("--match", "100%") == [slots.id]
    assert listed("--match", "%") == [slots.id]  # a sign, not anything
    assert listed("--audience", "public") == [slots.id]
    assert listed("--audience", "channel:slack:T1/C2") == [own.id]
    shown = earshot("entries", "--limit", "2")
    assert own.id[:9] in shown.out and "2 of 3; --limit shows more" in shown.out
    assert "No entry fits" in earshot("entries", "--match", "nothing").out


def test_an_id_may_be_cut_short_but_not_ambiguous(earshot: Earshot, folder: Path) -> None:
    ids = put(folder, *(entry(f"Question {n}", f"Answer {n}") for n in range(20)))
    assert earshot("entries", "show", ids[3][:9], "--json").json[0]["id"] == ids[3]
    refused = earshot("entries", "show", "e")
    assert (refused.code, refused.out) == (1, "")
    assert "e may be any of these; give more of the id" in refused.err and ids[0] in refused.err
    assert "no entry is called so" in earshot("entries", "show", "x9").err


def suggested(connection: Connection, entry_id: str) -> None:
    """An answer that quotes an entry, with a thumb each way, and what a night said about it."""
    row = {"id": "s1", "message_id": "m1", "channel": "c1", "conversation": "m1", "at": T0.timestamp()}
    connection.execute(insert(suggestions).values(**row, posted_id="p1", posted_at=1.0, removed=False))
    connection.execute(insert(quoted).values(suggestion_id="s1", entry_id=entry_id, source="x"))
    for user, helpful in (("ann", True), ("bob", False), ("cem", True)):
        votes.put_vote(connection, Vote(suggestion_id="s1", user=user, helpful=helpful), "button", T0)
    change = {"night": "2026-03-01", "kind": "added", "subject": entry_id, "why": "held by thanks"}
    connection.execute(insert(night_changes).values(**change, state="applied", doubts="[]", at=1.0))


def test_an_entry_is_shown_with_all_that_is_known_of_it(earshot: Earshot, folder: Path) -> None:
    passages = (
        Passage(kind=PassageKind.PROBLEM, text=PROBLEM, source="m1", author="ann", role=Role.CUSTOMER, at=T0),
        Passage(kind=PassageKind.SOLUTION, text=SOLUTION, source="m2", author="bob", role=Role.ANALYST, at=T0,
                link="https://example.com/p2"),
        Passage(kind=PassageKind.CONFIRMATION, text="That fixed it!", source="m3", author="ann", at=T0),
    )  # fmt: skip
    one = KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=PROBLEM,
        origin="m1",
        audience="workspace",
        passages=passages,
        known_from=T0,
        confirmed=True,
    )
    double = entry("The gate stops", SOLUTION, origin="m7")
    put(folder, one, double)
    in_store(folder, lambda connection: suggested(connection, one.id))
    in_store(folder, lambda connection: store.set_trust(connection, one.id, Trust(up=3, down=1)))
    in_store(folder, lambda connection: store.move(connection, double.id, EntryState.MERGED, one.id))

    shown = earshot("entries", "show", one.id).out
    for said in (
        PROBLEM,
        SOLUTION,
        "analyst, bob",
        "m2, https://example.com/p2",
        "That fixed it!",
        "0.71 (3 up, 1 down)",
        "2 up, 1 down on answers",
        "a person said that it holds",
        "2026-03-02 09:00 UTC",
        f"stands for  {double.id}  merged",
        "in 1 answers",
        "to m1",
        "2026-03-01 added, applied: held by thanks",
    ):
        assert said in shown, said
    [told] = earshot("entries", "show", one.id, "--json").json
    assert told["votes"] == {"up": 2, "down": 1} and told["stands_for"] == [double.id]
    assert told["quoted"][0]["message"] == "m1" and told["nights"][0]["night"] == "2026-03-01"
    assert f"successor   {one.id}  active" in earshot("entries", "show", double.id).out


# ---- steps


def test_a_retired_entry_is_not_found_until_it_is_restored(earshot: Earshot) -> None:
    kept = earshot("learn", "--text", SOLUTION, "--problem", PROBLEM, "--json").json["id"]
    retired = earshot("entries", "retire", kept[:9])
    assert f"{kept} was active, is retired" in retired.out
    assert earshot("ask", PROBLEM, "--json").json["hits"] == []
    assert earshot("entries", "restore", kept, "--json").json == [
        {"id": kept, "before": "retired", "after": "active"}
    ]
    assert earshot("ask", PROBLEM, "--json").json["hits"][0]["entry"] == kept


@pytest.mark.parametrize("before", EntryState)
@pytest.mark.parametrize("step", Step)
def test_a_step_leads_on_or_says_which_would(folder: Path, before: EntryState, step: Step) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one, state=before)
    allowed, after = STEPS[step]
    if before in allowed:
        in_store(folder, lambda connection: entries.take(connection, one.id, step, T0))
        assert stored(folder, one.id).state is after
        assert (stored(folder, one.id).proven_at == T0) == (after is EntryState.ACTIVE)
        return
    with pytest.raises(EntryError, match=f"{one.id} is {before}; (what is {before} can be|there is nothing)"):
        in_store(folder, lambda connection: entries.take(connection, one.id, step, T0))
    assert stored(folder, one.id).state is before


def test_of_several_steps_all_are_taken_or_none(earshot: Earshot, folder: Path) -> None:
    fit, unfit = entry("One", "1"), entry("Two", "2")
    put(folder, fit)
    put(folder, unfit, state=EntryState.RETIRED)
    assert earshot("entries", "retire", fit.id, unfit.id).code == 1
    assert stored(folder, fit.id).state is EntryState.ACTIVE


@pytest.mark.parametrize(("step", "settled"), [(Step.APPROVE, "applied"), (Step.REJECT, "rejected")])
def test_what_a_night_proposed_is_settled_with_it(folder: Path, step: Step, settled: str) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one, state=EntryState.PENDING)
    change = {"night": "2026-03-01", "kind": "added", "subject": one.id, "why": "", "state": "proposed"}

    def settle(connection: Connection) -> None:
        connection.execute(insert(night_changes).values(**change, doubts="[]", at=1.0))
        entries.take(connection, one.id, step, T0)
        assert [
            told.state for told in entries.provenance(connection, entries.found(connection, one.id)).nights
        ] == [settled]

    in_store(folder, settle)


# ---- editing


def test_an_edited_entry_stands_in_the_place_of_the_old_one(earshot: Earshot, folder: Path) -> None:
    old, double = entry(PROBLEM, SOLUTION, origin="t1", confirmed=True), entry("The gate is down", SOLUTION)
    put(folder, old, double)
    in_store(folder, lambda connection: store.set_trust(connection, old.id, Trust(up=4, down=1)))
    in_store(folder, lambda connection: store.move(connection, double.id, EntryState.MERGED, old.id))
    better = SOLUTION.replace("7d", "3d")
    done = earshot("entries", "edit", old.id, "--set-solution", better, "--json").json
    new = stored(folder, done["id"])
    assert done["replaces"] == old.id and new.state is EntryState.ACTIVE
    assert new.trust == Trust(up=4, down=1) and new.entry.confirmed
    before = stored(folder, old.id)
    assert (before.state, before.successor) == (EntryState.SUPERSEDED, new.entry.id)
    assert stored(folder, double.id).successor == new.entry.id
    [problem], [solution] = (new.entry.of(kind) for kind in (PassageKind.PROBLEM, PassageKind.SOLUTION))
    assert problem == old.of(PassageKind.PROBLEM)[0]  # what was left keeps its source
    assert (solution.source, solution.role, solution.author) == (f"edit:{old.id}", Role.ANALYST, None)
    assert earshot("ask", PROBLEM, "--json").json["hits"][0]["entry"] == new.entry.id


def test_learning_the_document_again_does_not_undo_an_edit(earshot: Earshot, folder: Path) -> None:
    (folder / "gate.md").write_text(f"# {PROBLEM}\n\n{SOLUTION}\n", encoding="utf-8")
    earshot("learn", "gate.md")
    [one] = earshot("entries", "--json").json
    new = earshot("entries", "edit", one["id"], "--set-title", "Starting the gate again", "--json").json["id"]
    assert earshot("learn", "gate.md", "--json").json["unchanged"] == 1
    assert [kept["id"] for kept in earshot("entries", "--json").json] == [new]


def test_a_document_is_called_the_same_however_its_path_is_given(earshot: Earshot, folder: Path) -> None:
    (folder / "gate.md").write_text(f"# {PROBLEM}\n\n{SOLUTION}\n", encoding="utf-8")
    assert earshot("learn", "gate.md", "--json").json["added"] == 1
    assert earshot("learn", folder / "gate.md", "--json").json["unchanged"] == 1


def test_votes_on_an_edited_entry_count_on_top_of_what_it_came_with(folder: Path) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one)

    def vote(connection: Connection) -> None:
        store.give_trust(connection, one.id, Trust(up=4, down=1))
        store.set_trust(connection, one.id, Trust(up=2))
        assert store.trust_of(connection, one.id) == Trust(up=6, down=1)
        store.give_trust(connection, one.id, Trust(up=1))
        assert store.trust_of(connection, one.id) == Trust(up=3)
        store.set_trust(connection, one.id, Trust())  # the vote was taken back
        assert store.trust_of(connection, one.id) == Trust(up=1)

    in_store(folder, vote)


def test_an_edit_that_changes_nothing_does_nothing(earshot: Earshot, folder: Path) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one)
    done = earshot("entries", "edit", one.id, "--set-title", PROBLEM)
    assert done.code == 0 and "nothing was changed" in done.out
    assert stored(folder, one.id).state is EntryState.ACTIVE


def test_what_is_pending_stays_so_when_it_is_edited_and_so_does_the_proposal(folder: Path) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one, state=EntryState.PENDING)
    new = edited(one, Wording(title="Shorter", problem=PROBLEM, solution=SOLUTION), T0)
    assert new is not None
    change = {"night": "2026-03-01", "kind": "added", "subject": one.id, "why": "", "state": "proposed"}

    def edit(connection: Connection) -> None:
        connection.execute(insert(night_changes).values(**change, doubts="[]", at=1.0))
        done = entries.replace_by_hand(connection, entries.found(connection, one.id), new, T0)
        assert done.state is EntryState.PENDING
        assert len(entries.provenance(connection, done).nights) == 1

    in_store(folder, edit)


def test_what_nobody_is_shown_is_not_edited(earshot: Earshot, folder: Path) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one, state=EntryState.RETIRED)
    refused = earshot("entries", "edit", one.id, "--set-title", "x")
    assert refused.code == 1 and "is retired, so nobody is shown it" in refused.err


@pytest.mark.parametrize(
    ("option", "lacking"), [("--set-title", "the title"), ("--set-solution", "the solution")]
)
def test_an_edit_that_leaves_nothing_names_how_to_retire(
    earshot: Earshot, folder: Path, option: str, lacking: str
) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one)
    refused = earshot("entries", "edit", one.id, option, " ")
    assert refused.code == 1
    assert f"{lacking} of {one.id} would be empty" in refused.err and "entries retire" in refused.err


def editor(folder: Path, script: str) -> str:
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_entry_is_edited_in_the_editor(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = entry(PROBLEM, SOLUTION)
    put(folder, one)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor(folder, "sed -i 's/7d/9d/' \"$1\""))
    new = stored(folder, earshot("entries", "edit", one.id, "--json").json["id"])
    assert new.entry.of(PassageKind.SOLUTION)[0].text == SOLUTION.replace("7d", "9d")
    monkeypatch.setenv("EDITOR", editor(folder, "exit 3"))
    failed = earshot("entries", "edit", new.entry.id)
    assert failed.code == 1 and "ended with 3; nothing was changed" in failed.err
    monkeypatch.setenv("EDITOR", "no-such-editor-anywhere")
    assert "cannot be run" in earshot("entries", "edit", new.entry.id).err


@pytest.mark.parametrize(
    "wording",
    [
        Wording(title="T", problem="P", solution="S"),
        Wording(title="T", problem="", solution="Two\n\nparagraphs"),
        Wording(title="T", problem="P", solution="--- problem ---\nand --- solution ---\n--- title ---"),
    ],
)
def test_a_form_that_nobody_changed_says_what_it_said(wording: Wording) -> None:
    assert wording_from(form("e1", wording)) == wording
    assert wording_from(form("e1", wording).replace("\n", "\r\n")).title == wording.title


def test_a_form_without_one_of_its_lines_is_refused() -> None:
    whole = form("e1", Wording(title="T", problem="P", solution="S"))
    with pytest.raises(NoteError, match="'--- problem ---' is gone"):
        wording_from(whole.replace("--- problem ---", ""))


def test_an_edit_brings_no_secret_in() -> None:
    one = entry(PROBLEM, SOLUTION)
    wording = Wording(title=one.title, problem=PROBLEM, solution=f"Use {KEY}.")
    new = edited(one, wording, T0)
    assert new is not None and KEY not in wording_of(new).solution


async def test_a_deleted_message_takes_along_what_was_worded_anew_from_it(folder: Path) -> None:
    async with practice(folder) as played:
        knowledge = played.app.bot.knowledge
        one = entry(PROBLEM, SOLUTION, origin="m1")
        twice = wording_of(one)
        await knowledge.learn([one, entry("How many slots?", "Set worker.slots.", origin="m9")])
        for word in ("1d", "2d"):
            changed = replace(twice, solution=SOLUTION.replace("7d", word))
            one = await played.database.run(partial(reworded, one=one, wording=changed))
        before = await knowledge.count()
        await on_delete(played.app.bot, work(T0), Deleted(message_id="m1/solution", at=T0))
        assert await knowledge.count() == before - 3
        choice = store.Choice(words=("--older", "2d"))
        assert await played.database.run(lambda connection: store.chosen_ids(connection, choice)) == []


def reworded(connection: Connection, *, one: KnowledgeEntry, wording: Wording) -> KnowledgeEntry:
    new = edited(one, wording, T0)
    assert new is not None
    return entries.replace_by_hand(connection, entries.found(connection, one.id), new, T0).entry


# ---- export and import


def carried(folder: Path) -> None:
    """A store with entries of every kind of reader and state."""
    one = entry(PROBLEM, SOLUTION, origin="t1", known_from=T0, confirmed=True)
    old = entry("The gate stops", "Restart it.", origin="t0", known_from=T0 - timedelta(days=9))
    own = entry("Where is the key?", "In the safe.", origin="t2", audience="channel:c2")
    put(folder, one, old, own)

    def more(connection: Connection) -> None:
        store.set_trust(connection, one.id, Trust(up=4, down=1))
        store.prove(connection, one.id, T0)
        store.move(connection, old.id, EntryState.SUPERSEDED, one.id)

    in_store(folder, more)


def test_what_was_exported_is_the_same_elsewhere(earshot: Earshot, folder: Path) -> None:
    carried(folder)
    assert earshot("export", "all.jsonl", "--state", "all", "--private", "--people").code == 0
    whole = (folder / "all.jsonl").read_text("utf-8")
    assert len(whole.splitlines()) == 3
    elsewhere = (
        f"embedder: {{model: hash}}\nstore: sqlite:///{folder / 'other.db'}\nslack: {{enabled: false}}\n"
    )
    (folder / "other.yaml").write_text(elsewhere, "utf-8")
    taken = earshot("learn", "all.jsonl", "--config", "other.yaml", "--json").json
    assert (taken["added"], taken["unusable"]) == (3, [])
    again = earshot("learn", "all.jsonl", "--config", "other.yaml", "--json").json
    assert (again["added"], again["removed"], again["unchanged"]) == (0, 0, 3)
    options = ("--state", "all", "--private", "--people", "--config", "other.yaml")
    assert earshot("export", *options).out == whole
    assert earshot("ask", PROBLEM, "--config", "other.yaml", "--json").json["hits"][0]["origin"] == "t1"
    assert not list(folder.glob(".*.part"))


def test_taking_over_what_is_known_leaves_it_as_it_is(earshot: Earshot, folder: Path) -> None:
    carried(folder)
    earshot("export", "mine.jsonl")
    [one] = (json.loads(line) for line in (folder / "mine.jsonl").read_text("utf-8").splitlines())
    earshot("entries", "retire", one["id"])
    before = stored(folder, one["id"])
    earshot("learn", "mine.jsonl")
    assert stored(folder, one["id"]) == before


def test_a_channels_own_knowledge_and_who_said_it_stay_unless_asked_for(
    earshot: Earshot, folder: Path
) -> None:
    said = Passage(kind=PassageKind.SOLUTION, text=SOLUTION, source="m2", author="bob", role=Role.ANALYST)
    one = KnowledgeEntry(
        kind=EntryKind.THREAD, title=PROBLEM, origin="m1", audience="workspace", passages=(said,)
    )
    put(folder, one, entry("Where is the key?", "In the safe.", audience="channel:c2"))
    lines = earshot("export").lines
    assert [line["title"] for line in lines] == [PROBLEM]
    [passage] = lines[0]["passages"]
    assert "author" not in passage and passage["role"] == "analyst"
    assert earshot("export", "--people").lines[0]["passages"][0]["author"] == "bob"
    assert len(earshot("export", "--private").lines) == 2
    refused = earshot("export", "--audience", "channel:c2")
    assert (refused.code, refused.out) == (1, "") and "add --private" in refused.err
    assert len(earshot("export", "--audience", "channel:c2", "--private").lines) == 1


def test_a_broken_line_is_named_and_the_others_are_taken(earshot: Earshot, folder: Path) -> None:
    good = line_of(Stored(number=1, entry=entry(PROBLEM, SOLUTION), trust=Trust()), people=False)
    (folder / "some.jsonl").write_text(
        f'{{"earshot": 1\n\n{good}\n{good.replace("workspace", "all")}\n', "utf-8"
    )
    taken = earshot("learn", "some.jsonl", "--json")
    assert taken.code == 0 and taken.json["added"] == 1
    assert [why.split(": ")[0] for why in taken.json["unusable"]] == ["some.jsonl:1", "some.jsonl:4"]
    assert "audience is 'all'; give public, workspace, workspace:ID or channel:ID" in taken.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"earshot": 2}, "earshot is 2; this version reads lines of 1"),
        ({"kind": "poem"}, "kind is 'poem'; give one of document, faq"),
        ({"title": " "}, "title is ' '; it must not be empty"),
        ({"origin": None}, "origin is None; give a text"),
        ({"state": "gone"}, "state is 'gone'; give one of active"),
        ({"known_from": "yesterday"}, "known_from is 'yesterday'; give ISO 8601"),
        ({"trust": {"up": -1}}, "trust.up is -1; give a count of 0 or more"),
        ({"trust": {"up": float("nan")}}, "trust.up is nan"),
        ({"passages": []}, "none of kind solution"),
        ({"passages": [{"kind": "solution", "text": "x"}]}, "source is missing"),
        ({"passages": "x"}, "passages: 'x' is not a list"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(change: dict[str, Any], said: str) -> None:
    good = json.loads(line_of(Stored(number=1, entry=entry(PROBLEM, SOLUTION), trust=Trust()), people=True))
    assert exported_from(good).entry == entry(PROBLEM, SOLUTION)
    with pytest.raises(Unusable) as error:
        exported_from({**good, **change})
    assert said in str(error.value)


def test_a_line_changed_by_hand_is_another_entry_and_brings_no_secret(earshot: Earshot, folder: Path) -> None:
    carried(folder)
    changed = earshot("export", "--state", "all").out.replace("restart the gate", f"log in with {KEY}")
    (folder / "changed.jsonl").write_text(changed, "utf-8")
    assert earshot("learn", "changed.jsonl", "--json").json["added"] == 1
    texts = [passage["text"] for one in earshot("entries", "--json").json for passage in one["passages"]]
    assert any("log in with <secret 1>" in text for text in texts) and KEY not in "".join(texts)


def test_an_export_that_cannot_be_written_leaves_what_was_there(earshot: Earshot, folder: Path) -> None:
    carried(folder)
    refused = earshot("export", "no/such/folder.jsonl")
    assert refused.code == 1 and "cannot be written" in refused.err
    (folder / "taken.jsonl").mkdir()
    assert earshot("export", "taken.jsonl").code == 1
    assert not list(folder.glob(".*.part"))


# ---- the demo's settings


def test_the_demo_takes_the_settings_that_are_named_and_no_others(earshot: Earshot, folder: Path) -> None:
    (folder / "off.yaml").write_text("embedder: {model: hash}\ndefaults: {mode: off}\n", "utf-8")
    played = earshot("demo", "--once", "--config", "off.yaml")
    assert played.code == 0 and " 0 answered with sources" in played.out
    (folder / "bad.yaml").write_text("defaults: {precision: 9}\n", "utf-8")
    refused = earshot("demo", "--once", "--config", "bad.yaml")
    assert refused.code == 1 and "bad.yaml:1: defaults.precision: 9" in refused.err


# ---- several paths


def test_a_recording_that_cannot_be_read_does_not_stop_the_others(earshot: Earshot, folder: Path) -> None:
    (folder / "broken.jsonl").write_text("no JSON\n", "utf-8")
    (folder / "poem.exe").write_text("x", "utf-8")
    good = recording(folder, ("m1", T0, PROBLEM))
    learnt = earshot("learn", "broken.jsonl", "poem.exe", good, "--json")
    assert learnt.code == 0 and learnt.json["threads"] == 1
    assert len(learnt.json["unusable"]) == 2
    assert "broken.jsonl: no message in it" in learnt.err and ".exe is not supported" in learnt.err
    assert earshot("learn", "broken.jsonl").code == 1
