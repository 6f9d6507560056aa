"""How is a command declared? What all commands share is added here, so that each says only what is its own.

A command is a function whose first parameter is the `Call`; the others are its arguments and options as typer reads them, or a dataclass
whose fields are such options. Added are: the
global options, so that they may stand after the command too; output and write options; the original's flags for what is an argument here;
examples in the help; errors as messages and exit codes.
"""

import difflib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar, cast, get_origin, get_type_hints

import typer
import typer.core
import typer.models

from update_kube.errors import KubeError
from updatectl import dry_runs, errors, output, texts
from updatectl.session import Session
from updatectl.settings import DryRun, Format, Settings

T = TypeVar("T")
P = ParamSpec("P")

AppId = Annotated[str, typer.Argument(metavar="APP_ID", help="The application's id: a UUID or a reverse-DNS name.")]
GroupId = Annotated[str, typer.Argument(metavar="GROUP_ID", help="The group's id: the track that its instances send.")]

_FLAGS = {"app_id": "--app-id", "group_id": "--group-id", "channel": "--channel", "version": "--version"}

_GLOBAL: Mapping[str, Any] = {
    "user": Annotated[str | None, typer.Option("--user", "-u", hidden=True)],
    "key": Annotated[str | None, typer.Option("--key", "-k", hidden=True)],
    "server": Annotated[str | None, typer.Option("--server", "-s", hidden=True)],
    "certificate_authority": Annotated[Path | None, typer.Option("--certificate-authority", hidden=True)],
    "kubeconfig": Annotated[Path | None, typer.Option("--kubeconfig", hidden=True)],
    "context": Annotated[str | None, typer.Option("--context", hidden=True)],
    "namespace": Annotated[str | None, typer.Option("--namespace", "-n", hidden=True)],
}
_OUTPUT = Annotated[Format, typer.Option("--output", "-o", help="Form of the output.")]
_DRY_RUN = Annotated[
    DryRun, typer.Option("--dry-run", help="server, or nothing: the server checks the change and stores nothing.")
]
_FORCE = Annotated[bool, typer.Option("--force-conflicts", help="Take over fields that another manager owns.")]


UNKNOWN_COMMAND = 3
"""Exit code for a word that is no command; 1 is failure, 2 is wrong usage."""


class Words(typer.core.TyperGroup):
    """A word with further words below it; ends as the original did where the next one is unknown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx))
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            typer.echo(
                f'updatectl: unknown command "{args[0]}".{hint} `{ctx.command_path} --help` lists them.', err=True
            )
            raise typer.Exit(UNKNOWN_COMMAND)
        return super().resolve_command(ctx, args)


@dataclass(frozen=True)
class Call:
    """One invocation of a command: where to, and the options that all such commands have."""

    settings: Settings
    form: Format = Format.TABLE
    dry_run: bool = False
    force: bool = False

    def run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Connect, do the work, close."""
        import asyncio  # 30 ms, as below

        return asyncio.run(self._connected(work))

    def show_written(self, obj: output.Object, columns: tuple[output.Column, ...], *, header: bool) -> None:
        """Show what a write made of an object."""
        output.show(obj, columns, self.form, header=header)
        self.remark_dry_run()

    def show_deleted(self, obj: output.Object, sentence: str) -> None:
        """Show what a delete removed."""
        output.show_deleted(obj, sentence, self.form)
        self.remark_dry_run()

    def remark_dry_run(self) -> None:
        """Say that nothing was stored, if so."""
        if self.dry_run:
            output.remark("(server dry run)")

    async def _connected(self, work: Callable[[Session], Awaitable[T]]) -> T:
        from update_kube import client  # half a second, which no help text should cost
        from updatectl import connection  # imports it too

        config = connection.configure(self.settings)
        async with await client.connect(config, user_agent="updatectl") as kube:
            await connection.verify_user(kube, self.settings)
            return await work(Session(kube, config.namespace, dry_run=self.dry_run, force=self.force))


def noun(help_text: str) -> typer.Typer:
    """A noun, to which verbs are added."""
    return typer.Typer(cls=Words, no_args_is_help=True, help=help_text)


