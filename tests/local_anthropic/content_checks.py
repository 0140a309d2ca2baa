"""What the Claude API refuses of the blocks in a request: search results, pictures, marks for the cache. Pure."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MOST_MARKS = 4
_KEYS = {
    "text": {"type", "text"},
    "image": {"type", "source"},
    "search_result": {"type", "source", "title", "content"},
}
_OPTIONAL = {"cache_control", "citations"}


def problems_of_content(body: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the system prompt's blocks and those of the turns."""
    system, turns = body.get("system"), body.get("messages") or []
    blocks = [block for turn in turns for block in _blocks(turn.get("content"))]
    for where, block in [("system", block) for block in _blocks(system)] + [("content", b) for b in blocks]:
        yield from _problems_of_block(where, block)
    marks = [block for block in (*_blocks(system), *blocks) if block.get("cache_control")]
    if len(marks) > MOST_MARKS:
        yield f"cache_control: {len(marks)} blocks are marked, at most {MOST_MARKS} may be"
    yield from _problems_of_citations(blocks, body.get("output_config") or {})


def _blocks(content: Any) -> Sequence[Mapping[str, Any]]:
    return content if isinstance(content, list) else []


def _problems_of_block(where: str, block: Mapping[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _KEYS or (where == "system" and kind != "text"):
        yield f"{where}: {kind!r} is no type of block here"
        return
    if not _KEYS[kind] <= block.keys() <= _KEYS[kind] | _OPTIONAL:
        yield f"{where}.{kind}: has {sorted(block)}"
        return
    if kind == "text" and not str(block["text"]).strip():
        yield f"{where}.text: text content blocks must contain non-whitespace text"
    if block.get("cache_control") not in (None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}):
        yield f"{where}.cache_control: {block['cache_control']!r}"
    if kind == "image":
        yield from _problems_of_image(block["source"])
    if kind == "search_result":
        yield from _problems_of_result(block)


def _problems_of_image(source: Mapping[str, Any]) -> Iterator[str]:
    if source.keys() != {"type", "media_type", "data"} or source["type"] != "base64":
        yield "image.source: must be base64 with media_type and data"
        return
    try:
        content = base64.b64decode(source["data"], validate=True)
    except binascii.Error:
        yield "image.source.data: is not base64"
        return
    if source["media_type"] not in IMAGES or not content or len(source["data"]) > 5 * 1024**2:
        yield f"image.source: {source['media_type']} of {len(content)} bytes"


def _problems_of_result(block: Mapping[str, Any]) -> Iterator[str]:
    if not block["content"] or not str(block["source"]).strip() or not str(block["title"]).strip():
        yield "search_result: needs a source, a title and content"
    for inner in block["content"]:
        if inner.keys() != {"type", "text"} or inner["type"] != "text" or not inner["text"].strip():
            yield "search_result.content: must be text blocks that are not empty"


def _problems_of_citations(blocks: Sequence[Mapping[str, Any]], output: Mapping[str, Any]) -> Iterator[str]:
    enabled = [
        (block.get("citations") or {}).get("enabled", False)
        for block in blocks
        if block["type"] == "search_result"
    ]
    if any(enabled) and not all(enabled):
        yield "citations: must be enabled for all search results or none"
    if any(enabled) and output.get("format") is not None:
        yield "citations: cannot be used with output_config.format"
