"""What has a process spent, and how much memory has it? Told by /proc."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time so far, of all its threads."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def cpu_seconds_of_family(pid: int) -> float:
    """The same with its children, those that have ended too."""
    ended = _fields(pid)
    total = cpu_seconds(pid) + (int(ended[13]) + int(ended[14])) / _TICKS
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if int(_fields(int(entry.name))[1]) == pid:
                    total += cpu_seconds(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total


def resident_bytes(pid: int) -> int:
    """Memory that it has in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _fields(pid: int) -> list[str]:
    """Of /proc/PID/stat, from the state on: the name before it may have blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
