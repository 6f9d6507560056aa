"""Does any input break what must hold? Each target is searched for its share of the time, each in a process of its own.

Exit codes: 0 nothing was found, 1 something was. Findings stay in build/fuzz/TARGET/findings, with the way to see each again.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import folders

MAX_INPUT_BYTES = 70_000
"""Beyond the largest body that is accepted."""

MEMORY_MEGABYTES = 1024
HANGING_SECONDS = 20
_ENDING_SECONDS = 120
"""Beyond its time: starting, and the last input."""

_DONE = re.compile(r"^Done (\d+) runs in", re.MULTILINE)
_STATED = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)
_NOISE = re.compile(
    r"^#\d+\s+(INITED|NEW|REDUCE|RELOAD)|^INFO: Instrumenting|^WARNING: Failed to find function|^stat::|^\"|^#####"
)


@dataclass(frozen=True, slots=True)
class Searched:
    """What one target's search came to. `failed` says that the search itself did."""

    target: str
    runs: int
    findings: tuple[Path, ...]
    failed: bool


def main() -> int:
    """Search all targets."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=60, help="in all")
    options.add_argument("--target", choices=folders.TARGETS, action="append", help="only this one; may be repeated")
    chosen = options.parse_args()
    targets = chosen.target or folders.TARGETS
    share = max(1, chosen.seconds // len(targets))
    searched = [search(target, share) for target in targets]
    print()
    for one in searched:
        print(
            f"{one.target:<6} {one.runs:>9} runs  {len(one.findings):>2} findings{'  the search failed' * one.failed}"
        )
    for one in searched:
        for finding in one.findings:
            path = finding.relative_to(folders.REPOSITORY)
            print(f"\n{path}\n  see it again: make fuzz-replay FILE={path}")
    return any(one.findings or one.failed for one in searched)


def search(target: str, seconds: int) -> Searched:
    """Search one target for so long."""
    print(f"{target}: {seconds} s", flush=True)
    before = set(folders.findings(target).iterdir())
    command = [
        sys.executable,
        str(Path(__file__).with_name("one.py")),
        target,
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-rss_limit_mb={MEMORY_MEGABYTES}",
        f"-timeout={HANGING_SECONDS}",
        f"-dict={folders.DICTIONARY}",
        f"-artifact_prefix={folders.findings(target)}/",
        "-print_final_stats=1",
        str(folders.interesting(target)),
        str(folders.CORPUS / target),
    ]
    said = _run(command, seconds + _ENDING_SECONDS)
    found = tuple(sorted(set(folders.findings(target).iterdir()) - before))
    runs = _DONE.search(said) or _STATED.search(said)
    # Slow inputs are noted without ending the search; anything else ends it.
    return Searched(target, int(runs[1]) if runs else 0, found, failed=_DONE.search(said) is None and not found)


def _run(command: list[str], limit_seconds: int) -> str:
    said = []
    # libFuzzer ends a process without letting it clean up.
    with (
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "TMPDIR": scratch},
        ) as running,
    ):
        assert running.stdout is not None
        try:
            for line in running.stdout:
                said.append(line)
                _show(line)
            running.wait(limit_seconds)
        finally:
            running.kill()
    return "".join(said)


def _show(line: str) -> None:
    # New inputs are many and tell nothing; a traceback tells everything.
    if not _NOISE.match(line):
        print(f"  {line}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
