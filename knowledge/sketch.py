"""A text as a few numbers, by which its likes are known without keeping it. Pure."""

import hashlib
import re

SIZE = 32  # numbers; enough to tell "the same again" from "about the same thing"
SAME = 0.6  # share of equal numbers from which two texts say the same in nearly the same words
_PIECE = re.compile(r"[\u3400-\u9fff]|[^\W_]+")


def sketch(text: str) -> tuple[int, ...]:
    """The smallest 32-bit hashes of the runs of three words (Chinese: letters) in ``text``, in order; at most 32."""
    words = _PIECE.findall(text.casefold())
    runs = {" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))} if words else set()
    return tuple(sorted({_hash(run) for run in runs})[:SIZE])


def _hash(run: str) -> int:
    return int.from_bytes(hashlib.blake2b(run.encode(), digest_size=4).digest())


def is_same(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether the sketched texts are nearly the same; a text of fewer than five words is like no other."""
    if min(len(one), len(other)) < 3:
        return False
    smallest = sorted({*one, *other})[:SIZE]
    return len({*one} & {*other} & {*smallest}) >= SAME * len(smallest)
