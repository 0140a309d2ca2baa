"""Who writes: Claude, the offline writer where Claude cannot, and nobody where Claude will not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import ledger
from bot.answerer import Citation, Line, Suggestion, ground
from bot.app import open_database
from bot.clock import SystemClock
from bot.config import Config, Secrets
from bot.rewriting import is_vague
from bot.writing import FallbackWriter, prices_of, writers_for
from knowledge.claude_prices import DEAREST, PRICES, Price, Tokens
from knowledge.database import Database
from knowledge.entry import EntryKind
from knowledge.writer import Decline, Declined, Draft, WriterFailed
from knowledge.writer_extractive import ExtractiveWriter
from tests.bot.scripted import Says, ScriptedWriter, quoting
from tests.knowledge.answering import CLEAN, FULL, NOW, SOLUTION, asked


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("claude", "said"),
    [
        (FULL, FULL),
        (WriterFailed("Claude answered 529"), SOLUTION),
        (Declined(why=Decline.PERSON, reason="it is about billing"), "it is about billing"),
    ],
)
async def test_the_offline_writer_speaks_only_where_claude_could_not(
    claude: Says, said: str, database: Database
) -> None:
    draft = await FallbackWriter(ScriptedWriter(claude), ExtractiveWriter(), database).answer(asked())
    answer = draft.reason if isinstance(draft, Declined) else draft.claims[0].text
    assert answer == said


async def test_claude_is_told_what_the_people_of_the_thread_are_called(database: Database) -> None:
    await database.run(
        lambda connection: ledger.put_names(connection, {"slack:T1/ann": "Ann Okafor", "slack:T1/zed": "Zed"})
    )
    claude = ScriptedWriter(FULL)
    await FallbackWriter(claude, ExtractiveWriter(), database).answer(asked())
    assert claude.asked[0].names == {"ann", "Ann Okafor"}


async def test_without_a_key_answers_are_quoted(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    settings = Config.model_validate({"writer": "claude"})
    async with writers_for(lambda: settings, Secrets(), database, SystemClock()) as writers:
        assert (writers.writer.name, writers.rewriter) == ("extractive", None)
    assert "ANTHROPIC_API_KEY is not set" in caplog.text


# ---- sentences of one paragraph, and notes


def test_sentences_of_one_paragraph_stay_in_it_and_a_note_stands_below() -> None:
    question = asked()
    claims = (quoting(FULL, question), replace(quoting(CLEAN, question), gap=" "))
    suggestion = ground(Draft(claims=claims, note="I cannot see it."), question.hits, NOW)
    assert suggestion is not None
    assert suggestion.text == f"{FULL} [1] {CLEAN} [1]\nI cannot see it."


def test_what_is_kept_of_an_answer_is_what_it_was() -> None:
    cited = Citation(number=1, entry="e", source="s", title="t", quote="q", kind=EntryKind.NOTE)
    lines = (Line(text="a", citations=(1,)), Line(text="b", citations=(1,), gap=" "))
    suggestion = Suggestion(lines=lines, citations=(cited,), note="n")
    assert ledger.suggestion_from(ledger.suggestion_json(suggestion)) == suggestion
    before = '{"lines": [{"text": "a", "citations": [1]}], "citations": []}'  # as older versions kept it
    assert ledger.suggestion_from(before).text == "a [1]"


# ---- prices


def test_a_price_of_ones_own_is_for_the_model_of_the_settings() -> None:
    prices = prices_of(Config.model_validate({"claude": {"model": "m", "price_in": "3"}}))
    assert prices.of("m") == Price(input=3, output=DEAREST.output)
    assert prices.of("claude-haiku-5-5") == PRICES["claude-haiku-5-5"]
    assert prices_of(Config()).of("m") is None


@pytest.mark.parametrize(
    ("tokens", "batch", "usd"),
    [
        (Tokens(input=1_000_000), False, 2.0),
        (Tokens(output=1_000_000), False, 10.0),
        (Tokens(cache_read=1_000_000), False, 0.2),
        (Tokens(cache_write=1_000_000), False, 2.5),
        (Tokens(input=1_000_000, output=1_000_000), True, 6.0),
    ],
)
def test_what_tokens_cost(tokens: Tokens, batch: bool, usd: float) -> None:
    prices = prices_of(Config())
    for model in ("claude-sonnet-5-5", "anthropic/claude-sonnet-5-5", "claude-sonnet-5-5-20260929"):
        assert prices.usd(model, tokens, batch=batch) == pytest.approx(usd)


def test_an_unknown_model_is_counted_as_the_dearest() -> None:
    dearest = max(price.input for price in PRICES.values()), max(price.output for price in PRICES.values())
    assert (DEAREST.input, DEAREST.output) == dearest
    assert prices_of(Config()).usd("gpt", Tokens(input=1_000_000)) == DEAREST.input


# ---- vague follow-ups


@pytest.mark.parametrize(
    ("text", "vague"),
    [
        ("and on Windows?", True),
        ("还是不行，怎么办？", True),
        ("and with MLR-4091?", False),
        ("what about /etc/gate.yaml?", False),
        (
            "how do I get a gate to start again after the folder was filled by old segments of yesterday?",
            False,
        ),
    ],
)
def test_short_questions_that_name_nothing_are_vague(text: str, vague: bool) -> None:
    later = asked(text, before=[("ann", "The gate stops.")]).thread
    alone = asked(text).thread
    assert is_vague(later, later.messages[-1]) is vague
    assert not is_vague(alone, alone.messages[-1])
