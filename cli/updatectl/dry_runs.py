"""What does `--dry-run` mean where nothing stands behind it? The same as `--dry-run=server`: there is no other dry run."""

from typing import Any

import typer.core

from updatectl.settings import DryRun

_OPTION = "--dry-run"


class Command(typer.core.TyperCommand):
    """A command whose option --dry-run may stand alone. Only a word that can be its value is taken for it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        return super().parse_args(ctx, complete(args))


def complete(args: list[str]) -> list[str]:
    """The arguments with a value for each --dry-run that has none. What follows on -- is no option."""
    end = args.index("--") if "--" in args else len(args)
    values = {*DryRun}
    return [
        f"{_OPTION}={DryRun.SERVER}"
        if word == _OPTION and place < end and not {*args[place + 1 : place + 2]} & values
        else word
        for place, word in enumerate(args)
    ]
