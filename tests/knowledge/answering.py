"""Questions with their hits for tests of writers, and a call log in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from knowledge.entry import WORKSPACE, EntryKind, Hit, KnowledgeEntry, Passage, PassageKind
from knowledge.model_calls import ModelCall
from knowledge.thread import Message, Role, Thread
from knowledge.writer import Asked

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
QUESTION = "The gate stops with MLR-4090 since this morning, how do I make it start again?"
FULL = "MLR-4090 means that the spill folder is full."
CLEAN = "Run `millrace spill clean --older 7d` and restart the gate."
TWICE = "We had this twice last year."
SOLUTION = f"{FULL} {CLEAN}\n{TWICE}"
LEASE = "Since 4.1 each gate needs a lease of 30s in gate.yaml."


class Calls:
    """A call log in memory."""

    def __init__(self) -> None:
        self.told: list[ModelCall] = []

    async def called(self, call: ModelCall) -> None:
        self.told.append(call)


def hit(
    solution: str = SOLUTION, *, title: str = "Gate does not start: MLR-4090", source: str = "slack:T0/C0/2"
) -> Hit:
    """A closed thread that was found."""
    at = NOW - timedelta(days=90)
    asked = Passage(kind=PassageKind.PROBLEM, text=title, source=f"{source}.0", at=at)
    solved = Passage(kind=PassageKind.SOLUTION, text=solution, source=source, role=Role.ANALYST, at=at)
    entry = KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=title,
        origin=f"{source}.0",
        audience=WORKSPACE,
        passages=(asked, solved),
        known_from=at,
        confirmed=True,
    )
    return Hit(entry=entry, score=0.9, dense=0.8, lexical=5.0, coverage=0.9)


def asked(
    question: str = QUESTION, hits: Sequence[Hit] = (), *, before: Sequence[tuple[str, str]] = ()
) -> Asked:
    """``question`` of ann, after what was said ``before`` (who, what); without hits the one of ``hit()``."""
    said = [*before, ("ann", question)]
    messages = tuple(
        Message(
            id=f"slack:T1/C1/{place}",
            channel="slack:T1/C1",
            thread="slack:T1/C1/0",
            user=f"slack:T1/{user}",
            at=NOW + timedelta(minutes=place),
            text=text,
        )
        for place, (user, text) in enumerate(said)
    )
    thread = Thread(id="slack:T1/C1/0", channel="slack:T1/C1", messages=messages)
    return Asked(question=question, thread=thread, hits=hits or [hit()])
