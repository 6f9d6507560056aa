"""What the fleet API answers besides lists: discovery, single objects, and no in all its forms."""

import json

import pytest

from omaha_api.fleet_api import app, discovery, requests
from support import watched_fleet
from support.fleet_requests import BASE, TABLE, ask
from support.fleet_values import APP_ID
from update_core import names

NAME = names.instance("app", names.instance_slug(APP_ID, "machine-1"))
ONE = f"namespaces/team/instances/{NAME}"


@pytest.fixture
async def fleet(tmp_path):
    async with watched_fleet.opened(tmp_path / "fleet.db") as opened:
        await opened.place(watched_fleet.placement())
        await opened.see("machine-1")
        yield opened


@pytest.fixture
def serve(fleet):
    return app.create(fleet.api)


async def test_an_instance_is_found_by_its_name(serve):
    answer = await ask(serve, ONE)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["spec"]["instanceId"] == "machine-1"
    assert (await ask(serve, ONE, accept=TABLE)).json["rows"][0]["cells"][0] == NAME


@pytest.mark.parametrize(
    "path",
    [
        "namespaces/other/instances/" + NAME, "namespaces/team/instances/app-x", "namespaces/team/instances/x",
        "namespaces/team/groupprogresses/app-stable", f"{ONE}/decision/x".replace(NAME, "x"),
    ],
)  # fmt: skip
async def test_what_isnt_there_is_not_found(serve, path):
    answer = await ask(serve, path)

    assert (answer.status, answer.json["kind"], answer.json["reason"]) == (404, "Status", "NotFound")


async def test_a_missing_instance_is_told_as_kubectl_expects_it(serve):
    status = (await ask(serve, "namespaces/team/instances/app-x")).json

    assert status["message"] == 'instances.fleet.updateservice.dev "app-x" not found'
    assert status["details"] == {"name": "app-x", "group": "fleet.updateservice.dev", "kind": "instances"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ONE), ("PATCH", ONE), ("PUT", ONE), ("POST", "namespaces/team/instances"), ("DELETE", "namespaces/team/instances"),
        ("POST", f"{ONE}/decision"), ("GET", f"{ONE}/reset"), ("DELETE", "namespaces/team/groupprogresses/app-stable"),
        ("POST", "/apis"),
    ],
)  # fmt: skip
async def test_the_fleet_cant_be_written(serve, method, path):
    answer = await ask(serve, path, method=method)

    assert (answer.status, answer.json["reason"]) == (405, "MethodNotAllowed")
    assert answer.headers["allow"] in {"GET", "POST"}


@pytest.mark.parametrize(
    "path", ["/", "/api", "/apis/", f"{BASE}/", f"{BASE}/machines", "/docs", "/openapi.json", "/healthz"]
)
async def test_elsewhere_nothing_is_served(serve, path):
    answer = await ask(serve, path)

    assert (answer.status, answer.json["reason"]) == (404, "NotFound")


async def test_a_store_that_is_away_is_asked_again(serve, fleet):
    await fleet.store.close()

    for path in ("instances", ONE, "groupprogresses"):
        answer = await ask(serve, path)
        assert (answer.status, answer.json["reason"]) == (503, "ServiceUnavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json["details"]["retryAfterSeconds"] > 0
    await fleet.store.open()


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", "watch=maybe", "timeoutSeconds=1.5", "fieldSelector=spec.alias=x", "labelSelector=a=(", "includeObject=All"],
)  # fmt: skip
async def test_a_query_without_sense_is_a_bad_request(serve, query):
    answer = await ask(serve, f"instances?{query}")

    assert (answer.status, answer.json["reason"], answer.json["code"]) == (400, "BadRequest", 400)


async def test_only_json_can_be_sent(serve):
    for path in ("instances", ONE, "/apis", f"{ONE}/decision"):
        answer = await ask(serve, path, accept="application/vnd.kubernetes.protobuf")
        assert (answer.status, answer.json["reason"]) == (406, "NotAcceptable")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{}" + b" " * 70_000, "application/json", 413), (b"a: b", "application/yaml", 415)],
    ids=["too long", "another form"],
)
async def test_an_actions_body_is_json_and_short(serve, body, content_type, status):
    answer = await ask(serve, f"{ONE}/reset", method="POST", body=body, content_type=content_type)

    assert (answer.status, answer.json["status"]) == (status, "Failure")


async def test_discovery_offers_no_way_to_delete_and_no_category(serve):
    old = (await ask(serve, BASE)).json["resources"]
    new = (await ask(serve, "/apis", accept=discovery.AGGREGATED)).json

    assert {entry["name"]: entry["verbs"] for entry in old} == {
        "instances": ["get", "list", "watch"],
        "instances/decision": ["get"],
        "instances/history": ["get"],
        "instances/reset": ["create"],
        "instances/forget": ["create"],
        "groupprogresses": ["get", "list", "watch"],
    }
    assert "delete" not in json.dumps([old, new])
    assert "categories" not in json.dumps([old, new])


async def test_both_forms_of_discovery_say_the_same(serve):
    old = (await ask(serve, BASE)).json["resources"]
    (group,) = (await ask(serve, "/apis", accept=discovery.AGGREGATED)).json["items"]
    (version,) = group["versions"]

    said = {}
    for resource in version["resources"]:
        said[resource["resource"]] = (resource["responseKind"]["kind"], resource["verbs"])
        for part in resource.get("subresources", []):
            said[f"{resource['resource']}/{part['subresource']}"] = (part["responseKind"]["kind"], part["verbs"])
    assert said == {entry["name"]: (entry["kind"], entry["verbs"]) for entry in old}


async def test_the_group_is_found_from_the_top(serve):
    (group,) = (await ask(serve, "/apis")).json["groups"]

    assert (await ask(serve, f"/apis/{group['name']}")).json["preferredVersion"] == group["preferredVersion"]
    assert f"/apis/{group['preferredVersion']['groupVersion']}" == BASE


async def test_the_document_of_the_api_is_found_and_complete(serve):
    (address,) = [path["serverRelativeURL"] for path in (await ask(serve, "/openapi/v3")).json["paths"].values()]
    document = (await ask(serve, address)).json
    schemas = document["components"]["schemas"]

    described = {
        gvk["kind"] for schema in schemas.values() for gvk in schema.get("x-kubernetes-group-version-kind", ())
    }
    listed = {entry["kind"] for entry in (await ask(serve, BASE)).json["resources"]}
    assert listed | {"InstanceList", "GroupProgressList"} == described
    references = {found["$ref"].rpartition("/")[2] for found in walk(document) if "$ref" in found}
    assert references <= schemas.keys()
    assert "null" not in json.dumps(document)


async def test_requests_are_counted_by_fixed_words(serve):
    tally = requests.RequestTally()
    counted = requests.Counted(serve, tally)
    for path in ("instances", ONE, "namespaces/team/instances/x", "/nowhere", "/apis"):
        await ask(counted, path)

    assert dict(tally.requests) == {
        ("instances", "list", 200): 1,
        ("instances", "get", 200): 1,
        ("instances", "get", 404): 1,
        ("other", "other", 404): 1,
        ("discovery", "get", 200): 1,
    }


def walk(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)
