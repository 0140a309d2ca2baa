"""Keeping something as knowledge in Lark: who asks for it gets a card to fill in, and what he sends is kept."""

import asyncio
import html
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bot import ledger, saving
from bot.adapters import lark_cards as cards
from bot.adapters import lark_forms as forms
from bot.adapters import lark_wire as wire
from bot.adapters.acts import SaveForm
from bot.adapters.events import Ignored, Saved
from bot.tables import saved as saved_by_hand
from knowledge import store
from knowledge.entry import WORKSPACE, EntryState, PassageKind
from knowledge.store import Stored
from tests.bot.running_lark import ANN, BOB, CARL, CHAT, TOPICS, Running, running, tenant
from tests.local_lark import ApiError, LocalLark, Message
from tests.local_lark.cards import filled_in, problems, text_of, walk
from tests.local_lark.cards import offered as in_form

ME = wire.Me(app="cli_1", open_id="ou_bot", name="Earshot", applinks="https://applink.feishu.cn")
QUESTION = "Our gate stops with MLR-7001 since the update, how can we start it again?"
ANSWER = "MLR-7001 means that the licence ran out. Run `millrace licence renew` and restart the gate."
FORM = SaveForm(
    message_id="lark:cli_1/oc_1/om_2",
    channel="lark:cli_1/oc_1",
    title="Gate",
    problem="The gate stops.",
    solution="Restart it.",
    may_be_everywhere=True,
    problem_sources=("lark:cli_1/oc_1/om_1",),
    solution_sources=("lark:cli_1/oc_1/om_2",),
)


# ---- the card: pure


def sent(form: SaveForm, **changed: str | bool) -> Saved:
    """What sending the form says."""
    card = forms.render_form(form)
    assert problems(card) == [] and len(forms.content(card).encode()) <= cards.MAX_REQUEST
    [shown] = [one for one in walk(card) if one["tag"] == "form"]
    [button] = [one for one in walk(card) if one["tag"] == "button"]
    action = {"value": button["behaviors"][0]["value"], "form_value": filled_in(shown, changed)}
    saved = forms.parse(click(action), ME)
    assert isinstance(saved, Saved)
    return saved


def click(action: dict[str, Any]) -> dict[str, Any]:
    header = {"event_type": wire.CLICKED, "create_time": "1772366400000000", "app_id": "cli_1"}
    context = {"open_message_id": "om_form", "open_chat_id": "oc_p2p"}
    return {
        "header": header,
        "event": {"operator": {"open_id": "ou_ann"}, "action": action, "context": context},
    }


def test_what_is_sent_as_it_was_offered_is_what_was_offered() -> None:
    assert sent(FORM) == Saved(
        message_id=FORM.message_id,
        channel=FORM.channel,
        user="lark:cli_1/ou_ann",
        title=FORM.title,
        problem=FORM.problem,
        solution=FORM.solution,
        everywhere=True,
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        problem_sources=FORM.problem_sources,
        solution_sources=FORM.solution_sources,
        respond_to="form/om_form",
    )


def test_what_is_changed_is_sent_as_changed() -> None:
    saved = sent(FORM, earshot_solution="Renew the licence.", earshot_everywhere=False)
    assert (saved.solution, saved.problem, saved.everywhere) == ("Renew the licence.", FORM.problem, False)


def test_what_may_not_be_everywhere_offers_no_choice() -> None:
    saved = sent(replace(FORM, may_be_everywhere=False))
    assert not saved.everywhere


@given(st.text(st.sampled_from("ab 文\n"), max_size=3_000))
def test_a_long_part_stands_in_several_inputs_and_is_put_together_again(text: str) -> None:
    parts = forms.cut(text)
    assert all(len(piece) <= forms.MAX_INPUT for piece in parts.pieces)
    filled = {f"x_{place}" if place else "x": piece for place, piece in enumerate(parts.pieces)}
    filled = {name: piece for name, piece in filled.items() if piece}  # what is empty may not be sent at all
    whole = forms.put_together("x", parts.joins, filled)
    assert whole.split() == text.split()
    assert whole == text or any(not piece for piece in parts.pieces)


