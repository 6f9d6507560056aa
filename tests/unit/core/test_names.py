"""Names of objects: the same identity, the same name; two identities, two names; always one that Kubernetes accepts."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core import names

APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")

ids = st.text(min_size=1, max_size=128)
application_names = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True)


@given(application_names, ids, st.booleans())
def test_an_instances_name_is_one_that_kubernetes_accepts(application, instance_id, long):
    name = names.instance(application, names.instance_slug(APP_ID, instance_id, long=long))

    assert len(name) <= 253
    assert SUBDOMAIN.fullmatch(name)


@pytest.mark.parametrize(
    ("instance_id", "slug"),
    [
        pytest.param("node-1", "node-1-f14614233d", id="plain ids have the hash too"),
        pytest.param("{8BDE4C4D-9083-4D61-B41C-3253212C0C37}", "8bde4c4d-9083-4d61-b41c-3253212c0c37-e64295ca44", id="uuid"),
        pytest.param("***", "2547f753ba", id="nothing but the hash"),
    ],
)  # fmt: skip
def test_the_slug_of_an_instance_never_changes(instance_id, slug):
    assert names.instance_slug(APP_ID, instance_id) == slug


@given(ids, ids)
def test_instances_that_differ_have_different_slugs_and_uids(one, other):
    alike = one == other

    assert (names.instance_slug(APP_ID, one) == names.instance_slug(APP_ID, other)) is alike
    assert (names.instance_uid(APP_ID, one) == names.instance_uid(APP_ID, other)) is alike


def test_the_same_id_in_two_applications_is_two_instances():
    assert names.instance_slug("app.one", "x") != names.instance_slug("app.two", "x")
    assert names.instance_uid("app.one", "x") != names.instance_uid("app.two", "x")
    # The border between appId and id counts.
    assert names.instance_uid("app.one", "x") != names.instance_uid("app.on", "ex")


def test_uids_are_version_5_and_never_change():
    uid = names.instance_uid(APP_ID, "node-1")

    assert uuid.UUID(uid).version == 5
    assert uid == "090d6c9d-244f-5d3b-9a71-7b89086aae16"


def test_a_long_slug_begins_like_the_short_one_and_tells_more():
    short, long = names.instance_slug(APP_ID, "node-1"), names.instance_slug(APP_ID, "node-1", long=True)

    assert long.startswith(short)
    assert len(long) == len(short) + 22
