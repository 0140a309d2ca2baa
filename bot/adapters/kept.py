"""What a platform told, kept for a while, so that it is not asked for every message."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000  # kept at once


class Kept(Generic[K, V]):
    """Values by key, each for ``life`` seconds; ``now`` is a clock that only goes forward, in seconds."""

    def __init__(self, life: float) -> None:
        self._life = life
        self._kept: dict[K, tuple[float, V | None]] = {}  # None: dropped then

    def get(self, key: K, now: float) -> V | None:
        """The value, if it was put less than ``life`` ago."""
        put_at, value = self._kept.get(key, (float("-inf"), None))
        return value if now - put_at < self._life else None

    def put(self, key: K, value: V, now: float) -> None:
        """Keep a value that was asked for at ``now``; not if it was dropped since."""
        put_at, known = self._kept.pop(key, (float("-inf"), None))
        if known is None and now <= put_at:
            self._kept[key] = (put_at, None)
            return
        self._keep(key, (now, value))

    def _keep(self, key: K, put: tuple[float, V | None]) -> None:
        self._kept[key] = put
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]  # the one put longest ago

    def drop(self, key: K, now: float) -> None:
        """It holds no more, nor does what was asked for before ``now`` and is still on its way."""
        self._kept.pop(key, None)
        self._keep(key, (now, None))