@pytest.mark.parametrize("length", [900, 2_999])
def test_words_of_any_length_come_back_as_they_were(length: int) -> None:
    said = ("the licence ran out, " * 200)[:length].strip()
    assert sent(replace(FORM, problem=said, solution=said.upper())).solution == said.upper()


def test_a_card_that_would_be_too_large_gives_up_words_and_sources() -> None:
    many = tuple(f"lark:cli_1/oc_1/om_{'x' * 40}{number}" for number in range(200))
    saved = sent(replace(FORM, problem="文" * 3_000, solution="字" * 3_000, problem_sources=many))
    assert saved.problem.startswith("文") and saved.problem_sources == ()


@pytest.mark.parametrize(
    "value",
    [
        {"earshot": "save"},
        {"earshot": "save", "message": "m"},
        {"earshot": "save", "message": "", "channel": "c"},
    ],
)
def test_a_form_that_does_not_say_what_about_is_passed_over(value: dict[str, str]) -> None:
    assert isinstance(forms.parse(click({"value": value, "form_value": {}}), ME), Ignored)


@pytest.mark.parametrize("value", [None, "save", {"earshot": "up", "id": "x"}, {"theirs": "save"}])
def test_another_click_is_no_form(value: object) -> None:
    assert forms.parse(click({"value": value}), ME) is None


# ---- in the room


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


async def solved(run: Running, chat: str = CHAT, answer: str = ANSWER) -> tuple[str, str]:
    """A question and its answer in its topic, once both were heard."""
    question = run.lark.say(chat, ANN, QUESTION)
    said = run.lark.say(chat, BOB, answer, root=question)
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, run.whole(said, chat)))
        if row is not None:
            return question, said
        await asyncio.sleep(0.01)
    raise AssertionError(run.lark.report())


def ask(lark: LocalLark, root: str, user: str, *, chat: str = CHAT, topic: bool = True) -> str:
    """``@Earshot save`` as an answer to ``root``."""
    return lark.say(chat, user, f"{{{lark.bot}}} save", root=root, topic=topic, mentions=(lark.bot,))


async def shown(lark: LocalLark, user: str, count: int = 1) -> Message:
    """The last of ``count`` messages that ``user`` was sent directly."""
    await lark.until(lambda: len(lark.sent(lark.dm(user))) >= count)
    return lark.sent(lark.dm(user))[-1]


def offered(form: Message) -> dict[str, Any]:
    [whole] = [one for one in walk(form.card) if one["tag"] == "form"]
    return in_form(whole)


async def says(lark: LocalLark, form: Message, words: str) -> None:
    """Wait until what came of a form stands in its place."""
    await lark.until(lambda: words in text_of(lark.message(form.id).card))
    assert [one["tag"] for one in walk(lark.message(form.id).card) if one["tag"] in ("form", "input")] == []


async def kept(run: Running) -> list[Stored]:
    def read(connection: Connection) -> list[Stored]:
        ids = connection.execute(select(saved_by_hand.c.entry_id)).scalars().all()
        return list(store.stored_by_id(connection, ids).values())

    return await run.database.run(read)


