"""How is the graph of a channel's versions drawn? As a tree for people, as Graphviz' DOT, as a document for programs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from updatectl import output
from updatectl.fleet.signs import Signs

if TYPE_CHECKING:
    from update_core.rollout.graph import Graph, Node  # help does without

_BRANCH, _LAST, _THROUGH, _NOTHING = "├── ", "└── ", "│   ", "    "
_ASCII_BRANCH, _ASCII_LAST, _ASCII_THROUGH = "|-- ", "`-- ", "|   "


@dataclass(frozen=True)
class Titled:
    """A graph with what it is of."""

    app_id: str
    channel: str
    group: str | None
    """Its track, None where no group was looked at."""
    arch: str
    graph: "Graph"


def tree(titled: Titled, signs: Signs) -> Iterator[str]:
    """The target with everything that leads to it, then what is held up with everything that leads there, then what is above."""
    graph = titled.graph
    group = f", group {output.printable(titled.group)}" if titled.group is not None else ""
    arch = f", {titled.arch}" if titled.arch else ""
    yield f"Channel {output.printable(titled.channel)} of {titled.app_id}: {graph.target}{group}{arch}"
    yield ""
    for node in graph.nodes:
        if node.target:
            yield from _subtree(graph, node, "", "", signs)
    if graph.stuck:
        yield ""
        yield "Held up:"
    for node in graph.stuck:
        yield from _subtree(graph, node, "  ", "  ", signs)
    if graph.above:
        yield ""
        yield f"Above {graph.target}, and stays: {', '.join(node.version for node in graph.above)}"


def steps(path: Sequence["Node"], signs: Signs) -> Iterator[str]:
    """The way of one instance."""
    for place, node in enumerate(path):
        yield (f"{signs.arrow} " if place else "") + _said(node, signs)


def dot(titled: Titled) -> Iterator[str]:
    """The graph for Graphviz: what isn't gone now is dashed."""
    yield f"digraph {_quoted(f'{titled.app_id} {titled.channel}')} {{"
    yield "  rankdir=LR;"
    yield "  node [shape=box];"
    for node in titled.graph.nodes:
        shape = ", peripheries=2" if node.target else ", style=rounded" if node.floor else ""
        label = "\n".join([node.version, *_marks(node)])
        yield f"  {_quoted(node.version)} [label={_quoted(label)}{shape}];"
    for node in titled.graph.nodes:
        if node.to is not None:
            held = "" if node.moves else f" [style=dashed, label={_quoted(str(node.refusal))}]"
            yield f"  {_quoted(node.version)} -> {_quoted(node.to)}{held};"
    yield "}"


def document(titled: Titled) -> dict[str, Any]:
    """The graph for programs."""
    return _titles(titled) | {"versions": [_node(node) for node in titled.graph.nodes]}


def path_document(titled: Titled, path: Sequence["Node"]) -> dict[str, Any]:
    """The way of one instance for programs."""
    return _titles(titled) | {
        "from": path[0].version,
        "reaches": path[-1].target,
        "path": [_node(node) for node in path],
    }


def _subtree(graph: "Graph", node: "Node", indent: str, below: str, signs: Signs) -> Iterator[str]:
    yield indent + _said(node, signs)
    sources = graph.into(node.version)
    fancy = signs.arrow == "→"
    for source in sources:
        last = source is sources[-1]
        branch = (_LAST if last else _BRANCH) if fancy else (_ASCII_LAST if last else _ASCII_BRANCH)
        through = _NOTHING if last else _THROUGH if fancy else _ASCII_THROUGH
        yield from _subtree(graph, source, below + branch, below + through, signs)


def _said(node: "Node", signs: Signs) -> str:
    """A version with its marks, and why it isn't left."""
    marks = ", ".join(_marks(node))
    text = f"{node.version}  {marks}" if marks else node.version
    if node.moves or node.target or node.refusal == "UpToDate":
        return output.printable(text)
    return output.printable(f"{text}  {signs.refuses} {node.refusal}: {node.message}")


def _marks(node: "Node") -> Iterable[str]:
    if node.target:
        yield "target"
    if node.floor:
        yield f"floor: {node.floor_reason}" if node.floor_reason else "floor"
    if node.min_from:
        yield f"from {node.min_from} on"
    if not node.packaged:
        yield "no Package"
    if node.withdrawn:
        yield f"withdrawn: {node.withdrawn}"
    if node.blocked:
        yield "blocked"
    if node.dead_end and node.refusal != "DeadEnd":
        yield f"dead end: {node.dead_end}"


def _titles(titled: Titled) -> dict[str, Any]:
    titles = {"appId": titled.app_id, "channel": titled.channel, "target": titled.graph.target}
    return (
        titles
        | ({"group": titled.group} if titled.group is not None else {})
        | ({"arch": titled.arch} if titled.arch else {})
    )


def _node(node: "Node") -> dict[str, Any]:
    """Only what there is to say."""
    said = {
        "version": node.version,
        "next": node.to,
        "reason": str(node.refusal) if node.refusal is not None else None,
        "message": node.message,
        "target": node.target,
        "floor": node.floor,
        "floorReason": node.floor_reason,
        "minFromVersion": node.min_from,
        "deadEnd": node.dead_end,
        "withdrawn": node.withdrawn,
        "blocked": node.blocked,
        "missing": not node.packaged,
    }
    return {name: value for name, value in said.items() if value not in {None, "", False}}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    lines = "\\n".join(output.printable(line) for line in escaped.split("\n"))
    return f'"{lines}"'
