"""Does a test fail for each rule that is taken out? Takes out one after the other, in memory, and prints which test noticed.

Exits with 1 if a rule is missed by nobody, with 2 if the tests fail as it is. The table of rules is tests/support/removals.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.removals import advancing, bounding, deciding, recording  # noqa: E402 - they lie beside the tests
from support.removals.edits import Removal  # noqa: E402

ALL = (*deciding.REMOVALS, *advancing.REMOVALS, *recording.REMOVALS, *bounding.REMOVALS)
# The name of the variable is hook.VARIABLE: that module is for the process that runs the tests.
VARIABLE = "REMOVED_RULE"
# Without conftest.py: these tests need neither a control plane nor PostgreSQL, and the two take longer to import than the tests to run.
PYTEST = [sys.executable, "-m", "pytest", "--noconftest", "-q", "--no-header", "--tb=no", "-rf"]
PYTEST += ["-p", "support.removals.hook", "-p", "no:cacheprovider", "-p", "no:xdist"]
LONGEST_TEST_SECONDS = 60
FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)
TESTS_FAILED = 1


def main() -> int:
    """Run the whole table, or a part of it."""
    arguments = _arguments()
    removals = [removal for removal in ALL if arguments.only.lower() in removal.rule.lower()]
    if arguments.list:
        print("\n".join(removal.rule for removal in removals))
        return 0
    began = time.monotonic()
    if not _all_pass(removals):
        return 2
    print("| rule | caught by |\n| --- | --- |", flush=True)
    missed = []
    with ThreadPoolExecutor(arguments.workers) as pool:
        for removal, noticed in zip(removals, pool.map(_noticed_by, removals), strict=True):
            print(f"| {removal.rule} | {noticed or '**nothing**'} |", flush=True)
            missed += [] if noticed else [removal.rule]
    print(
        f"\n{len(removals)} rules, {len(missed)} without a test that fails, in {time.monotonic() - began:.0f} seconds"
    )
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="only the rules whose name has these words in it")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time")
    parser.add_argument("--list", action="store_true", help="print the rules and run nothing")
    return parser.parse_args()


def _all_pass(removals: Sequence[Removal]) -> bool:
    """Whether the tests pass with every rule in its place: else a failure would say nothing."""
    whole = sorted({test for removal in removals if "-k" not in removal.tests for test in removal.tests})
    selections = sorted({removal.tests for removal in removals if "-k" in removal.tests})
    by_file: dict[str, list[str]] = {}
    for file, _, words in selections:
        by_file.setdefault(file, []).append(words)
    runs = [whole] if whole else []
    runs += [[file, "-k", " or ".join(words)] for file, words in by_file.items()]
    for tests in runs:
        done = _run(tests)
        if done.returncode:
            print(
                f"with every rule in its place these tests fail, or can't be run:\n{done.stdout}{done.stderr}",
                file=sys.stderr,
            )
            return False
    return True


def _noticed_by(removal: Removal) -> str:
    """The first test that fails without the rule, empty where none does."""
    done = _run(["-x", *removal.tests], removal)
    failed = FAILED.search(done.stdout)
    if done.returncode == TESTS_FAILED and failed:
        return f"`{failed[1].removeprefix('tests/').replace('|', '¦')}`"
    if done.returncode:
        # No test was asked: the edit left no module that can be imported, or selected no test.
        print(f"{removal.rule}: {done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)
    return ""


def _run(tests: Sequence[str], removal: Removal | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    environment.pop(VARIABLE, None)
    if removal is not None:
        environment[VARIABLE] = removal.told()
    command = [*PYTEST, "--timeout", str(LONGEST_TEST_SECONDS), *tests]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
