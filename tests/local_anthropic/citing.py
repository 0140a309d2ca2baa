"""Answers that cite search results, as the API gives them: found where they stand, or placed by the test. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A citation: blocks ``start`` to before ``end`` of a search result. ``text`` None: what really stands there."""

    result: int
    start: int
    end: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer, with its citations; a piece without one is between two sentences, or says it of its own."""

    text: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Cites:
    """The answer in pieces, cited as the test says, rightly or not."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Finds:
    """Says each text, and cites the block of a search result in which it stands, if it stands in one."""

    texts: tuple[str, ...]

    def __init__(self, *texts: str) -> None:
        object.__setattr__(self, "texts", texts)


def results_in(params: Mapping[str, Any]) -> list[Json]:
    """The search results of a request, in order."""
    return [block for block in _blocks(params.get("messages") or []) if block.get("type") == "search_result"]


def _blocks(turns: Sequence[Json]) -> Iterator[Json]:
    for turn in turns:
        if isinstance(turn.get("content"), list):
            yield from turn["content"]


def found(reply: Finds, params: Mapping[str, Any]) -> Cites:
    """``reply`` with the places where its texts really stand."""
    results = results_in(params)
    return Cites(tuple(Piece(text, tuple(_places(text, results))) for text in reply.texts))


def _places(text: str, results: Sequence[Json]) -> Iterator[Place]:
    said = text.strip()
    for number, result in enumerate(results):
        blocks = [block["text"] for block in result["content"]]
        pairs = [(start, end) for end in range(1, len(blocks) + 1) for start in range(end)]
        for start, end in sorted(pairs, key=lambda pair: pair[1] - pair[0]):
            if said and said in "".join(blocks[start:end]):
                yield Place(number, start, end)
                return


def content(reply: Cites, params: Mapping[str, Any]) -> list[Json]:
    """The text blocks of a message."""
    results = results_in(params)
    return [
        {
            "type": "text",
            "text": piece.text,
            "citations": [_citation(place, results) for place in piece.places] or None,
        }
        for piece in reply.pieces
    ]


def _citation(place: Place, results: Sequence[Json]) -> Json:
    there: Json = (
        results[place.result] if 0 <= place.result < len(results) else {"content": [], "source": "?"}
    )
    blocks = [block["text"] for block in there["content"]][place.start : place.end]
    return {
        "type": "search_result_location",
        "cited_text": "".join(blocks) if place.text is None else place.text,
        "search_result_index": place.result,
        "start_block_index": place.start,
        "end_block_index": place.end,
        "source": there["source"],
        "title": there.get("title"),
    }
