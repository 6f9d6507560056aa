"""What may be sent to reset or forget an instance: nothing, or an object of the kind; whatever else is refused, and nothing done."""

import pytest

from omaha_api.fleet_api.statuses import ApiError
from support.fleet_desk import FleetDesk

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
ONE = "{machine-one}"
RESET = {"apiVersion": "fleet.updateservice.dev/v1alpha1", "kind": "InstanceReset"}


@pytest.fixture
async def desk(tmp_path):
    desk = FleetDesk(tmp_path / "fleet.db", APP)
    yield desk
    await desk.close()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(RESET, id="kind alone"),
        pytest.param(RESET | {"metadata": {"creationTimestamp": None}, "spec": {}, "status": {}}, id="client-go"),
        pytest.param(RESET | {"spec": None}, id="null"),
        pytest.param(RESET | {"metadata": {"namespace": "default", "name": ""}}, id="namespace"),
    ],
)
async def test_a_body_may_be_empty_or_an_object_of_the_kind(desk, body):
    await desk.start()
    await desk.check(ONE)

    assert (await desk.create(ONE, "reset", body))["kind"] == "InstanceReset"


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        pytest.param(b"{", 400, "as JSON", id="no JSON"),
        pytest.param(b"[" * 100_000, 400, "as JSON", id="deep"),
        pytest.param(b"[]", 400, "has to be an InstanceReset", id="list"),
        pytest.param({"kind": "InstanceReset"}, 400, "has to be an InstanceReset", id="no apiVersion"),
        pytest.param(RESET | {"kind": "InstanceForget"}, 400, "has to be an InstanceReset", id="other kind"),
        pytest.param(RESET | {"apiVersion": "v1"}, 400, "has to be an InstanceReset", id="other group"),
        pytest.param(RESET | {"force": True}, 400, 'unknown field "force"', id="unknown field"),
        pytest.param(RESET | {"spec": {"why": "x"}}, 400, 'unknown field "spec.why"', id="unknown field of spec"),
        pytest.param(RESET | {"spec": []}, 400, "spec has to be an object", id="spec is a list"),
        pytest.param(RESET | {"spec": {"reason": 7}}, 422, "spec.reason", id="reason is a number"),
        pytest.param(RESET | {"spec": {"reason": "x" * 257}}, 422, "spec.reason", id="reason too long"),
        pytest.param(RESET | {"metadata": {"name": "another"}}, 400, "metadata.name says 'another'", id="other name"),
        pytest.param(RESET | {"metadata": {"name": ["x"]}}, 400, "metadata.name", id="name is a list"),
        pytest.param(RESET | {"metadata": {"namespace": "kube-system"}}, 400, "metadata.namespace", id="namespace"),
    ],
)
async def test_any_other_body_is_refused_and_nothing_done(desk, body, code, words):
    await desk.start()
    await desk.check(ONE)

    with pytest.raises(ApiError, match=words) as refused:
        await desk.create(ONE, "reset", body)

    assert refused.value.code == code
    assert (await desk.instance(ONE))["status"]["state"] == "Granted"


async def test_an_unknown_dry_run_is_not_taken_for_none(desk):
    await desk.start()
    await desk.check(ONE)

    with pytest.raises(ApiError, match="dryRun"):
        await desk.create(ONE, "reset", dryRun="Some")

    assert (await desk.instance(ONE))["status"]["state"] == "Granted"
