"""I/O: a file of named arrays that is either read back exactly as it was written or refused.

Written beside its place, synced and renamed, so that a crash leaves the old file or the new one. Read back
only if it is whole (SHA-256), of the kind asked for and made under the same conditions.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

MAGIC = b"earshot arrays 1\n"

Arrays = dict[str, NDArray[Any]]


class UnusableFile(ValueError):
    """The file is missing, damaged, or was written for something else; what it held must be derived again."""


def write_arrays(path: Path, conditions: Mapping[str, object], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write ``arrays`` to ``path`` atomically, with the conditions (JSON values) under which they hold."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    header = {
        "conditions": dict(conditions),
        "arrays": {name: [array.dtype.str, list(array.shape)] for name, array in whole.items()},
        "sha256": _digest(iter(whole.values())),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with beside.open("wb") as file:
        _write(file, json.dumps(header).encode(), whole)
    beside.replace(path)
    _sync_folder(path.parent)


def read_arrays(path: Path, conditions: Mapping[str, object]) -> Arrays:
    """The arrays of ``path``. Raises UnusableFile unless the file is whole and holds under ``conditions``."""
    try:
        with path.open("rb") as file:
            return _read(file, dict(conditions))
    except FileNotFoundError as error:
        raise UnusableFile(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise UnusableFile(f"{path} cannot be used: {error}") from error


def _write(file: BinaryIO, header: bytes, arrays: Mapping[str, NDArray[Any]]) -> None:
    file.write(MAGIC)
    file.write(len(header).to_bytes(8, "little"))
    file.write(hashlib.sha256(header).digest())
    file.write(header)
    for array in arrays.values():
        file.write(_bytes(array))
    file.flush()
    os.fsync(file.fileno())


def _read(file: BinaryIO, conditions: Mapping[str, object]) -> Arrays:
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError("it is not a file of arrays")
    header = json.loads(_read_header(file))
    if header["conditions"] != conditions:
        raise ValueError(f"it was made for {header['conditions']}, not for {dict(conditions)}")
    arrays = {name: _read_array(file, *form) for name, form in header["arrays"].items()}
    if file.read(1) or _digest(iter(arrays.values())) != header["sha256"]:
        raise ValueError("its checksum does not match: it is damaged")
    return arrays


def _read_header(file: BinaryIO) -> bytes:
    length, digest = int.from_bytes(file.read(8), "little"), file.read(32)
    header = file.read(min(length, _size(file)))
    if hashlib.sha256(header).digest() != digest:
        raise ValueError("its header is damaged")
    return header


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _read_array(file: BinaryIO, dtype: str, shape: list[int]) -> NDArray[Any]:
    wanted = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))
    if wanted > _size(file):
        raise ValueError("it is shorter than it says")
    array = np.empty(shape, dtype=dtype)
    if cast(Any, file).readinto(_bytes(array)) != wanted:
        raise ValueError("it is cut short")
    return array


def _digest(arrays: Iterator[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(_bytes(array))
    return digest.hexdigest()


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _sync_folder(folder: Path) -> None:
    # The rename itself must reach the disk; opening a folder is not possible on every system.
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
