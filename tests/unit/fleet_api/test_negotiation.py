"""Whatever clients send as Accept, they get the first thing of it that can be sent, and JSON whenever that is possible."""

import pytest

from omaha_api.fleet_api import discovery, negotiation
from omaha_api.fleet_api.statuses import ApiError

TABLES = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)

METADATA = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

FORMS = {
    "nothing": ("", ""),
    "anything": ("*/*", ""),
    "curl's cousin": ("text/html, application/*;q=0.8", ""),
    "JSON": ("application/json", ""),
    "kubectl get": (TABLES, "Table"),
    "an old Table, then JSON": ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", ""),
    "protobuf first": ("application/vnd.kubernetes.protobuf,application/json", ""),
    "CBOR first": ("application/cbor, application/json;q=0.9", ""),
    "protobuf metadata first": (
        f"application/vnd.kubernetes.protobuf;{METADATA},application/json;{METADATA},application/json",
        "PartialObjectMetadata",
    ),
    "one object's metadata": ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "PartialObjectMetadata"),
    "by quality": ("application/json;q=0.5,application/json;as=Table;g=meta.k8s.io;v=v1", "Table"),
    "a watch's stream": ("application/json;stream=watch", ""),
}


@pytest.mark.parametrize(("accept", "form"), FORMS.values(), ids=FORMS)
def test_the_first_form_that_can_be_sent_is(accept, form):
    assert negotiation.negotiate(accept).as_ == form


@pytest.mark.parametrize(
    "accept",
    [
        "application/vnd.kubernetes.protobuf",
        "text/html",
        "application/json;q=0",
        "application/json;as=Chair;g=meta.k8s.io;v=v1",
    ],
)
def test_only_what_leaves_no_json_is_not_acceptable(accept):
    with pytest.raises(ApiError) as refused:
        negotiation.negotiate(accept)

    assert (refused.value.code, refused.value.reason) == (406, "NotAcceptable")


def test_what_rows_carry_is_none_of_three_words_a_bad_request():
    assert negotiation.negotiate(TABLES, "Object").include_object == "Object"
    with pytest.raises(ApiError, match="Metadata"):
        negotiation.negotiate(TABLES, "Everything")


@pytest.mark.parametrize(
    ("accept", "aggregated"),
    [
        (f"{discovery.AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", True),
        ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", False),
        ("application/json", False),
        ("*/*", False),
    ],
    ids=["kubectl", "an old kubectl", "plain", "anything"],
)  # fmt: skip
def test_discovery_is_aggregated_for_those_who_ask_for_its_second_version(accept, aggregated):
    assert discovery.wants_aggregated(accept) is aggregated
