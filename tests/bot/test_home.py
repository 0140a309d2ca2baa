"""Earshot's own page: what stands on it, as it is told."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.adapters.acts import Home
from bot.adapters.adapter import LinkState
from bot.adapters.slack_cards import MAX_VIEW_BLOCKS, home_view
from bot.card import lines_in
from bot.home import Common, Desk, OpenDraft, Running, Seen, Settings, Used, home_card
from bot.manners import Order
from bot.report import NightReport
from bot.status import OpenOne
from bot.tickets import TicketState
from tests.local_slack.blocks import check_view

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHANNEL = "slack:T1/C0HELP001"


def told(seen: Seen) -> str:
    card = home_card(seen, NOW, UTC)
    rests = [group.rest for group in card.groups]
    return "\n".join([*(group.heading for group in card.groups), *lines_in(card), *rests])


def settings(channel: str = CHANNEL, *, muted: bool = False) -> Settings:
    return Settings(
        channel=channel,
        mode="reply",
        precision=0.9,
        max_per_thread=3,
        max_per_hour=6,
        quiet_hours="19:00-08:00",
        own=True,
        muted=muted,
        drifted=False,
    )


def open_one(problem: str = "The gate stops.") -> OpenOne:
    link = "https://example.slack.com/archives/C0HELP001/p1"
    return OpenOne(problem=problem, link=link, state=TicketState.OPENED, waiting=None)


def everything(times: int, text: str = "x") -> Seen:
    """A page on which each kind of row stands ``times`` times."""
    link = LinkState(name="slack", connected=True, since=NOW, heard_at=NOW - timedelta(seconds=5))
    draft = OpenDraft(question=text, link=None, channel=CHANNEL, since=NOW - timedelta(hours=3))
    desk = Desk(
        open_ones=[(CHANNEL, open_one(text))] * times,
        open_count=times + 2,
        drafts=[draft] * times,
        draft_count=times,
        known={"thread": 3, "faq": 1},
        learnt=1,
        used=[Used(title=text, link=None, times=2)] * times,
    )
    running = Running(
        settings=[settings(f"slack:T1/C{number:08d}") for number in range(times)],
        unseen=1,
        links=[link],
        night=NightReport(date="2026-03-02", threads=1, added=2),
        set_aside=2,
        waiting=1,
        reports=("#ops",),
    )
    return Seen(
        opted_out=False,
        places=[Common(channel=CHANNEL, mode="reply")] * times,
        place_count=times,
        asked=[open_one(text)] * times,
        asked_count=times,
        desk=desk,
        running=running,
    )


def orders(seen: Seen) -> list[tuple[Any, tuple[str, ...]]]:
    rows = [one for group in home_card(seen, NOW, UTC).groups for one in group.rows]
    return [(button.verb, button.subjects) for one in rows for button in one.buttons]


def test_a_newcomer_reads_what_it_is_and_how_to_be_left_alone() -> None:
    seen = Seen(opted_out=False)
    shown = told(seen)
    assert "always with my sources" in shown and "`/earshot help`" in shown and "`@Earshot mute`" in shown
    assert "`/invite @Earshot`" in shown and "How I run" not in shown and "What I know" not in shown
    assert orders(seen) == [(Order.OPT_OUT, ())]
    assert orders(Seen(opted_out=True)) == [(Order.OPT_IN, ())]
    assert "I learn nothing from what you say" in told(Seen(opted_out=True))


@pytest.mark.parametrize(
    ("mode", "silent", "words"),
    [
        ("reply", None, "I answer"),
        ("draft", None, "analysts see first"),
        ("shadow", None, "I listen and say nothing"),
        ("off", None, "I take no part"),
        ("reply", "I am muted", "I am muted"),
    ],
)
def test_each_channel_says_what_it_does_there(mode: str, silent: str | None, words: str) -> None:
    place = Common(channel=CHANNEL, mode=mode, silent=silent)
    assert f"• {CHANNEL} – {words}" in told(Seen(opted_out=False, places=[place], place_count=1))


def test_an_admin_reads_how_it_is_set_up_and_how_it_runs() -> None:
    shown = told(everything(1))
    for line in (
        "mode reply, precision 0.9, at most 3 a thread and 6 an hour, quiet 19:00-08:00, its own settings",
        "slack: connected, last heard 5 seconds ago",
        "Night of 2026-03-02: 1 thread read, 2 added, 0 merged, 0 retired",
        "1 entry waits for approval, in the report of the night: #ops",
        "2 events were set aside: see `earshot doctor`",
        "edit config.yaml",
        "and 1 more: they stand in config.yaml, too",
    ):
        assert line in shown


def test_a_connection_that_is_down_says_why() -> None:
    down = LinkState(name="lark", connected=False, since=NOW, why="refused")
    assert "lark: not connected (refused)" in told(Seen(opted_out=False, running=Running(links=[down])))


def test_what_is_muted_can_be_unmuted_and_the_other_way_round() -> None:
    loud, quiet = settings("slack:T1/C1"), settings("slack:T1/C2", muted=True)
    found = orders(Seen(opted_out=False, running=Running(settings=[loud, quiet])))
    assert found[1:] == [(Order.MUTE_CHANNEL, ("slack:T1/C1",)), (Order.UNMUTE_CHANNEL, ("slack:T1/C2",))]


def test_an_analyst_reads_what_waits_and_what_is_known() -> None:
    shown = told(everything(1, "Does it stop?"))
    assert "Open in your channels: 3, the oldest first" in shown and "and 2 more" in shown
    assert "Drafts that wait for an analyst: 1" in shown and "• Does it stop? – 3 hours ago in" in shown
    assert "3 closed threads, 1 listed question; 1 entry new last night" in shown
    assert "• Does it stop? – 2 times" in shown


@pytest.mark.parametrize("times", [0, 1, 20, 150])
@pytest.mark.parametrize("text", ["x", "<!channel> *bold* [a](https://b.example) " * 20])
def test_however_much_stands_there_slack_takes_it(times: int, text: str) -> None:
    view = home_view(Home(user="slack:T1/U1", card=home_card(everything(times, text), NOW, UTC)), {})
    check_view(view)
    assert len(view["blocks"]) <= MAX_VIEW_BLOCKS and view["type"] == "home"
    assert "<!channel>" not in json.dumps(view)
    assert "Learn nothing from me" in json.dumps(view)
