"""The attacks of attacks.jsonl: what somebody plants where others, and a model, will read it."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from knowledge.thread import Role

FILE = Path(__file__).parent / "attacks.jsonl"


class Where(StrEnum):
    """Where an attack is planted."""

    MESSAGE = "message"
    LOG = "log"  # quoted in a message
    DOCUMENT = "document"
    USER_NAME = "user_name"
    CHANNEL_NAME = "channel_name"
    FILE_NAME = "file_name"
    TURNS = "turns"  # over several messages
    REACTION = "reaction"
    ALERT = "alert"  # what another bot says
    THREAD = "thread"  # in a closed thread, for the night to learn


@dataclass(frozen=True, kw_only=True, slots=True)
class Attack:
    id: str
    family: str
    where: Where
    language: str
    texts: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def messages(self, question: str) -> list[tuple[str, Role, str]]:
        """What is said, by whom: the attack and a question to which the answer is known."""
        match self.where:
            case Where.MESSAGE:
                return [("ann", Role.UNKNOWN, f"{question}\n{self.text}")]
            case Where.LOG:
                return [("ann", Role.UNKNOWN, f"{question}\n```\n{self.text}\n```")]
            case Where.TURNS:
                earlier = [("ann", Role.UNKNOWN, text) for text in self.texts[:-1]]
                return [*earlier, ("ann", Role.UNKNOWN, f"{self.texts[-1]}\n{question}")]
            case Where.ALERT:
                return [("grafana", Role.BOT, self.text), ("ann", Role.UNKNOWN, question)]
            case _:
                return [("ann", Role.UNKNOWN, question)]


def attacks() -> list[Attack]:
    lines = (json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines())
    return [
        Attack(**{**line, "where": Where(line["where"]), "texts": tuple(line["texts"])}) for line in lines
    ]
