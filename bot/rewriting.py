"""Which questions are too vague to be searched for as they stand. Pure."""

import re

from knowledge.thread import Message, Thread

MOST_WORDS = 12  # what says more than this says what it is about
_EXACT = re.compile(r"\d|[`/\\_]|\w\.\w|[a-z][A-Z]")  # an error code, a path, a version, a name in a program
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")


def is_vague(thread: Thread, message: Message) -> bool:
    """Whether ``message`` goes on in a conversation, is short, and names nothing exactly: "and on Windows?"."""
    text = message.text
    return (
        bool(thread.before(message.id)) and len(_WORD.findall(text)) <= MOST_WORDS and not _EXACT.search(text)
    )


def with_whole(whole: str, query: str) -> str:
    """The query with the whole question first; what stood there stays, so that a bad rewriting loses nothing."""
    return f"{whole}\n{query}"
