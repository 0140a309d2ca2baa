"""Lark's markup made harmless: what people wrote is shown as they wrote it. Pure."""

import re

from knowledge.visible import visible

# What Lark's Markdown reads as markup, and as HTML; it shows the numeric entity of each as the character itself.
_MARKUP = re.compile(r"[&<>*_~`\[\]()#!|\\]")
_RULE = re.compile(r"(?m)^(\s*)([-+]|\d+(?=\.))")


def lark_safe(text: str) -> str:
    """``text`` for a Markdown element of a card: no mention, link or style in it comes alive."""
    safe = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", visible(text))
    return _RULE.sub(lambda found: found[1] + _as_entities(found[2]), safe)


def _as_entities(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)
