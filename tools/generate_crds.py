"""Writes crds/ from the models, or with --check says which file differs from them."""

import argparse
import sys
from pathlib import Path

import yaml

from update_core.resources import crds

FOLDER = Path(__file__).resolve().parent.parent / "crds"
HEADER = "# Generated from core/update_core/resources by `make crds`; changes belong there.\n"


def rendered() -> dict[str, str]:
    """The files' contents by name, such as applications.yaml."""
    return {
        f"{manifest['spec']['names']['plural']}.yaml": HEADER
        + yaml.safe_dump(manifest, sort_keys=False, width=120, allow_unicode=True)
        for manifest in crds.manifests()
    }


def differences(folder: Path) -> list[str]:
    """What is to be said about each file that is missing, not generated, or not as the models say."""
    wanted = rendered()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return [
        *(f"{name} is missing" for name in sorted(wanted.keys() - found.keys())),
        *(f"{name} isn't generated" for name in sorted(found.keys() - wanted.keys())),
        *(
            f"{name} differs from the models"
            for name in sorted(wanted.keys() & found.keys())
            if wanted[name] != found[name]
        ),
    ]


def write(folder: Path) -> None:
    """Bring the folder to what the models say."""
    wanted = rendered()
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.yaml"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Exit code 0, or 1 if --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 if crds/ differs from the models"
    )
    if not parser.parse_args().check:
        write(FOLDER)
        return 0
    found = differences(FOLDER)
    for difference in found:
        print(f"crds/{difference}; run `make crds`", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
