"""Instances: for now only simulated ones, under the name that later versions of the original gave the command."""

from updatectl.commands import noun
from updatectl.fakeclients import command as fakeclients

app = noun("Instances: simulate them.")


@app.callback()
def instance() -> None:
    """Instances: simulate them."""


fakeclients.register(app, "fake")
