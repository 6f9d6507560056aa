"""The commands as the getting-started guide types them: dashed names, everything positional, on the same functions as the nouns.

As there, `update-app` and `update-channel` create what isn't there yet, and so do `new-group` and `new-package`: typing the same command
twice is the same as once. A table has a header only where it is a list.
"""

from typing import Annotated

import typer

from updatectl import apps, channels, group_objects, groups, limits, lookup, packages, payloads
from updatectl.commands import AppId, Call, GroupId, reading, writing
from updatectl.session import Mode

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

Label = Annotated[str, typer.Argument(metavar="LABEL", help="A name for people.")]
Description = Annotated[str, typer.Argument(metavar="DESCRIPTION", help="What it is, for people.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="The version that its groups move to.")]


def register(app: typer.Typer) -> None:
    """Add the guide's commands."""
    _register_apps(app)
    _register_channels(app)
    _register_groups(app)
    _register_group_changes(app)
    _register_packages(app)


def _register_apps(app: typer.Typer) -> None:
    @reading(app, "list-apps", "updatectl list-apps")
    def list_apps(call: Call) -> None:
        """List the applications."""
        apps.list_(call)

    @writing(app, "create-app", 'updatectl create-app "FakeApp" "Fake app for testing"')
    def create_app(
        call: Call,
        words: Annotated[
            list[str],
            typer.Argument(metavar="APP_ID LABEL DESCRIPTION", help="The id may be left out: a UUID is made."),
        ],
    ) -> None:
        """Create an application."""
        if len(words) not in {2, 3}:
            raise typer.BadParameter("give LABEL and DESCRIPTION, with the APP_ID before them if it has one")
        app_id, label, description = words if len(words) == 3 else (apps.new_id(), *words)
        _put_app(call, app_id, label, description, Mode.CREATE)

    @writing(app, "update-app", f'updatectl update-app {_ID} "FakeApp" "Fake app for testing"')
    def update_app(call: Call, app_id: AppId, label: Label, description: Description) -> None:
        """Create an application or change its label and description."""
        _put_app(call, app_id, label, description, Mode.UPSERT)

    @writing(app, "delete-app", f"updatectl delete-app {_ID}")
    def delete_app(call: Call, app_id: AppId) -> None:
        """Delete an application."""
        apps.delete(call, app_id)


def _register_channels(app: typer.Typer) -> None:
    @reading(app, "list-channels", f"updatectl list-channels {_ID}")
    def list_channels(call: Call, app_id: AppId) -> None:
        """List an application's channels."""
        channels.list_(call, app_id)

    @writing(
        app,
        "update-channel",
        f"updatectl update-channel {_ID} master 1.0.0",
        f"updatectl update-channel {_ID} master 1.1.0   # promotes 1.1.0",
    )
    def update_channel(call: Call, app_id: AppId, channel: channels.Name, version: Version) -> None:
        """Create a channel or move it to a version, to which its groups then move."""
        app_id = lookup.canonical_app_id(app_id)
        written = call.run(lambda session: channels.write(session, app_id, channel, version, Mode.UPSERT))
        call.show_written(written, channels.COLUMNS, header=False)


def _register_groups(app: typer.Typer) -> None:
    @reading(app, "list-groups", f"updatectl list-groups {_ID}")
    def list_groups(call: Call, app_id: AppId) -> None:
        """List an application's groups."""
        groups.show_list(call, app_id)

    @writing(app, "new-group", f'updatectl new-group {_ID} master fake1 "Fake Clients"')
    def new_group(call: Call, app_id: AppId, channel: channels.Name, group_id: GroupId, label: Label) -> None:
        """Create a group that follows a channel, or set its channel and label."""
        options = group_objects.Options(label=label, channel=channel)
        groups.put(call, app_id, group_id, Mode.UPSERT, options, header=False)

    @writing(app, "delete-group", f"updatectl delete-group {_ID} fake1")
    def delete_group(call: Call, app_id: AppId, group_id: GroupId) -> None:
        """Delete a group."""
        groups.show_removed(call, app_id, group_id)


def _register_group_changes(app: typer.Typer) -> None:
    @writing(
        app,
        "update-group",
        f"updatectl update-group --update-count 2 --update-interval 60 {_ID} fake1",
        f"updatectl update-group --update-count 0 {_ID} fake1   # no rate limit any more",
    )
    def update_group(
        call: Call,
        app_id: AppId,
        group_id: GroupId,
        label: groups.Label = None,
        channel: groups.Channel = None,
        update_count: limits.UpdateCount = None,
        update_interval: limits.UpdateInterval = None,
        max_in_flight: limits.MaxInFlight = None,
        update_timeout: limits.UpdateTimeout = None,
    ) -> None:
        """Change a group: its label, its channel, how fast it may move."""
        limited = limits.Limits(update_count, update_interval, max_in_flight, update_timeout)
        options = group_objects.Options(label=label, channel=channel, limits=limited)
        groups.put(call, app_id, group_id, Mode.UPDATE, options, header=False)

    @writing(app, "pause-group", f"updatectl pause-group {_ID} fake1")
    def pause_group(call: Call, app_id: AppId, group_id: GroupId) -> None:
        """Give out no new updates in a group; what is under way may finish."""
        groups.set_paused(call, app_id, group_id, paused=True, header=False)

    @writing(app, "unpause-group", f"updatectl unpause-group {_ID} fake1")
    def unpause_group(call: Call, app_id: AppId, group_id: GroupId) -> None:
        """Let a paused group go on."""
        groups.set_paused(call, app_id, group_id, paused=False, header=False)


def _register_packages(app: typer.Typer) -> None:
    @reading(app, "list-packages", f"updatectl list-packages {_ID}")
    def list_packages(call: Call, app_id: AppId) -> None:
        """List an application's packages."""
        packages.list_(call, app_id)

    @writing(
        app,
        "new-package",
        f"updatectl new-package {_ID} 1.1.0 --name foobar --path update.gz --size 23 --sha256sum $SHA256",
    )
    def new_package(
        call: Call,
        app_id: AppId,
        version: packages.Version,
        name: packages.Label = None,
        url: payloads.Url = None,
        path: payloads.PathOption = None,
        file: payloads.File = None,
        size: payloads.Size = None,
        sha1sum: payloads.Sha1 = None,
        sha256sum: payloads.Sha256 = None,
        signature: payloads.Signature = None,
        metadata_size: payloads.MetadataSize = None,
    ) -> None:
        """Create a package: one version's payload."""
        payload = payloads.Payload(name, url, path, file, size, sha1sum, sha256sum, signature, metadata_size)
        packages.put(call, app_id, version, payload, Mode.UPSERT, header=False)


def _put_app(call: Call, app_id: str, label: str, description: str, mode: Mode) -> None:
    app_id = lookup.canonical_app_id(app_id)
    changes = apps.fields(label=label, description=description)
    written = call.run(lambda session: apps.write(session, app_id, changes, mode))
    call.show_written(written, apps.COLUMNS, header=False)
