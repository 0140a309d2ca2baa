"""Markdown is translated for Slack and for Lark: nothing is lost, nothing comes alive, code stays as it was."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.adapters import lark_markdown, slack_markdown
from bot.adapters.markdown import Code, Dialect, Piece, Text, aligned, cut_code, dialect_of, halves, pieces_of
from bot.answerer import Citation, Line, Suggestion
from knowledge.entry import EntryKind
from knowledge.visible import visible
from tests.bot.test_markup import TEXT
from tests.local_lark import cards as lark_reader
from tests.local_slack import blocks as slack_limits
from tests.local_slack import markup as slack_reader

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def in_slack(text: str, dialect: Dialect = Dialect.MARKDOWN, bar: str = "") -> list[dict[str, Any]]:
    return slack_markdown.blocks(pieces_of(text, dialect), bar)


def mrkdwn(text: str, dialect: Dialect = Dialect.MARKDOWN, bar: str = "") -> str:
    (block,) = in_slack(text, dialect, bar)
    return str(block["text"]["text"])


def in_lark(text: str, dialect: Dialect = Dialect.MARKDOWN) -> list[dict[str, Any]]:
    return lark_markdown.elements(pieces_of(text, dialect))


# ---- what becomes of what


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Before you start", "*Before you start*"),
        ("a **b** *c* ~~d~~ ***e***", "a *b* _c_ ~d~ *_e_*"),
        ("- a\n  - b\n    1. c\n- d", "• a\n    • b\n        1. c\n• d"),
        ("3. c\n4. d", "3. c\n4. d"),
        ("see [the guide](https://a.example/x_y_z)", "see <https://a.example/x_y_z|the guide>"),
        ("[bank.example](https://evil.example)", "bank.example (<https://evil.example>)"),
        ("![plan](https://a.example/p.png)", "<https://a.example/p.png|plan>"),
        ("[setup](setup.md)", "setup (setup.md)"),
        ("<https://a.example|b.example>", "<https://a.example>|b.example"),
        ("[x](https://b.example@a.example)", "x (https://b.example@a.example)"),
        ("[x](https://a.example/{{key}})", "x (<https://a.example/>{{key}})"),
        ("**b** https://a.example/_next_/*b*c.", "*b* <https://a.example/_next_/*b*c>."),
        ("run `a && b <c>`", "run `a &amp;&amp; b &lt;c&gt;`"),
        ("```sh\nls *.log\n```", "```ls *.log\n```"),
        ("> said\n> so", ">said\n>so"),
        ("<b>x</b> &amp; <!-- y -->", "&lt;b&gt;x&lt;/b&gt; &amp; &lt;!-- y --&gt;"),
        ("| a | b |\n|---|---|\n| `x y` | 表 |", "```a    b\n---  --\nx y  表\n```"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("snake_case and 2 * 3 * 4", "snake_case and 2 * 3 * 4"),
        ("[foo]: https://a.example", "[foo]: <https://a.example>"),
    ],
)
def test_markdown_as_slack_shows_it(text: str, shown: str) -> None:
    assert mrkdwn(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Before you start", "**Before you start**"),
        ("a **b** *c* ~~d~~", "a **b** *c* ~~d~~"),
        ("- a *x*\n  - b\n- d", "- a *x*\n    - b\n- d"),
        ("see [the guide](https://a.example/x_y)", "see [the guide](https://a.example/x_y)"),
        ("[bank.example](https://evil.example)", "bank.example ([source](https://evil.example))"),
        ("run `a && b`", "run `a && b`"),
        ("run `a <at id=all></at>`", None),
        ("```sh\nls *.log\n```", "```sh\nls *.log\n```"),
        ("> said *so*", "> said *so*"),
        ("**<at id=all></at>**", None),
    ],
)
def test_markdown_as_lark_shows_it(text: str, shown: str | None) -> None:
    (element,) = in_lark(text)
    said = element.get("content") or element["text"]["content"]
    assert said == shown if shown is not None else "<" not in said or element["tag"] == "div"


@pytest.mark.parametrize(
    "text", ["**重要**请看", "设置`lease`后重启", r"\*args\* and \*\*kw\*\*", "``a`b``", r"\> x"]
)
def test_what_mrkdwn_cannot_say_stands_in_rich_text(text: str) -> None:
    (block,) = in_slack(text)
    assert block["type"] == "rich_text"
    slack_limits.check_message({"text": "x", "blocks": [block]})


def test_code_that_holds_a_fence_stands_whole_where_nothing_is_markup() -> None:
    text = "````md\n```sh\nls\n```\n````"
    (block,), (element,) = in_slack(text), in_lark(text)
    assert slack_reader.read([block]).code == ["```sh\nls\n```"]
    assert (element["tag"], element["text"]["content"]) == ("div", "```sh\nls\n```\n")


# ---- what is Markdown at all


def cited(source: str, kind: EntryKind, quote: str = "x") -> Citation:
    return Citation(number=1, entry="e", source=source, title="t", quote=quote, kind=kind)


@pytest.mark.parametrize(
    ("source", "kind", "verbatim", "quote", "dialect"),
    [
        ("docs/run.md", EntryKind.DOCUMENT, True, "x", Dialect.MARKDOWN),
        ("docs/run.html", EntryKind.DOCUMENT, True, "x", Dialect.PAGE),
        ("docs/run.txt", EntryKind.DOCUMENT, True, "x", Dialect.PLAIN),
        ("faq.csv", EntryKind.FAQ, True, "x", Dialect.PLAIN),
        ("slack:T1/C1/1.0", EntryKind.THREAD, True, "x", Dialect.PLAIN),
        ("slack:T1/C1/1.0", EntryKind.THREAD, False, "x", Dialect.TOLD),
        ("slack:T1/C1/1.0", EntryKind.THREAD, False, "src/**/a and lib/**/b", Dialect.PAGE),
    ],
)
def test_only_what_came_out_of_markdown_is_markdown(
    source: str, kind: EntryKind, verbatim: bool, quote: str, dialect: Dialect
) -> None:
    line = Line(text="x", citations=(1,))
    said = Suggestion(lines=(line,), citations=(cited(source, kind, quote),), verbatim=verbatim)
    assert dialect_of(line, said) is dialect


@pytest.mark.parametrize(
    "text", ["# 1 is broken", "1. **x** _y_ #1", "- [a](https://b.example)", "a\\_b &amp; c"]
)
def test_a_chat_message_is_no_markdown(text: str) -> None:
    (piece,) = pieces_of(text, Dialect.PLAIN)
    assert isinstance(piece, Text) and piece.raw and piece.said == text
    assert lark_reader.read(in_lark(text, Dialect.PLAIN)).text.strip() == text


@pytest.mark.parametrize(
    "text",
    [r"open \\server\share\_new", "call __init__.py and *.log or _x_", "rm a*b*c &amp; d", "# make install"],
)
def test_what_a_model_copied_keeps_its_characters(text: str) -> None:
    assert slack_reader.read(in_slack(text, Dialect.TOLD)).text.strip() == text
    assert lark_reader.read(in_lark(text, Dialect.TOLD)).text.strip() == text


def test_what_a_model_copied_hides_no_address_behind_words() -> None:
    text = "Log in [here](https://a.example/x) or ![there](https://b.example)"
    shown = "Log in here (<https://a.example/x>) or there (<https://b.example>)"
    assert mrkdwn(text, Dialect.TOLD) == shown


def test_a_fence_of_a_chat_keeps_its_first_line_where_that_is_code() -> None:
    assert pieces_of("```ls\ncat x```", Dialect.PLAIN) == [Code(text="ls\ncat x")]
    assert pieces_of("```sh\ncat x\n```", Dialect.TOLD) == [Code(text="cat x\n", language="sh")]


# ---- whatever is written


@dataclass(frozen=True, kw_only=True)
class Written:
    """A Markdown text, what of it is read in order (blanks left out), its code, and where its links lead."""

    markdown: str
    read: str
    code: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


LETTERS = st.text(alphabet="abcXYZ019 é请*_~`#<>&|[]()!@-+.:\\\"'", min_size=1, max_size=12)
LITERAL = st.one_of(
    LETTERS, st.sampled_from(["<!channel>", "<@U0BOB00001>", "@here", "<at id=all></at>", "__init__"])
)
CODE = st.text(alphabet="abc 019*_~#<>&|[]()!@-.$\\\"'{}=/请", min_size=1, max_size=20).filter(
    lambda code: code.strip() == code and "@" not in code and not code.endswith(".")
)
ADDRESS = st.sampled_from(["https://a.example/x_y_z", "https://b.example/?q=1&r=*2*x", "https://c.example"])


def escaped(text: str) -> str:
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def bare(text: str) -> str:
    return re.sub(r"\s", "", visible(text)).replace("\u2060", "")


NO_LIST = re.compile(r"[0-9]+\.(?: |$)|•")
WORDS = LITERAL.map(lambda text: NO_LIST.sub("x", " ".join(text.split())) or "x").map(
    lambda text: Written(markdown=escaped(text), read=text)
)
INLINE = st.one_of(
    WORDS,
    st.tuples(st.sampled_from(["**", "*", "~~"]), st.sampled_from(["word", "two words"])).map(
        lambda given: Written(markdown=given[0] + given[1] + given[0], read=given[1])
    ),
    CODE.map(lambda code: Written(markdown=f"`{code}`", read=code, code=(code,))),
    st.tuples(st.sampled_from(["the guide", "here", "x *y*"]), ADDRESS).map(
        lambda given: Written(
            markdown=f"[{given[0]}]({given[1]})", read=given[0].replace("*", ""), links=(given[1],)
        )
    ),
    ADDRESS.map(lambda address: Written(markdown=address, read=address)),
)


def together(parts: list[Written], between: str) -> Written:
    return Written(
        markdown=between.join(part.markdown for part in parts),
        read=" ".join(part.read for part in parts),
        code=tuple(code for part in parts for code in part.code),
        links=tuple(link for part in parts for link in part.links),
    )


LINE = st.lists(INLINE, min_size=1, max_size=4).map(lambda parts: together(parts, " "))


def inside(part: Written, before: str, shown: str = "") -> Written:
    return Written(markdown=before + part.markdown, read=shown + part.read, code=part.code, links=part.links)


def fenced(lines: list[str]) -> Written:
    code = "\n".join(lines)
    return Written(markdown=f"~~~~sh\n{code}\n~~~~", read=code, code=(code,))


ITEMS = st.lists(LINE, min_size=1, max_size=3)
BLOCK = st.one_of(
    LINE,
    LINE.map(lambda line: inside(line, "### ")),
    LINE.map(lambda line: inside(line, "> ")),
    ITEMS.map(
        lambda items: together([inside(item, "  " * place + "- ") for place, item in enumerate(items)], "\n")
    ),
    ITEMS.map(
        lambda items: together([inside(item, f"{n}. ") for n, item in enumerate(items, start=1)], "\n")
    ),
    st.lists(st.one_of(CODE, st.just("  indented"), st.just("```")), min_size=1, max_size=3).map(fenced),
)
DOCUMENT = st.lists(BLOCK, min_size=1, max_size=4).map(lambda blocks: together(blocks, "\n\n"))


def without_markers(text: str) -> str:
    """Without what lists begin with, which is no character of the text."""
    return re.sub(r"(?m)^ *(?:•|\d+\.) ", "", text)


@given(DOCUMENT)
@example(Written(markdown="請`a`請 **b**請", read="請a請 b請", code=("a",)))
def test_in_slack_every_character_of_markdown_is_read_in_its_order(written: Written) -> None:
    blocks = in_slack(written.markdown)
    seen = slack_reader.read(blocks)
    assert seen.mentions == []
    assert [bare(code) for code in seen.code] == [bare(code) for code in written.code]
    assert set(seen.links) <= {*written.links, *re.findall(r"https://[!-~]+", written.read)}
    assert set(written.links) <= set(seen.links)
    assert bare(without_markers(seen.text)) == bare(without_markers(written.read))
    slack_limits.check_message({"text": "x", "blocks": blocks})


@given(DOCUMENT)
def test_in_lark_every_character_of_markdown_is_read_in_its_order(written: Written) -> None:
    elements = in_lark(written.markdown)
    seen = lark_reader.read(elements)
    assert seen.tags == [] and set(seen.links) == {lark_markdown.address(link) for link in written.links}
    assert bare(without_markers(seen.text)).replace("`", "") == bare(without_markers(written.read)).replace(
        "`", ""
    )
    assert set(map(bare, seen.code)) <= set(map(bare, written.code))
    card = {"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": elements}}
    assert lark_reader.problems(card) == []


@given(text=TEXT, dialect=st.sampled_from(Dialect), bar=st.sampled_from(["", ">"]))
@example(text="&lt;!channel&gt; &#60;@U0BOB00001&#62; @&#8203;here", dialect=Dialect.MARKDOWN, bar="")
@example(text="@**channel**", dialect=Dialect.MARKDOWN, bar="")
@example(text="[x](https://a.example/<!channel>)", dialect=Dialect.TOLD, bar="")
def test_whatever_is_written_nothing_comes_alive(text: str, dialect: Dialect, bar: str) -> None:
    blocks = in_slack(text, dialect, bar)
    assert slack_reader.read(blocks).mentions == []
    assert not any(
        re.search(r"(?i)@(?:channel|here|everyone)(?![a-z0-9])", said) for said in _mrkdwn_in(blocks)
    )
    assert lark_reader.read(in_lark(text, dialect)).tags == []


def _mrkdwn_in(blocks: list[dict[str, Any]]) -> Iterator[str]:
    return (block["text"]["text"] for block in blocks if block["type"] == "section")


@given(st.text(alphabet="ab \n*_`>-1.#", max_size=80), st.sampled_from([Dialect.TOLD, Dialect.PAGE]))
def test_of_what_is_half_markdown_no_letter_is_lost(text: str, dialect: Dialect) -> None:
    letters = "".join(re.findall("[ab]", text))
    assert "".join(re.findall("[ab]", slack_reader.read(in_slack(text, dialect)).text)) == letters
    assert "".join(re.findall("[ab]", lark_reader.read(in_lark(text, dialect)).text)) == letters


def test_a_text_that_is_nested_beyond_reason_is_shown_as_it_stands() -> None:
    text = ">" * 500 + " deep"
    assert [piece.said for piece in pieces_of(text, Dialect.MARKDOWN) if isinstance(piece, Text)] == [text]


# ---- cutting


@given(DOCUMENT)
def test_halves_and_cut_code_lose_nothing(written: Written) -> None:
    for piece in pieces_of(written.markdown, Dialect.MARKDOWN):
        assert bare(_said(piece)) == bare("".join(map(_said, _cut(piece))))


def _said(piece: Piece) -> str:
    return piece.said if isinstance(piece, Text) else piece.text if isinstance(piece, Code) else ""


def _cut(piece: Piece) -> list[Piece]:
    if isinstance(piece, Text) and len(piece.said) > 1:
        return list(halves(piece))
    return list(cut_code(piece, 5)) if isinstance(piece, Code) else [piece]


def test_a_long_fence_is_closed_and_opened_again_in_the_next_section() -> None:
    code = "\n".join(f"line {number} <&>" for number in range(500))
    blocks = in_slack(f"```\n{code}\n```")
    assert len(blocks) > 1 and all(block["text"]["text"].startswith("```") for block in blocks)
    assert "".join(slack_reader.read(blocks).code).strip() == code
    slack_limits.check_message({"text": "x", "blocks": blocks[:3]})


def test_a_table_is_aligned_by_the_columns_of_a_screen() -> None:
    assert aligned([["键", "b"], ["a", "值"]]) == "键  b\n--  --\na   值\n"
