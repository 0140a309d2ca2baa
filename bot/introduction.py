"""What is said once in a channel that we come into: whether, and in which words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.adapters.events import Channel, ChannelKind
from bot.card import Card, Group, row

MOST_NAMED = 2  # of the people to ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How it behaves in the channel. ``mode``: as in config.yaml. ``stays``: what is said there serves only there."""

    mode: str
    stays: bool


def introduces(channel: Channel, *, mode: str, wanted: bool, external: str, muted: bool) -> bool:
    """Whether we say what we are. ``wanted``, ``external``: the keys ``introduce`` and ``external`` of config.yaml."""
    if not wanted or mode == "off" or muted:
        return False
    if channel.external and external != "on":
        return False
    return channel.kind not in (ChannelKind.DIRECT, ChannelKind.GROUP)


_HELLO = {
    "reply": "Hi, I'm Earshot. If a question was answered before, I say so in its thread, with its source.",
    "draft": "Hi, I'm Earshot. If a question was answered before, I show that to the analysts, who decide about it.",
    "shadow": "Hi, I'm Earshot. For now I only listen: I say nothing here unless somebody mentions me.",
}
_MUTE = "Too much? `@Earshot mute` in a thread, `@Earshot mute channel`, or 🔇 on a message."
_OPT_OUT = "Do you not want to be learnt from? `@Earshot optout`."


def introduction(manner: Manner, ask: Sequence[str], inviter: str | None) -> Card:
    """At most four short lines. ``ask``: whom to ask, else who invited us; as texts name people, which pings nobody."""
    hello = _HELLO.get(manner.mode, _HELLO["reply"])
    where = "stays in this channel" if manner.stays else "may help in other channels, too"
    read = f"I read what is said here and learn from threads that are closed. What I learn {where}."
    quiet = _OPT_OUT if manner.mode == "shadow" else f"{_MUTE} {_OPT_OUT}"
    lines = [hello, read, quiet, *_whom(ask, inviter)]
    return Card(title="", groups=(Group(heading="", rows=tuple(row(line) for line in lines)),))


def _whom(ask: Sequence[str], inviter: str | None) -> list[str]:
    if ask:
        return [f"Questions about me? Ask {' or '.join(ask[:MOST_NAMED])}."]
    return [] if inviter is None else [f"Questions about me? Ask {inviter}, who invited me."]
