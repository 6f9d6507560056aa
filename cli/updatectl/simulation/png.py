"""A chart as a PNG file: every shape is painted on rows of pixels, each the number of its colour."""

import itertools
import struct
import zlib
from collections.abc import Sequence

from updatectl.simulation import letters
from updatectl.simulation.chart import HEIGHT, WIDTH, Box, Path, Shape, Word

_SCALE = 2
"""Twice as large as the shapes say, so that letters of a few dots have the size that they have as SVG."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT, _PALETTE = 8, 3


class _Canvas:
    """Rows of pixels, on which the last that was painted is seen."""

    def __init__(self) -> None:
        self.colours: list[str] = []
        self.rows = [bytearray(WIDTH * _SCALE) for _ in range(HEIGHT * _SCALE)]

    def number(self, colour: str) -> int:
        """The number of a colour."""
        if colour not in self.colours:
            self.colours.append(colour)
        return self.colours.index(colour)

    def fill(self, left: int, top: int, width: int, height: int, number: int) -> None:
        """Paint a rectangle, as far as it lies on the canvas."""
        start, end = max(left, 0), min(left + width, WIDTH * _SCALE)
        for row in self.rows[max(top, 0) : max(top + height, 0)]:
            row[start:end] = bytes([number]) * (end - start)


def file(shapes: Sequence[Shape]) -> bytes:
    """The file."""
    canvas = _Canvas()
    for shape in shapes:
        number = canvas.number(shape.colour)
        if isinstance(shape, Box):
            left, top, width, height = shape.left, shape.top, shape.width, shape.height
            canvas.fill(left * _SCALE, top * _SCALE, width * _SCALE, height * _SCALE, number)
        elif isinstance(shape, Path):
            _path(canvas, shape, number)
        else:
            _word(canvas, shape, number)
    palette = b"".join(bytes.fromhex(colour.removeprefix("#")) for colour in canvas.colours)
    # Each row begins with the number of its filter: none.
    pixels = b"".join(b"\0" + bytes(row) for row in canvas.rows)
    header = struct.pack(">IIBBBBB", WIDTH * _SCALE, HEIGHT * _SCALE, _EIGHT_BIT, _PALETTE, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _path(canvas: _Canvas, path: Path, number: int) -> None:
    for (left, top), (right, bottom) in itertools.pairwise(path.points):
        steps = max(abs(right - left), abs(bottom - top), 1) * _SCALE
        for step in range(steps + 1):
            across = left * _SCALE + (right - left) * _SCALE * step // steps
            down = top * _SCALE + (bottom - top) * _SCALE * step // steps
            canvas.fill(across, down, _SCALE, _SCALE, number)


def _word(canvas: _Canvas, word: Word, number: int) -> None:
    step = (letters.COLUMNS + 1) * _SCALE
    length = len(word.text) * step
    left = word.left * _SCALE - {"start": 0, "middle": length // 2, "end": length}[word.anchor]
    top = (word.base - letters.ROWS + 1) * _SCALE
    for place, character in enumerate(word.text):
        for column, dots in enumerate(letters.columns(character)):
            for row in range(letters.ROWS):
                if dots >> row & 1:
                    canvas.fill(left + place * step + column * _SCALE, top + row * _SCALE, _SCALE, _SCALE, number)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
