"""Writes the tables and diagrams of docs/rollouts.md that the code has, or with --check says whether the page has them as they are.

What refuses an update is from the rules in `update_core.rollout.decide` and their docstrings, the two diagrams from the tables in
`update_core.rollout.phases` and `update_core.fleet.moves`. Each stands between two comments; the rest of the page is written by hand.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from update_core.fleet import moves
from update_core.fleet.grants import GrantState
from update_core.rollout import decide, phases
from update_core.rollout.model import Reason
from update_core.rollout.phases import Phase

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rollouts.md"

_FIELD = re.compile(r"\b[a-z]\w*(?:\.[a-z]\w*)+|\b[a-z]+[A-Z]\w*|\b[a-z]+(?:_[a-z]+)+")
"""Words of the resources and of the protocol in a docstring, such as retry.maxAttempts or rollback_allowed."""

Edge = tuple[str, str, str]
"""(from, what happens, to) of a diagram."""


class RolloutDocsError(Exception):
    """The page or a rule isn't as this tool needs it; the message says how."""


def rules() -> str:
    """The table of the rules, in the order in which they are asked.

    Raises:
        RolloutDocsError: a rule has no docstring.
    """
    lines = [
        "| # | reason | refuses when | until | skipped for a repeated offer |",
        "| --- | --- | --- | --- | --- |",
    ]
    asked = [(rule, "no") for rule in decide.ELIGIBILITY] + [(rule, "yes") for rule in decide.LIMITS]
    lines += [_rule_row(number, rule, skipped) for number, (rule, skipped) in enumerate(asked, start=1)]
    return "\n".join(lines)


def _rule_row(number: int, rule: decide.Rule, skipped: str) -> str:
    said = " ".join((rule.__doc__ or "").split())
    if not said:
        raise RolloutDocsError(f"{rule.__name__} has no docstring that says when it refuses")
    when, _, until = said.partition(" Until: ")
    reason = Reason[rule.__name__.upper()]
    return f"| {number} | `{reason}` | {_cell(when)} | {_cell(until.removesuffix('.')) or '–'} | {skipped} |"


def _cell(text: str) -> str:
    return _FIELD.sub(r"`\g<0>`", text.replace("|", "\\|").replace("<", "&lt;"))


def rollout() -> str:
    """The phases of a rollout as a Mermaid diagram."""
    edges = [(before.value, what.value, after.value) for before, what, after in phases.MOVES]
    under_way = [phase.value for phase in phases.UNDER_WAY]
    return _diagram(edges, [phase.value for phase in Phase], ("UnderWay", under_way))


def grants() -> str:
    """The states of a grant as a Mermaid diagram; of steps that may be skipped only the shortest are drawn."""
    order = list(GrantState)
    nearest: dict[tuple[moves.Cause, GrantState], GrantState] = {}
    edges: list[Edge] = []
    for (before, cause), after in moves.MOVES.items():
        if not after.live:
            edges.append((before.value, cause.value, after.value))
        elif order.index(before) >= order.index(nearest.get((cause, after), GrantState.GRANTED)):
            nearest[cause, after] = before
    edges += [(before.value, cause.value, after.value) for (cause, after), before in nearest.items()]
    live = [state.value for state in order if state.live]
    return _diagram([("[*]", "is granted", live[0]), *edges], [state.value for state in order], ("InFlight", live))


def _diagram(edges: Iterable[Edge], order: list[str], whole: tuple[str, list[str]]) -> str:
    """A state diagram in which what is the same for all of `whole` is drawn once, for the whole."""
    name, members = whole
    drawn = _together(edges, name, members)
    inside = [edge for edge in drawn if {edge[0], edge[2]} <= set(members)]
    places = {state: place for place, state in enumerate(["[*]", name, *order])}

    def lines(some: Iterable[Edge], indent: str) -> list[str]:
        kept = sorted(some, key=lambda edge: (places[edge[0]], places[edge[2]], edge[1]))
        return [f"{indent}{before} --> {after}: {what}" for before, what, after in kept]

    return "\n".join(
        [
            "```mermaid",
            "stateDiagram-v2",
            f"    state {name} {{",
            *lines(inside, "        "),
            *(f"        {member}" for member in members if not any(member in (edge[0], edge[2]) for edge in inside)),
            "    }",
            *lines((edge for edge in drawn if edge not in inside), "    "),
            "```",
        ]
    )


def _together(edges: Iterable[Edge], name: str, members: list[str]) -> set[Edge]:
    drawn = set(edges)
    loops = {what for before, what, after in drawn if before == after}
    for what in loops:
        if {(member, what, member) for member in members} <= drawn:
            drawn = drawn - {(member, what, member) for member in members} | {(name, what, name)}
    for same, turned in ((0, 2), (2, 0)):
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for edge in drawn:
            found[edge[1], edge[turned]].add(edge[same])
        for (what, end), starts in found.items():
            if set(members) <= starts and end not in members:
                drawn -= {_edge(member, what, end, same) for member in members}
                drawn.add(_edge(name, what, end, same))
    return drawn


def _edge(one: str, what: str, other: str, place: int) -> Edge:
    return (one, what, other) if place == 0 else (other, what, one)


PARTS: dict[str, Callable[[], str]] = {"rules": rules, "rollout": rollout, "grants": grants}


def rendered(page: str) -> str:
    """The page with its parts as the code has them.

    Raises:
        RolloutDocsError: the page hasn't one place for each.
    """
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: generated by `make rollout-docs` -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended or begin in rest:
            raise RolloutDocsError(f"docs/{PAGE.name} needs {begin!r} and then {end!r} once")
        page = f"{before}{begin}\n\n{part()}\n\n{end}{after}"
    return page


def main() -> int:
    """Exit code 0, or 1 if the page can't be written, or --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if the page differs")
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    try:
        new = rendered(page)
    except RolloutDocsError as error:
        print(error, file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    elif new != page:
        print(f"docs/{PAGE.name} differs from the rules and tables; run `make rollout-docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
