"""Documents cut to sections: Markdown, HTML and plain text, each section under the path of its headings. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement, PreformattedString
from markdown_it import MarkdownIt
from markdown_it.token import Token
from semantic_text_splitter import MarkdownSplitter

LENGTH = 2_000  # characters of a piece; what is longer is cut between paragraphs
FEW = 10  # letters; a section of links with fewer of its own only points elsewhere
TITLE_LENGTH = 80  # characters of the first line that names a piece of a plain text
_LETTER = re.compile(r"[^\W_]")
_URL = re.compile(r"(?:https?|ftp)://\S+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A paragraph, a list, a table or code, verbatim, with the blank lines after it.

    ``solid`` blocks are never cut. ``own`` counts the letters outside links, ``links`` says whether it has any.
    """

    text: str
    solid: bool = False
    own: int = 0
    links: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """What stands under one heading, without the sections below it. ``path`` is the headings from the top."""

    path: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def title(self) -> str:
        return " › ".join(self.path)

    def pieces(self) -> Iterator[str]:
        """Its text, cut between blocks to pieces of about 2,000 characters; code and tables stay whole."""
        piece = ""
        for part in (part for block in self.blocks for part in _parts(block)):
            if piece.strip() and len(piece) + len(part.rstrip()) > LENGTH:
                yield piece.strip("\n")
                piece = ""
            piece += part
        if piece.strip():
            yield piece.strip("\n")

    def tells(self) -> bool:
        """Whether it says something itself. A question as heading makes a link an answer."""
        own, links = sum(block.own for block in self.blocks), any(block.links for block in self.blocks)
        is_question = self.path[-1].endswith(("?", "？"))
        return own >= FEW or (own > 0 and not links) or (links and is_question)


