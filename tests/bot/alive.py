"""What comes alive in what is sent to Slack or Lark, read as a platform does; shares no code with the rendering."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

_TOKEN = re.compile(r"<([^<>]*)>")
_LOUD = re.compile(r"@(?:channel|here|everyone)(?![a-z0-9])", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}", re.IGNORECASE)
_HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2061-\u206f\ufeff\U000e0000-\U000e0fff]|(?<!@)\u2060")


def texts(payload: object) -> Iterator[tuple[str, str]]:
    """Every text in a payload with how it is read: ``mrkdwn``, ``loose`` (names are looked for) or ``plain_text``."""
    if isinstance(payload, Mapping):
        kind = payload.get("type")
        if kind in ("mrkdwn", "plain_text"):
            yield (
                "loose" if kind == "mrkdwn" and payload.get("verbatim") is not True else kind,
                payload["text"],
            )
            return
        if isinstance(payload.get("text"), str) and "blocks" in payload:
            yield "mrkdwn", payload["text"]
        if kind == "image":
            yield "image", str(payload)
        if kind in ("user", "usergroup", "broadcast", "channel") and "elements" not in payload:
            yield "loose", f"an element of rich text: {payload}"
        if kind == "link":
            shown = payload.get("text")
            yield "mrkdwn", f"<{payload['url']}|{shown}>" if shown else f"<{payload['url']}>"
        for value in payload.values():
            yield from texts(value)
    elif isinstance(payload, Sequence) and not isinstance(payload, str):
        for value in payload:
            yield from texts(value)


def in_slack(payload: Mapping[str, Any], allowed: frozenset[str] = frozenset()) -> list[str]:
    """What in a payload for Slack comes alive that nobody meant to; ``allowed``: tokens that were meant, as ``#C1``."""
    found = []
    for kind, text in texts(payload):
        if kind == "plain_text":
            continue
        found += [f"{kind}: {text}"] if kind in ("loose", "image") else []
        found += [match[0] for match in _LOUD.finditer(text)]
        found += [f"hidden: {match[0]!r}" for match in _HIDDEN.finditer(text)]
        found += [token for token in _TOKEN.findall(text) if token not in allowed and not _honest(token)]
    if payload.get("unfurl_links") or payload.get("unfurl_media"):
        found.append("unfurls")
    return found


def links_in(payload: Mapping[str, Any]) -> set[str]:
    """The addresses that can be clicked on."""
    tokens = (
        token for kind, text in texts(payload) if kind != "plain_text" for token in _TOKEN.findall(text)
    )
    return {
        html.unescape(token.partition("|")[0]) for token in tokens if token.startswith(("http:", "https:"))
    }


def _honest(token: str) -> bool:
    """Whether a token is a web link that does not look as if it led elsewhere."""
    address, _, label = token.partition("|")
    parts = urlsplit(html.unescape(address))
    if parts.scheme not in ("http", "https") or (not label and "@" in parts.netloc):
        return False
    host = (parts.hostname or "").casefold()
    return all(host in (named.casefold(), f"www.{named.casefold()}") for named in _DOMAIN.findall(label))


_FENCED = re.compile(r"(?ms)^```[\w+-]*\n.*?^```[ \t]*$")
_LINKED = re.compile(r"\[([^\[\]()<>]*)\]\(([^\s()<>\[\]]*)\)")


def in_lark_card(card: Mapping[str, Any], meant: frozenset[str] = frozenset(), stars: int = 0) -> list[str]:
    """What in a card for Lark comes alive that nobody meant to: of its Markdown; of plain texts what is hidden.

    ``meant``: tags that were meant; ``stars``: how many asterisks of ours there are at most.
    """
    found, seen = [], 0
    for kind, text in _said_in_lark(card):
        found += [f"hidden: {each[0]!r}" for each in _HIDDEN.finditer(text)]
        if kind == "plain_text":
            continue
        bare = _FENCED.sub("", text)
        found += [each[0] for each in _LINKED.finditer(bare) if not _leads_where_it_says(*each.groups())]
        bare = _LINKED.sub("", bare)
        for token in meant:
            bare = bare.replace(token, "")
        seen += bare.count("*")
        found += in_lark(bare.replace("*", ""))
    return found + ([f"{seen} asterisks"] if seen > stars else [])


def _said_in_lark(part: object) -> Iterator[tuple[str, str]]:
    if isinstance(part, Mapping):
        if part.get("tag") in ("markdown", "lark_md", "plain_text"):
            yield ("plain_text" if part["tag"] == "plain_text" else "markdown"), part["content"]
            return
        if part.get("tag") in ("img", "at", "a", "person"):
            yield "markdown", f"<{part['tag']} {part}>"
        for value in part.values():
            yield from _said_in_lark(value)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for value in part:
            yield from _said_in_lark(value)


def _leads_where_it_says(label: str, address: str) -> bool:
    parts = urlsplit(html.unescape(address))
    host = (parts.hostname or "").casefold()
    named = _DOMAIN.findall(html.unescape(label))
    return parts.scheme in ("http", "https") and all(
        host in (each.casefold(), f"www.{each.casefold()}") for each in named
    )


def in_lark(markdown: str) -> list[str]:
    """What in a Markdown element of a Lark card comes alive: tags, links, images, styles."""
    patterns = (r"<\s*/?\s*\w+[^>]*>", r"!?\[[^\]]*\]\([^)]*\)", r"[*_~`]", r"(?m)^\s*(?:#|>|[-+*] |\d+\. )")
    return [found[0] for pattern in patterns for found in re.finditer(pattern, markdown)] + [
        f"hidden: {found[0]!r}" for found in _HIDDEN.finditer(markdown)
    ]
