"""What does this input do? The targets take it as it is, without the fuzzer: those that its folder names, else all."""

import argparse
import sys
import traceback
from pathlib import Path

import folders

folders.import_tests()

from support import fuzz_targets  # noqa: E402 - it is found where the line above says


def main() -> int:
    """Run the files."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", type=Path, nargs="+")
    targets = fuzz_targets.targets()
    failed = False
    for path in options.parse_args().file:
        data = path.read_bytes()
        named = [name for name in targets if name in path.parts] or list(targets)
        for name in named:
            try:
                targets[name](data)
            except Exception:  # noqa: BLE001 - whatever it is, it is shown
                failed = True
                print(f"{path}: {name}\n{traceback.format_exc()}")
            else:
                print(f"{path}: {name}: holds")
    return failed


if __name__ == "__main__":
    sys.exit(main())
