r"""Field selectors: which fields can be selected by, and that a value may hold anything once `\` stands before its signs."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omaha_api.fleet_api import kinds, selectors
from omaha_api.fleet_api.label_selectors import SelectorError
from omaha_api.fleet_api.selectors import FieldRequirement, Selector
from omaha_api.fleet_api.statuses import ApiError
from support.fleet_values import APP_ID, TRACK
from update_core import names
from update_core.fleet.attributes import Attributes
from update_core.fleet.reading import Placement, Selectable

PLACEMENT = Placement(APP_ID, "team", "app", {TRACK: "app-stable"})
SLUG = names.instance_slug(APP_ID, "machine-1")
SELECTABLE = Selectable(TRACK, "1.0.0", "Failed", Attributes(oem="qemu", board="amd64-usr"))

SELECTED = {
    "everything": ("", ""),
    "its name": (f"metadata.name=app-{SLUG}", ""),
    "its namespace": ("metadata.namespace=team", ""),
    "its id": ("spec.instanceId=machine-1", ""),
    "its application": ("spec.application==app", ""),
    "its group": ("spec.group=app-stable", ""),
    "its track": ("spec.track=stable", ""),
    "its version": ("status.version=1.0.0", ""),
    "its state": ("status.state=Failed", ""),
    "not another state": ("status.state!=Idle", ""),
    "a label": ("", "fleet.updateservice.dev/oem=qemu"),
    "both": (
        "status.state=Failed,status.version!=2.0.0",
        "fleet.updateservice.dev/board,!fleet.updateservice.dev/lang",
    ),
}

LEFT_OUT = {
    "another name": ("metadata.name=app-x", ""),
    "another namespace": ("metadata.namespace=other", ""),
    "another group": ("spec.group=stable", ""),
    "not its state": ("status.state!=Failed", ""),
    "two values": ("status.state=Failed,status.state=Idle", ""),
    "another label": ("", "fleet.updateservice.dev/oem=ami"),
    "one of both": ("status.state=Failed", "fleet.updateservice.dev/lang"),
}


@pytest.mark.parametrize(("fields", "labels"), SELECTED.values(), ids=SELECTED)
def test_an_instance_is_selected_by(fields, labels):
    assert selects(fields, labels)


@pytest.mark.parametrize(("fields", "labels"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_an_instance_is_left_out_by(fields, labels):
    assert not selects(fields, labels)


@pytest.mark.parametrize("text", ["status.state", "status.state=a=b", r"status.state=a\b", "status.state=\\", "=,x"])
def test_what_cant_be_read_is_a_bad_request(text):
    with pytest.raises(ApiError) as refused:
        Selector.parse(kinds.INSTANCES, text, None)

    assert (refused.value.code, refused.value.reason) == (400, "BadRequest")


def test_a_field_that_cant_be_selected_by_is_refused_with_those_that_can():
    with pytest.raises(ApiError, match=r"spec\.alias.*only by metadata\.name.*status\.state") as refused:
        Selector.parse(kinds.INSTANCES, "spec.alias=x", None)

    assert refused.value.code == 400


@given(st.lists(st.tuples(st.sampled_from(["a", "b.c"]), st.text(max_size=8), st.booleans()), max_size=4))
def test_any_value_can_be_written_and_is_read_as_it_was_meant(demands):
    text = ",".join(field + ("=" if equal else "!=") + escaped(value) for field, value, equal in demands)

    assert list(selectors.parse_fields(text)) == [FieldRequirement(*demand) for demand in demands]


@given(st.text(alphabet="ab=!,\\", max_size=12))
def test_any_text_is_either_read_or_refused(text):
    with contextlib.suppress(SelectorError):
        selectors.parse_fields(text)


def escaped(value):
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def selects(fields, labels):
    return Selector.parse(kinds.INSTANCES, fields, labels).matches_instance(PLACEMENT, SELECTABLE, "machine-1", SLUG)