async def test_an_analyst_saves_an_answer_that_he_replies_to(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        question, answer = await solved(run)
        asked = ask(lark, answer, BOB)
        form = await shown(lark, BOB)
        values = offered(form)
        assert values == {
            forms.TITLE: QUESTION,
            forms.PROBLEM: QUESTION,
            forms.SOLUTION: ANSWER,
            forms.EVERYWHERE: True,
        }
        assert form.card["config"]["enable_forward"] is False
        click = lark.click(form.id, BOB, "Save", {forms.TITLE: "The gate stops with MLR-7001"})
        await says(lark, form, "Saved. I use it from now on.")
        assert click.answers == [(200, {"toast": {"type": "info", "content": "Thank you."}})]
        (stored,) = await kept(run)
        conversation = await run.database.run(lambda c: ledger.thread(c, run.whole(question)))
    assert stored.state is EntryState.ACTIVE and stored.entry.audience == WORKSPACE
    assert stored.entry.title == "The gate stops with MLR-7001" and stored.entry.confirmed
    (said,) = stored.entry.of(PassageKind.SOLUTION)
    assert (said.text, said.source) == (ANSWER, run.whole(answer))
    # Nobody else sees anything of it, and what asked for it is no part of the conversation.
    assert {one.chat for one in lark.sent()} == {lark.dm(BOB)}
    assert conversation is not None and run.whole(asked) not in [each.id for each in conversation.messages]


async def test_what_a_customer_saves_in_a_private_group_waits_and_stays_there(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path) as run:
        question, _ = await solved(run, TOPICS)
        ask(lark, question, ANN, chat=TOPICS)
        form = await shown(lark, ANN)
        assert forms.EVERYWHERE not in offered(form)
        lark.click(form.id, ANN, "Save", {forms.SOLUTION: "Renew the licence, then restart."})
        await says(lark, form, "waits until an admin approves it")
        (stored,) = await kept(run)
    assert stored.state is EntryState.PENDING
    assert stored.entry.audience == f"channel:lark:{lark.app_id}/{TOPICS}"


async def test_a_message_goes_by_its_id_for_who_may_read_it(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        _, answer = await solved(run, TOPICS)
        lark.say(lark.dm(ANN), ANN, f"save {answer}")
        assert offered(await shown(lark, ANN))[forms.SOLUTION] == ANSWER
        for words in (f"save {answer}", "save"):  # Carl is not in that group
            before = len(lark.sent(lark.dm(CARL)))
            lark.say(lark.dm(CARL), CARL, words)
            told = await shown(lark, CARL, before + 1)
            assert "I do not know which message" in html.unescape(text_of(told.card))


async def test_who_is_not_in_a_group_that_all_may_find_can_save_from_it_too(
    lark: LocalLark, tmp_path: Path
) -> None:
    dora = lark.add_user("ou_dora", "Dora")
    async with running(lark, tmp_path) as run:
        _, answer = await solved(run)
        lark.faults["message.create"].append(ApiError(230013, "Bot has NO availability to this user."))
        lark.say(lark.dm(dora), dora, f"save {answer}")
        assert saving.NOT_OPENED in html.unescape(text_of((await shown(lark, dora)).card))
        lark.say(lark.dm(dora), dora, f"save {answer}")
        form = await shown(lark, dora, 2)
        lark.click(form.id, dora, "Save")
        await says(lark, form, "waits until an admin approves it")
    assert {one.chat for one in lark.sent()} == {lark.dm(dora)}


async def test_what_was_said_before_it_came_is_offered_in_its_own_words(
    lark: LocalLark, tmp_path: Path
) -> None:
    root = lark.said_before(CHAT, ANN, QUESTION)
    said = lark.said_before(CHAT, BOB, ANSWER, root=root, topic=False)
    async with running(lark, tmp_path):
        ask(lark, said, BOB, topic=False)
        values = offered(await shown(lark, BOB))
    assert values[forms.SOLUTION] == ANSWER


async def test_a_form_goes_with_the_message_that_it_quotes(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        _, answer = await solved(run)
        ask(lark, answer, BOB)
        form = await shown(lark, BOB)
        await lark.until(lark.all_acked)
        lark.recall(answer)
        await lark.until(lambda: lark.message(form.id).deleted)
        assert await kept(run) == []


async def test_a_form_that_lark_does_not_take_is_said_so(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path) as run:
        question, _ = await solved(run)
        lark.faults["message.create"].append(ApiError(230013, "Bot has NO availability to this user."))
        ask(lark, question, BOB)
        await lark.until(lambda: any(one.ephemeral_to == BOB for one in lark.sent()))
    (told,) = lark.sent()
    assert saving.NOT_OPENED in html.unescape(text_of(told.card))
