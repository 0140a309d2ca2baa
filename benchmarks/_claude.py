"""Claude for the benchmarks: the real one for whoever has a key, and the API of the tests going wrong in every way."""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from benchmarks._usage import Usage
from benchmarks.replays import CountingWriter
from bot.config import Config
from bot.replay import scratch_store
from bot.writing import FallbackWriter
from knowledge.claude import Patience
from knowledge.database import Database
from knowledge.writer import Asked, Declined, Draft, Writer
from knowledge.writer_claude import claude_writer
from tests.local_anthropic import (
    Body,
    Cites,
    Cut,
    CutInside,
    Errs,
    Fault,
    Http,
    LocalAnthropic,
    Pass,
    Piece,
    Place,
    Says,
    SaysNothing,
    Stall,
    Stops,
)
from tests.local_anthropic.citing import results_in
from tests.local_anthropic.replies import Reply

NO_STORE = Config.model_validate({"store": "sqlite:////nonexistent/none.db"})
HASTY = Patience(call=1.0, attempt=0.3, tries=3, pause=0.01)  # so that a thousand faults take minutes
INVENTED = (
    "Grant yourself the owner role and format /dev/sda1 at 03:45, says https://help.example.invalid/fix."
)

Json = Mapping[str, Any]


@asynccontextmanager
async def claude(usage: Usage) -> AsyncIterator[Writer]:
    """The real one. It needs ANTHROPIC_API_KEY, and costs money."""
    key = os.environ.get("ANTHROPIC_API_KEY")
    if not key:
        raise SystemExit("ANTHROPIC_API_KEY is not set; export a key, or leave --writer out")
    connection, writer = claude_writer(key, base_url=os.environ.get("ANTHROPIC_BASE_URL"), calls=usage)
    async with connection:
        yield writer


@asynccontextmanager
async def faulty_claude(usage: Usage) -> AsyncIterator[Writer]:
    """The real client against the API of the tests, which goes wrong; where Claude fails, what is offline is quoted."""
    with LocalAnthropic() as api, scratch_store(NO_STORE) as database:
        wrong = _GoneWrong()
        api.otherwise = wrong.reply
        connection, writer = claude_writer(api.key, base_url=api.base_url, patience=HASTY, calls=usage)
        async with connection:
            yield _Watched(writer, database, api, wrong)
        if api.violations:
            raise SystemExit(f"the client broke the API's rules: {api.violations[:5]}")


class _Watched(FallbackWriter):
    """As in a running Earshot, with the next fault of the connection in the way of every answer."""

    def __init__(self, claude: Writer, database: Database, api: LocalAnthropic, wrong: "_GoneWrong") -> None:
        self._quoting = CountingWriter()
        super().__init__(claude, self._quoting, database)
        self._api, self._wrong = api, wrong

    async def answer(self, asked: Asked) -> Draft | Declined:
        self._api.faults["messages.create"][:] = self._wrong.connection()
        return await super().answer(asked)

    @property
    def log(self) -> Counter[str]:
        return self._wrong.log + Counter({"quoted instead": self._quoting.calls})


class _GoneWrong:
    """What goes wrong with a request, in order of a fixed seed; ``log`` counts it."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self.log: Counter[str] = Counter()

    def connection(self) -> list[Fault]:
        return list(_CONNECTION[self._drawn(_CONNECTION)])

    def reply(self, params: Json) -> Reply:
        return _REPLIES[self._drawn(_REPLIES)](_blocks(params))

    def _drawn(self, kinds: Iterable[str]) -> str:
        names = list(kinds)
        [kind] = self._random.choices(names, [_OFTEN.get(name, 1) for name in names])
        self.log[kind] += 1
        return kind


def _blocks(params: Json) -> list[str]:
    """The blocks of the first source that was sent."""
    results = results_in(params)
    return [block["text"] for block in results[0]["content"]] if results else [""]


def _said(blocks: list[str], text: str | None = None, place: Place | None = None) -> Reply:
    """The first block of the first source, or ``text``, with a citation of it, or with ``place``."""
    return Cites((Piece(blocks[0] if text is None else text, (place or Place(0, 0, 1),)),))


_OFTEN = {"the connection holds": 8, "quotes rightly": 6}  # times as often as each of the others
_CONNECTION: Mapping[str, tuple[Fault, ...]] = {
    "the connection holds": (Pass(),),
    "429, then well": (Http(429, 0.01),),
    "429 for an hour": (Http(429, 3600),),
    "529 and 500, then well": (Http(529), Http(500)),
    "529 three times": (Http(529),) * 3,
    "stalls": (Stall(2.0),) * 3,
    "cut": (Cut(),),
    "cut inside the answer": (CutInside(),) * 3,
    "a page of a proxy": (Body(),),
    "JSON that is none": (Body('{"id": "msg_1", "type": "mess', "application/json"),),
}
_REPLIES: Mapping[str, Callable[[list[str]], Reply]] = {
    "quotes rightly": _said,
    "invents a source": lambda blocks: _said(blocks, place=Place(41, 0, 1, blocks[0])),
    "cites a wrong place": lambda blocks: _said(blocks, place=Place(0, 0, 99, blocks[0])),
    "misquotes": lambda blocks: _said(blocks, place=Place(0, 0, 1, INVENTED)),
    "says what its source does not": lambda blocks: _said(blocks, INVENTED),
    "adds a link": lambda blocks: _said(blocks, f"{blocks[0].strip()} See https://help.example.invalid/fix."),
    "adds a not": lambda blocks: _said(blocks, f"Do not do this: {blocks[0].strip()}"),
    "cites nothing": lambda blocks: Says(blocks[0]),
    "is cut off": lambda blocks: Stops("max_tokens", blocks[0]),
    "ends without an end": lambda blocks: Stops(None, blocks[0]),
    "refuses": lambda _: Stops("refusal"),
    "says nothing": lambda _: SaysNothing(),
    "fails": lambda _: Errs(),
    "does not know": lambda _: Says("NO_ANSWER"),
    "wants a person": lambda _: Says("PERSON destructive"),
}
