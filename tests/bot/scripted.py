"""A writer that says what a test tells it to, for tests of what is done with an answer."""

from collections.abc import Callable

from knowledge.entry import PassageKind
from knowledge.writer import Asked, Claim, Declined, Draft, Quote, WriterFailed

Says = str | Declined | Draft | WriterFailed | Callable[[Asked], Draft | Declined]


class ScriptedWriter:
    """Gives ``replies`` one after the other, the last one for ever; ``asked`` keeps what it was given.

    A text is said word for word as a claim that quotes the first passage in which it stands, and nothing where it
    stands in none.
    """

    name = "scripted"

    def __init__(self, *replies: Says) -> None:
        self._replies = list(replies)
        self.asked: list[Asked] = []

    async def answer(self, asked: Asked) -> Draft | Declined:
        self.asked.append(asked)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, WriterFailed):
            raise reply
        if isinstance(reply, str):
            return Draft(claims=(quoting(reply, asked),))
        return reply(asked) if callable(reply) else reply


def quoting(text: str, asked: Asked) -> Claim:
    """``text`` as a claim, with the quote that says so if one of the hits has it."""
    quotes = [
        Quote(entry=hit.entry.id, source=passage.source, text=text)
        for hit in asked.hits
        for passage in hit.entry.of(PassageKind.SOLUTION)
        if text in passage.text
    ]
    return Claim(text=text, quotes=tuple(quotes[:1]))
