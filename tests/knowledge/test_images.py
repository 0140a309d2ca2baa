"""Which pictures go to a model, and which only are spoken of."""

import pytest

from knowledge.images import MAX_BYTES, image_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG + b"x", "image/png"),
        (b"\xff\xd8\xff\xe0x", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"<html>Sign in</html>", None),
        (b"%PDF-1.7", None),
        (b"", None),
        (PNG + bytes(MAX_BYTES), None),
    ],
)
def test_a_picture_is_known_by_how_it_begins_and_has_a_size(content: bytes, media_type: str | None) -> None:
    image = image_of(content)
    assert (image.media_type if image else None) == media_type
