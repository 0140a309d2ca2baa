"""`earshot learn`: every kind of file, again without effect, less when there is less, and each to its readers."""

import json
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger
from bot.adapters import room
from bot.app import assemble, open_database
from bot.clock import RecordedClock
from bot.config import Config, Redact
from bot.learning import Learnt, learn_path
from bot.replay import advance, arrivals
from knowledge.audience import Place, Setting, audiences_for
from knowledge.embed import HashEmbedder
from knowledge.entry import EntryKind, KnowledgeEntry
from knowledge.recordings import RecordingError, read_recording
from knowledge.search import Knowledge
from knowledge.sources import SourceError

DAYS = timedelta(days=7)
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROBLEM = "The gate stops with MLR-4090 since last night, how can I make it start again?"
ANSWER = "MLR-4090 means that the spill folder is full. Run `millrace spill clean --older 7d` and restart the gate."
THANKS = "That fixed it, thanks a lot!"
TALK = ((0, "ann", PROBLEM), (4, "bob", ANSWER), (9, "ann", THANKS))  # minutes after the morning began

MARKDOWN = "# Workers\n\n## Slots\n\nSet `worker.slots` to the number of cores and restart the worker.\n\n"
SECOND_SECTION = "## Retries\n\nA failed step is run again three times, after one, five and thirty minutes.\n"
HTML = "<html><body><h1>Maintenance</h1><p>Pause every pipeline with one command before the window.</p></body></html>"
TEXT = "Backups are written every night at two to the second disk and kept for thirty days.\n"
CSV = (
    "question,answer\nWhere are the logs of the gate?,They lie in /var/log/millrace/gate.log on every host.\n"
)


