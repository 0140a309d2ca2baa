"""Redaction: what must go, measured on a table; what must stay; and that a second time changes nothing."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.redact import SECRETS, Kind, redact

TABLE: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "redactions.json").read_text(encoding="utf-8")
)
PEOPLE = (
    "ruth",
    "Will",
    "Mark Stone",
    "王伟",
    "diego",
    "max",
    "Adaeze Obi",
)  # who is there while the rest survives
CASES = {kind: [case for case in TABLE["bad"] if case["kind"] == kind] for kind in Kind}
MARK = re.compile(r"<(\w+) \d+>")
# What is found of the table's cases, per kind. To see what is missed: python -m tests.knowledge.test_redact
MISSED = {Kind.PHONE: 1, Kind.NAME: 1}  # a national number with slashes; a name of two letters
DESTROYED = 0


def missed(kind: str) -> list[str]:
    """The cases of a kind whose value is still there, or is called by another kind."""
    return [case["text"] for case in CASES[Kind(kind)] if not _is_found(case)]


def _is_found(case: dict[str, Any]) -> bool:
    [told] = redact([case["text"]], case.get("names", ()))
    return case["value"] not in told and case["kind"] in MARK.findall(told)


def destroyed() -> list[str]:
    return [text for text in TABLE["survive"] if redact([text], PEOPLE) != [text]]


def report() -> str:
    rows = [
        f"| `{kind}` | {len(cases) - len(missed(kind))} of {len(cases)} |"
        for kind, cases in CASES.items()
        if cases
    ]
    survived = len(TABLE["survive"]) - len(destroyed())
    return "\n".join(
        (
            "| Kind | Found |",
            "|---|---|",
            *rows,
            f"| technical lines that stay | {survived} of {len(TABLE['survive'])} |",
        )
    )


def test_the_table_is_large_enough() -> None:
    assert len(TABLE["bad"]) >= 300
    assert len(TABLE["survive"]) >= 100
    assert min(Counter(case["kind"] for case in TABLE["bad"]).values()) >= 20


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.REDACTED])
def test_what_is_found_of_each_kind_is_what_was_measured(kind: Kind) -> None:
    assert len(missed(kind)) == MISSED.get(kind, 0), missed(kind)


def test_technical_text_survives() -> None:
    assert len(destroyed()) == DESTROYED, destroyed()


def test_the_measured_numbers_are_the_documented_ones() -> None:
    page = Path(__file__).parents[2] / "docs" / "privacy.md"
    assert report() in page.read_text(encoding="utf-8")


def test_the_same_is_called_the_same_in_all_texts_of_a_thread() -> None:
    told = redact(["mail a@example.com or b@example.com", "I wrote to B@example.com"])
    assert told == ["mail <email 1> or <email 2>", "I wrote to <email 2>"]


def test_a_phone_number_is_the_same_however_it_is_written() -> None:
    assert redact(["+49 30 90182000", "+49-30-90182000"]) == ["<phone 1>", "<phone 1>"]


def test_a_name_is_the_same_person_by_its_parts() -> None:
    [told] = redact(["@Ruth Okafor? Ruth knows."], ["Ruth Okafor"])
    assert told == "@<name 1>? <name 1> knows."


def test_a_greeted_person_is_known_in_the_whole_thread() -> None:
    assert redact(["Hi Petra,\nit stops", "Petra fixed it"]) == [
        "Hi <name 1>,\nit stops",
        "<name 1> fixed it",
    ]


def test_names_in_code_stay() -> None:
    assert redact(["`Ruth.run()` by Ruth"], ["Ruth"]) == ["`Ruth.run()` by <name 1>"]


def test_patterns_of_the_workspace_are_redacted() -> None:
    patterns = [re.compile(r"ACME-\d{6}"), re.compile(r"x*")]
    assert redact(["order ACME-123456 of ACME-1"], patterns=patterns) == ["order <redacted 1> of ACME-1"]


def test_of_documents_only_secrets_are_taken() -> None:
    assert redact(["ops@example.com, password=letmein1"], kinds=SECRETS) == [
        "ops@example.com, password=<secret 1>"
    ]


def test_placeholders_that_are_there_keep_their_number() -> None:
    assert redact(["<email 3> and a@example.com"]) == ["<email 3> and <email 4>"]


PIECES = st.sampled_from(
    [str(case["text"]) for case in TABLE["bad"]]
    + TABLE["survive"]
    + ["<email 1>", "<", ">", "@", "\0", "👍🏽", "\n"]
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(PIECES, max_size=4).map(" ".join),
    st.lists(PIECES, max_size=4).map("".join),
)


@given(st.lists(TEXTS, max_size=3))
def test_redacting_again_changes_nothing(texts: list[str]) -> None:
    once = redact(texts, PEOPLE)
    assert redact(once, PEOPLE) == once


@given(TEXTS)
def test_a_text_grows_at_most_by_its_placeholders(text: str) -> None:
    [told] = redact([text], PEOPLE)
    assert len(told) <= len(text) + sum(len(mark[0]) for mark in MARK.finditer(told))


if __name__ == "__main__":
    print(report())
    for kind in Kind:
        print(*(f"missed {kind}: {text!r}" for text in missed(kind)), sep="\n")
    print(*(f"destroyed: {text!r} {redact([text], PEOPLE)}" for text in destroyed()), sep="\n")
