"""`omaha-api`, `python -m omaha_api`: flags and environment → settings → the service.

Exit codes: 0 ended by a signal, 1 it can't start or go on, 2 a flag can't be used.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvloop

from omaha_api import clock, service, serving, settings, store_commands
from omaha_api.catalog import snapshot
from omaha_api.cup.signing_keys import KeyFolderError
from omaha_api.fleet_api.front.serving_certificate import CertificateFileError
from omaha_api.store import stores
from update_core.fleet import enrolment
from update_core.fleet.store import StoreUnavailable
from update_kube import configuration
from update_kube.errors import KubeError

USAGE = 2
FAILURE = 1

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The Omaha service: answers the polls of instances.")
app.add_typer(store_commands.app, name="store")


@app.callback()
def omaha_api() -> None:
    """The Omaha service: answers the polls of instances."""


@app.command()
def serve(
    listen: Annotated[
        str, typer.Option(envvar="OMAHA_API_LISTEN", help="Public address: Omaha and nothing else.")
    ] = settings.DEFAULT_LISTEN,
    private_listen: Annotated[
        str, typer.Option(envvar="OMAHA_API_PRIVATE_LISTEN", help="Address of health, readiness and metrics.")
    ] = settings.DEFAULT_PRIVATE_LISTEN,
    fleet_listen: Annotated[
        str,
        typer.Option(
            envvar="OMAHA_API_FLEET_LISTEN", help="Address of the fleet API, for the API server; needs a certificate."
        ),
    ] = settings.DEFAULT_FLEET_LISTEN,
    tls_cert_file: Annotated[
        Path | None,
        typer.Option(
            envvar="OMAHA_API_TLS_CERT_FILE", help="Certificate (PEM, with its chain) of the fleet API; followed."
        ),
    ] = None,
    tls_private_key_file: Annotated[
        Path | None, typer.Option(envvar="OMAHA_API_TLS_PRIVATE_KEY_FILE", help="Its private key (PEM); followed.")
    ] = None,
    log_retention_seconds: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_LOG_RETENTION_SECONDS",
            min=1,
            help="How long the fleet API keeps changes, for watches that were away.",
        ),
    ] = settings.DEFAULT_LOG_RETENTION_SECONDS,
    database: Annotated[
        str,
        typer.Option(
            envvar="OMAHA_API_DATABASE",
            help="The fleet store: sqlite:///file for one process, or postgresql://user@host/database for several; passwords and TLS as "
            "libpq has them (PGPASSWORD, ~/.pgpass, ?sslmode=verify-full).",
        ),
    ] = settings.DEFAULT_DATABASE,
    snapshot_file: Annotated[
        Path | None,
        typer.Option(
            "--snapshot", envvar="OMAHA_API_SNAPSHOT", help="File for the catalog, to start without the Kubernetes API."
        ),
    ] = None,
    cup_keys_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="OMAHA_API_CUP_KEYS_DIR",
            help="Folder of private keys for clients with CUP: 7.pem is the key with the id 7. Followed.",
        ),
    ] = None,
    max_requests: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_MAX_REQUESTS",
            min=1,
            help="Requests that may wait at a time, for their bodies or the store; others are told to come later.",
        ),
    ] = settings.DEFAULT_MAX_REQUESTS,
    max_connections: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_MAX_CONNECTIONS",
            min=1,
            help="Connections to the public port; beyond, each new one ends an idle one.",
        ),
    ] = settings.DEFAULT_MAX_CONNECTIONS,
    secret_path: Annotated[
        str,
        typer.Option(
            envvar="OMAHA_API_SECRET_PATH",
            help="Only /v1/update/SECRET/ is answered, and nothing at /v1/update/. In the environment, processes' lists don't show it.",
        ),
    ] = "",
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            envvar="OMAHA_API_TRUSTED_PROXY",
            metavar="CIDR",
            help="Address or network of proxies whose X-Forwarded-For is believed; may be repeated.",
        ),
    ] = None,
    new_ids_per_minute: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_NEW_IDS_PER_MINUTE",
            min=0,
            help="New instances that are taken in from one network (an IPv4 address, an IPv6 /64); 0: as many as come.",
        ),
    ] = settings.DEFAULT_NEW_IDS_PER_MINUTE,
    new_instances_factor: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_NEW_INSTANCES_FACTOR",
            min=0,
            help="An application's instances may become so many times what they were a day ago, and --new-instances-extra; 0: no bound.",
        ),
    ] = enrolment.DEFAULT_FACTOR,
    new_instances_extra: Annotated[
        int,
        typer.Option(envvar="OMAHA_API_NEW_INSTANCES_EXTRA", min=0, help="How many more than that they may become."),
    ] = enrolment.DEFAULT_EXTRA,
    live_grants_per_network: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_LIVE_GRANTS_PER_NETWORK",
            min=0,
            help="Updates in flight that one network may have in an application; 0: as many as come.",
        ),
    ] = 0,
    samples_percent_per_network: Annotated[
        int,
        typer.Option(
            envvar="OMAHA_API_SAMPLES_PERCENT_PER_NETWORK",
            min=1,
            max=100,
            help="The share that one network may have of the outcomes by which haltOn judges a rollout.",
        ),
    ] = 100,
    package_base_url: Annotated[
        str | None,
        typer.Option(
            envvar="OMAHA_API_PACKAGE_BASE_URL",
            help="What relative package urls stand on. Default: http://LISTEN/packages/",
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            envvar="OMAHA_API_KUBECONFIG", help="Kubeconfig file. Default: as kubectl, else the pod's account."
        ),
    ] = None,
    context: Annotated[str | None, typer.Option(envvar="OMAHA_API_CONTEXT", help="Context in the kubeconfig.")] = None,
    service_account_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="OMAHA_API_SERVICE_ACCOUNT_DIR", help="Folder with token, ca.crt and namespace; needs --kube-server."
        ),
    ] = None,
    kube_server: Annotated[
        str | None,
        typer.Option(envvar="OMAHA_API_KUBE_SERVER", help="URL of the API server for --service-account-dir."),
    ] = None,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # Its start and end lines say less than ours; its errors stay.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        public = settings.address(listen, "--listen")
        chosen = settings.Settings(
            listen=public,
            private_listen=settings.address(private_listen, "--private-listen"),
            fleet_listen=settings.address(fleet_listen, "--fleet-listen"),
            tls=settings.tls_files(tls_cert_file, tls_private_key_file),
            log_retention_seconds=log_retention_seconds,
            database=settings.database(database),
            package_base_url=settings.package_base_url(package_base_url, public),
            snapshot=snapshot_file,
            cup_keys_dir=cup_keys_dir,
            max_requests=max_requests,
            max_connections=max_connections,
            secret_path=settings.secret_path(secret_path),
            trusted_proxies=settings.proxies(trusted_proxy or ()),
            growth=enrolment.Growth(new_instances_factor, new_instances_extra),
            new_ids_per_minute=new_ids_per_minute,
            live_grants_per_network=live_grants_per_network,
            samples_percent_per_network=samples_percent_per_network,
            kube=settings.KubeAccess(kubeconfig, context, service_account_dir, kube_server),
        )
        kube = kube_configuration(chosen.kube)
    except (settings.SettingsError, KubeError) as error:
        _fail(error, USAGE)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            store = stores.on(chosen.database, growth=chosen.growth)
            follower = store if store.shared else None
            runner.run(service.serve(chosen, store, kube, clock.utc_now, follower=follower))
    except (
        serving.PortError,
        CertificateFileError,
        KeyFolderError,
        snapshot.SnapshotError,
        StoreUnavailable,
        KubeError,
    ) as error:
        _fail(error, FAILURE)


def kube_configuration(access: settings.KubeAccess) -> configuration.ClientConfig:
    """The API server and credentials to use.

    Raises:
        CredentialsError: none can be used.
        SettingsError: flags that don't go together.
    """
    if (access.service_account_dir is None) != (access.kube_server is None):
        raise settings.SettingsError("--service-account-dir and --kube-server need each other")
    if access.service_account_dir is not None and access.kube_server is not None:
        return configuration.from_service_account_dir(access.service_account_dir, access.kube_server)
    return configuration.load(access.kubeconfig, access.context)


def _fail(error: Exception, code: int) -> NoReturn:
    typer.echo(f"omaha-api: {error}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