def _parts(block: Block) -> Iterable[str]:
    """A block, or the parts of one that is too long: list items, lines, sentences, in this order of preference."""
    if block.solid or len(block.text) <= LENGTH:
        return [block.text]
    return MarkdownSplitter(LENGTH, trim=False).chunks(block.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heading:
    level: int
    text: str


def _sections(items: Iterable[_Heading | Block], name: str) -> Iterator[Section]:
    """The sections that headings and blocks in order make up; ``name`` stands above what no main heading does."""
    open_headings: list[_Heading] = []
    blocks: list[Block] = []
    for item in items:
        if isinstance(item, Block):
            blocks.append(item)
            continue
        yield Section(path=_path(open_headings, name), blocks=tuple(blocks))
        blocks = []
        open_headings = [*(heading for heading in open_headings if heading.level < item.level), item]
    yield Section(path=_path(open_headings, name), blocks=tuple(blocks))


def _path(headings: Sequence[_Heading], name: str) -> tuple[str, ...]:
    texts = tuple(heading.text for heading in headings if heading.text)
    return texts if texts and headings[0].level == 1 else (name, *texts)


def _letters(text: str) -> int:
    return len(_LETTER.findall(text))


# ---- Markdown ---------------------------------------------------------------------------------------------

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(\s*[\w\"'-]+\s*[:=].*?\n)\1[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title\s*[:=]\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SOLID = frozenset({"fence", "code_block", "table_open"})


def markdown_sections(text: str, name: str) -> list[Section]:
    """The sections of a Markdown text that tell something, in order. ``name`` is the document's, if it has no title."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if front := _FRONT_MATTER.match(text):
        text = text[front.end() :]
        title = _FRONT_TITLE.search(front[2])
        name = title[1].strip("\"'") if title else name
    found = _sections(_markdown_items(text), name)
    return [section for section in found if section.tells()]


def _markdown_items(text: str) -> Iterator[_Heading | Block]:
    lines = text.split("\n")
    tokens = _MARKDOWN.parse(text)
    tops = [
        index for index, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0 and token.map
    ]
    for index, following in pairwise([*tops, len(tokens)]):
        inside, end = tokens[index:following], len(lines)
        if following < len(tokens) and (span := tokens[following].map):
            end = span[0]
        yield from _markdown_item(inside, "\n".join(lines[_first_line(inside) : end]) + "\n")


def _first_line(tokens: Sequence[Token]) -> int:
    return tokens[0].map[0] if tokens[0].map else 0


def _markdown_item(tokens: Sequence[Token], text: str) -> Iterator[_Heading | Block]:
    """The heading or the block that one token at the top level begins."""
    opening = tokens[0]
    if opening.type == "heading_open":
        yield _Heading(level=int(opening.tag[1:]), text=_plain(tokens[1].children or []))
    elif opening.type == "html_block":
        shown = _TAG.sub(" ", _COMMENT.sub(" ", opening.content))
        if shown.strip():
            yield Block(text=text, own=_letters(shown))
    elif opening.type != "hr":
        inlines = [child for token in tokens for child in token.children or []]
        code = sum(_letters(token.content) for token in tokens if token.type in ("fence", "code_block"))
        own = _plain(inlines, links=False)
        yield Block(
            text=text,
            solid=opening.type in _SOLID,
            own=code + _letters(_URL.sub(" ", own)),
            links=any(child.type in ("link_open", "image") for child in inlines) or bool(_URL.search(own)),
        )


def _plain(inlines: Iterable[Token], *, links: bool = True) -> str:
    """The text of inline tokens as it is read; without ``links``, what stands outside of them."""
    text, depth = "", 0
    for token in inlines:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type in ("text", "code_inline") and (links or not depth):
            text += token.content
        elif token.type in ("softbreak", "hardbreak"):
            text += " "
    return text.strip()


# ---- plain text -------------------------------------------------------------------------------------------


def text_sections(text: str, name: str) -> list[Section]:
    """Groups of paragraphs, about 2,000 characters each, under the document's name and their first line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    paragraphs = re.findall(r"\S.*?(?:\n(?:[ \t]*\n)+|\Z)", text, re.DOTALL)
    whole = Section(path=(name,), blocks=tuple(Block(text=paragraph) for paragraph in paragraphs))
    return [
        Section(path=(name, _first_of(piece)), blocks=(Block(text=piece, solid=True, own=_letters(piece)),))
        for piece in whole.pieces()
        if _letters(piece)
    ]


def _first_of(text: str) -> str:
    line = next(line.strip(" \t#=*-") for line in text.split("\n") if _LETTER.search(line))
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"


# ---- HTML -------------------------------------------------------------------------------------------------

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = (
    *("address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset"),
    *("figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "ol", "p", "pre", "section"),
    *("summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", *_HEADINGS),
)
_DROPPED = (
    "script, style, nav, template, noscript, iframe, object, svg, button, select, textarea, footer, head, "
    "[hidden], [aria-hidden=true], [role=navigation], a.headerlink, a.anchor, header:not(:has(h1))"
)
_INVISIBLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])"
)
_CODE = ("code", "kbd", "samp", "tt")
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def html_sections(markup: bytes, name: str) -> list[Section]:
    """The sections of an HTML page that tell something, in order, as Markdown-like text; what is hidden is left out.

    Raises ValueError where the bytes fit no encoding.
    """
    soup = BeautifulSoup(re.sub(rb"\A\s*<\?xml[^>]*\?>", b"", markup), "lxml")
    if soup.contains_replacement_characters:
        raise ValueError("its encoding is unknown; save it as UTF-8")
    title = soup.title.get_text().strip() if soup.title else ""
    for tag in [*soup.select(_DROPPED), *soup.find_all(style=_INVISIBLE)]:
        tag.decompose()
    body = soup.select_one("main, [role=main]") or soup.body or soup
    found = _sections(_html_items(body), title or name)
    return [section for section in found if section.tells()]


def _html_items(node: PageElement) -> Iterator[_Heading | Block]:
    """The headings and blocks within an element; text that stands directly in it makes paragraphs."""
    run: list[PageElement] = []
    for child in node.children if isinstance(node, Tag) else ():
        if isinstance(child, Tag) and (child.name in _BLOCKS or child.find(_BLOCKS)):
            yield from _paragraph(run)
            run = []
            yield from _html_item(child)
        else:
            run.append(child)
    yield from _paragraph(run)


def _html_item(tag: Tag) -> Iterator[_Heading | Block]:
    if tag.name in _HEADINGS:
        yield _Heading(level=int(tag.name[1]), text=_inline(tag.children).strip().rstrip("¶#").strip())
    elif tag.name == "pre":
        yield _pre(tag)
    elif tag.name in ("ul", "ol"):
        yield _block_of(tag, _list(tag))
    elif tag.name == "table" and not tag.find("pre"):
        yield _block_of(tag, _table(tag), solid=True)
    else:
        yield from _html_items(tag)


def _paragraph(run: Sequence[PageElement]) -> Iterator[Block]:
    if text := _inline(run).strip():
        own = _inline(run, links=False)
        links = any(isinstance(each, Tag) and (each.name == "a" or each.find("a")) for each in run)
        yield Block(
            text=text + "\n\n", own=_letters(_URL.sub(" ", own)), links=links or bool(_URL.search(own))
        )


def _block_of(tag: Tag, text: str, *, solid: bool = False) -> Block:
    own = _inline(tag.children, links=False)
    return Block(
        text=text + "\n\n",
        solid=solid,
        own=_letters(_URL.sub(" ", own)),
        links=tag.find("a") is not None or bool(_URL.search(own)),
    )


def _pre(tag: Tag) -> Block:
    for line_break in tag.find_all("br"):
        line_break.replace_with("\n")
    code = tag.get_text().strip("\n")
    fence = "````" if "```" in code else "```"
    return Block(text=f"{fence}\n{code}\n{fence}\n\n", solid=True, own=_letters(code))


def _list(tag: Tag) -> str:
    first = str(tag.get("start") or "1")
    number = int(first) if first.isdecimal() else 1
    items = [item for item in tag.children if isinstance(item, Tag) and item.name == "li"]
    markers = (f"{number + place}. " if tag.name == "ol" else "- " for place in range(len(items)))
    return "\n".join(_list_item(item, marker) for item, marker in zip(items, markers, strict=True))


def _list_item(item: Tag, marker: str) -> str:
    parts = [part.text.strip("\n") for part in _html_items(item)]
    return marker + "\n".join(parts).replace("\n", "\n" + " " * len(marker))


def _table(tag: Tag) -> str:
    rows = [row.find_all(["td", "th"]) for row in tag.find_all("tr")]
    texts = [[_inline(cell.children).replace("\n", " ").strip() for cell in row] for row in rows]
    lines = [f"| {' | '.join(cells)} |" for cells in texts if any(cells)]
    if rows and lines and all(cell.name == "th" for cell in rows[0]):
        lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def _inline(nodes: Iterable[PageElement], *, links: bool = True) -> str:
    """The text of inline elements on as few lines as it has breaks; without ``links``, what stands outside of them."""
    pieces = (_inline_piece(node, links) for node in nodes)
    return re.sub(r" ?\n ?", "\n", re.sub(r"  +", " ", "".join(pieces)))


def _inline_piece(node: PageElement, links: bool) -> str:
    if isinstance(node, PreformattedString):  # comments, declarations
        return ""
    if isinstance(node, NavigableString):
        return _BLANKS.sub(" ", node)
    if not isinstance(node, Tag):
        return ""
    if node.name == "br":
        return "\n"
    if node.name == "a" and not links:
        return " "
    text = _inline(node.children, links=links)
    if node.name in _CODE and text.strip():
        return f"`{text}`" if "`" not in text else text
    if node.name == "a":
        return _link(text, str(node.get("href") or ""))
    return f" {text} " if node.name in _BLOCKS else text


def _link(label: str, address: str) -> str:
    if not address.startswith(("http://", "https://")) or label.strip() == address:
        return label
    return f"{label} ({address})" if label.strip() else address
