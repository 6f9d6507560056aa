"""The command line of the operator: `update-operator run`."""

import asyncio
import logging
import os
import signal
import socket
import sys
import uuid
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from update_kube import errors, leases
from update_operator import contact, progress, resync, service
from update_operator.settings import Settings

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_LEASE_LOST = 3
"""Another process leads now; whoever supervises this one starts it again as a stand-by."""

_MAX_PORT = 65535
_MIN_SILENCE_SECONDS = 3.0

logger = logging.getLogger("update_operator")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def about() -> None:
    """The operator of the update service: it turns what people want (Kubernetes resources) into rollouts."""


def _option(flag: str, help_: str) -> typer.models.OptionInfo:
    variable = "UPDATE_OPERATOR_" + flag.removeprefix("--").upper().replace("-", "_")
    option: typer.models.OptionInfo = typer.Option(flag, envvar=variable, help=help_)
    return option


@app.command()
def run(
    namespace: Annotated[
        str, _option("--namespace", "The service's own namespace: the Lease and the appId claims are there.")
    ] = "update-system",
    metrics_listen: Annotated[
        str, _option("--metrics-listen", "HOST:PORT for /healthz, /readyz and /metrics.")
    ] = "127.0.0.1:8082",
    kubeconfig: Annotated[
        Path | None,
        _option("--kubeconfig", "A kubeconfig file; without it as kubectl finds it, else the pod's service account."),
    ] = None,
    context: Annotated[str | None, _option("--context", "The kubeconfig context to use.")] = None,
    service_account_dir: Annotated[
        Path | None, _option("--service-account-dir", "A folder with token, ca.crt and namespace, as in a pod.")
    ] = None,
    kube_server: Annotated[
        str | None, _option("--kube-server", "The API server's URL, with --service-account-dir.")
    ] = None,
    identity: Annotated[
        str | None, _option("--identity", "This process' name in the Lease; unique among the replicas.")
    ] = None,
    workers: Annotated[int, _option("--workers", "How many objects are reconciled at once.")] = 8,
    resync_seconds: Annotated[
        float, _option("--resync-seconds", "How often everything is listed anew, in seconds.")
    ] = 300.0,
    lease_seconds: Annotated[
        int, _option("--lease-seconds", "How long a leader may be silent before a stand-by takes over, at least 3.")
    ] = 15,
    fleet_silence_seconds: Annotated[
        float,
        _option("--fleet-silence-seconds", "How long the fleet API, which says something every 2 s, may say nothing."),
    ] = 5.0,
    log_level: Annotated[str, _option("--log-level", "debug, info, warning or error.")] = "info",
) -> None:
    """Run the operator until SIGTERM or SIGINT.

    Exit codes: 0 stopped as asked, 1 failure, 2 wrong usage, 3 the Lease was lost to another process.
    """
    host, port = _address(metrics_listen)
    if lease_seconds < 3 or workers < 1 or resync_seconds <= 0:
        _usage("--lease-seconds must be at least 3, --workers at least 1, and --resync-seconds above 0")
    if fleet_silence_seconds < _MIN_SILENCE_SECONDS:
        _usage(
            f"--fleet-silence-seconds must be at least {_MIN_SILENCE_SECONDS:g}: the fleet API says something every 2 s"
        )
    _log_to_stderr(log_level)
    settings = Settings(
        namespace=namespace,
        identity=identity or f"{socket.gethostname()}_{uuid.uuid4()}",
        metrics_host=host,
        metrics_port=port,
        kubeconfig=kubeconfig,
        context=context,
        service_account_dir=service_account_dir,
        kube_server=kube_server,
        workers=workers,
        # The proportions of client-go: 15 s, 10 s, 2 s.
        lease=leases.Times(lease_seconds, lease_seconds * 2 / 3, lease_seconds * 2 / 15),
        resync=resync.ResyncTimes(interval_seconds=resync_seconds, grace_seconds=min(3.0, resync_seconds)),
        fleet=progress.FleetTimes(contact.ContactTimes(silence_seconds=fleet_silence_seconds)),
    )
    sys.exit(_run(settings))


def _run(settings: Settings) -> int:
    try:
        ending = asyncio.run(_until_signalled(settings))
    except errors.KubeError as error:
        logger.error("%s", error)  # noqa: TRY400 - the text is the whole story
        return EXIT_FAILURE
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        logger.error("cannot listen on %s: %s", where, os.strerror(error.errno or 0).lower())  # noqa: TRY400 - as above
        return EXIT_FAILURE
    if ending is service.Ending.LEASE_LOST:
        logger.error("the Lease is lost; this process ends")
        return EXIT_LEASE_LOST
    logger.info("stopped")
    return EXIT_OK


async def _until_signalled(settings: Settings) -> service.Ending:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await service.run(settings, stop)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _MAX_PORT:
        _usage(f"--metrics-listen must be HOST:PORT, not {text!r}")
    return host.strip("[]"), int(port)


def _usage(message: str) -> NoReturn:
    sys.stderr.write(f"update-operator: {message}\n")
    sys.exit(EXIT_USAGE)


def _log_to_stderr(level: str) -> None:
    numeric = logging.getLevelNamesMapping().get(level.upper())
    if numeric is None:
        _usage(f"--log-level must be debug, info, warning or error, not {level!r}")
    logging.basicConfig(level=numeric, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # kopf tells of every handler call, and warns that it doesn't handle signals, which is as we want it.
    logging.getLogger("kopf").setLevel(max(numeric, logging.WARNING))
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
