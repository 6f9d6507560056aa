"""Which architecture does a machine have? One name, Debian's, for what clients call it in many ways.

Flatcar and ChromeOS name a board (``amd64-usr``), Chromium and Fuchsia an architecture (``x64``), update_engine the machine at the end
of its service pack (``1.2.3_x86_64``). A Package's arch is one of the same names.
"""

from collections.abc import Mapping
from typing import Literal, get_args

Architecture = Literal[
    "amd64",
    "arm64",
    "armel",
    "armhf",
    "i386",
    "loong64",
    "mips64el",
    "mipsel",
    "ppc64el",
    "riscv64",
    "s390x",
]

NAMES: tuple[str, ...] = get_args(Architecture)
"""Debian's names, all that a Package may be for."""

_OTHER_NAMES: Mapping[str, Architecture] = {
    "x64": "amd64",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "arm_64": "arm64",
    "aarch64": "arm64",
    "armv8": "arm64",
    "armv8l": "armhf",
    "arm": "armhf",
    "armv7": "armhf",
    "armv7a": "armhf",
    "armv7l": "armhf",
    "armv6l": "armel",
    "armv5tel": "armel",
    "x86": "i386",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "loongarch64": "loong64",
    "mips64le": "mips64el",
    "mipsle": "mipsel",
    "ppc64le": "ppc64el",
    "riscv": "riscv64",
}
"""What uname, Go, Rust, Chromium and boards call them."""

_KNOWN: Mapping[str, str] = {**{name: name for name in NAMES}, **_OTHER_NAMES}
_LONGEST_FIRST = sorted(_KNOWN, key=lambda name: (-len(name), name))


def of(board: str = "", arch: str = "", sp: str = "") -> str:
    """The architecture by its Debian name, from what a client sends as board, os.arch and os.sp; empty where none of them says.

    The board is asked first: it is what the system was built for, on whatever it runs.
    """
    return named(board) or named(board.partition("-")[0]) or named(arch) or _of_service_pack(sp)


def named(text: str) -> str:
    """The Debian name of an architecture that is called `text`, empty for what isn't known."""
    return _KNOWN.get(text.strip().lower(), "")


def _of_service_pack(sp: str) -> str:
    # The name itself may have an underscore in it, so the text isn't simply split at the last one.
    end = sp.strip().lower()
    return next((_KNOWN[name] for name in _LONGEST_FIRST if end.endswith(f"_{name}")), "")
