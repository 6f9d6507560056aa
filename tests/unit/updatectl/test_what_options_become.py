"""Options as typed → fields of a spec: a payload's, a group's policy, when instances come again; and what is left alone."""

import hashlib

import pytest
import typer

from updatectl import architectures, intervals, naming, packages, payloads, policies
from updatectl.errors import CommandError
from updatectl.policies import OnDemand, Policy

SUM = "ab" * 32
TYPED = {"path": "1.1.0/update.gz", "size": 23, "sha256sum": SUM}


def fields(**options):
    """The spec of a payload described by these options."""
    return payloads.Payload(**TYPED | options).fields()


def test_a_payload_as_typed_has_no_field_that_was_not_given():
    assert fields() == {"url": "1.1.0/update.gz", "size": 23, "sha256": SUM}
    assert fields(metadata_size=0)["metadataSize"] == 0


def test_architecture_mirrors_and_files_become_fields(tmp_path):
    file = tmp_path / "oem:5:ami.gz"
    file.write_bytes(b"hello")

    spec = fields(arch="arm64", mirrors=("https://b/", "", "https://a/"), extra_files=(f"x.gz:7:{SUM}", str(file)))

    assert (spec["arch"], spec["mirrors"]) == ("arm64", ["https://b/", "https://a/"])
    assert spec["extraFiles"][0] == {"name": "x.gz", "size": 7, "sha256": SUM}
    assert spec["extraFiles"][1] == {
        "name": "oem:5:ami.gz",
        "size": 5,
        "sha256": hashlib.sha256(b"hello").hexdigest(),
        "sha1": hashlib.sha1(b"hello").hexdigest(),
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("gone.gz", "neither a file that is there", id="no file"),
        pytest.param("x.gz:0:" + SUM, "neither a file that is there", id="no size"),
        pytest.param("x.gz:7:abc", "64 hexadecimal digits", id="no digest"),
        pytest.param("folder/x.gz:7:" + SUM, "neither a file that is there", id="no plain name"),
    ],
)
def test_an_extra_file_that_is_neither_there_nor_described_is_refused(text, says):
    with pytest.raises(typer.BadParameter, match=says):
        fields(extra_files=(text,))


@pytest.mark.parametrize(
    ("typed", "name"),
    [("amd64", "amd64"), ("x86_64", "amd64"), ("aarch64", "arm64"), ("ARM64", "arm64"), ("all", "all"), (None, None)],
)
def test_an_architecture_may_be_called_as_one_is_used_to(typed, name):
    assert architectures.canonical(typed) == name


def test_an_unknown_architecture_is_refused_with_those_that_are_known():
    with pytest.raises(typer.BadParameter, match=r"pdp11.*amd64.*or all"):
        architectures.canonical("pdp11")


def test_a_package_is_named_after_its_version_and_architecture():
    names = {naming.package("app", "1.1.0", arch) for arch in ("", "amd64", "arm64")}

    assert len(names) == 3
    assert naming.package("app", "1.1.0", "") == naming.member("app", "1.1.0")
    assert naming.package("app", "1.1.0", "arm64").startswith("app-1-1-0-arm64-")


@pytest.mark.parametrize(
    ("archs", "shown"),
    [pytest.param([None], False, id="for all"), pytest.param([None, "arm64"], True, id="one for an architecture")],
)
def test_the_table_has_architectures_where_one_is_said(archs, shown):
    found = [{"spec": {"arch": arch} if arch else {}} for arch in archs]
    (column,) = [column for column in packages.columns(found) if column.header == "Arch"]

    assert column.wide is not shown
    assert [column.value(package) for package in found] == [arch or "all" for arch in archs]


@pytest.mark.parametrize(
    ("given", "oems"),
    [
        pytest.param(None, None, id="not given"),
        pytest.param([], None, id="not given, as typer says it"),
        pytest.param(["ami,azure"], ("ami", "azure"), id="several in one"),
        pytest.param(["ami", "azure, gce,"], ("ami", "azure", "gce"), id="given twice"),
        pytest.param(["ami,ami"], ("ami",), id="twice the same"),
        pytest.param([""], (), id="taken away"),
    ],
)
def test_oems_are_given_once_or_several_times(given, oems):
    assert policies.oems(given) == oems


def managed(manager, spec, **owned):
    """A group of which `manager` owns these fields of the spec."""
    entry = {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": owned}}
    return {"spec": spec, "metadata": {"managedFields": [entry]}}


OURS = managed(
    "updatectl",
    {"versionPolicy": {"allowDowngrade": True, "prefix": "1."}},
    **{"f:versionPolicy": {"f:allowDowngrade": {}, "f:prefix": {}}},
)
THEIRS = managed("flux", {"versionPolicy": {"prefix": "1."}}, **{"f:versionPolicy": {"f:prefix": {}}})


@pytest.mark.parametrize(
    ("policy", "existing", "changes"),
    [
        pytest.param(Policy(), OURS, {}, id="nothing"),
        pytest.param(Policy(excluded_oems=("ami",)), None, {"exclude": {"oems": ["ami"]}}, id="OEMs"),
        pytest.param(Policy(excluded_oems=()), None, {"exclude": None}, id="no OEMs"),
        pytest.param(Policy(on_demand=OnDemand.BYPASS_LIMITS), None, {"onDemand": "BypassLimits"}, id="on demand"),
        pytest.param(
            Policy(allow_downgrade=False),
            OURS,
            {"versionPolicy": {"allowDowngrade": False, "prefix": "1."}},
            id="one part keeps the other",
        ),
        pytest.param(
            Policy(version_prefix=""), OURS, {"versionPolicy": {"allowDowngrade": True}}, id="one part goes alone"
        ),
        pytest.param(
            Policy(allow_downgrade=True),
            THEIRS,
            {"versionPolicy": {"allowDowngrade": True}},
            id="what is another's is not taken along",
        ),
        pytest.param(Policy(version_prefix=""), None, {"versionPolicy": None}, id="nothing to take away"),
    ],
)
def test_a_policy_changes_what_it_says_and_no_more(policy, existing, changes):
    assert policy.changes(existing) == changes


def test_a_prefix_of_another_manager_is_not_taken_away():
    with pytest.raises(CommandError, match=r"spec\.versionPolicy\.prefix is owned by 'flux'"):
        Policy(version_prefix="").changes(THEIRS)


def test_an_interval_of_zero_takes_it_away():
    assert intervals.fields(0, None) == {"pollIntervalSeconds": None}
    assert intervals.fields(900, 60) == {"pollIntervalSeconds": 900, "retryAfterSeconds": 60}
