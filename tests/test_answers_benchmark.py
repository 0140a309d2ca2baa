"""What the answers benchmark is built of: the labelled sentences, two opinions on them, agreement, and faults."""

import logging
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks._agreement import Vocabulary
from benchmarks._faulty import KINDS, FaultyWriter, survive
from benchmarks._grounded import is_grounded
from benchmarks._sentences import Sentence, by_kind, caught, read_sentences
from benchmarks._usage import Usage
from benchmarks.answers import main
from knowledge.embed import HashEmbedder
from knowledge.model_calls import ModelCall

SENTENCES = read_sentences()


# ---- the sentences ----------------------------------------------------------------------------------------


def test_half_of_the_sentences_are_spoilt_and_a_fifth_is_chinese() -> None:
    assert len(SENTENCES) >= 200
    assert (
        len({one.id for one in SENTENCES})
        == len({(one.source, one.sentence) for one in SENTENCES})
        == len(SENTENCES)
    )
    for split in ("dev", "held"):
        chosen = [one for one in SENTENCES if one.split == split]
        assert len(chosen) >= 100
        assert sum(one.is_spoilt for one in chosen) / len(chosen) == pytest.approx(0.5, abs=0.05)
        assert sum(one.language == "zh" for one in chosen) / len(chosen) == pytest.approx(0.2, abs=0.05)


def test_no_source_of_the_held_sentences_was_there_when_the_rules_were_made() -> None:
    sources = {split: {one.source for one in SENTENCES if one.split == split} for split in ("dev", "held")}
    assert not sources["dev"] & sources["held"]


@pytest.mark.parametrize(("split", "precision", "recall"), [("dev", 0.97, 0.94), ("held", 0.85, 0.85)])
def test_the_rules_are_as_good_as_published(split: str, precision: float, recall: float) -> None:
    found = caught([one for one in SENTENCES if one.split == split], lambda one: bool(one.faults()))
    assert found.precision >= precision
    assert found.recall >= recall


def sentence(kind: str = "faithful") -> Sentence:
    label = "grounded" if kind == "faithful" else "not"
    given = {"split": "dev", "language": "en", "source": "s", "question": "q", "sentence": kind}
    return Sentence(id=kind, label=label, kind=kind, **given)


def test_precision_and_recall_of_catching() -> None:
    some = [sentence(), sentence("number"), sentence("number"), sentence("unit")]
    found = caught(some, lambda one: one.kind != "unit")
    assert (found.hits, found.spoilt, found.false, found.faithful) == (2, 3, 1, 1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert list(by_kind(some, lambda one: one.kind != "unit")) == [("number", 2, 2), ("unit", 0, 1)]


# ---- the second opinion -----------------------------------------------------------------------------------

SOURCE = "Run `millrace spill clean --older 7d` and restart the gate. Never delete the spill folder itself."


@pytest.mark.parametrize(
    ("text", "grounded"),
    [
        ("restart the gate", True),
        ("Restart the gate after running `millrace spill clean --older 7d`.", True),
        ("Restart the gate after running `millrace spill clean --older 9d`.", False),
        ("Restart the gate. Then buy a new certificate for the domain.", False),
        ("Do not restart the gate and run `millrace spill clean --older 7d`.", True),  # it knows no meaning
        ("Delete the spill folder itself.", False),
        ("", False),
    ],
)
def test_the_second_opinion_compares_letters(text: str, grounded: bool) -> None:
    assert is_grounded(text, [SOURCE], "The gate stops") is grounded


# ---- agreement --------------------------------------------------------------------------------------------

VOCABULARY = Vocabulary(["the gate stops again"] * 50 + ["millrace spilled quicksilver yesterday"])


def agree(ours: str, theirs: str, question: str = "") -> bool:
    asked = VOCABULARY.telling(question)
    return VOCABULARY.telling(ours).agrees(VOCABULARY.telling(theirs).minus(asked))


def test_two_texts_agree_by_an_exact_thing_or_by_rare_words() -> None:
    assert agree("see https://docs.example/a", "it is at https://docs.example/a.")
    assert agree("run `svc restart`", "`svc restart` helped")
    assert agree("set max_rows", "max_rows is it")
    assert agree("millrace spilled quicksilver", "quicksilver: millrace spilled it")
    assert not agree("the gate stops again", "again the gate stops")


def test_what_the_question_says_is_no_agreement() -> None:
    assert not agree("set max_rows", "max_rows is it", question="what is max_rows?")


# ---- faults -----------------------------------------------------------------------------------------------


async def test_no_fault_of_a_writer_is_posted_and_no_question_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)  # each fault is logged, as it should be
    writer = FaultyWriter()
    survived = await survive(SENTENCES, 60, writer, HashEmbedder(), lambda *_: None)
    assert (survived.asked, survived.lost, survived.doubled, survived.ungrounded) == (60, 0, 0, 0)
    asked = Counter(writer.log)
    assert survived.posted == asked["faithful"] > 0
    assert len(asked) > len(set(KINDS)) / 2
    assert survived.posted + sum(survived.why.values()) == 60


MADE = ModelCall(
    purpose="answer",
    model="claude-x",
    channel=None,
    request_sha256="a" * 64,
    response_sha256=None,
    input_tokens=100,
    output_tokens=20,
    cache_read_tokens=1_500,
    cache_write_tokens=3,
    usd=0.25,
    seconds=1.0,
    outcome="answered",
)


async def test_what_calls_came_to_is_added_up() -> None:
    usage = Usage()
    assert usage.table().endswith("| 0 | 0 | 0 | 0 | 0 | 0.0000 | {} |")
    for call in (MADE, MADE, replace(MADE, outcome="overloaded", input_tokens=1)):
        await usage.called(call)
    assert usage.table().endswith("| 3 | 201 | 60 | 4500 | 9 | 0.7500 | {'answered': 2, 'overloaded': 1} |")


def test_the_sentences_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sentences"]) == 0
    assert "| held, zh | second opinion |" in capsys.readouterr().out