@pytest.fixture
async def knowledge(tmp_path: Path) -> AsyncIterator[Knowledge]:
    database = open_database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    opened = Knowledge(database, HashEmbedder(), None)
    await opened.open()
    yield opened
    await opened.close()
    database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good file of every kind, three broken ones and one nobody can read."""
    docs = tmp_path / "docs"
    (docs / "deep").mkdir(parents=True)
    (docs / "workers.md").write_text(MARKDOWN + SECOND_SECTION, encoding="utf-8")
    (docs / "deep" / "maintenance.html").write_text(HTML, encoding="utf-8")
    (docs / "backups.txt").write_text(TEXT, encoding="utf-8")
    (docs / "faq.csv").write_text(CSV, encoding="utf-8")
    (docs / "past.jsonl").write_text(recorded(), encoding="utf-8")
    (docs / "binary.md").write_bytes(b"\x00\x01\x02")
    (docs / "empty.jsonl").write_bytes(b"not json\n")
    (docs / "export.zip").write_bytes(b"PK\x03\x04 cut short")
    (docs / "logo.png").write_bytes(b"\x89PNG")
    return docs


def recorded() -> str:
    said = [
        {"channel": "help", "thread": "m0", "id": f"m{minute}", "user": user, "text": text}
        | {"at": (MORNING + timedelta(minutes=minute)).isoformat()}
        for minute, user, text in TALK
    ]
    return "".join(json.dumps(line) + "\n" for line in said)


def export(path: Path) -> Path:
    """A Slack export with the same solved thread, in other words, in a public, a private and a shared channel."""
    files: dict[str, Any] = {
        "users.json": [
            {"id": "UANN", "team_id": "T1", "name": "ann"},
            {"id": "UBOB", "team_id": "T1", "name": "bob"},
        ],
        "channels.json": [
            {"id": "C1", "name": "help"},
            {"id": "C2", "name": "shared", "is_ext_shared": True},
        ],
        "groups.json": [{"id": "G1", "name": "secret"}],
    }
    for name in ("help", "shared", "secret"):
        files[f"{name}/2026-03-02.json"] = day(name)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(content))
    return path


def day(word: str) -> list[Mapping[str, Any]]:
    start = int(MORNING.timestamp())
    return [
        {
            "type": "message",
            "user": f"U{user.upper()}",
            "text": f"{text} ({word})",
            "ts": f"{start + 60 * minute}.000000",
            "thread_ts": f"{start}.000000",
        }
        for minute, user, text in TALK
    ]


def root_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


async def learn(knowledge: Knowledge, path: Path, audience: str = "workspace") -> Learnt:
    return await learn_path(knowledge, path, audience, DAYS, lambda *_: None, root_of(path))


def seen_in(channel: str, *, external: bool = False) -> frozenset[str]:
    setting = Setting.SHARED if external else Setting.OPEN
    return audiences_for(Place(channel=channel, setting=setting))


async def found(knowledge: Knowledge, question: str, channel: str, *, external: bool = False) -> set[str]:
    """The origins of what a reader of ``channel`` gets to see."""
    hits = await knowledge.search(question, audiences=seen_in(channel, external=external), k=50)
    return {hit.entry.origin for hit in hits}


async def everything(knowledge: Knowledge) -> list[KnowledgeEntry]:
    hits = await knowledge.search("millrace", audiences=seen_in("help"), k=50)
    return [hit.entry for hit in hits]


async def test_a_folder_is_learnt_whole_and_what_is_broken_is_told(
    knowledge: Knowledge, folder: Path
) -> None:
    learnt = await learn(knowledge, folder)
    assert (learnt.files, learnt.threads, learnt.not_worth) == (4, 1, 0)
    origins = {entry.origin for entry in await everything(knowledge)}
    assert origins == {"workers.md", "deep/maintenance.html", "backups.txt", "faq.csv", "m0"}
    told = "\n".join(learnt.unusable)
    for name in ("binary.md", "empty.jsonl", "export.zip", "1 files passed over: .png"):
        assert name in told
    assert len(learnt.unusable) == 4


async def test_a_thread_is_known_from_when_it_was_closed_and_a_document_always(
    knowledge: Knowledge, folder: Path
) -> None:
    await learn(knowledge, folder)
    known = {entry.origin: entry for entry in await everything(knowledge)}
    assert known["m0"].known_from == MORNING + timedelta(minutes=9) + DAYS
    assert known["m0"].confirmed
    assert known["workers.md"].known_from is None
    assert known["faq.csv"].kind is EntryKind.FAQ


async def test_learning_again_changes_nothing(knowledge: Knowledge, folder: Path) -> None:
    first = await learn(knowledge, folder)
    again = await learn(knowledge, folder)
    assert first.added > 0
    assert (again.added, again.removed, again.unchanged) == (0, 0, first.added)
    assert await knowledge.count() == first.added


async def test_what_a_document_no_longer_says_is_forgotten(knowledge: Knowledge, folder: Path) -> None:
    await learn(knowledge, folder)
    before = await knowledge.count()
    (folder / "workers.md").write_text(MARKDOWN, encoding="utf-8")
    learnt = await learn(knowledge, folder)
    assert learnt.removed == 1
    assert await knowledge.count() == before - 1
    texts = [passage.text for entry in await everything(knowledge) for passage in entry.passages]
    assert any("worker.slots" in text for text in texts)
    assert not any("thirty minutes" in text for text in texts)


async def test_a_file_given_alone_is_the_one_of_its_folder(knowledge: Knowledge, folder: Path) -> None:
    await learn(knowledge, folder)
    assert (await learn(knowledge, folder / "workers.md")).added == 0


async def test_a_recording_that_is_asked_for_and_cannot_be_read_is_an_error(
    knowledge: Knowledge, folder: Path
) -> None:
    with pytest.raises(RecordingError, match=r"empty\.jsonl"):
        await learn(knowledge, folder / "empty.jsonl")
    with pytest.raises(SourceError, match="does not exist"):
        await learn(knowledge, folder / "nowhere")


async def test_what_was_said_in_a_private_or_shared_channel_stays_there(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    learnt = await learn(knowledge, export(tmp_path / "export.zip"), "public")
    assert (learnt.threads, learnt.added) == (3, 3)
    start = f"{int(MORNING.timestamp())}.000000"
    public, shared, secret = (f"slack:T1/{name}" for name in ("C1", "C2", "G1"))
    assert await found(knowledge, PROBLEM, "slack:T1/C9") == {f"{public}/{start}"}
    assert await found(knowledge, PROBLEM, secret) == {f"{public}/{start}", f"{secret}/{start}"}
    assert await found(knowledge, PROBLEM, shared, external=True) == {
        f"{public}/{start}",
        f"{shared}/{start}",
    }
    kept = await knowledge.entries_from(f"{secret}/{start}")
    assert [entry.audience for entry in kept] == [f"channel:{secret}"]


@pytest.mark.parametrize(
    ("audience", "readers"),
    [
        ("public", {("help", False), ("other", False), ("partner", True)}),
        ("workspace", {("help", False), ("other", False)}),
        ("channel:help", {("help", False)}),
    ],
)
async def test_documents_and_threads_serve_the_audience_they_were_given_to(
    knowledge: Knowledge, folder: Path, audience: str, readers: set[tuple[str, bool]]
) -> None:
    learnt = await learn(knowledge, folder, audience)
    for channel, external in (("help", False), ("other", False), ("partner", True)):
        seen = await found(knowledge, "millrace gate worker", channel, external=external)
        assert bool(seen) is ((channel, external) in readers)
    assert learnt.added == await knowledge.count()


async def test_giving_it_to_another_audience_takes_it_from_the_first(
    knowledge: Knowledge, folder: Path
) -> None:
    first = await learn(knowledge, folder, "public")
    again = await learn(knowledge, folder, "channel:help")
    assert (again.added, again.removed) == (first.added, first.added)
    assert await found(knowledge, PROBLEM, "other") == set()


async def test_the_patterns_of_the_workspace_count_in_threads_and_documents(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    (tmp_path / "past.jsonl").write_text(
        recorded().replace("spill folder", "spill-771 folder"), encoding="utf-8"
    )
    (tmp_path / "gate.md").write_text("# Gate\n\nThe folder of the gate is spill-772.\n", encoding="utf-8")
    await learn_path(
        knowledge, tmp_path, "workspace", DAYS, lambda *_: None, tmp_path, [re.compile(r"spill-\d+")]
    )
    kept = [*await knowledge.entries_from("m0"), *await knowledge.entries_from("gate.md")]
    texts = " ".join(passage.text for entry in kept for passage in entry.passages)
    assert "the <redacted 1> folder is full" in texts or "that the <redacted 1> folder" in texts
    assert "gate is <redacted 1>." in texts


async def test_what_is_learnt_of_a_live_thread_is_redacted_as_what_is_read(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    said = (
        recorded().replace("spill folder", "spill-771 folder").replace("restart the gate.", "ask @Cleo Park.")
    )
    (tmp_path / "past.jsonl").write_text(said, encoding="utf-8")
    messages = read_recording(tmp_path / "past.jsonl").messages
    config = Config(redact=Redact(patterns=(re.compile(r"spill-\d+"),)))
    database = open_database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)  # the same store
    database.run_blocking(lambda connection: ledger.put_names(connection, {"cleo": "Cleo Park"}))
    clock = RecordedClock(MORNING)
    adapter = room.RoomAdapter({"help": room.channel("help", name="help")})
    app = assemble(lambda: config, database, knowledge, [adapter], clock=clock, settle=timedelta())
    for arrival in arrivals(messages):
        await advance(app, clock, arrival.at)
        await app.accept(arrival)
        await app.drain()
    await advance(app, clock, MORNING + DAYS + timedelta(days=1))
    [entry] = await knowledge.entries_from("m0")
    texts = " ".join(passage.text for passage in entry.passages)
    database.close()
    assert "the <redacted 1> folder is full" in texts
    assert "ask @<name 1>." in texts
