"""The entry of `updatectl`: global options and the commands.

Everything that costs time to import (the Kubernetes client, HTTP, YAML) is loaded by the command that needs it, so that help and
completion answer at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from updatectl import (
    apps,
    channel_graph,
    channel_promote,
    channels,
    commands,
    cup,
    groups,
    guide,
    instances,
    packages,
    rollout_commands,
    settings,
    texts,
)
from updatectl.fakeclients import command as fakeclients
from updatectl.fleet import group_commands, why_command
from updatectl.local import commands as local
from updatectl.simulation import command as simulation

app = typer.Typer(
    name="updatectl",
    cls=commands.Words,
    no_args_is_help=True,
    rich_markup_mode=None,  # Rich doubles the time that --help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=texts.examples(
        "updatectl list-apps",
        "updatectl -n web list-groups e96281a6-d1af-4bde-9a0a-97b76e56dc57",
        'updatectl -u admin -k "$TOKEN" -s https://kube.example.com:6443 app list -o json',
    ),
)


def _version(value: bool) -> None:
    if value:
        _print_version()
        raise typer.Exit


def _print_version() -> None:
    import importlib.metadata  # 20 ms that only this needs

    typer.echo(f"updatectl {importlib.metadata.version('update-service')}")


@app.callback()
def root(
    ctx: typer.Context,
    user: Annotated[
        str | None,
        typer.Option(
            "--user", "-u", envvar="UPDATECTL_USER", help="Service account: NAME, NAMESPACE:NAME or its full name."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", "-k", envvar="UPDATECTL_KEY", help="The service account's token.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", "-s", envvar="UPDATECTL_SERVER", help="The Kubernetes API's address.")
    ] = None,
    certificate_authority: Annotated[
        Path | None, typer.Option("--certificate-authority", envvar="UPDATECTL_CA", help="PEM file of the server's CA.")
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Kubeconfig file; without it as kubectl finds it.")
    ] = None,
    context: Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Namespace; else the token's, else the context's.")
    ] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Roll new versions out to a fleet: applications, their channels, groups and packages.

    Without -k the kubeconfig decides where to and as whom, as with kubectl. Global options may stand before the command or after it.
    """
    ctx.obj = settings.Settings(
        user=user,
        key=key,
        server=server,
        certificate_authority=certificate_authority,
        kubeconfig=kubeconfig,
        context=context,
        namespace=namespace,
    )


@app.command("version", rich_help_panel="Other", epilog=texts.examples("updatectl version"))
def version() -> None:
    """Print the version."""
    _print_version()


@app.command("help", epilog=texts.examples("updatectl help update-group", "updatectl help group create"))
def help_(ctx: typer.Context, words: Annotated[list[str] | None, typer.Argument(metavar="COMMAND")] = None) -> None:
    """Show a command's help."""
    ctx.find_root().command.main([*(words or ()), "--help"], prog_name="updatectl")


channel_graph.register(channels.app)
channel_promote.register(channels.app)
group_commands.register(groups.app)
rollout_commands.register(groups.app)
app.add_typer(apps.app, name="app")
app.add_typer(channels.app, name="channel")
app.add_typer(groups.app, name="group")
app.add_typer(packages.app, name="package")
app.add_typer(instances.app, name="instance")
app.add_typer(cup.app, name="cup")
app.add_typer(local.app, name="local")
why_command.register(app, "why")
simulation.register(app, groups.app)
guide.register(app)
fakeclients.register(app, "fakeclients")


def main() -> None:
    """Run the command line; ends the process."""
    app(prog_name="updatectl")


if __name__ == "__main__":
    main()
