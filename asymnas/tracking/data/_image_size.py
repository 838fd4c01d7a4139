"""The size of an image file from its header, without decoding it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from asymnas.tracking.data.frames import read_image

__all__ = ["image_size"]

# Start-of-frame markers of JPEG; C4, C8 and CC are tables and reserved.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def image_size(path: Path, video: str) -> tuple[int, int]:
    """Return (width, height) of an image; formats other than JPEG and PNG are decoded for it.

    Args:
        path: the image.
        video: name of the video, for the message.

    Raises:
        DataError: the file is missing or no image.
    """
    try:
        with path.open("rb") as file:
            found = _size(file)
    except (OSError, struct.error):
        found = None  # told in full by the decoder below
    if found is None:
        height, width = read_image(path, video).shape[:2]
        found = (width, height)
    return found


def _size(file: BinaryIO) -> tuple[int, int] | None:
    head = file.read(24)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if not head.startswith(b"\xff\xd8"):
        return None
    file.seek(2)
    while True:
        while (byte := file.read(1)) not in (b"\xff", b""):
            pass
        while byte == b"\xff":
            byte = file.read(1)
        if not byte:
            return None
        marker = byte[0]
        if marker in _ALONE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
