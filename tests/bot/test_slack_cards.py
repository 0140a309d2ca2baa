"""Buttons, forms and shortcuts of Slack: what is shown is what Slack takes, and a press means what it says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.adapters.acts import Buttons, Draft, Edit, Question, Whisper
from bot.adapters.events import (
    AskedWhy,
    Corrected,
    Correcting,
    Ignored,
    Judged,
    Objected,
    OpenedHome,
    OrderedAtHome,
    Reworded,
)
from bot.adapters.slack_cards import (
    CORRECTION_FORM,
    DISMISS_ACTION,
    OBJECTION_ACTION,
    REWORD_ACTION,
    REWORD_INPUT,
    SHARE_ACTION,
    arrival_of,
    correction_form,
    parse,
    people_in,
    render_draft,
    render_edit,
    render_whisper,
    reword_form,
)
from bot.adapters.slack_wire import Me, place_of
from bot.adapters.slack_wire import arrival_of as event_arrival_of
from bot.adapters.slack_wire import parse as event_in
from bot.answerer import Citation, Line, Suggestion
from bot.manners import Order
from bot.objections import Objection
from knowledge.entry import EntryKind
from tests.local_slack.blocks import check_message, check_view

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ME = Me(team="T1", user="UBOT", bot="BBOT", url="https://example.slack.com/")
NAMES = {"U0ANN00001": "ann"}


def suggestion(text: str = "Restart the gate.") -> Suggestion:
    cited = Citation(
        number=1, entry="e1", source="docs/gate.md", title="Gate", quote=text, kind=EntryKind.DOCUMENT
    )
    return Suggestion(lines=(Line(text=text, citations=(1,)),), citations=(cited,))


def draft(text: str = "The gate stops, <!channel> why?", answer: str = "Restart the gate.") -> Draft:
    asked = Question(
        channel="slack:T1/C1", user="@U0ANN00001", text=text, link="https://example.slack.com/archives/C1/p1"
    )
    return Draft(
        id="s1", channel="slack:T1/C2", question=asked, suggestion=suggestion(answer), opened_at=NOW, now=NOW
    )


def whisper(text: str = "Thank you.", **more: Any) -> Whisper:
    return Whisper(
        id="w1", channel="slack:T1/C1", reply_to=None, user="slack:T1/U1", text=text, now=NOW, **more
    )


@pytest.mark.parametrize("text", ["why?", "line\n" * 400, "&<>" * 200, "x" * 20_000])
@pytest.mark.parametrize("answer", ["Restart it.", "Restart it.\n" * 2_000, "<" * 6_000])
def test_whatever_is_asked_and_answered_a_draft_is_what_slack_takes(text: str, answer: str) -> None:
    rendered = render_draft(draft(text, answer), NAMES)
    check_message(rendered)
    buttons = rendered["blocks"][-1]["elements"]
    assert [button["action_id"] for button in buttons] == [SHARE_ACTION, REWORD_ACTION, DISMISS_ACTION]
    assert {button["value"] for button in buttons} == {"s1"}


def clicked() -> dict[str, Any]:
    """A click on Edit."""
    return {
        "team": {"id": "T1"},
        "user": {"id": "U0BOB00001"},
        "container": {"type": "message", "channel_id": "C2", "is_ephemeral": True},
        "channel": {"id": "C2"},
        "response_url": "https://hooks.slack.com/actions/T1/2/3",
        "actions": [{"action_id": REWORD_ACTION, "value": "s1", "action_ts": "1700000000.000100"}],
    }


def sent(view: dict[str, Any], text: str) -> Reworded:
    """The event of the form, sent with ``text`` in it."""
    values = {"b1": {REWORD_INPUT: {"type": "plain_text_input", "value": text}}}
    common = {name: clicked()[name] for name in ("team", "user")}
    body = {"type": "view_submission", **common, "view": {**view, "id": "V1", "state": {"values": values}}}
    arrival = arrival_of(body, NOW)
    assert arrival is not None
    event = parse(arrival.payload)
    assert isinstance(event, Reworded)
    return event


@pytest.mark.parametrize("answer", ["Restart it.", "Ask @U0ANN00001.\n" * 2_000, "<" * 6_000])
def test_whatever_a_draft_says_the_form_to_edit_it_is_what_slack_takes(answer: str) -> None:
    view = reword_form(clicked(), suggestion(answer), NAMES)
    check_view(view)
    field = view["blocks"][0]
    cut = len(answer) > 3_000
    assert ("longer than this field" in field["hint"]["text"]) is cut
    assert "@U0ANN" not in field["element"]["initial_value"]
    assert sent(view, field["element"]["initial_value"]).changed is cut  # its end would be gone


def test_what_the_form_is_about_comes_back_with_it() -> None:
    event = sent(reword_form(clicked(), suggestion(), NAMES), "Start it [1].")
    assert (event.suggestion_id, event.text, event.changed) == ("s1", "Start it [1].", True)
    assert (event.user, event.channel, event.private) == ("slack:T1/U0BOB00001", "slack:T1/C2", True)
    assert event.respond_to == "https://hooks.slack.com/actions/T1/2/3" and event.at == NOW


def test_nothing_quoted_in_a_draft_comes_alive() -> None:
    shown = str(render_draft(draft("<!channel> @here ask <@U0ANN00001> *now*"), NAMES))
    assert "<!channel>" not in shown and "@here" not in shown and "<@U0" not in shown
    assert "@ann" in shown


@pytest.mark.parametrize("buttons", list(Buttons))
@pytest.mark.parametrize("said", [None, suggestion()])
def test_every_whisper_is_what_slack_takes(buttons: Buttons, said: Suggestion | None) -> None:
    check_message(render_whisper(whisper("Line\n" * 900, buttons=buttons, suggestion=said, subject="s1"), {}))


def test_every_reason_has_a_button_of_its_own_and_so_has_the_right_answer() -> None:
    blocks = render_whisper(whisper(buttons=Buttons.REASONS, subject="s1"), {})["blocks"]
    pressed = [parse(click(button["action_id"], button["value"])) for button in blocks[-1]["elements"]]
    reasons = [event.objection for event in pressed if isinstance(event, Objected)]
    assert reasons == list(Objection)
    assert [type(event) for event in pressed if not isinstance(event, Objected)] == [Correcting]


def test_an_edit_is_one_line_with_its_link() -> None:
    edit = Edit(
        channel="slack:T1/C2",
        message_id="slack:T1/C2/1.1",
        text="Draft shared by @U0ANN00001",
        link="https://x.y/z",
    )
    rendered = render_edit(edit, NAMES)
    check_message(rendered)
    assert rendered["text"] == "Draft shared by @ann" and len(rendered["blocks"]) == 1
    assert "<https://x.y/z|the question>" in rendered["blocks"][0]["text"]["text"]


def test_people_are_found_in_texts_however_they_are_written() -> None:
    assert people_in("person helps: slack:T1/U0BOB00001 spoke", "@U0ANN00001", "<@U0CARL0001>") == {
        "U0BOB00001",
        "U0ANN00001",
        "U0CARL0001",
    }


def test_the_form_is_what_slack_takes_and_knows_its_suggestion() -> None:
    form = correction_form("s1")
    check_view(form)
    assert form["private_metadata"] == "s1"


def click(action: str, value: str, *, ephemeral: bool = False) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "C2"},
        "container": {"channel_id": "C2", "message_ts": "1700000000.000100", "is_ephemeral": ephemeral},
        "response_url": "https://hooks.slack.com/x",
        "actions": [{"action_id": action, "value": value, "action_ts": "1700000001.000100"}],
    }


@pytest.mark.parametrize(("action", "share"), [(SHARE_ACTION, True), (DISMISS_ACTION, False)])
@pytest.mark.parametrize("ephemeral", [True, False])
def test_a_draft_is_judged_by_its_buttons(action: str, share: bool, ephemeral: bool) -> None:
    judged = parse(click(action, "s1", ephemeral=ephemeral))
    assert isinstance(judged, Judged)
    assert (judged.suggestion_id, judged.user, judged.share) == ("s1", "slack:T1/U1", share)
    assert (judged.channel, judged.private) == ("slack:T1/C2", ephemeral)
    assert judged.respond_to == "https://hooks.slack.com/x"


@pytest.mark.parametrize("action", [OBJECTION_ACTION + "NOBODY", "earshot_feedback", "theirs"])
def test_other_buttons_are_not_its_business(action: str) -> None:
    assert parse(click(action, "s1")) is None


def form(text: str | None, callback: str = CORRECTION_FORM) -> dict[str, Any]:
    values = {"b1": {"earshot_answer": {"type": "plain_text_input", "value": text}}}
    return {
        "type": "view_submission",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "view": {"id": "V1", "callback_id": callback, "private_metadata": "s1", "state": {"values": values}},
    }


@pytest.mark.parametrize(("given", "text"), [("Restart it.", "Restart it."), (None, "")])
def test_a_form_that_was_sent_is_a_correction(given: str | None, text: str) -> None:
    arrival = arrival_of(form(given), NOW)
    assert arrival is not None and arrival.key == "slack:form/V1"
    corrected = parse(arrival.payload)
    assert corrected == Corrected(suggestion_id="s1", user="slack:T1/U1", text=text, at=NOW)


def shortcut(callback: str = "why", **message: str) -> dict[str, Any]:
    return {
        "type": "message_action",
        "callback_id": callback,
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "message_ts": "1700000000.000100",
        "message": message,
        "action_ts": "1700000001.000100",
        "response_url": "https://hooks.slack.com/x",
    }


def test_a_shortcut_asks_about_its_message_in_its_thread() -> None:
    asked = parse(shortcut(thread_ts="1600000000.000001"))
    assert isinstance(asked, AskedWhy)
    assert asked.message_id == "slack:T1/C1/1700000000.000100"
    assert asked.reply_to == "slack:T1/C1/1600000000.000001"
    assert asked.at - datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC) < timedelta(seconds=1)
    top = parse(shortcut())
    assert isinstance(top, AskedWhy) and top.reply_to is None


def test_forms_and_shortcuts_of_others_are_not_kept() -> None:
    assert arrival_of(form("x", "theirs"), NOW) is None
    assert arrival_of(shortcut("theirs"), NOW) is None
    assert arrival_of({"type": "shortcut", "callback_id": "why"}, NOW) is None


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("C012AB3CD", "slack:T1/C012AB3CD"),
        ("U012AB3CD", "slack:T1/U012AB3CD"),
        ("slack:T2/C1", "slack:T2/C1"),
        ("https://acme.slack.com/archives/C012AB3CD", "slack:T1/C012AB3CD"),
        ("https://app.slack.com/client/T1/C012AB3CD", "slack:T1/C012AB3CD"),
        ("#Drafts", "#drafts"),
        ("drafts", "#drafts"),
    ],
)
def test_a_place_may_be_written_in_several_ways(given: str, place: str) -> None:
    assert place_of(given, "T1") == place


def pressed_at_home(action: str, value: str) -> dict[str, Any]:
    """A click in a view: it is in no channel, and has no address to answer to."""
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "container": {"type": "view", "view_id": "V1"},
        "view": {"id": "V1", "type": "home", "blocks": [{"type": "section", "text": "what stands there"}]},
        "actions": [{"action_id": action, "value": value, "action_ts": "1700000000.000100"}],
    }


@pytest.mark.parametrize(
    ("action", "value", "order", "subject"),
    [
        ("earshot_home_MUTE_CHANNEL", "home slack:T1/C1", Order.MUTE_CHANNEL, "slack:T1/C1"),
        ("earshot_home_OPT_OUT", "home", Order.OPT_OUT, None),
    ],
)
def test_a_button_of_the_page_is_an_order_in_a_queue_of_its_own(
    action: str, value: str, order: Order, subject: str | None
) -> None:
    arrival = arrival_of(pressed_at_home(action, value), NOW)
    assert arrival is not None and arrival.conversation == "slack:T1/home/U1"
    assert "what stands there" not in str(arrival.payload)
    event = parse(arrival.payload)
    assert isinstance(event, OrderedAtHome)
    assert (event.order, event.subject, event.user) == (order, subject, "slack:T1/U1")


def test_a_click_in_a_form_that_is_not_ours_harms_nothing() -> None:
    arrival = event_arrival_of(pressed_at_home("somebody_elses", "x"))
    assert arrival is not None and parse(arrival.payload) is None
    assert arrival.conversation == "slack:T1/view/V1"
    assert isinstance(event_in(arrival.payload, ME), Ignored)


@pytest.mark.parametrize("at", ["1515449522.000016", "1515449522000016"])  # Slack's example has no dot
def test_what_stands_on_the_page_is_not_kept_with_who_opened_it(at: str) -> None:
    event = {
        "type": "app_home_opened",
        "user": "U1",
        "channel": "D1",
        "tab": "home",
        "event_ts": at,
        "view": {"blocks": ["what stands there"]},
    }
    arrival = event_arrival_of({"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event})
    assert arrival is not None and arrival.conversation == "slack:T1/home/U1"
    assert "what stands there" not in str(arrival.payload)
    opened = event_in(arrival.payload, ME)
    assert isinstance(opened, OpenedHome) and opened.at == datetime(2018, 1, 8, 22, 12, 2, 16, tzinfo=UTC)
