"""Instances: for now only simulated ones, under the name that later versions of the original gave the command."""

import typer

from updatectl.fakeclients import command as fakeclients

app = typer.Typer(no_args_is_help=True, help="Instances: simulate them.")


@app.callback()
def instance() -> None:
    """Instances: simulate them."""


fakeclients.register(app, "fake")
