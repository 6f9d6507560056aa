"""`updatectl local up | down | status | demo`: the whole service on this machine, on loopback, without docker."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

app = typer.Typer(
    no_args_is_help=True, help="Run everything on this machine: a Kubernetes API, the operator and the Omaha service."
)

T = TypeVar("T")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="UPDATE_SERVICE_LOCAL_DIR",
        help="Where data is kept between runs.",
        show_default="~/.local/share/update-service/local",
    ),
]


@app.command(
    epilog="Example: updatectl local up && export KUBECONFIG=~/.local/share/update-service/local/control-plane/kubeconfig"
)
def up(data_dir: DataDir = None) -> None:
    """Start what doesn't run yet, and print what to do next.

    The first time it builds kube-apiserver and etcd, which takes about ten minutes; later starts take seconds. What was applied before
    is there again.
    """
    from updatectl.local import folders
    from updatectl.local.stack import Stack

    stack = Stack(data_dir or folders.default_root(), report=_report)
    _guarded(stack.start)
    kubeconfig = shlex.quote(str(stack.kubeconfig))
    typer.echo(
        f"""
The update service runs on this machine.
  Kubernetes API  {stack.kube_server}
  Omaha           {stack.omaha_url}/v1/update/

What to do next:
  export KUBECONFIG={kubeconfig}
  export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"
  updatectl list-apps
  kubectl get updates
  kubectl get instances

As the service account `admin` (or `viewer`, who only looks), with its token, as a pipeline would:
  alias updatectl='updatectl -u admin -k '"$(cat {stack.folders.service_account("admin") / "token"})"' -s {stack.kube_server}'

`updatectl local status` says what runs, `updatectl local down` stops it."""
    )


@app.command(epilog="Example: updatectl local down")
def down(data_dir: DataDir = None) -> None:
    """Stop everything. The data stays for the next `up`."""
    from updatectl.local import folders
    from updatectl.local.stack import Stack

    stopped = _guarded(Stack(data_dir or folders.default_root(), report=_report).stop)
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command(epilog="Example: updatectl local status -o json")
def status(
    data_dir: DataDir = None,
    output: Annotated[str, typer.Option("--output", "-o", help="table or json.")] = "table",
) -> None:
    """Say what runs. Exit code 0 only if all of it does and is ready."""
    from updatectl.local import folders
    from updatectl.local.stack import Stack

    if output not in {"table", "json"}:
        raise typer.BadParameter(f"{output!r} is neither table nor json", param_hint="--output")
    parts = _guarded(Stack(data_dir or folders.default_root()).status)
    if output == "json":
        typer.echo(
            json.dumps([{"name": p.name, "state": p.state, "pid": p.pid, "detail": p.detail} for p in parts], indent=2)
        )
    else:
        typer.echo(f"{'NAME':<26}{'STATE':<12}PID")
        for part in parts:
            typer.echo(f"{part.name:<26}{part.state:<12}{part.pid or '-'}{'  ' + part.detail if part.detail else ''}")
    if not parts or any(part.state not in {"Running", "Ready"} for part in parts):
        raise typer.Exit(1)


@app.command(epilog="Example: updatectl local demo --seed 7")
def demo(
    clients: Annotated[int, typer.Option("--clients", min=1, max=1000, help="How many fake clients.")] = 10,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Makes the fake clients' sleeps and failures repeatable.")
    ] = None,
    error_rate: Annotated[
        int, typer.Option("--errorrate", min=0, max=50, help="How often a fake client fails a step, in percent.")
    ] = 1,
    timeout: Annotated[
        float, typer.Option("--timeout", min=10, help="Seconds after which the roll-out must be complete.")
    ] = 300,
) -> None:
    """The getting-started guide from end to end, on a control plane of its own that is gone afterwards.

    Each command is shown before its output. Exit code 0 only if every client was updated and the store's own grants keep the rate limit.
    """
    from updatectl.local import demo as walk_through

    script = walk_through.Script(clients=clients, seed=seed, error_rate=error_rate, timeout_seconds=timeout)
    raise typer.Exit(_guarded(lambda: walk_through.run(script, say=typer.echo)))


def _report(remark: str) -> None:
    typer.echo(f"· {remark}", err=True)


def _guarded(act: Callable[[], T]) -> T:
    """Run it; what is expected to go wrong ends in one clear message and exit code 1."""
    from update_kube.errors import KubeError
    from updatectl.local.control_plane.binaries import BinariesError
    from updatectl.local.control_plane.building import BuildError
    from updatectl.local.control_plane.cluster import ControlPlaneError
    from updatectl.local.services import ServiceError

    try:
        return act()
    except (BinariesError, BuildError, ControlPlaneError, ServiceError, KubeError, OSError) as error:
        typer.echo(f"updatectl: {error}", err=True)
        raise typer.Exit(1) from error
