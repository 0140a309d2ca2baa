"""Pure: the frames of the long connection, as bytes. Written from the field numbers alone, without the client's code.

A frame is a protobuf message: 1 SeqID, 2 LogID (unsigned), 3 service, 4 method (0 control, 1 data), all required;
5 headers {1 key, 2 value}, repeated; 6 payload_encoding, 7 payload_type, 8 payload, 9 LogIDNew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

CONTROL, DATA = 0, 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_REQUIRED = {1: "SeqID", 2: "LogID", 3: "service", 4: "method"}


class BadFrame(ValueError):
    """Bytes that are no frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    service: int
    method: int
    headers: dict[str, str] = field(default_factory=dict)
    payload: bytes = b""
    seq: int = 0
    log: int = 0

    @property
    def type(self) -> str:
        return self.headers.get("type", "")


def encode(frame: Frame) -> bytes:
    numbers = {1: frame.seq, 2: frame.log, 3: frame.service, 4: frame.method}
    parts = [_key(number, _VARINT) + _varint(value) for number, value in numbers.items()]
    parts += [_field(5, _field(1, k.encode()) + _field(2, v.encode())) for k, v in frame.headers.items()]
    return b"".join([*parts, _field(8, frame.payload)])


def decode(data: bytes) -> Frame:
    """Raises BadFrame."""
    numbers: dict[int, int] = {}
    headers: dict[str, str] = {}
    payload = b""
    for number, value in _fields(data):
        if isinstance(value, int):
            numbers[number] = value
        elif number == 5:
            pair = dict(_fields(value))
            headers[_text(pair.get(1))] = _text(pair.get(2))
        elif number == 8:
            payload = value
    if missing := [name for number, name in _REQUIRED.items() if number not in numbers]:
        raise BadFrame(f"a frame without {', '.join(missing)}")
    return Frame(
        seq=numbers[1],
        log=numbers[2],
        service=numbers[3],
        method=numbers[4],
        headers=headers,
        payload=payload,
    )


def _text(value: int | bytes | None) -> str:
    if not isinstance(value, bytes):
        raise BadFrame(f"a header is {value!r}, not a pair of texts")
    return value.decode()


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _read_varint(data, place)
            yield number, value
            continue
        if kind == _BYTES:
            size, place = _read_varint(data, place)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise BadFrame(f"wire type {kind} in field {number}")
        if place + size > len(data):
            raise BadFrame(f"field {number} is cut off")
        yield number, data[place : place + size]
        place += size


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise BadFrame("a number is cut off")
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _field(number: int, value: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(value)) + value
