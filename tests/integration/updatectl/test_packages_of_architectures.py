"""Packages of one version for several architectures, with mirrors and further files, against a real API server."""

import hashlib
import json

import pytest

from support.command_line import cells

SUM = "ab" * 32
PAYLOAD = ("--path", "1.1.0/update.gz", "--size", "23", "--sha256sum", SUM)
MIRRORS = ("https://one.example.com/1.1.0/", "https://two.example.com/1.1.0/")


@pytest.fixture
def app(updatectl, app_id) -> str:
    """An application of which version 1.1.0 is there for two architectures."""
    updatectl("app", "create", app_id)
    updatectl("package", "create", app_id, "1.1.0", *PAYLOAD, "--arch", "x86_64")
    updatectl("package", "create", app_id, "1.1.0", *PAYLOAD, "--arch", "arm64")
    return app_id


@pytest.fixture
def spec(updatectl, app):
    """The spec of a package of 1.1.0 that is found with these options."""

    def get(*options: str):
        return json.loads(updatectl("package", "get", app, "1.1.0", *options, "-o", "json").stdout)["spec"]

    return get


def test_a_version_has_a_package_for_each_architecture_under_debians_name(updatectl, app, spec):
    listed = updatectl("package", "list", app).stdout.splitlines()

    assert listed[0].split() == ["Version", "URL", "Size", "Arch"]
    assert [cells(line)[3] for line in listed[1:]] == ["amd64", "arm64"]
    assert spec("--arch", "amd64")["arch"] == "amd64"
    assert spec("--arch", "aarch64")["arch"] == "arm64"


def test_a_version_with_several_packages_asks_which_one(updatectl, app):
    for command in (("get",), ("delete",), ("update", "--name", "Spring")):
        verb, *options = command
        refused = updatectl.fails("package", verb, app, "1.1.0", *options)
        assert "has packages for amd64, arm64" in refused
        assert "--arch amd64" in refused
    assert "x99" in updatectl.fails("package", "get", app, "1.1.0", "--arch", "x99", code=2)


def test_one_architecture_is_deleted_and_then_the_other_needs_no_name(updatectl, app, spec):
    assert "deleted package: 1.1.0 (amd64)" in updatectl("package", "delete", app, "1.1.0", "--arch", "amd64").stdout

    assert spec()["arch"] == "arm64"
    missing = updatectl.fails("package", "get", app, "1.1.0", "--arch", "amd64")
    assert f"updatectl package create {app} 1.1.0 --arch amd64" in missing


def test_a_package_for_all_stands_beside_those_for_one(updatectl, app, spec):
    updatectl("new-package", app, "1.1.0", *PAYLOAD)
    updatectl("package", "update", app, "1.1.0", "--arch", "all", "--name", "The rest")

    assert spec("--arch", "all")["displayName"] == "The rest"
    assert "arch" not in spec("--arch", "all")
    assert "displayName" not in spec("--arch", "amd64")
    assert "amd64, arm64" in updatectl.fails("package", "get", app, "1.1.0")
    assert "exists already" in updatectl.fails("package", "create", app, "1.1.0", *PAYLOAD, "--arch", "all")
    assert "exists already" in updatectl.fails("package", "create", app, "1.1.0", *PAYLOAD, "--arch", "arm64")


def test_the_architecture_is_selectable_for_kubectl_too(kubectl, updatectl, app):
    updatectl("package", "create", app, "1.1.0", *PAYLOAD)

    def found(selector):
        return kubectl("get", "upkg", f"--field-selector={selector}", "-o", "jsonpath={.items[*].spec.arch}").stdout

    assert found("spec.arch=arm64") == "arm64"
    assert found("spec.version=1.1.0").split() == ["amd64", "arm64"]
    assert kubectl("get", "upkg", "--field-selector=spec.arch=", "-o", "name").stdout.count("\n") == 1


def test_mirrors_keep_their_order_and_may_be_changed(updatectl, app, spec):
    created = (
        "package",
        "create",
        app,
        "1.2.0",
        *PAYLOAD,
        "--mirror",
        MIRRORS[0],
        "--mirror",
        MIRRORS[1],
        "-o",
        "json",
    )
    assert json.loads(updatectl(*created).stdout)["spec"]["mirrors"] == list(MIRRORS)

    updatectl("package", "update", app, "1.1.0", "--arch", "arm64", "--mirror", MIRRORS[1])
    assert spec("--arch", "arm64")["mirrors"] == [MIRRORS[1]]
    updatectl("package", "update", app, "1.1.0", "--arch", "arm64", "--mirror", "")
    assert "mirrors" not in spec("--arch", "arm64")


def test_extra_files_are_measured_or_described(updatectl, app, tmp_path):
    file = tmp_path / "oem-ami.gz"
    file.write_bytes(b"hello")
    extra = ("--extra-file", str(file), "--extra-file", f"oem-azure.gz:7:{SUM.upper()}")

    created = updatectl("package", "create", app, "1.2.0", *PAYLOAD, *extra, "-o", "json")

    digests = {"sha256": hashlib.sha256(b"hello").hexdigest(), "sha1": hashlib.sha1(b"hello").hexdigest()}
    assert json.loads(created.stdout)["spec"]["extraFiles"] == [
        {"name": "oem-ami.gz", "size": 5, **digests},
        {"name": "oem-azure.gz", "size": 7, "sha256": SUM},
    ]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        pytest.param(("--extra-file", "./gone.gz"), 2, "neither a file", id="file that isn't there"),
        pytest.param(("--extra-file", "a.gz:7:abc"), 2, "64 hexadecimal digits", id="digest"),
        pytest.param(("--arch", "pdp11"), 2, "is no architecture", id="architecture"),
        pytest.param(("--mirror", "https://example.com/file"), 1, "URL of a folder", id="mirror that is no folder"),
        pytest.param(("--extra-file", f"a%2Fb:7:{SUM}"), 1, "plain file name", id="name"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be(updatectl, app, options, code, says):
    assert says in updatectl.fails("package", "create", app, "1.2.0", *PAYLOAD, *options, code=code)


def test_an_image_has_no_mirrors(updatectl, app):
    image = ("--url", "index.example.com/webapp:1.2.0", *PAYLOAD[2:])

    refused = updatectl.fails("package", "create", app, "1.2.0", *image, "--mirror", MIRRORS[0])

    assert "mirrors must be left out where url is an image reference" in refused
    assert "nothing to change" in updatectl.fails("package", "update", app, "1.1.0", "--arch", "arm64", code=2)
