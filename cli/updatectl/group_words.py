"""Which group is meant? By its application and its id, or by one word: its object's name, else its id if only one group has that.

The Group's own messages, and the operator's, name it by its object.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from update_kube.resources import APPLICATIONS, GROUPS
from updatectl import lookup
from updatectl.errors import CommandError
from updatectl.session import Object, Session

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[APP_ID] GROUP", help="The group: its id (the track), or without APP_ID its object's name too."
    ),
]


@dataclass(frozen=True)
class Wanted:
    """A group as a person names it; without an application it may be of any in the namespace."""

    word: str
    app_id: str | None = None


@dataclass(frozen=True)
class Named:
    """A group that was found, and the appId of its application."""

    app_id: str
    group: Object

    @property
    def track(self) -> str:
        """The group's id."""
        return str(self.group["spec"]["track"])


def parse(words: list[str]) -> Wanted:
    """`[APP_ID] GROUP`. Raises typer.BadParameter for anything else."""
    match words:
        case [word] if word:
            return Wanted(word)
        case [app_id, word] if word:
            return Wanted(word, lookup.canonical_app_id(app_id))
    raise typer.BadParameter("give APP_ID and GROUP_ID, or the name of the group's object alone")


async def find(session: Session, wanted: Wanted) -> Named:
    """The group that is meant. Raises CommandError if there is none, or more than one."""
    if wanted.app_id is not None:
        application = await lookup.application(session, wanted.app_id)
        return Named(wanted.app_id, await lookup.group(session, application, wanted.word))
    found = await session.find_all(GROUPS, lookup.selector({"metadata.name": wanted.word}))
    found = found or await session.find_all(GROUPS, lookup.selector({"spec.track": wanted.word}))
    if not found:
        raise CommandError(
            f"no Group of namespace {session.namespace} has the name or the id {wanted.word}. `updatectl group list APP_ID` shows "
            "those that there are, or name another namespace with -n."
        )
    named = [Named(await _app_id(session, group), group) for group in found]
    if len(named) > 1:
        lines = [f"  {each.app_id} {each.track}" for each in named]
        raise CommandError("\n".join([f"{len(named)} groups have the id {wanted.word}. Say which:", *lines]))
    return named[0]


async def _app_id(session: Session, group: Object) -> str:
    name = group["spec"]["applicationRef"]["name"]
    found = await session.find_all(APPLICATIONS, lookup.selector({"metadata.name": name}))
    # A Group may come before its Application, and be halted before that comes.
    return str(found[0]["spec"]["appId"]) if found else f"({name} missing)"
