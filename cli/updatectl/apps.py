"""Applications: what is updated, found by the appId that their instances send."""

import uuid
from typing import Annotated

import typer

from update_kube.resources import APPLICATIONS
from updatectl import intervals, lookup, naming, output
from updatectl.commands import AppId, Call, noun, reading, writing
from updatectl.intervals import PollInterval, RetryAfter
from updatectl.session import Changes, Mode, Object, Session, Target

app = noun("Applications: what is updated.")

COLUMNS = (
    output.Column("Id", lambda o: o["spec"]["appId"]),
    output.Column("Label", lambda o: o["spec"].get("displayName")),
    output.Column("Description", lambda o: o["spec"].get("description")),
    output.Column("Name", lambda o: o["metadata"]["name"], wide=True),
    output.Column("PackageBaseURL", lambda o: o["spec"].get("packageBaseURL"), wide=True),
    output.Column("Ready", lambda o: output.condition(o, "Ready"), wide=True),
)

Label = Annotated[str | None, typer.Option("--label", help="A name for people.")]
Description = Annotated[str | None, typer.Option("--description", help="What it is, for people.")]
BaseUrl = Annotated[
    str | None, typer.Option("--package-base-url", help="URL ending in / that packages' relative paths stand on.")
]
DefaultGroup = Annotated[
    str | None, typer.Option("--default-group", help="Id of the group for instances whose track names none.")
]


async def list_all(session: Session) -> list[Object]:
    """All applications of the namespace, by appId."""
    return sorted(await session.find_all(APPLICATIONS), key=lambda o: str(o["spec"]["appId"]))


async def write(session: Session, app_id: str, changes: Changes, mode: Mode) -> Object:
    """Create or change the application with this canonical appId."""
    target = Target(
        resource=APPLICATIONS,
        name=naming.application(app_id),
        find=lambda: lookup.find_application(session, app_id),
        noun="app",
        handle=app_id,
    )
    return await session.write(target, {"appId": app_id, **changes}, mode)


async def remove(session: Session, app_id: str) -> Object:
    """Delete the application with this canonical appId; what belongs to it stays."""
    found = await lookup.application(session, app_id)
    await session.delete(APPLICATIONS, found)
    return found


def new_id() -> str:
    """An id for an application whose instances don't have one yet."""
    return str(uuid.uuid4())


def fields(**given: str | None) -> dict[str, str | None]:
    """Options as fields of the spec: not given is left as it is, an empty text removes the field."""
    names = {"label": "displayName", "description": "description", "package_base_url": "packageBaseURL"}
    return {names[option]: value or None for option, value in given.items() if value is not None}


@reading(app, "list", "updatectl app list", "updatectl app list -o json")
def list_(call: Call) -> None:
    """List the applications."""
    output.show_list(call.run(list_all), COLUMNS, call.form)


@reading(app, "get", "updatectl app get e96281a6-d1af-4bde-9a0a-97b76e56dc57 -o yaml")
def get(call: Call, app_id: AppId) -> None:
    """Show one application."""
    app_id = lookup.canonical_app_id(app_id)
    output.show(call.run(lambda session: lookup.application(session, app_id)), COLUMNS, call.form, header=True)


@writing(
    app,
    "create",
    'updatectl app create e96281a6-d1af-4bde-9a0a-97b76e56dc57 --label FakeApp --description "Fake app for testing"',
    "updatectl app create --label Web   # makes up an id",
    "updatectl app create com.example.os --poll-interval 2700",
)
def create(
    call: Call,
    app_id: Annotated[str | None, typer.Argument(metavar="APP_ID", help="Its id; without one a UUID is made.")] = None,
    label: Label = None,
    description: Description = None,
    package_base_url: BaseUrl = None,
    poll_interval: PollInterval = None,
    retry_after: RetryAfter = None,
) -> None:
    """Create an application."""
    chosen = lookup.canonical_app_id(app_id or new_id())
    changes = {
        **fields(label=label, description=description, package_base_url=package_base_url),
        **intervals.fields(poll_interval, retry_after),
    }
    written = call.run(lambda session: write(session, chosen, changes, Mode.CREATE))
    call.show_written(written, COLUMNS, header=True)


@writing(
    app,
    "update",
    'updatectl app update e96281a6-d1af-4bde-9a0a-97b76e56dc57 --label "Web shop"',
    "updatectl app update e96281a6-d1af-4bde-9a0a-97b76e56dc57 --default-group fake1",
)
def update(
    call: Call,
    app_id: AppId,
    label: Label = None,
    description: Description = None,
    package_base_url: BaseUrl = None,
    default_group: DefaultGroup = None,
    poll_interval: PollInterval = None,
    retry_after: RetryAfter = None,
) -> None:
    """Change an application. An empty text or 0 removes the field."""
    app_id = lookup.canonical_app_id(app_id)
    changes: dict[str, object] = {
        **fields(label=label, description=description, package_base_url=package_base_url),
        **({"defaultGroupRef": None} if default_group == "" else {}),
        **intervals.fields(poll_interval, retry_after),
    }
    if not changes and not default_group:
        raise typer.BadParameter(
            "nothing to change: give --label, --description, --package-base-url, --default-group, --poll-interval or --retry-after"
        )

    async def work(session: Session) -> Object:
        if default_group:
            group = await lookup.group(session, await lookup.application(session, app_id), default_group)
            changes["defaultGroupRef"] = {"name": group["metadata"]["name"]}
        return await write(session, app_id, changes, Mode.UPDATE)

    call.show_written(call.run(work), COLUMNS, header=True)


@writing(app, "delete", "updatectl app delete e96281a6-d1af-4bde-9a0a-97b76e56dc57")
def delete(call: Call, app_id: AppId) -> None:
    """Delete an application. Its channels, groups and packages stay, and do nothing without it."""
    app_id = lookup.canonical_app_id(app_id)
    call.show_deleted(call.run(lambda session: remove(session, app_id)), f"deleted application: {app_id}")
