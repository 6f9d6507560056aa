"""Every command of the getting-started guide, typed as it stands there, against a real API server."""

import json

from support.command_line import cells

PACKAGE = (
    *("--name", "foobar", "--path", "update.gz", "--size", "23"),
    *("--sha1sum", "fe7374bddde2ddf07f6bfcc728d115d14338964b"),
    *("--sha256sum", "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"),
    *("--signature", "ixi6Oebo", "--metadata-size", "190"),
)


def test_the_guide_from_the_first_command_to_the_promotion(updatectl, kubectl, app_id):
    assert cells(updatectl("list-apps").stdout) == ["Id", "Label", "Description"]
    assert cells(updatectl("update-app", app_id, "FakeApp", "Fake app for testing").stdout) == [
        app_id,
        "FakeApp",
        "Fake app for testing",
    ]
    assert cells(updatectl("list-apps").stdout.splitlines()[1])[:2] == [app_id, "FakeApp"]

    assert cells(updatectl("update-channel", app_id, "master", "1.0.0").stdout) == ["master", "1.0.0"]
    assert [cells(line) for line in updatectl("list-channels", app_id).stdout.splitlines()] == [
        ["Label", "Version"],
        ["master", "1.0.0"],
    ]

    updatectl("new-group", app_id, "master", "fake1", "Fake Clients")
    assert [cells(line) for line in updatectl("list-groups", app_id).stdout.splitlines()] == [
        ["Label", "App", "Channel", "Id", "Paused", "Count", "Interval"],
        ["Fake Clients", app_id, "master", "fake1", "false", "-", "-"],
    ]

    updatectl("new-package", app_id, "1.1.0", *PACKAGE)
    assert cells(updatectl("list-packages", app_id).stdout.splitlines()[1]) == ["1.1.0", "update.gz", "23"]
    package = json.loads(kubectl("get", "upkg", "-o", "json").stdout)["items"][0]
    assert package["spec"] == {
        "applicationRef": {"name": app_id},
        "version": "1.1.0",
        "displayName": "foobar",
        "url": "update.gz",
        "size": 23,
        "sha1": "fe7374bddde2ddf07f6bfcc728d115d14338964b",
        "sha256": "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5",
        "signature": "ixi6Oebo",
        "metadataSize": 190,
    }

    updatectl("update-group", "--update-count", "2", "--update-interval", "60", app_id, "fake1")
    updatectl("update-channel", app_id, "master", "1.1.0")
    assert cells(updatectl("list-channels", app_id).stdout.splitlines()[1]) == ["master", "1.1.0"]
    group = json.loads(kubectl("get", "ugroup", "-o", "json").stdout)["items"][0]
    assert group["spec"]["rateLimit"] == {"maxUpdates": 2, "periodSeconds": 60}
    assert group["spec"]["channelRef"] == {"name": f"{app_id}-master"}
    assert group["metadata"]["labels"]["app.kubernetes.io/part-of"] == "update-service"


def test_typing_a_command_twice_is_the_same_as_once(updatectl, kubectl, app_id):
    commands = [
        ("update-app", app_id, "FakeApp", "Fake app for testing"),
        ("update-channel", app_id, "master", "1.0.0"),
        ("new-group", app_id, "master", "fake1", "Fake Clients"),
        ("new-package", app_id, "1.1.0", *PACKAGE),
        ("pause-group", app_id, "fake1"),
    ]
    for command in commands:
        updatectl(*command)
    before = _objects(kubectl)
    for command in commands:
        updatectl(*command)

    assert _objects(kubectl) == before


def test_each_change_of_a_group_keeps_what_earlier_ones_set(updatectl, kubectl, app_id):
    updatectl("update-app", app_id, "FakeApp", "Fake app for testing")
    updatectl("update-channel", app_id, "master", "1.0.0")
    updatectl("update-channel", app_id, "beta", "1.1.0")
    updatectl("new-group", app_id, "master", "fake1", "Fake Clients")
    updatectl("pause-group", app_id, "fake1")
    updatectl("update-group", "--updateCount", "2", "--updateInterval", "60", app_id, "fake1")
    updatectl("update-group", "--max-in-flight", "5", app_id, "fake1")
    updatectl("update-group", "--update-count", "3", app_id, "fake1")
    updatectl("update-group", "--channel", "beta", "--label", "Beta Clients", app_id, "fake1")
    updatectl("unpause-group", app_id, "fake1")

    spec = _group(kubectl)["spec"]
    assert spec["displayName"] == "Beta Clients"
    assert spec["channelRef"] == {"name": f"{app_id}-beta"}
    assert spec["rateLimit"] == {"maxUpdates": 3, "periodSeconds": 60}
    assert spec["maxInFlight"] == 5
    assert spec["paused"] is False

    removed = updatectl("update-group", "--update-count", "0", app_id, "fake1")
    assert "no rate limit any more" in removed.stderr
    assert "rateLimit" not in _group(kubectl)["spec"]
    assert _group(kubectl)["spec"]["maxInFlight"] == 5


def test_half_a_rate_limit_is_asked_for_the_other_half(updatectl, app_id):
    updatectl("update-app", app_id, "FakeApp", "-")
    updatectl("update-channel", app_id, "master", "1.0.0")
    updatectl("new-group", app_id, "master", "fake1", "Fake Clients")

    assert "give both --update-count and --update-interval" in updatectl.fails(
        "update-group", "--update-count", "2", app_id, "fake1"
    )


def test_deleting_says_what_is_gone(updatectl, kubectl, app_id):
    updatectl("create-app", app_id, "FakeApp", "Fake app for testing")
    updatectl("update-channel", app_id, "master", "1.0.0")
    updatectl("new-group", app_id, "master", "fake1", "Fake Clients")

    assert updatectl("delete-group", app_id, "fake1").stdout == f"deleted group: fake1, for application: {app_id}\n"
    assert updatectl("delete-app", app_id).stdout == f"deleted application: {app_id}\n"
    assert kubectl("get", "uapp,ugroup", "-o", "name").stdout == ""


def test_create_app_makes_an_id_where_none_is_given(updatectl):
    created = cells(updatectl("create-app", "FakeApp", "Fake app for testing").stdout)

    assert len(created[0]) == 36
    assert cells(updatectl("list-apps").stdout.splitlines()[1]) == created


def _group(kubectl):
    return json.loads(kubectl("get", "ugroup", "-o", "json").stdout)["items"][0]


def _objects(kubectl):
    items = json.loads(kubectl("get", "uapp,uchan,ugroup,upkg", "-o", "json", "--show-managed-fields").stdout)["items"]
    for obj in items:
        # The server stores the status's default with the first write after the creation, whoever makes it.
        del obj["metadata"]["resourceVersion"]
    return items
