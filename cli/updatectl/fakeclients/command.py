"""`updatectl fakeclients`: where is the Omaha service, and how are the fake clients to behave?"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from update_core import versions
from update_kube import errors as kube_errors
from update_kube.resources import CONFIGMAPS
from updatectl import commands
from updatectl.commands import AppId, Call
from updatectl.errors import CommandError

if TYPE_CHECKING:
    from updatectl.fakeclients import fleet
    from updatectl.session import Session

SERVICE_NAMESPACE = "update-system"
INFO = "update-service-info"

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

Track = Annotated[str, typer.Argument(metavar="GROUP_ID", help="The track to send: a group's id, or a channel's name.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="The version that the clients start with.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print requests and responses.")]
Clients = Annotated[
    int, typer.Option("--clientsperapp", "--clients-per-app", "-c", min=1, max=100_000, help="How many clients.")
]
MinSleep = Annotated[
    float, typer.Option("--minsleep", "--min-sleep", "-m", min=0, help="Least seconds between two checks.")
]
MaxSleep = Annotated[
    float, typer.Option("--maxsleep", "--max-sleep", "-M", min=0, help="Most seconds between two checks.")
]
ErrorRate = Annotated[
    int, typer.Option("--errorrate", min=-1, max=100, help="Each step fails in N+1 of 100 cases; -1: never.")
]
Oem = Annotated[str, typer.Option("--oem", help="The OEM to report.")]
PingOnly = Annotated[
    int, typer.Option("--pingonly", "--ping-only", "-p", min=0, help="Pings to send before a new version is reported.")
]
ForceUpdate = Annotated[bool, typer.Option("--force-update", help="Check as if a user had asked for the update.")]
Step = Annotated[float, typer.Option("--step", min=0, help="Seconds between the steps of an update.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Makes sleeps and failures repeatable.")]
OmahaUrl = Annotated[
    str | None,
    typer.Option("--omaha-url", envvar="UPDATECTL_OMAHA_URL", help="The Omaha service; else the cluster is asked."),
]
UntilVersion = Annotated[str | None, typer.Option("--until-version", help="End when every client runs this version.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, help="With --until-version: exit 1 if it takes more seconds.")
]


def register(app: typer.Typer, name: str) -> None:
    """Add the command under this name."""
    own = "fakeclients" if name == "fakeclients" else f"instance {name}"

    @commands.connected(
        app,
        name,
        f"updatectl {own} -c 10 -m 30 -M 60 {_ID} fake1 1.0.0",
        f"updatectl {own} -c 10 -m 1 -M 2 --until-version 1.1.0 --timeout 300 {_ID} fake1 1.0.0",
    )
    def fakeclients(
        call: Call,
        app_id: AppId,
        group_id: Track,
        version: Version = "0.0.0",
        verbose: Verbose = False,
        clients: Clients = 20,
        min_sleep: MinSleep = 1.0,
        max_sleep: MaxSleep = 10.0,
        error_rate: ErrorRate = 1,
        oem: Oem = "fakeclient",
        ping_only: PingOnly = 0,
        force_update: ForceUpdate = False,
        step: Step = 1.0,
        seed: Seed = None,
        omaha_url: OmahaUrl = None,
        until_version: UntilVersion = None,
        timeout: Timeout = None,
    ) -> None:
        """Simulate instances that check for updates, take them, and sometimes fail.

        They go on until Ctrl-C, or until --until-version is reached. At the end a summary is printed.
        """
        if max_sleep < min_sleep:
            raise typer.BadParameter(f"--maxsleep {max_sleep:g} is less than --minsleep {min_sleep:g}")
        if timeout is not None and until_version is None:
            raise typer.BadParameter("--timeout needs --until-version")
        _check_version(until_version)
        # aiohttp and lxml take longer to load than a help text may take.
        import asyncio

        from updatectl.fakeclients import client, fleet

        plan = fleet.Plan(
            app_id=app_id,
            track=group_id,
            version=version,
            clients=clients,
            behaviour=client.Behaviour(min_sleep, max_sleep, error_rate, ping_only, step, verbose),
            oem=oem,
            on_demand=force_update,
            seed=seed,
            until_version=until_version,
            timeout_seconds=timeout,
        )
        url, ca_data = (omaha_url, None) if omaha_url else call.run(_published)
        summary = asyncio.run(_run(plan, url, ca_data))
        typer.echo(str(summary))
        if summary.reached is False:
            raise CommandError(f"not every client reached {until_version} within {timeout:g} s")


async def _published(session: "Session") -> tuple[str, str | None]:
    """The Omaha service's address and CA, as the cluster publishes them."""
    hint = "name the Omaha service with --omaha-url or UPDATECTL_OMAHA_URL"
    try:
        info = await session.kube.get(CONFIGMAPS, INFO, SERVICE_NAMESPACE, retries=2)
    except kube_errors.NotFound as error:
        raise CommandError(f"the cluster has no ConfigMap {INFO} in namespace {SERVICE_NAMESPACE}: {hint}") from error
    except kube_errors.Forbidden as error:
        raise CommandError(
            f"these credentials may not read the ConfigMap {INFO} in {SERVICE_NAMESPACE}: {hint}"
        ) from error
    data = info.get("data") or {}
    if not data.get("omahaURL"):
        raise CommandError(f"the ConfigMap {INFO} in namespace {SERVICE_NAMESPACE} has no omahaURL: {hint}")
    return data["omahaURL"], data.get("ca")


async def _run(plan: "fleet.Plan", url: str, ca_data: str | None) -> "fleet.Summary":
    from updatectl.fakeclients import fleet, wire  # as above

    if not url.startswith(("http://", "https://")):
        raise CommandError(f"the Omaha service's address must be a URL such as http://127.0.0.1:8080, not {url!r}")
    async with wire.connect(url, ca_data) as post:
        return await fleet.run(plan, post, _say)


def _say(line: str) -> None:
    # Flushed, so that a pipe sees each line when it happens.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _check_version(version: str | None) -> None:
    if version is not None and versions.parse_or_none(version) is None:
        raise typer.BadParameter(f"{version!r} is no version", param_hint="--until-version")
