"""When are instances told to come again? Options that applications and groups share; 0 takes the field away."""

from typing import Annotated

import typer

from updatectl.session import Changes

PollInterval = Annotated[
    int | None,
    typer.Option("--poll-interval", min=0, help="Seconds after which instances check again; 0: not told."),
]
RetryAfter = Annotated[
    int | None,
    typer.Option("--retry-after", min=0, help="Seconds for which instances leave the service alone; 0: not told."),
]


def fields(poll_interval: int | None, retry_after: int | None) -> Changes:
    """The spec's fields of what is given."""
    given = {"pollIntervalSeconds": poll_interval, "retryAfterSeconds": retry_after}
    return {field: value or None for field, value in given.items() if value is not None}
