"""Which inputs that were found interesting are worth keeping? Those that reach what the checked-in ones don't, the smallest first.

libFuzzer merges them into a new folder; a bounded number is copied into the corpus.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import folders

MAX_NEW = 10
MAX_BYTES = 2_000
MAX_FILES = 50
"""Per target: `make test` runs them all."""


def main() -> None:
    """Gather for each target."""
    for target in folders.TARGETS:
        kept = folders.CORPUS / target
        with tempfile.TemporaryDirectory() as merged:
            _merge(target, Path(merged), kept)
            known = {path.read_bytes() for path in kept.iterdir()}
            found = sorted(Path(merged).iterdir(), key=lambda path: path.stat().st_size)
            fresh = [path for path in found if path.stat().st_size <= MAX_BYTES and path.read_bytes() not in known]
            for path in fresh[: max(0, min(MAX_NEW, MAX_FILES - len(known)))]:
                (kept / f"found-{path.name[:12]}").write_bytes(path.read_bytes())
        print(f"{target}: {len(list(kept.iterdir()))} files")


def _merge(target: str, into: Path, kept: Path) -> None:
    one = str(Path(__file__).with_name("one.py"))
    command = [sys.executable, one, target, "-merge=1", str(into), str(kept), str(folders.interesting(target))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
