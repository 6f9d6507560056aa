"""Where does each version lead? The graph of hops towards a group's target, by the very rules that decide what an instance is offered.

From a version leads one hop at most, so the graph is a tree with the target as its root, and a tree below each version that is held up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from update_core import versions
from update_core.rollout import decide, hops
from update_core.rollout.decide import Question
from update_core.rollout.model import Fleet, Hop, Instance, Payload, Reason, Refusal, ResolvedGroup
from update_core.versions import Version

_RULES: tuple[decide.Rule, ...] = (
    decide.up_to_date,
    decide.no_path,
    decide.dead_end,
    decide.package_unavailable,
    decide.withdrawn,
    decide.version_blocked,
    decide.excluded,
)
"""The rules about versions, in the order in which they are asked. The others are about the moment, the group or the instance itself."""

_NO_MOMENT = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Node:
    """A version, and where instances that run it go."""

    version: str
    to: str | None
    """The next hop, also where it is refused; None at the target, above it, and where no path leads on."""
    refusal: Reason | None = None
    """Why they aren't moved there now; UpToDate at the target and above it."""
    message: str = ""
    """The refusal in some words."""
    target: bool = False
    floor: bool = False
    floor_reason: str = ""
    dead_end: str = ""
    """Why nothing leaves it; empty where something does."""
    withdrawn: str = ""
    """Of a hop: why nobody is given it."""
    blocked: bool = False
    """Whether the group refuses it."""
    min_from: str = ""
    """Of a hop: the lowest version that is moved up to it; empty for any."""
    packaged: bool = True
    """Of a hop: whether there is a package for the architecture."""

    @property
    def moves(self) -> bool:
        """Whether its instances are moved on."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Graph:
    """The versions, lowest first."""

    target: str
    nodes: tuple[Node, ...]

    def into(self, version: str) -> tuple[Node, ...]:
        """Those from which instances are moved to a version with their next update."""
        return tuple(node for node in self.nodes if node.moves and node.to == version)

    @property
    def stuck(self) -> tuple[Node, ...]:
        """Those whose instances go nowhere though they are below the target."""
        return tuple(node for node in self.nodes if node.refusal is not None and node.refusal is not Reason.UP_TO_DATE)

    @property
    def above(self) -> tuple[Node, ...]:
        """Those above the target."""
        return tuple(node for node in self.nodes if node.refusal is Reason.UP_TO_DATE and not node.target)


def of(group: ResolvedGroup, known: Iterable[str], arch: str = "") -> Graph:
    """The graph of these versions and of all that lie on their way, for instances of an architecture ("" where they don't say).

    A group without a stamp has an empty one. What is no version is left out; of several notations of one version the hop's counts, else
    the first.
    """
    if group.target is None:
        return Graph("", ())
    texts: dict[Version, str] = {hop.version: hop.version.text for hop in (*group.floors, group.target)}
    for text in known:
        version = versions.parse_or_none(text)
        if version is not None:
            texts.setdefault(version, text)
    return Graph(group.target.version.text, tuple(node(group, texts[version], arch) for version in sorted(texts)))


def path(group: ResolvedGroup, version: str, arch: str = "") -> tuple[Node, ...]:
    """The way of an instance: the version that it runs, hop after hop, and the version at which it stays."""
    walked = [node(group, version, arch)]
    while walked[-1].moves and walked[-1].to is not None:
        walked.append(node(group, walked[-1].to, arch))
    return tuple(walked)


def node(group: ResolvedGroup, version: str, arch: str = "") -> Node:
    """One version in the graph.

    Raises:
        ValueError: it is none.
    """
    current = versions.parse(version)
    question = Question(group, Instance(None, version, arch=arch), Fleet(), _NO_MOMENT)
    refusal = next((refusal for rule in _RULES if (refusal := rule(question)) is not None), None)
    at_rest = refusal is not None and refusal.reason is Reason.UP_TO_DATE
    hop = _hop(group, current)
    payload = hop.payload_for(arch) if hop is not None else None
    return Node(
        version=version,
        to=question.way[-1].version.text if question.way and not at_rest else None,
        refusal=refusal.reason if refusal is not None else None,
        message=_message(question, refusal),
        target=hop is not None and hop is group.target,
        floor=hop is not None and hop is not group.target,
        floor_reason=hop.reason if hop is not None else "",
        dead_end=hops.dead_end(group, current, arch) or "",
        withdrawn=payload.withdrawn if payload is not None else "",
        blocked=current in group.blocked_versions,
        min_from=payload.min_from.text if payload is not None and payload.min_from is not None else "",
        packaged=hop is None or payload is not None,
    )


def _hop(group: ResolvedGroup, version: Version) -> Hop | None:
    every = (*group.floors, group.target) if group.target is not None else ()
    return next((hop for hop in every if hop.version == version), None)


def _message(question: Question, refusal: Refusal | None) -> str:
    tell = _MESSAGES.get(refusal.reason) if refusal is not None else None
    return tell(question) if tell is not None else ""


def _no_path(question: Question) -> str:
    current = versions.parse(question.instance.version)
    nearest = hops.nearest(question.group, current)
    payload = nearest.payload_for(question.instance.arch) if nearest is not None else None
    if nearest is None or payload is None:
        return ""
    return f"{nearest.version} takes instances from {payload.min_from} on only, and no floor takes this one"


def _dead_end(question: Question) -> str:
    current = versions.parse(question.instance.version)
    return hops.dead_end(question.group, current, question.instance.arch) or ""


def _package_unavailable(question: Question) -> str:
    return ", ".join(
        f"{hop.version} has no Package" for hop in question.way if decide.unavailable(hop, question.instance.arch)
    )


def _withdrawn(question: Question) -> str:
    offered: list[tuple[Hop, Payload | None]] = [(hop, hop.payload_for(question.instance.arch)) for hop in question.way]
    return ", ".join(
        f"{hop.version} is withdrawn: {payload.withdrawn}"
        for hop, payload in offered
        if payload is not None and payload.withdrawn
    )


def _version_blocked(question: Question) -> str:
    blocked = question.group.blocked_versions
    return ", ".join(f"the group blocks {hop.version}" for hop in question.way if hop.version in blocked)


def _excluded(question: Question) -> str:
    arch = question.instance.arch
    told = []
    for hop in question.way:
        if decide.runs_on_others_only(hop, arch):
            told.append(f"{hop.version} has no Package for {arch or 'instances that name no architecture'}")
        if not decide.within_prefixes(question, hop):
            told.append(f"{hop.version} doesn't begin with {question.group.version_prefix}")
    return ", ".join(told)


_MESSAGES: Mapping[Reason, Callable[[Question], str]] = {
    Reason.NO_PATH: _no_path,
    Reason.DEAD_END: _dead_end,
    Reason.PACKAGE_UNAVAILABLE: _package_unavailable,
    Reason.WITHDRAWN: _withdrawn,
    Reason.VERSION_BLOCKED: _version_blocked,
    Reason.EXCLUDED: _excluded,
}
