"""What `earshot replay` says it would have done is what `earshot run` does on the same messages."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from bot.replay import Outcome, replay
from knowledge.embed import HashEmbedder
from knowledge.recordings import Recording, read_recording
from tests.bot.live import play_live
from tests.bot.running import config
from tests.local_slack import LocalSlack


def practice() -> Recording:
    return read_recording(Path(str(files("bot.practice").joinpath("today.jsonl"))))


def flat(recording: Recording, folder: Path) -> Recording:
    """The same without threads and roles: conversations and helpers have to be inferred."""
    path = folder / "flat.jsonl"
    lines = [
        json.dumps({"channel": m.channel, "id": m.id, "user": m.user, "at": m.at.isoformat(), "text": m.text})
        for m in recording.messages
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_recording(path)


def told(outcomes: Sequence[Outcome]) -> list[tuple[str, str, float, str]]:
    """What people would notice, with the reason that decided."""
    return [(o.id, o.action.value, round(o.score, 6), o.reason_names[0]) for o in outcomes]


async def compare(recording: Recording, folder: Path) -> None:
    settings = config(wait=90.0, precision=0.5, store=f"sqlite:///{folder / 'nothing.db'}")
    with LocalSlack(post_interval=0.0) as slack:
        live = await play_live(slack, recording, settings, HashEmbedder(), folder)
        assert slack.violations == []
    recorded = await replay(live.recording, settings, HashEmbedder())
    assert told(live.outcomes) == told(recorded.outcomes)
    assert len(live.outcomes) == len(recording.messages)
    assert live.unacknowledged == 0


async def test_threads(tmp_path: Path) -> None:
    await compare(practice(), tmp_path)


async def test_a_flat_channel(tmp_path: Path) -> None:
    await compare(flat(practice(), tmp_path), tmp_path)


async def test_two_replays_are_the_same(tmp_path: Path) -> None:
    settings = config(wait=90.0, precision=0.5, store=f"sqlite:///{tmp_path / 'nothing.db'}")
    first = await replay(practice(), settings, HashEmbedder())
    again = await replay(practice(), settings, HashEmbedder())
    assert [outcome.json() for outcome in first.outcomes] == [outcome.json() for outcome in again.outcomes]
    assert not (tmp_path / "nothing.db").exists()
