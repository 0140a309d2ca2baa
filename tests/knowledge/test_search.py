"""Knowledge as a whole: it finds what may be seen, follows the store, forgets, and starts again from its files."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge import store
from knowledge.database import Database
from knowledge.embed import HashEmbedder, Kind
from knowledge.entry import PUBLIC, WORKSPACE, Trust
from knowledge.finder import VECTORS_FILE, WORDS_FILE
from knowledge.search import Knowledge
from tests.knowledge.making import entry

EVERYBODY = frozenset({PUBLIC, WORKSPACE})
MONDAY = datetime(2024, 3, 4, tzinfo=UTC)

REDIS = entry("Redis refuses connections", "Restart the redis container", discussion="mine too, port 6379")
DISK = entry("Disk is full", "Delete the old exports")
SECRET = entry("Redis password", "It is hunter2", audience="channel:slack:T/C")


class CountingEmbedder(HashEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.passages: list[str] = []

    def embed(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        if kind == "passage":
            self.passages += texts
        return super().embed(texts, kind)


class OtherEmbedder(CountingEmbedder):
    """Another model, as far as anybody can tell."""

    def __init__(self) -> None:
        super().__init__()
        self.fingerprint = "other"


@asynccontextmanager
async def opened(folder: Path, embedder: HashEmbedder | None = None) -> AsyncIterator[Knowledge]:
    database = Database(f"sqlite:///{folder / 'store.db'}", durable=False)
    knowledge = Knowledge(database, embedder or HashEmbedder(), folder / "index")
    await knowledge.open()
    yield knowledge
    await knowledge.close()
    database.close()


@pytest.fixture
async def knowledge(tmp_path: Path) -> AsyncIterator[Knowledge]:
    async with opened(tmp_path) as ready:
        yield ready


async def titles(knowledge: Knowledge, question: str, **scope: object) -> list[str]:
    hits = await knowledge.search(question, **({"audiences": EVERYBODY} | scope))  # type: ignore[arg-type]
    return [hit.entry.title for hit in hits]


async def test_the_entry_that_answers_comes_first_and_says_why(knowledge: Knowledge) -> None:
    await knowledge.learn([DISK, REDIS])
    best, other = await knowledge.search("redis connection refused", audiences=EVERYBODY)
    assert best.entry == REDIS
    assert 1 >= best.score > other.score >= 0
    assert best.dense > other.dense
    assert best.lexical > other.lexical == 0
    assert best.coverage == 1
    assert best.trust == Trust()
    assert 0 < knowledge.timing.embed < knowledge.timing.total


async def test_nothing_known_finds_nothing(knowledge: Knowledge) -> None:
    assert await titles(knowledge, "redis") == []


async def test_the_discussion_is_found_by_its_words_only(tmp_path: Path) -> None:
    async with opened(tmp_path, embedder := CountingEmbedder()) as knowledge:
        await knowledge.learn([REDIS, DISK])
        (best, _) = await knowledge.search("6379", audiences=EVERYBODY)
        assert best.entry == REDIS
        assert not any("6379" in text for text in embedder.passages)


async def test_what_may_not_be_seen_is_not_found_however_well_it_fits(knowledge: Knowledge) -> None:
    await knowledge.learn([SECRET, DISK])
    assert await titles(knowledge, "redis password hunter2") == ["Disk is full"]
    own = frozenset({PUBLIC, "channel:slack:T/C"})
    assert await titles(knowledge, "redis password hunter2", audiences=own) == ["Redis password"]
    assert await titles(knowledge, "redis password hunter2", audiences=frozenset()) == []


async def test_unreadable_entries_do_not_crowd_out_readable_ones(knowledge: Knowledge) -> None:
    crowd = [entry(f"redis {n}", "redis redis", audience="channel:x") for n in range(300)]
    await knowledge.learn([*crowd, DISK])
    assert await titles(knowledge, "redis", k=3) == ["Disk is full"]


async def test_as_many_as_asked_for_are_found_even_if_each_entry_has_many_vectors(
    knowledge: Knowledge,
) -> None:
    long = entry("redis", "\n\n".join(f"redis {n} " + "x" * 1500 for n in range(600)))
    await knowledge.learn([long, *(entry(f"other {n}", "text") for n in range(9))])
    assert len(await titles(knowledge, "redis", k=10)) == 10


async def test_a_conversation_does_not_answer_itself(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS, DISK])
    assert await titles(knowledge, "redis", exclude_origins=frozenset({REDIS.origin})) == ["Disk is full"]


async def test_only_what_was_known_before_counts(knowledge: Knowledge) -> None:
    await knowledge.learn([entry("early", "redis", known_from=MONDAY), entry("document", "redis")])
    await knowledge.learn([entry("late", "redis", known_from=MONDAY + timedelta(seconds=1))])
    assert set(await titles(knowledge, "redis", before=MONDAY)) == {"early", "document"}
    assert set(await titles(knowledge, "redis", before=MONDAY - timedelta(seconds=1))) == {"document"}
    assert len(await titles(knowledge, "redis")) == 3


async def test_learning_reports_what_was_new(knowledge: Knowledge) -> None:
    assert await knowledge.learn([REDIS]) == store.LearnReport(added=(REDIS.id,))
    report = await knowledge.learn([REDIS, DISK, DISK])
    assert report == store.LearnReport(added=(DISK.id,), unchanged=(REDIS.id,))
    assert await knowledge.count() == 2


async def test_an_origin_learnt_again_forgets_what_it_no_longer_contains(knowledge: Knowledge) -> None:
    first, second = (entry(title, "text", origin="docs/a.md") for title in ("redis first", "redis second"))
    await knowledge.learn_origin("docs/a.md", [first])
    report = await knowledge.learn_origin("docs/a.md", [second])
    assert report == store.LearnReport(added=(second.id,), removed=(first.id,))
    assert await titles(knowledge, "redis first") == ["redis second"]


async def test_retired_entries_are_not_found(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS, DISK])
    assert await knowledge.retire([REDIS.id, "e-unknown"]) == [REDIS.id]
    assert await titles(knowledge, "redis connection refused") == ["Disk is full"]


async def test_entries_are_listed_by_the_message_they_quote(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS, DISK])
    assert await knowledge.entries_from("Disk is full/solution") == [DISK]


async def test_votes_move_an_entry_past_its_equals(knowledge: Knowledge) -> None:
    twins = [entry("redis is down", "restart it", origin=origin) for origin in ("a", "b")]
    await knowledge.learn(twins)
    for down, up in (twins, reversed(twins)):
        await knowledge.set_trust(down.id, Trust(down=3))
        await knowledge.set_trust(up.id, Trust(up=3))
        best, other = await knowledge.search("redis is down", audiences=EVERYBODY)
        assert (best.entry.id, best.trust) == (up.id, Trust(up=3))
        assert best.score > other.score


async def test_a_confirmation_is_seen_on_the_hit(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS])
    assert await knowledge.confirm(REDIS.id)
    (hit,) = await knowledge.search("redis", audiences=EVERYBODY)
    assert hit.entry.confirmed
    assert not await knowledge.confirm("e-unknown")


async def test_puts_votes_and_removals_of_another_process_are_seen_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as ours, opened(tmp_path) as theirs:
        await theirs.learn([REDIS, DISK])
        assert await titles(ours, "redis refused") == [REDIS.title, DISK.title]
        await theirs.retire([REDIS.id])
        assert await titles(ours, "redis refused") == [DISK.title]


async def test_what_another_model_put_is_embedded_by_ours(tmp_path: Path) -> None:
    async with opened(tmp_path) as ours, opened(tmp_path, OtherEmbedder()) as theirs:
        await theirs.learn([REDIS, DISK])
        (best, _) = await ours.search("redis refused", audiences=EVERYBODY)
        assert best.entry == REDIS
        assert best.dense > 0


async def test_searching_goes_on_while_much_is_learnt(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS])
    many = [entry(f"title {number}", "some text") for number in range(200)]
    learning = asyncio.create_task(knowledge.learn(many))
    while not learning.done():
        assert (await titles(knowledge, "redis refuses connections"))[0] == REDIS.title
    assert len((await learning).added) == 200
    assert await knowledge.count() == 201


async def test_searches_and_removals_at_once_do_not_disturb_each_other(knowledge: Knowledge) -> None:
    many = [entry(f"redis {number}", "some text") for number in range(50)]
    await knowledge.learn(many)
    await asyncio.gather(
        *(knowledge.retire([one.id]) for one in many[:25]),
        *(knowledge.search("redis", audiences=EVERYBODY) for _ in range(25)),
    )
    assert set(await titles(knowledge, "redis", k=50)) == {one.title for one in many[25:]}


async def test_a_restart_finds_the_same_and_embeds_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        await first.learn([REDIS, DISK, SECRET])
        before = await first.search("redis connection refused", audiences=EVERYBODY)
    async with opened(tmp_path, embedder := CountingEmbedder()) as second:
        assert await second.search("redis connection refused", audiences=EVERYBODY) == before
        await second.rebuild()
        assert await second.search("redis connection refused", audiences=EVERYBODY) == before
    assert embedder.passages == []


async def test_what_changed_after_the_files_were_written_counts(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        await first.learn([REDIS, DISK])
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    await database.run(lambda connection: store.drop_entries(connection, [REDIS.id]))
    new = entry("Redis is slow", "Add memory")
    await database.run(lambda connection: store.put_entries(connection, [new]))
    database.close()
    async with opened(tmp_path) as second:
        assert await titles(second, "redis") == ["Redis is slow", "Disk is full"]


@pytest.mark.parametrize("name", [VECTORS_FILE, WORDS_FILE])
@pytest.mark.parametrize("content", [None, b"", b"garbage"])
async def test_a_lost_or_damaged_index_file_is_derived_again(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    async with opened(tmp_path) as first:
        await first.learn([REDIS, DISK])
        before = await first.search("redis refused", audiences=EVERYBODY)
    file = tmp_path / "index" / name
    file.unlink() if content is None else file.write_bytes(content)
    async with opened(tmp_path, embedder := CountingEmbedder()) as second:
        assert await second.search("redis refused", audiences=EVERYBODY) == before
    assert embedder.passages == []
    assert file.stat().st_size > 100


async def test_the_index_files_of_another_store_are_not_believed(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    async with opened(ours) as knowledge:
        await knowledge.learn([REDIS, DISK])
    async with opened(theirs) as knowledge:  # the same numbers stand for other entries
        await knowledge.learn([DISK, REDIS])
        expected = await knowledge.search("redis refused", audiences=EVERYBODY)
    for file in (ours / "index").iterdir():
        (theirs / "index" / file.name).write_bytes(file.read_bytes())
    async with opened(theirs) as knowledge:
        assert await knowledge.search("redis refused", audiences=EVERYBODY) == expected


async def test_another_model_embeds_everything_anew_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        await first.learn([REDIS, DISK])
    for texts in (4, 0):
        embedder = OtherEmbedder()
        async with opened(tmp_path, embedder) as knowledge:
            assert (await titles(knowledge, "redis refused"))[0] == REDIS.title
        assert len(embedder.passages) == texts


async def test_texts_known_already_are_not_embedded_again(tmp_path: Path) -> None:
    async with opened(tmp_path, embedder := CountingEmbedder()) as knowledge:
        await knowledge.learn([entry("redis", "restart it", origin="t")])
        embedder.passages.clear()
        await knowledge.learn_origin("t", [entry("redis", "restart it", origin="t", discussion="thanks")])
        assert embedder.passages == []


async def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    many = [entry(f"title {number}", "text") for number in range(40)]
    async with opened(tmp_path) as knowledge:
        await knowledge.learn(many, lambda *step: seen.append(step))
    assert seen == [(32, 40, "learning"), (40, 40, "learning")]


async def test_without_files_it_works_in_memory() -> None:
    database = Database("sqlite://")
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    await knowledge.learn([REDIS])
    assert await titles(knowledge, "redis") == [REDIS.title]
    await knowledge.close()
    database.close()


async def test_an_entry_without_text_is_kept_and_harmless(knowledge: Knowledge) -> None:
    empty = entry("", origin="t")
    await knowledge.learn([empty, REDIS])
    assert await titles(knowledge, "redis refused") == [REDIS.title, ""]


async def test_of_two_equal_answers_the_newer_comes_first_where_it_is_said_what_time_it_is(
    knowledge: Knowledge,
) -> None:
    old = entry(
        "Redis refuses connections", "Restart it", origin="old", known_from=MONDAY - timedelta(days=900)
    )
    new = entry("Redis refuses connections", "Restart it", origin="new", known_from=MONDAY)
    await knowledge.learn([old, new])
    now = MONDAY + timedelta(days=7)
    newest, oldest = await knowledge.search("redis connections", audiences=EVERYBODY, before=now)
    timeless = await knowledge.search("redis connections", audiences=EVERYBODY)
    assert [newest.entry.origin, oldest.entry.origin] == ["new", "old"]
    assert (newest.age, oldest.age) == (7, 907)
    assert newest.score > oldest.score
    assert [hit.entry.origin for hit in timeless] == ["old", "new"]
    assert timeless[0].score == timeless[1].score
    assert timeless[0].age == 0


async def test_a_document_does_not_grow_old(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS])
    (hit,) = await knowledge.search("redis connections", audiences=EVERYBODY, before=MONDAY)
    assert hit.age == 0


async def test_a_hit_says_what_its_score_is_made_of(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS, DISK])
    hits = await knowledge.search("Redis refuses connections\nthe exports too", audiences=EVERYBODY)
    redis, disk = sorted(hits, key=lambda hit: hit.entry.title, reverse=True)
    assert redis.problem > redis.agreement  # the solution agrees less than the problem
    assert disk.problem < disk.agreement < disk.dense  # here the solution is nearer than the problem
    assert redis.headline > redis.words > 0
    assert disk.headline == 0 < disk.words


async def test_a_headline_without_meaning_is_passed_over(knowledge: Knowledge) -> None:
    await knowledge.learn([REDIS])
    (hit,) = await knowledge.search("Hello everybody,\nRedis refuses connections", audiences=EVERYBODY)
    assert hit.headline >= hit.words > 0
