"""I/O: answers written by Claude, each sentence with what it cites. One request for a reply."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from knowledge.answer_prompt import Source, content_of, declined_in, redacted, sources_of, system_of
from knowledge.budget import Budget, Spent
from knowledge.claude import REFUSED, Answered, Cited, Claude, Patience, Said, Unanswered
from knowledge.claude_prices import Prices
from knowledge.images import Images, NoImages, Pictures, note_on
from knowledge.model_calls import CallLog
from knowledge.sentences import sentences
from knowledge.visible import visible
from knowledge.writer import Asked, Claim, Decline, Declined, Draft, Quote, WriterFailed

ANSWER_TOKENS = 3_000  # at most, what the model thinks included; an answer is far shorter
# A reply in a chat is worth little after a minute.
PATIENCE = Patience(call=75.0, attempt=45.0, tries=3)

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WriterSettings:
    """How Claude is to answer. ``effort`` None leaves it to the model; ``patterns``: the workspace's own to redact."""

    model: str = "claude-sonnet-5-5"
    tone: str = "brief and friendly"
    effort: Effort | None = "low"
    images: bool = False
    patterns: tuple[re.Pattern[str], ...] = ()


class ClaudeWriter:
    """Writes from the hits and the thread, with Claude's citations; what cannot be placed in a source cites nothing."""

    name = "claude"

    def __init__(
        self,
        claude: Claude,
        settings: Callable[[], WriterSettings] = WriterSettings,
        images: Images | None = None,
    ) -> None:
        self._claude = claude
        self._settings = settings
        self._images: Images = images or NoImages()

    async def answer(self, asked: Asked) -> Draft | Declined:
        """A draft, or why there is none. Raises WriterFailed where Claude could not be asked or did not finish."""
        settings, sources = self._settings(), sources_of(asked.hits)
        if not sources:
            return Declined(why=Decline.NO_ANSWER, reason="no source says what to do")
        pictures = await self._images.load(asked.thread, read=settings.images)
        # Beside the loop: to look through a long thread takes a moment.
        body = await asyncio.to_thread(_body, settings, asked, sources, pictures)
        try:
            answered = await self._claude.answer(body, "answer", asked.thread.channel or None)
        except (Unanswered, Spent) as failed:
            raise WriterFailed(str(failed)) from failed
        if answered.problem == REFUSED:
            return Declined(why=Decline.NO_ANSWER, reason=REFUSED)
        if answered.problem is not None:
            raise WriterFailed(answered.problem)
        return draft_of(answered, sources, note_on(pictures, asked.question))


def claude_writer(
    api_key: str,
    *,
    base_url: str | None = None,
    settings: Callable[[], WriterSettings] = WriterSettings,
    patience: Patience = PATIENCE,
    calls: CallLog | None = None,
    budget: Budget | None = None,
    prices: Callable[[], Prices] = Prices,
    images: Images | None = None,
) -> tuple[Claude, ClaudeWriter]:
    """A writer and the connection it uses, which is to be closed (``async with``)."""
    claude = Claude(api_key, base_url=base_url, patience=patience, calls=calls, budget=budget, prices=prices)
    return claude, ClaudeWriter(claude, settings, images)


def _body(
    settings: WriterSettings, asked: Asked, sources: Sequence[Source], pictures: Pictures
) -> dict[str, Any]:
    shown = [_block(image.media_type, image.base64) for image in pictures.images]
    content = content_of(redacted(asked, settings.patterns), sources, shown)
    effort = {} if settings.effort is None else {"output_config": {"effort": settings.effort}}
    return {
        "model": settings.model,
        "max_tokens": ANSWER_TOKENS,
        "system": system_of(settings.tone),
        "messages": [{"role": "user", "content": content}],
        **effort,
    }


def _block(media_type: str, data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


# ---- from the answer to a draft


def draft_of(answered: Answered, sources: Sequence[Source], note: str = "") -> Draft | Declined:
    """A complete answer as claims, a sentence, step or block of code each, with the quotes of what it cites."""
    text = answered.text
    declined = declined_in(text)
    if declined is not None:
        return declined
    quotes = _quoted_pieces(answered.said, sources)
    claims, last = [], 0
    for span in sentences(text):
        claims.append(
            Claim(
                text=text[span.start : span.end],
                quotes=_quotes_in(text, span.start, span.end, quotes),
                gap=_gap(text[last : span.start]),
            )
        )
        last = span.end
    return Draft(claims=tuple(claims), note=note)


_Placed = tuple[int, int, tuple[Quote, ...]]  # from, to, and what is cited there


def _quoted_pieces(said: Sequence[Said], sources: Sequence[Source]) -> list[_Placed]:
    """Where in the whole text each piece stands, and its quotes."""
    pieces: list[_Placed] = []
    at = 0
    for piece in said:
        quotes = tuple(_quote(cited, sources) for cited in piece.cited)
        pieces.append((at, at + len(piece.text), quotes))
        at += len(piece.text)
    return pieces


def _quote(cited: Cited, sources: Sequence[Source]) -> Quote:
    """What the passage itself says at the place that is cited.

    Of a citation that is wrong or invented, a quote of no entry: whoever checks the draft drops it whole.
    """
    invented = Quote(entry="", source="", text=cited.text)
    if not 0 <= cited.search_result < len(sources):
        return invented
    source = sources[cited.search_result]
    text = source.between(cited.start, cited.end)
    if not text or _bare(cited.text) != _bare(text):
        return invented
    return Quote(entry=source.entry.id, source=source.passage.source, text=text)


def _bare(text: str) -> str:
    """Without blanks, which gateways change, and without what is not sent."""
    return "".join(visible(text).split())


def _quotes_in(text: str, start: int, end: int, pieces: Sequence[_Placed]) -> tuple[Quote, ...]:
    """The quotes of the pieces that say something between ``start`` and ``end``, each once."""
    found = [
        quote
        for begin, stop, quotes in pieces
        for quote in quotes
        if any(character.isalnum() for character in text[max(start, begin) : min(end, stop)])
    ]
    return tuple(dict.fromkeys(found))


def _gap(between: str) -> str:
    """What stands between two claims, made regular: a blank, the end of a line, or that of a paragraph."""
    breaks = between.count("\n")
    return "\n" * min(breaks, 2) if breaks else " "
