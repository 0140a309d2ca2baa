"""Documents become entries that say verbatim what the documents say, under their headings."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.documents import LENGTH, html_sections, markdown_sections, text_sections
from knowledge.entry import PUBLIC, WORKSPACE, EntryKind, KnowledgeEntry, PassageKind
from knowledge.sources import SourceError, Walk, entries_from, is_recording, walk
from knowledge.thread import Role


def written(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def entries(folder: Path, name: str, content: str | bytes) -> list[KnowledgeEntry]:
    return entries_from(written(folder, name, content), WORKSPACE, folder)


def told(found: list[KnowledgeEntry]) -> dict[str, str]:
    return {entry.title: entry.of(PassageKind.SOLUTION)[0].text for entry in found}


# ---- entries


def test_an_entry_knows_where_it_comes_from(tmp_path: Path) -> None:
    file = written(tmp_path, "ops/redis.md", "# Redis\n\n## Failover\n\nStop the old one first.\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (entry,) = entries_from(file, PUBLIC, tmp_path)
    assert (entry.kind, entry.title, entry.audience) == (EntryKind.DOCUMENT, "Redis › Failover", PUBLIC)
    assert (entry.origin, entry.known_from, entry.confirmed) == ("ops/redis.md", None, False)
    problem, solution = entry.passages
    assert (problem.kind, problem.text) == (PassageKind.PROBLEM, "Redis › Failover")
    assert (solution.kind, solution.text) == (PassageKind.SOLUTION, "Stop the old one first.")
    for passage in entry.passages:
        assert (passage.source, passage.role, passage.author) == ("ops/redis.md", Role.UNKNOWN, None)
        assert passage.at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_the_origin_is_the_same_however_the_path_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "ops/redis.md", "Stop the old one first.")
    monkeypatch.chdir(tmp_path)
    for path, root in [
        (file, tmp_path),
        (Path("ops/redis.md"), Path()),
        (Path("ops/../ops/redis.md"), tmp_path),
    ]:
        assert entries_from(path, WORKSPACE, root)[0].origin == "ops/redis.md"
    assert entries_from(file, WORKSPACE, file)[0].origin == "redis.md"
    (tmp_path / "linked.md").symlink_to(file)
    assert entries_from(tmp_path / "linked.md", WORKSPACE, tmp_path)[0].origin == "linked.md"
    assert entries_from(file, WORKSPACE, tmp_path / "elsewhere")[0].origin == file.as_posix()


def test_the_same_words_twice_are_one_entry(tmp_path: Path) -> None:
    assert len(entries(tmp_path, "a.md", "# Redis\n\nStop it first.\n\n# Redis\n\nStop it first.\n")) == 1


# ---- Markdown


def sections(text: str) -> dict[str, list[str]]:
    return {section.title: list(section.pieces()) for section in markdown_sections(text, "redis")}


def test_each_heading_makes_a_section_under_its_path() -> None:
    text = "# Redis *runbook*\n\nAbout it.\n\n## Fail`over`\n\nStop it.\n\n### Steps\n\nDo it.\n\nSet\n---\n\nMore."
    assert sections(text) == {
        "Redis runbook": ["About it."],
        "Redis runbook › Failover": ["Stop it."],
        "Redis runbook › Failover › Steps": ["Do it."],
        "Redis runbook › Set": ["More."],
    }


def test_without_a_main_heading_the_document_is_named_by_its_file_or_front_matter() -> None:
    assert sections("Stop it now.\n\n## Steps\n\nOne by one.") == {
        "redis": ["Stop it now."],
        "redis › Steps": ["One by one."],
    }
    assert sections('---\ntitle: "Ops"\ntags: [a]\n---\nStop it now.') == {"Ops": ["Stop it now."]}
    assert sections("---\n\nStop it now.\n\n---\n\nAnd then.") == {"redis": ["Stop it now.\n\nAnd then."]}


def test_code_lists_and_tables_stay_as_they_are_written() -> None:
    body = "Do:\n\n1. stop `redis`\n   - really\n\n```sh\nup\n# none\n\n## no\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    assert sections(f"# Redis\n\n{body}\n") == {"Redis": [body]}
    assert sections(f"# Redis\r\n\r\n{body}\r\n".replace("\n", "\r\n").replace("\r\r", "\r")) == {
        "Redis": [body]
    }


@pytest.mark.parametrize(
    "body",
    [
        "",
        "![logo](logo.png)",
        "- [one](http://a.example)\n- [two](http://b.example)",
        "See https://a.example/runbook",
        "<!-- write me -->",
        "<img src='x.png'>",
        "---",
    ],
)
def test_a_section_that_says_nothing_itself_is_left_out(body: str) -> None:
    assert list(sections(f"# Redis\n\n{body}\n\n## Failover\n\nStop it.\n")) == ["Redis › Failover"]


@pytest.mark.parametrize(
    "body", ["Ask Bob.", "`reboot`", "```\nup\n```", "重启", "Read [this](http://a.example) before you begin"]
)
def test_a_short_section_that_says_something_is_kept(body: str) -> None:
    assert sections(f"# Redis\n\n{body}") == {"Redis": [body]}


def test_a_link_answers_a_question() -> None:
    assert list(sections("# Where is the dashboard?\n\n<https://grafana.example>")) == [
        "Where is the dashboard?"
    ]


def test_comments_are_not_told() -> None:
    assert sections("# Redis\n\nStop it.\n\n<!-- ask Ann -->\n\nStart it.") == {
        "Redis": ["Stop it.\n\nStart it."]
    }


def test_long_sections_are_cut_between_paragraphs_and_code_is_not() -> None:
    paragraphs = [f"Paragraph {number}. " + "word " * 100 for number in range(9)]
    code = "```\n" + "line of code\n" * 300 + "```"
    (pieces,) = sections("# Redis\n\n" + "\n\n".join([*paragraphs, code, "The end."])).values()
    assert [piece for piece in pieces if code in piece]
    assert all(len(piece) <= LENGTH for piece in pieces if code not in piece)
    assert len(pieces) == 5
    for paragraph in paragraphs:
        assert sum(paragraph.strip() in piece for piece in pieces) == 1


def test_one_long_list_is_cut_between_its_items() -> None:
    items = [f"- Item {number} " + "word " * 60 for number in range(20)]
    (pieces,) = sections("\n".join(items)).values()
    assert all(len(piece) <= LENGTH for piece in pieces)
    for item in items:
        assert sum(item.strip() in piece for piece in pieces) == 1


MARKS = [
    "# a\n",
    "## b\n",
    "\n",
    "\n\n",
    "- item\n",
    "1. item\n",
    "    code\n",
    "```\n",
    "> q\n",
    "| a |\n|---|\n",
    "words\n",
]


@given(
    st.lists(
        st.sampled_from([*MARKS, "[l](http://a.example)\n", "long words " * 200, "\t", "中文。\n"]),
        max_size=25,
    )
)
def test_what_is_told_stands_in_the_document(pieces: list[str]) -> None:
    text = "".join(pieces)
    for section in markdown_sections(text, "doc"):
        for piece in section.pieces():
            assert piece.strip() in text


# ---- plain text


def test_plain_text_is_grouped_by_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}\n" + "word " * 150 for number in range(6)]
    found = text_sections("\n\n\n".join(paragraphs), "notes")
    assert [section.title for section in found] == [f"notes › Paragraph {number}" for number in (0, 2, 4)]
    assert all(len(piece) <= LENGTH for section in found for piece in section.pieces())
    (short,) = text_sections("Ports\r\n=====\r\n\r\n7780 and 7781", "notes")
    assert (short.title, list(short.pieces())) == ("notes › Ports", ["Ports\n=====\n\n7780 and 7781"])
    assert text_sections(" \n\n---\n", "notes") == []


# ---- HTML


def page(body: str, head: str = "") -> dict[str, list[str]]:
    found = html_sections(f"<html><head>{head}</head><body>{body}</body></html>".encode(), "redis")
    return {section.title: list(section.pieces()) for section in found}


def test_html_headings_make_sections_wherever_they_stand() -> None:
    body = "<div><h1>Redis<a class='anchor'>¶</a></h1><p>About it.</p></div><div><h2>Steps</h2>Loose <b>text</b></div>"
    assert page(body) == {"Redis": ["About it."], "Redis › Steps": ["Loose text"]}
    assert page("<p>About &lt;it&gt;.</p>", "<title>Ops &amp; more</title>") == {
        "Ops & more": ["About <it>."]
    }
    assert page("<p>About it.</p>") == {"redis": ["About it."]}


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<pre><code>a &lt; b\n  c</code></pre>", "```\na < b\n  c\n```"),
        ("<pre>one<br>two ```</pre>", "````\none\ntwo ```\n````"),
        ("<p>Run <code>app  up</code><br>now</p>", "Run `app up`\nnow"),
        ("<ul><li>one<li>two <ol><li>three</ol></ul>", "- one\n- two\n  1. three"),
        (
            "<ol start=3><li><p>stop</p><pre>x</pre></li><li>go</li></ol>",
            "3. stop\n   ```\n   x\n   ```\n4. go",
        ),
        ("<table><tr><th>A<th>B<tr><td>1<td>2<br>3</table>", "| A | B |\n|---|---|\n| 1 | 2 3 |"),
        ("<table><tr><td><pre>1</pre><td><pre>make all</pre></table>", "```\n1\n```\n\n```\nmake all\n```"),
        (
            "<p>Read <a href='https://a.example/x'>the runbook</a> and <a href='#top'>above</a> first</p>",
            "Read the runbook (https://a.example/x) and above first",
        ),
        (
            "<p>Read https://a.example and <a href='https://b.example'>https://b.example</a> now</p>",
            "Read https://a.example and https://b.example now",
        ),
    ],
)
def test_html_reads_like_markdown(markup: str, text: str) -> None:
    assert page(markup) == {"redis": [text]}


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret()</script>",
        "<style>secret{}</style>",
        "<nav><p>secret</p></nav>",
        "<header>secret</header>",
        "<footer>secret</footer>",
        "<!-- secret -->",
        "<template>secret</template>",
        "<p hidden>secret</p>",
        "<p aria-hidden='true'>secret</p>",
        "<div style='color: red; display:none'><p>secret</p></div>",
        "<span style='visibility: hidden'>secret</span>",
        "<span style='font-size:0px'>secret</span>",
        "<button>secret</button>",
    ],
)
def test_what_a_reader_does_not_see_is_not_told(hidden: str) -> None:
    assert page(f"<p>Stop it first.</p>{hidden}<p>Then start it.</p>") == {
        "redis": ["Stop it first.\n\nThen start it."]
    }


def test_only_the_main_part_of_a_page_is_told_and_lists_of_links_are_not() -> None:
    body = "<p>Cookies</p><main><h1>Redis</h1><p>Stop it.</p><h2>See</h2><ul><li><a href='/a'>Another</a></ul></main>"
    assert page(body) == {"Redis": ["Stop it."]}


def test_html_says_its_encoding() -> None:
    markup = '<html><head><meta charset="gb18030"></head><body><p>重启服务</p></body></html>'.encode(
        "gb18030"
    )
    assert list(html_sections(markup, "redis")[0].pieces()) == ["重启服务"]


# ---- questions and answers


@pytest.mark.parametrize(
    "table",
    [
        'question,answer\nWhich port?,"7780, or\n7781"\n',
        'Q;A\nWhich port?;"7780, or\n7781"\n',
        'Title\tid\tBody\nWhich port?\t1\t"7780, or\n7781"\n',
        '问题,答案\nWhich port?,"7780, or\n7781"\n',
        '\ufeffQUESTION , ANSWER\r\nWhich port?,"7780, or\n7781"\r\n,no question\r\nno answer,\r\nshort\r\n',
    ],
)
def test_a_table_of_questions_and_answers(tmp_path: Path, table: str) -> None:
    (entry,) = entries(tmp_path, "faq.csv", table)
    assert (entry.kind, entry.title, entry.origin) == (EntryKind.FAQ, "Which port?", "faq.csv")
    assert entry.of(PassageKind.PROBLEM)[0].text == "Which port?"
    assert entry.of(PassageKind.SOLUTION)[0].text == "7780, or\n7781"


# ---- errors


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.pdf", b"%PDF", r"\.pdf is not supported; give one of .*\.md"),
        ("Makefile", b"all:", "no ending is not supported"),
        ("a.md", "Käse".encode("latin-1"), r"byte 1 \(0xe4\) is not utf-8.*save it as UTF-8"),
        ("a.txt", b"a\x00b", "character 1 is NUL"),
        (
            "a.csv",
            "name,age\nann,5\n",
            "the first row is 'name,age'; name two of its columns question and answer",
        ),
        ("a.csv", 'question,answer\n"' + "x" * 200_000, "it is no table"),
        ("a.html", "<div>" * 5_000 + "deep", "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    tmp_path: Path, name: str, content: str | bytes, why: str
) -> None:
    with pytest.raises(SourceError, match=why) as refused:
        entries(tmp_path, name, content)
    assert name in str(refused.value)


def test_a_missing_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.md cannot be read"):
        entries_from(tmp_path / "a.md", WORKSPACE, tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        walk(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html", "a.csv"])
def test_an_empty_document_tells_nothing(tmp_path: Path, name: str) -> None:
    assert entries(tmp_path, name, "") == entries(tmp_path, name, " \n\n") == []


def test_text_of_other_tools_is_read(tmp_path: Path) -> None:
    assert told(entries(tmp_path, "a.md", "Stop it first.".encode("utf-16"))) == {"a": "Stop it first."}
    assert told(entries(tmp_path, "a.md", "\ufeff# A\n\nStop it first.")) == {"A": "Stop it first."}
    assert told(entries(tmp_path, "a.htm", "Stop it first.")) == {"a › Stop it first.": "Stop it first."}


# ---- folders


def test_a_folder_is_walked_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    for name in (
        "b.md",
        "a/c.HTML",
        "a/x.png",
        "a/y.png",
        ".hidden.md",
        ".git/d.md",
        "a/old.jsonl",
        "export/channels.json",
        "LICENSE",
    ):
        written(tmp_path, name, "x")
    assert walk(tmp_path) == Walk(
        documents=(tmp_path / "a/c.HTML", tmp_path / "b.md"),
        recordings=(tmp_path / "a/old.jsonl", tmp_path / "export"),
        skipped={".png": 2, "hidden": 1, "no ending": 1},
    )


def test_one_path_is_a_document_or_a_recording(tmp_path: Path) -> None:
    document, recording = written(tmp_path, "a.pdf", "x"), written(tmp_path, "a.zip", "x")
    assert walk(document) == Walk(documents=(document,))
    assert walk(recording) == Walk(recordings=(recording,))
    assert is_recording(recording)


def test_secrets_of_documents_are_redacted_and_whom_to_call_is_not(tmp_path: Path) -> None:
    text = "# Gate\n\nCall ops@example.com. Set `password=letmein1` for ACME-123456 at 203.0.113.7.\n"
    file = written(tmp_path, "gate.md", text)
    [entry] = entries_from(file, WORKSPACE, tmp_path, [re.compile(r"ACME-\d+")])
    [solution] = entry.of(PassageKind.SOLUTION)
    assert solution.text == (
        "Call ops@example.com. Set `password=<secret 1>` for <redacted 1> at 203.0.113.7."
    )
