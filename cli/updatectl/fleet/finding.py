"""Which instance is meant? By the id that it sends, by the name of its object, or by its alias if only one has that.

In this order: an id is exact, byte for byte, and can't be taken by another instance of the application; an alias is only what an instance
calls itself, and finding it means reading all of them. Many updaters write their ids in braces, which people leave out.
"""

import re
import shlex
from dataclasses import dataclass
from typing import Annotated

import typer

from updatectl import lookup, output
from updatectl.errors import CommandError
from updatectl.fleet import counting, requests
from updatectl.session import Object, Session

_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_SHOWN = 5


Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[APP_ID] INSTANCE", help="The instance: its id, its object's name, or its alias if no other has it."
    ),
]


@dataclass(frozen=True)
class Wanted:
    """An instance as a person names it; without an application it may be of any in the namespace."""

    word: str
    app_id: str | None = None


def parse(words: list[str]) -> Wanted:
    """`[APP_ID] INSTANCE`. Raises typer.BadParameter for anything else."""
    match words:
        case [word] if word:
            return Wanted(word)
        case [app_id, word] if word:
            return Wanted(word, lookup.canonical_app_id(app_id))
    raise typer.BadParameter("give APP_ID and INSTANCE, or INSTANCE alone")


async def instance(session: Session, wanted: Wanted) -> Object:
    """The instance that is meant. Raises CommandError if there is none, or more than one."""
    fields: dict[str, str] = {}
    if wanted.app_id is not None:
        application = await lookup.application(session, wanted.app_id)
        fields["spec.application"] = application["metadata"]["name"]
    found = await _with_id(session, wanted, wanted.word, fields)
    found = found or await _with_id(session, wanted, f"{{{wanted.word}}}", fields)
    found = found or await _with_name(session, wanted, fields)
    return found or await _with_alias(session, wanted, fields)


def id_of(instance: Object) -> str:
    """The id that the instance sends, fit for a terminal."""
    return output.printable(str(instance["spec"]["instanceId"]))


def typed(text: str) -> str:
    """What an instance or a group is called, as it would be typed in a shell."""
    return shlex.quote(output.printable(text))


def describe(instance: Object) -> str:
    """The instance in a sentence: its id and its application."""
    return f"{id_of(instance)} of application {instance['spec']['appId']}"


async def _with_id(session: Session, wanted: Wanted, instance_id: str, fields: dict[str, str]) -> Object | None:
    selection = requests.Selection({**fields, "spec.instanceId": instance_id})
    found = [one async for page in requests.pages(session, selection, limit=_SHOWN) for one in page]
    if len(found) > 1:
        raise _ambiguous(wanted, "have this id", found)
    return found[0] if found else None


async def _with_name(session: Session, wanted: Wanted, fields: dict[str, str]) -> Object | None:
    if not _OBJECT_NAME.fullmatch(wanted.word):
        return None
    found = await requests.instance(session, wanted.word)
    if found is None or found["spec"]["application"] != fields.get("spec.application", found["spec"]["application"]):
        return None
    return found


async def _with_alias(session: Session, wanted: Wanted, fields: dict[str, str]) -> Object:
    found, near = [], ""
    with counting.progress("instances searched for this alias") as count:
        async for page in requests.pages(session, requests.Selection(fields)):
            count(len(page))
            found += [one for one in page if one["spec"].get("alias") == wanted.word]
            near = near or next((id_of(one) for one in page if _alike(id_of(one), wanted.word)), "")
            if len(found) > 1:
                raise _ambiguous(wanted, "have this alias, perhaps more", found)
    if not found:
        raise CommandError(_missing(session, wanted, near))
    return found[0]


def _alike(one: str, other: str) -> bool:
    return one.strip("{}").casefold() == other.strip("{}").casefold()


def _ambiguous(wanted: Wanted, what: str, found: list[Object]) -> CommandError:
    lines = [
        f"  updatectl instance get {one['spec']['appId']} {typed(one['spec']['instanceId'])}" for one in found[:_SHOWN]
    ]
    count = f"{len(found)} instances"
    return CommandError("\n".join([f"{wanted.word} is ambiguous: {count} {what}. Say which:", *lines]))


def _missing(session: Session, wanted: Wanted, near: str) -> str:
    whose = f"application {wanted.app_id}" if wanted.app_id else f"namespace {session.namespace}"
    hint = f"Ids are compared byte for byte: did you mean {near}? " if near else ""
    listing = f"updatectl instance list {wanted.app_id or 'APP_ID'}"
    return (
        f"no instance of {whose} has the id, name or alias {wanted.word}. {hint}"
        f"`{listing}` shows those that there are; an instance appears with its first check."
    )
