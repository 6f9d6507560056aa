"""`omaha-api store …`: what an administrator does with the fleet store itself.

Exit codes: 0 done, or nothing is wrong; 1 it can't be done; 2 a flag can't be used; 3 the store isn't sound.
"""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from omaha_api import clock, settings
from omaha_api.store.postgres import upkeep as postgres
from omaha_api.store.sqlite import upkeep as sqlite
from update_core.fleet.store import StoreUnavailable

FAILURE = 1
USAGE = 2
UNSOUND = 3

app = typer.Typer(no_args_is_help=True, help="Check, copy and restore the fleet store.")

Database = Annotated[
    str,
    typer.Option(
        envvar="OMAHA_API_DATABASE", help="The fleet store: sqlite:///file or postgresql://user@host/database."
    ),
]


@app.command(epilog="Example: omaha-api store check --database sqlite:////var/lib/update-service/fleet.db")
def check(database: Database = settings.DEFAULT_DATABASE) -> None:
    """Ask whether the store is whole, and its counters are what its rows say. It may be in use meanwhile."""
    chosen = _chosen(database)
    try:
        found = postgres.check(chosen.url) if isinstance(chosen, settings.PostgresUrl) else sqlite.check(chosen)
    except StoreUnavailable as error:
        _fail(error)
    for finding in found:
        typer.echo(finding)
    if found:
        typer.echo(f"{len(found)} rule(s) broken: restore a copy, or report this with the lines above", err=True)
        raise typer.Exit(UNSOUND)
    typer.echo("nothing is wrong")


@app.command(epilog="Example: omaha-api store backup --database postgresql://fleet@db/fleet fleet-monday.backup")
def backup(
    copy: Annotated[Path, typer.Argument(help="The file to write; a new one.")],
    database: Database = settings.DEFAULT_DATABASE,
) -> None:
    """Copy one state of the store to a file. It may be in use meanwhile. PostgreSQL's is made by pg_dump."""
    chosen = _chosen(database)
    try:
        if isinstance(chosen, settings.PostgresUrl):
            postgres.back_up(chosen.url, copy)
        else:
            sqlite.back_up(chosen, copy)
    except StoreUnavailable as error:
        _fail(error)
    typer.echo(f"{copy} has {copy.stat().st_size} bytes")


@app.command(
    epilog="Example: omaha-api store restore --database sqlite:////var/lib/update-service/fleet.db fleet-monday.backup"
)
def restore(
    copy: Annotated[
        Path, typer.Argument(help="A file that `omaha-api store backup` wrote, of the same kind of database.")
    ],
    database: Database = settings.DEFAULT_DATABASE,
    quiet_seconds: Annotated[
        int,
        typer.Option(
            min=0,
            help="Grant nothing for so long, because the copy doesn't know what was granted after it was made: the longest periodSeconds "
            "or updateTimeoutSeconds of your groups. 0 if nothing was.",
        ),
    ] = 3600,
) -> None:
    """Make a store from a copy, where there is none yet. Stop every omaha-api that uses it first."""
    chosen, now = _chosen(database), clock.utc_now()
    try:
        if isinstance(chosen, settings.PostgresUrl):
            postgres.restore(copy, chosen.url, now, quiet_seconds)
        else:
            sqlite.restore(copy, chosen, now, quiet_seconds)
    except StoreUnavailable as error:
        _fail(error)
    typer.echo(
        "restored; watches of the fleet API begin anew" + (f", grants in {quiet_seconds} s" if quiet_seconds else "")
    )


def _chosen(database: str) -> settings.Database:
    try:
        return settings.database(database)
    except settings.SettingsError as error:
        typer.echo(f"omaha-api: {error}", err=True)
        raise typer.Exit(USAGE) from error


def _fail(error: Exception) -> NoReturn:
    typer.echo(f"omaha-api: {error}", err=True)
    raise typer.Exit(FAILURE)
