"""In a channel without threads several lines of one person are one question, and it is answered where it was asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.scorer import Action
from knowledge.embed import HashEmbedder, Kind
from knowledge.recordings import Recording
from knowledge.records import ChannelInfo
from knowledge.thread import Message
from tests.bot.live import Live, play_live
from tests.bot.running import QUESTION, config, entry
from tests.local_slack import LocalSlack

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

KNOWN = replace(entry(), known_from=NOON - timedelta(days=30))


class Asked(HashEmbedder):
    """Keeps the questions."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[str] = []

    def embed(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        if kind == "query":
            self.questions += texts
        return super().embed(texts, kind)


def flat(*said: tuple[float, str, str]) -> Recording:
    """Top-level messages: after how many seconds, who, what."""
    messages = tuple(
        Message(
            id=f"m{n}", channel="#help", thread="", user=user, at=NOON + timedelta(seconds=after), text=text
        )
        for n, (after, user, text) in enumerate(said)
    )
    channels = {"#help": ChannelInfo(id="#help", name="help")}
    return Recording(messages=messages, channels=channels, order=tuple(m.id for m in messages))


async def play(recording: Recording, folder: Path) -> tuple[Live, Asked, list[str | None]]:
    """What came of it, what was searched for, and the texts in whose threads the replies hang."""
    embedder = Asked()
    with LocalSlack() as slack:
        live = await play_live(slack, recording, config(wait=90.0), embedder, folder, [KNOWN])
        text_of = {message.id.rsplit("/", 1)[-1]: message.text for message in live.recording.messages}
        hung = [text_of.get(post.thread_ts or "") for post in slack.posts()]
        assert slack.violations == []
    return live, embedder, hung


async def test_details_after_the_question_are_part_of_it(tmp_path: Path) -> None:
    detail = "It runs on the old box next to the spill folder."
    live, embedder, hung = await play(flat((0, "ann", QUESTION), (30, "ann", detail)), tmp_path)
    assert embedder.questions == [
        QUESTION,
        f"{QUESTION}\n{detail}",
    ]  # at once, and when people had had their time
    assert [outcome.action for outcome in live.outcomes] == [Action.REPLY, Action.SILENT]
    assert hung == [QUESTION]


async def test_the_newest_line_that_asks_stands_for_the_burst(tmp_path: Path) -> None:
    live, embedder, hung = await play(flat((0, "ann", "My gate is broken."), (30, "ann", QUESTION)), tmp_path)
    assert embedder.questions[-1] == f"{QUESTION}\nMy gate is broken."
    assert [outcome.action for outcome in live.outcomes] == [Action.SILENT, Action.REPLY]
    assert hung == [QUESTION]


async def test_an_answer_of_a_person_below_other_talk_keeps_it_quiet(tmp_path: Path) -> None:
    said = flat(
        (0, "ann", QUESTION),
        (20, "carl", "Why is the console so slow today?"),
        (40, "dora", "<@U00000001> since the upgrade it is slow for everyone"),
        (60, "eve", "<@U00000000> MLR-4090 is the spill folder, clean it"),
    )
    live, _, hung = await play(said, tmp_path)
    assert live.outcomes[0].action is Action.SILENT
    assert live.outcomes[0].reason_names[0] == "person helps"
    assert hung == []
