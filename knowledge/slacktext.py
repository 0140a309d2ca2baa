"""Slack's markup undone: what was typed, as people read it. Pure."""

import re
from collections.abc import Mapping

# Slack escapes & < > in what people type, so every bare <...> is Slack's own markup:
# https://docs.slack.dev/messaging/formatting-message-text
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_MARKUP = re.compile(r"<([^<>|][^<>]*)>")
_ESCAPED = re.compile(r"&(lt|gt|amp);")
_ESCAPES = {"lt": "<", "gt": ">", "amp": "&"}
_SKIN_TONE = re.compile(r"::skin-tone-\d$")
_ALIASES = {
    "thumbsup": "+1",
    "👍": "+1",
    "thumbsdown": "-1",
    "👎": "-1",
    "✅": "white_check_mark",
    "✔": "heavy_check_mark",
    "✔️": "heavy_check_mark",
    "☑️": "ballot_box_with_check",
}


def plain_text(text: str, users: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """``text`` of a Slack message without markup.

    ``users`` and ``channels`` map Slack ids (``U123``, ``C123``) to names without ``@`` and ``#``; an id
    without a name stays. A link becomes ``label (url)``, or the address alone where the label says nothing
    more; within code it becomes exactly what was typed.
    """
    pieces = _CODE.split(text)
    undone = [
        _MARKUP.sub(lambda found, code=bool(index % 2): _undo(found[1], users, channels, code=code), piece)
        for index, piece in enumerate(pieces)
    ]
    # One pass, so that a typed "&lt;" (sent as "&amp;lt;") stays as typed.
    return _ESCAPED.sub(lambda found: _ESCAPES[found[1]], "".join(undone))


def reaction_name(name: str) -> str:
    """An emoji's name without colons and skin tone, aliases made one: ``thumbsup::skin-tone-3`` -> ``+1``."""
    bare = _SKIN_TONE.sub("", name.strip().strip(":"))
    return _ALIASES.get(bare, bare)


def _undo(markup: str, users: Mapping[str, str], channels: Mapping[str, str], *, code: bool) -> str:
    target, _, label = markup.partition("|")
    match target[0]:
        case "@":
            return "@" + (users.get(target[1:]) or label.removeprefix("@") or target[1:])
        case "#":
            return "#" + (label.removeprefix("#") or channels.get(target[1:]) or target[1:])
        case "!":
            return _special(target[1:], label)
        case _:
            return _link(target, label, code=code)


def _special(target: str, label: str) -> str:
    """``here``, ``subteam^S1`` or ``date^TIME^FORMAT``; the latter two carry what to show as a label."""
    name = target.partition("^")[0]
    if name == "date":
        return label
    return "@" + (label.removeprefix("@") or target.removeprefix("subteam^"))


def _link(url: str, label: str, *, code: bool) -> str:
    address = url.removeprefix("mailto:").removeprefix("tel:")
    if not label or label == address:
        return address
    if code:
        return label
    return address if _says_no_more(label, address) else f"{label} ({address})"


def _says_no_more(label: str, address: str) -> bool:
    """Whether Slack made the link by itself of a typed ``example.com/path``."""
    return _bare(label) == _bare(address)


def _bare(address: str) -> str:
    return re.sub(r"^https?://", "", address).rstrip("/").lower()
