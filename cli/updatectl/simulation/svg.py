"""A chart as an SVG document."""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from updatectl.simulation.chart import HEIGHT, WIDTH, Box, Path, Shape


def file(shapes: Sequence[Shape]) -> str:
    """The document."""
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join([head, *map(_written, shapes), "</svg>"]) + "\n"


def _written(shape: Shape) -> str:
    if isinstance(shape, Box):
        at = f'x="{shape.left}" y="{shape.top}" width="{shape.width}" height="{shape.height}"'
        return f"<rect {at} fill={quoteattr(shape.colour)}/>"
    if isinstance(shape, Path):
        points = " ".join(f"{left},{top}" for left, top in shape.points)
        return f'<polyline points="{points}" fill="none" stroke={quoteattr(shape.colour)} stroke-width="1.5"/>'
    at = f'x="{shape.left}" y="{shape.base}" text-anchor="{shape.anchor}"'
    return f"<text {at} fill={quoteattr(shape.colour)}>{escape(shape.text)}</text>"
