"""How long? A length of time as it is typed, such as 4h, 90m or 1h30m ↔ seconds."""

import re

import typer

_LENGTH = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?", re.ASCII)
_SECONDS = re.compile(r"\d+", re.ASCII)
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def parse(text: str) -> int | None:
    """The seconds of a length with its units; None for anything else. Nothing at all is 0 seconds."""
    match = _LENGTH.fullmatch(text)
    if match is None:
        return None
    return sum(int(number or 0) * unit for number, (unit, _) in zip(match.groups(), _UNITS, strict=True))


def option(text: str, name: str) -> int:
    """The seconds of an option's value, which may be seconds without a unit too. Raises typer.BadParameter for no length."""
    typed = text.strip()
    seconds = int(typed) if _SECONDS.fullmatch(typed) else parse(typed) if typed else None
    if seconds is None:
        raise typer.BadParameter(f"{text!r} is no length such as 90s, 30m, 1h30m or 2d", param_hint=name)
    return seconds


def text(seconds: int) -> str:
    """Seconds as they can be typed."""
    parts = []
    left = seconds
    for unit, letter in _UNITS:
        number, left = divmod(left, unit)
        parts += [f"{number}{letter}"] if number else []
    return "".join(parts) or "0s"
