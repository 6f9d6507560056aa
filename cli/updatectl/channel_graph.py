"""`updatectl channel graph`: where does each version lead, and by which way does an instance get to a channel's version?"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from update_kube.resources import PACKAGES
from updatectl import architectures, graph_drawing, lookup, output
from updatectl.commands import AppId, Call, reading
from updatectl.errors import CommandError
from updatectl.fleet import signs
from updatectl.graph_drawing import Titled
from updatectl.session import Object, Session
from updatectl.settings import Format

if TYPE_CHECKING:
    from update_core.rollout.graph import Node
    from update_core.rollout.model import ResolvedGroup  # help does without

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

Name = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name, such as stable.")]
OfGroup = Annotated[
    str | None,
    typer.Option("--group", metavar="GROUP_ID", help="With what this group takes, as if it followed the channel."),
]
OfArch = Annotated[str | None, typer.Option("--arch", help="For instances of this architecture.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="VERSION", help="The way of an instance that runs VERSION.")
]
Dot = Annotated[bool, typer.Option("--dot", help="As input of Graphviz' dot.")]


@dataclass(frozen=True)
class Found:
    """The objects that a graph is made of."""

    application: Object
    channel: Object
    packages: Sequence[Object]
    group: Object | None


def register(app: typer.Typer) -> None:
    """Add the command to the noun."""
    reading(
        app,
        "graph",
        f"updatectl channel graph {_ID} master",
        "updatectl channel graph com.example.web stable --group berlin --from 1.0.3",
        "updatectl channel graph com.example.os stable --arch arm64 --dot | dot -Tsvg > stable.svg",
    )(graph)


def graph(
    call: Call,
    app_id: AppId,
    channel: Name,
    group: OfGroup = None,
    arch: OfArch = None,
    from_version: From = None,
    dot: Dot = False,
) -> None:
    """Draw which version leads to which, on the way to a channel's version: floors, dead ends, what is withdrawn or blocked.

    It is the way that a rollout with these packages takes; pauses, windows and limits are looked at by `updatectl why`.
    """
    from update_core.rollout import graph as graphs  # 40 ms, as below

    if dot and from_version is not None:
        raise typer.BadParameter("--dot draws the whole graph, --from one way: give one of them")
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: _load(session, app_id, channel, group))
    chosen = _architecture(found, arch)
    resolved = _resolve(found)
    if from_version is not None:
        path = _path(resolved, from_version, chosen)
        _show(call.form, Titled(app_id, channel, group, chosen, graphs.of(resolved, (), chosen)), path)
        return
    known = [package["spec"]["version"] for package in found.packages]
    titled = Titled(app_id, channel, group, chosen, graphs.of(resolved, known, chosen))
    if dot:
        for line in graph_drawing.dot(titled):
            signs.say(line)
        return
    _show(call.form, titled, None)


async def _load(session: Session, app_id: str, channel: str, group: str | None) -> Found:
    application = await lookup.application(session, app_id)
    return Found(
        application,
        await lookup.channel(session, application, channel),
        await lookup.members(session, PACKAGES, application),
        await lookup.group(session, application, group) if group is not None else None,
    )


def _resolve(found: Found) -> "ResolvedGroup":
    from update_core import previews
    from update_core.resources.application import Application
    from update_core.resources.channel import Channel
    from update_core.resources.group import Group
    from update_core.resources.package import Package

    return previews.begun(
        Application.parse(found.application),
        Channel.parse(found.channel),
        [Package.parse(package) for package in found.packages],
        Group.parse(found.group) if found.group is not None else None,
    )


def _architecture(found: Found, arch: str | None) -> str:
    """As given, else the only one that there is; "" for packages that are for all. Raises CommandError where there are several."""
    wanted = architectures.canonical(arch)
    if wanted is not None:
        return "" if wanted == architectures.ALL else wanted
    there = sorted({architectures.of(package) for package in found.packages})
    if len(there) > 1 and architectures.ALL not in there:
        raise CommandError(
            f"there are packages for {', '.join(there)}: say for which to draw with --arch, such as --arch {there[0]}"
        )
    return there[0] if there and there[0] != architectures.ALL and architectures.ALL not in there else ""


def _path(resolved: "ResolvedGroup", version: str, arch: str) -> Sequence["Node"]:
    from update_core.rollout import graph as graphs

    try:
        return graphs.path(resolved, version, arch)
    except ValueError as error:
        raise typer.BadParameter(f"{error}", param_hint="--from") from error


def _show(form: Format, titled: Titled, path: Sequence["Node"] | None) -> None:
    if form in {Format.JSON, Format.YAML}:
        document = graph_drawing.document(titled) if path is None else graph_drawing.path_document(titled, path)
        output.show_document(document, form)
        return
    if form is Format.NAME:
        for node in titled.graph.nodes if path is None else path:
            typer.echo(node.version)
        return
    drawn = signs.of(sys.stdout)
    for line in graph_drawing.tree(titled, drawn) if path is None else graph_drawing.steps(path, drawn):
        signs.say(line)