def connected(app: typer.Typer, name: str, *examples: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a command with the global options only."""
    return lambda function: _declare(app, name, function, {}, examples)


def reading(app: typer.Typer, name: str, *examples: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a command that shows objects."""
    return lambda function: _declare(app, name, function, {"output": (_OUTPUT, Format.TABLE)}, examples)


def writing(app: typer.Typer, name: str, *examples: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a command that changes objects and shows the result."""
    options = {"output": (_OUTPUT, Format.TABLE), "dry_run": (_DRY_RUN, DryRun.NONE), "force": (_FORCE, False)}
    return lambda function: _declare(app, name, function, options, examples)


def acting(app: typer.Typer, name: str, *examples: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a command that does something to an object and owns nothing of it."""
    options = {"output": (_OUTPUT, Format.TABLE), "dry_run": (_DRY_RUN, DryRun.NONE)}
    return lambda function: _declare(app, name, function, options, examples)


def _declare(
    app: typer.Typer,
    name: str,
    function: Callable[P, None],
    options: Mapping[str, tuple[Any, Any]],
    examples: tuple[str, ...],
) -> Callable[P, None]:
    declared = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    own = [each for parameter in declared for each in _options(parameter)]
    parameters = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    parameters += [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters += [_keyword(f"flag_{p.name}", *_flag_for(p.name)) for p in own if _is_flagged(p)]
    parameters += [_keyword(f"shared_{option}", *declared) for option, declared in options.items()]
    parameters += [_keyword(f"global_{option}", declared, None) for option, declared in _GLOBAL.items()]

    def command(ctx: typer.Context, **given: Any) -> None:
        call = _call(ctx, given)
        try:
            cast("Any", function)(call, **{parameter.name: _value(parameter, given) for parameter in declared})
        except (errors.CommandError, KubeError) as error:
            message = errors.explain(error) if isinstance(error, KubeError) else str(error)
            typer.echo(f"updatectl: {message}", err=True)
            raise typer.Exit(errors.FAILURE) from error

    # typer reads a command's parameters from its signature.
    cast("Any", command).__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = function.__doc__
    cls = dry_runs.Command if "dry_run" in options else None
    app.command(name, cls=cls, epilog=texts.examples(*examples))(command)
    return function


def _call(ctx: typer.Context, given: Mapping[str, Any]) -> Call:
    before: Settings = ctx.obj or Settings()
    after = {field.name: given[f"global_{field.name}"] for field in fields(Settings)}
    return Call(
        settings=replace(before, **{name: value for name, value in after.items() if value is not None}),
        form=given.get("shared_output", Format.TABLE),
        dry_run=given.get("shared_dry_run") is DryRun.SERVER,
        force=given.get("shared_force", False),
    )


def _options(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """What typer has to read for a parameter: itself, or the fields of its dataclass."""
    if not is_dataclass(parameter.annotation):
        return [parameter]
    hints = get_type_hints(parameter.annotation, include_extras=True)
    return [_keyword(field.name, hints[field.name], field.default) for field in fields(parameter.annotation)]


def _value(parameter: inspect.Parameter, given: Mapping[str, Any]) -> Any:
    if not is_dataclass(parameter.annotation):
        return given[parameter.name]
    return cast("Any", parameter.annotation)(
        **{field.name: given[field.name] for field in fields(parameter.annotation)}
    )


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _is_flagged(parameter: inspect.Parameter) -> bool:
    return parameter.name in _FLAGS and any(isinstance(m, typer.models.ArgumentInfo) for m in _metadata(parameter))


def _metadata(parameter: inspect.Parameter) -> tuple[Any, ...]:
    annotation = parameter.annotation
    return annotation.__metadata__ if get_origin(annotation) is Annotated else ()


def _flag_for(argument: str) -> tuple[Any, None]:
    """The original's way to name it: a hidden option whose value stands in for the argument."""

    def stand_in(ctx: typer.Context, value: str | None) -> str | None:
        if value is not None:
            ctx.default_map = {**(ctx.default_map or {}), argument: value}
        return value

    # Options are read before arguments are missed.
    return Annotated[str | None, typer.Option(_FLAGS[argument], hidden=True, callback=stand_in)], None
