"""`updatectl why`: what would an instance be answered now, by which rule, and what would change that?"""

import contextlib
import sys
from typing import Annotated

import typer

from update_kube import errors as kube_errors
from update_kube.resources import GROUPS
from updatectl import output
from updatectl.commands import Call, reading
from updatectl.fleet import decisions, finding, requests, signs
from updatectl.session import Object, Session
from updatectl.settings import Format

REFUSED = 4
"""Exit code of `why --exit-code` for an instance that would be offered nothing."""

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

Supposed = Annotated[
    str | None, typer.Option("--version", help="Suppose that it runs this version instead of the one that it reported.")
]
ExitCode = Annotated[bool, typer.Option("--exit-code", help=f"Exit with {REFUSED} if it would be offered nothing.")]


def why(call: Call, words: finding.Words, version: Supposed = None, exit_code: ExitCode = False) -> None:
    """Say what an instance would be answered now, by which rule, and what would change that.

    Both answers are exit code 0, unless --exit-code is given.
    """
    wanted = finding.parse(words)

    async def work(session: Session) -> tuple[Object, Object, str]:
        instance = await finding.instance(session, wanted)
        decision = await requests.decision(session, instance["metadata"]["name"], version)
        return instance, decision, await _deciding_track(session, instance, decision)

    instance, decision, track = call.run(work)
    if call.form in {Format.TABLE, Format.WIDE}:
        for line in decisions.lines(instance, decision, track, signs.of(sys.stdout), width=signs.width()):
            signs.say(line)
    else:
        output.show(decision, (), call.form, header=False)
    if exit_code and decisions.refused(decision):
        raise typer.Exit(REFUSED)


def register(to: typer.Typer, words: str) -> None:
    """Add the command; `words` are how it is typed there, for its examples."""
    reading(
        to,
        "why",
        f"updatectl {words} {_ID} fake-client-003",
        f"updatectl {words} {_ID} fake-client-003 --version 1.0.0",
        f"updatectl {words} {_ID} fake-client-003 --exit-code -o json",
    )(why)


async def _deciding_track(session: Session, instance: Object, decision: Object) -> str:
    """The id of the group that decides, which another Group may do for one that is gone."""
    own, deciding = instance["spec"], decision["status"].get("group")
    if deciding and deciding != own["group"]:
        with contextlib.suppress(kube_errors.NotFound, kube_errors.Forbidden):
            group = await session.kube.get(GROUPS, deciding, session.namespace)
            return str(group["spec"]["track"])
    return str(own["track"])
