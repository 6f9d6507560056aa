"""Which instances move together, one part after the other? A wave as it is typed ↔ as a Group's spec has it.

A wave is typed as its name, its share and what else there is to say: "canary:20i,bake=1h" or "early:5%,approval". What is shown can be
typed again.
"""

import re
from collections.abc import Callable
from typing import Any, get_args

import typer

from updatectl import durations
from updatectl.session import Object

OPTION = "--wave"

_FORM = 'write a name, a share and what else there is to say, such as --wave "canary:20i,bake=1h" or --wave "early:5%,approval"'
_INSTANCES = re.compile(r"([0-9]+)i", re.ASCII)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_MATCH = re.compile(r"([a-z]+)(!?):(.+)", re.ASCII)
_WHOLE = 100


def parse_all(texts: tuple[str, ...]) -> list[Object]:
    """The waves of the options, in their order. Raises typer.BadParameter for what can't be read, and for a name that is there twice."""
    waves = [parse(text) for text in texts]
    names = [wave["name"] for wave in waves]
    for name in names:
        if names.count(name) > 1:
            raise _bad(f"two waves are called {name!r}")
    return waves


def parse(text: str) -> Object:
    """The wave of `NAME:SHARE[,…]`. Raises typer.BadParameter if it is none."""
    name, colon, rest = text.strip().partition(":")
    if not colon or not name.strip():
        raise _bad(f"{text!r} has no name with a ':' behind it")
    wave: Object = {"name": name.strip()}
    for part in rest.split(","):
        _add(wave, part.strip())
    if "percent" not in wave and "instances" not in wave:
        raise _bad(f"wave {wave['name']!r} has no share: a percentage such as 5%, or instances such as 20i")
    if "percent" in wave and "instances" in wave:
        raise _bad(f"wave {wave['name']!r} has a percentage and a number of instances: give one of them")
    return wave


def text(wave: Object) -> str:
    """A wave as it can be typed."""
    share = f"{wave['instances']}i" if wave.get("instances") is not None else f"{wave.get('percent')}%"
    parts = [f"{wave['name']}:{share}"]
    if wave.get("bakeSeconds"):
        parts.append(f"bake={durations.text(wave['bakeSeconds'])}")
    if wave.get("settlePercent", 90) != 90:
        parts.append(f"settle={wave['settlePercent']}")
    if wave.get("approval") == "Required":
        parts.append("approval")
    parts += [f"match={requirement_text(requirement)}" for requirement in wave.get("match", ())]
    return ",".join(parts)


def requirement_text(requirement: Object) -> str:
    """A requirement as it can be typed: ATTRIBUTE:VALUE|VALUE, with a '!' before the ':' for none of them."""
    negated = "!" if requirement.get("operator") == "NotIn" else ""
    return f"{requirement['attribute']}{negated}:{'|'.join(requirement['values'])}"


def percent(text: str, option: str) -> int | str:
    """A percentage with or without its sign, as a spec has it. Raises typer.BadParameter for what is none."""
    from update_core.rollout import cohort  # kept out of help and completion

    typed = text.strip().removesuffix("%").strip()
    try:
        cohort.ppm(typed)
    except ValueError as error:
        raise typer.BadParameter(f"{error}", param_hint=option) from None
    return int(typed) if _NUMBER.fullmatch(typed) else typed


def _add(wave: Object, part: str) -> None:
    """Put one part of the text into the wave."""
    name, equals, value = part.partition("=")
    if not part:
        raise _bad(f"something is missing beside a ',' or ':' of wave {wave['name']!r}")
    if name == "match" and equals:
        wave.setdefault("match", []).append(_requirement(value))
        return
    if part == "approval":
        field, found = "approval", "Required"
    elif equals and name in _PARTS:
        field, read = _PARTS[name]
        found = read(value)
    elif not equals:
        field, found = _share(part)
    else:
        raise _bad(f"{part!r} is nothing that can be said of a wave: bake=, settle=, approval and match= are")
    if field in wave:
        raise _bad(f"wave {wave['name']!r} says twice what {_SAID[field]}")
    wave[field] = found


def _share(part: str) -> tuple[str, Any]:
    instances = _INSTANCES.fullmatch(part)
    if instances:
        return "instances", _count(instances[1])
    return "percent", percent(part, OPTION)


def _count(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise _bad(f"{text!r} is no number of instances, which is 1 or more")
    return int(text)


def _settle(text: str) -> int:
    typed = text.removesuffix("%")
    if not _NUMBER.fullmatch(typed) or int(typed) > _WHOLE:
        raise _bad(f"settle={text} is no whole percentage from 0 to 100")
    return int(typed)


def _requirement(text: str) -> Object:
    from update_core.resources.rollout_policy import MachineAttribute  # pydantic, which no help text should cost

    match = _MATCH.fullmatch(text)
    values = match[3].split("|") if match else []
    if match is None or not all(values):
        raise _bad(f"match={text} is no attribute with its values, such as match=board:amd64-usr|arm64-usr")
    known = get_args(MachineAttribute)
    if match[1] not in known:
        raise _bad(f"{match[1]!r} is no attribute of a machine: they are {', '.join(known)}")
    return {"attribute": match[1], "operator": "NotIn" if match[2] else "In", "values": values}


_PARTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "percent": ("percent", lambda text: percent(text, OPTION)),
    "instances": ("instances", _count),
    "bake": ("bakeSeconds", lambda text: durations.option(text, OPTION)),
    "settle": ("settlePercent", _settle),
}
_SAID = {
    "percent": "its percentage is",
    "instances": "its number of instances is",
    "bakeSeconds": "its bake is",
    "settlePercent": "settles it",
    "approval": "it needs",
}


def _bad(what: str) -> typer.BadParameter:
    return typer.BadParameter(f"{what}; {_FORM}", param_hint=OPTION)
