"""What is quoted is quoted whole: sentences, steps and code keep their bounds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.sentences import SpanKind, sentences


def cut(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]


def kinds(text: str) -> list[str]:
    return [str(span.kind) for span in sentences(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \n\t\n", []),
        ("It fails. What now? Help!", ["It fails.", "What now?", "Help!"]),
        ("Try it, e.g. on Ubuntu 20.04. It works.", ["Try it, e.g. on Ubuntu 20.04.", "It works."]),
        ("坏了。为什么？重启吧！好的", ["坏了。", "为什么？", "重启吧！", "好的"]),
        ("他说：“好的。”然后走了。", ["他说：“好的。”", "然后走了。"]),
        ("为什么?因为坏了!重启吧。", ["为什么?", "因为坏了!", "重启吧。"]),
        ("Works 😀! Really. 😀 Yes", ["Works 😀!", "Really.", "😀 Yes"]),
        ("Use v1.2.3 or foo.Bar. Then go", ["Use v1.2.3 or foo.Bar.", "Then go"]),
        ("See https://a.example/x?y=1.2!z. Then go", ["See https://a.example/x?y=1.2!z.", "Then go"]),
        ("见https://a.example/x。然后重启。", ["见https://a.example/x。", "然后重启。"]),
        ("Edit /etc/app.d/main.conf. Restart.", ["Edit /etc/app.d/main.conf.", "Restart."]),
        ("Run `echo a. B! c? D` now. Done.", ["Run `echo a. B! c? D` now.", "Done."]),
        ("Hi all\nhow do I log in\nthanks", ["Hi all", "how do I log in", "thanks"]),
        (
            "Whoever moves to another host has to take the key file and\nthe `state` folder along. Not more.",
            [
                "Whoever moves to another host has to take the key file and\nthe `state` folder along.",
                "Not more.",
            ],
        ),
        ("# Restart\nStop it first.", ["# Restart", "Stop it first."]),
        ("> is it on?\nYes", ["> is it on?", "Yes"]),
    ],
)
def test_prose_is_cut_into_sentences(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces
    assert set(kinds(text)) <= {SpanKind.PROSE}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("Do:\n1. Stop it. Wait.\n2. Start it.", ["1. Stop it. Wait.", "2. Start it."]),
        ("- one. two\n* three\n• four", ["- one. two", "* three", "• four"]),
        ("1) a\n(2) b", ["1) a", "(2) b"]),
        ("1、停止。等待。\n2、启动。", ["1、停止。等待。", "2、启动。"]),
        ("（1）停止\n①启动", ["（1）停止", "①启动"]),
        ("第一步：停止。\n第二步：启动。", ["第一步：停止。", "第二步：启动。"]),
        ("Step 1: stop. Wait.\nstep 2. start", ["Step 1: stop. Wait.", "step 2. start"]),
        (
            "1. run\n   app restart\n   and wait. Long.\n2. check",
            ["1. run\n   app restart\n   and wait. Long.", "2. check"],
        ),
        ("  - nested. item\n    - deeper. one", ["- nested. item", "- deeper. one"]),
    ],
)
def test_a_step_is_one_span(text: str, items: list[str]) -> None:
    found = [piece for piece, kind in zip(cut(text), kinds(text), strict=True) if kind == SpanKind.ITEM]
    assert found == items


def test_what_follows_a_list_is_prose_again() -> None:
    assert kinds("1. stop\n2. start\nThen it works. Good.") == ["item", "item", "prose", "prose"]


@pytest.mark.parametrize(
    "text", ["-5 is odd.", "2019. That year.", "3.5 GB are free", "*bold* word", "1.5x faster"]
)
def test_a_number_or_a_dash_alone_makes_no_step(text: str) -> None:
    assert SpanKind.ITEM not in kinds(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Run\n```sh\na. B\n\nc! D\n```\nthen. Done", "```sh\na. B\n\nc! D\n```"),
        ("Run ```a. B``` then", "```a. B```"),
        ("````\n```\nx. Y\n```\n````", "````\n```\nx. Y\n```\n````"),
        ("See\n~~~\r\na. B\r\n~~~\r\nfine", "~~~\r\na. B\r\n~~~"),
        ("It says\n```\nnever closed. Really\n\nso", "```\nnever closed. Really\n\nso"),
        ("It says\n\n    a. B\n\n    c! D\nfine", "a. B\n\n    c! D"),
        ("\tmake. All", "make. All"),
        (
            'Got\nTraceback (most recent call last):\n  File "a.py", line 3\n    f()\nValueError: a. B\nHelp',
            'Traceback (most recent call last):\n  File "a.py", line 3\n    f()\nValueError: a. B',
        ),
        (
            "2026-01-31 09:30:00 Boom. Bang\n2026-01-31 09:30:01 Oh! No\nWhy?",
            "2026-01-31 09:30:00 Boom. Bang\n2026-01-31 09:30:01 Oh! No",
        ),
        ("$ app run. All\nfine", "$ app run. All"),
        ("Use\nvoid f() {\n  a. B;\n}\nfine", "void f() {\n  a. B;\n}"),
        ('Send\n{\n"a": "b. C",\n}\nfine', '{\n"a": "b. C",\n}'),
        ("Ask\nSELECT a. B\nFROM t\nWHERE c = 1\nfine", "SELECT a. B\nFROM t\nWHERE c = 1"),
        ('Set\n<a b="c. D"/>\n</a>\nfine', '<a b="c. D"/>\n</a>'),
        ("Set\nworkers.max = 4\nfine", "workers.max = 4"),
        ("| a | b |\n|---|---|\n| c. D | e |\nfine", "| a | b |\n|---|---|\n| c. D | e |"),
    ],
)
def test_code_logs_and_tables_are_one_span(text: str, code: str) -> None:
    found = [piece for piece, kind in zip(cut(text), kinds(text), strict=True) if kind == SpanKind.CODE]
    assert found == [code]


@pytest.mark.parametrize(
    "text",
    [
        "It works (now); thanks",
        "Use x = 4 or more, then it works",
        "select the file",
        "<@U1> can you look?",
        "a: b",
        "Ok :)",
    ],
)
def test_prose_with_signs_in_it_is_no_code(text: str) -> None:
    assert set(kinds(text)) == {SpanKind.PROSE}


# Pieces that people's messages are made of, so that the odd combinations come up often.
MARKS = [
    "```",
    "~~~",
    "    ",
    "- ",
    "1. ",
    "1、",
    "> ",
    "# ",
    "|",
    "`",
    ". ",
    "。",
    "！",
    "”",
    "Error: ",
    "$ ",
]
BLANKS = ["\n", "\n\n", "\r\n", "\t", "\u2028", "\x0b"]
WORDS = ["word", "Word", "中文", "😀", "e.g.", "v1.2", "https://a.example/b?c", "a long line " * 6]


@given(st.one_of(st.text(), st.lists(st.sampled_from(MARKS + BLANKS + WORDS), max_size=30).map("".join)))
def test_spans_are_in_order_apart_stripped_and_cover_everything(text: str) -> None:
    spans = sentences(text)
    covered = [False] * len(text)
    for before, after in pairwise(spans):
        assert before.end <= after.start
    for span in spans:
        piece = text[span.start : span.end]
        assert piece
        assert piece == piece.strip()
        covered[span.start : span.end] = [True] * len(piece)
    left = [character for character, inside in zip(text, covered, strict=True) if not inside]
    assert all(character.isspace() for character in left)


@given(
    st.lists(
        st.sampled_from(["https://a.example/b.c?d=1!e", "v1.2.3", "/etc/a.d/b.conf", "a.b.C", "`x. Y! z`"])
    )
)
def test_what_must_not_be_cut_lies_in_one_span(tokens: list[str]) -> None:
    text = " and ".join(tokens)
    pieces = cut(text)
    assert sum(piece.count(token) for piece in pieces for token in set(tokens)) == sum(
        text.count(token) for token in set(tokens)
    )
