"""What is made of a draft that an analyst put in his own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answerer import Citation, Line, Suggestion, joined
from bot.rewording import reworded, without_marks
from knowledge.entry import EntryKind

BOB = "slack:T1/U0BOB00001"


def cited(number: int) -> Citation:
    return Citation(
        number=number, entry=f"e{number}", source=f"s{number}", title="T", quote="q", kind=EntryKind.THREAD
    )


DRAFT = Suggestion(
    lines=(Line(text="Empty the folder.", citations=(1,)), Line(text="Restart it.", citations=(2,))),
    citations=(cited(1), cited(2)),
    note="I have not seen the picture.",
)


@pytest.mark.parametrize(
    ("sent", "said", "sources"),
    [
        (joined(DRAFT.lines), "Empty the folder. [1]\nRestart it. [2]", ["s1", "s2"]),
        ("Only restart it [2].", "Only restart it. [1]", ["s2"]),  # numbered anew, the stop before the mark
        ("Restart it, then empty the folder. [2] [1]", "Restart it, then empty the folder. [1][2]", ["s2", "s1"]),
        ("Ask the vendor.", "Ask the vendor.", []),
        ("First [1] this, then [2] that", "First [1] this, then [2] that", ["s1", "s2"]),
        ("One. [1]\n\nTwo, which I know myself.\n", "One. [1]\n\nTwo, which I know myself.", ["s1"]),
        ("[1] Empty it", "Empty it [1]", ["s1"]),
        # What is no mark: an index, code, a number that no source has.
        ("Look at spill[1] and `x [2]`, see [7]", "Look at spill[1] and `x [2]`, see [7]", []),
        ("```\nrows [1]\n```\nas told [2]", "```\nrows [1]\n```\nas told [1]", ["s2"]),
        ("[1](https://example.com) is the page", "[1](https://example.com) is the page", []),
    ],
)  # fmt: skip
def test_the_sources_whose_marks_are_kept_stay(sent: str, said: str, sources: list[str]) -> None:
    made = reworded(DRAFT, sent, BOB)
    assert joined(made.lines) == said
    assert [citation.source for citation in made.citations] == sources
    assert [citation.number for citation in made.citations] == list(range(1, len(sources) + 1))


def test_it_is_his_and_no_quotation_any_more() -> None:
    made = reworded(DRAFT, "Empty the folder. [1]", BOB)
    assert (made.worded_by, made.verbatim, made.note) == (BOB, False, "")


@given(
    st.lists(st.sampled_from(["Empty", " ", "\n", "[1]", "[2]", "[3]", ".", "`x`", "```", "it"]), max_size=12)
)
def test_no_word_of_his_is_lost_and_every_number_has_a_source(parts: list[str]) -> None:
    text = "".join(parts)
    made = reworded(DRAFT, text, BOB)
    numbers = [number for line in made.lines for number in line.citations]
    assert set(numbers) == {citation.number for citation in made.citations} <= {1, 2}
    assert all(line.text for line in made.lines)
    if made.lines:
        assert letters(without_marks(made)) == letters(text)


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalpha() or char in ".`")


@pytest.mark.parametrize("nothing", ["", " \n ", "[1] [2]"])
def test_without_words_nothing_is_said(nothing: str) -> None:
    assert reworded(DRAFT, nothing, BOB).lines == ()


def test_it_is_learnt_without_the_numbers() -> None:
    made = reworded(DRAFT, "Empty it [1], then wait.\n\nRestart it. [2]", BOB)
    assert without_marks(made) == "Empty it, then wait.\n\nRestart it."
