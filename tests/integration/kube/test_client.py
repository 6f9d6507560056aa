"""Requests do what they say, and failures say what they are, against a real API server."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time

import pytest

from support import fault_proxy
from support.eventually import eventually
from update_kube import client, configuration, credentials, errors, resources
from updatectl.local.control_plane import authority
from updatectl.local.control_plane.authority import Pair
from updatectl.local.control_plane.certificates import Certificates


def configmap(namespace, name="subject", **data):
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


async def test_an_object_goes_through_its_life(kube, namespace):
    created = await kube.create(resources.CONFIGMAPS, configmap(namespace, a="1"))
    replaced = await kube.replace(resources.CONFIGMAPS, created | {"data": {"a": "2"}})
    patched = await kube.merge_patch(resources.CONFIGMAPS, "subject", {"data": {"b": "3"}}, namespace)
    assert (await kube.get(resources.CONFIGMAPS, "subject", namespace))["data"] == {"a": "2", "b": "3"}
    assert created["metadata"]["uid"] == replaced["metadata"]["uid"] == patched["metadata"]["uid"]

    await kube.delete(resources.CONFIGMAPS, "subject", namespace)

    with pytest.raises(errors.NotFound, match="subject"):
        await kube.get(resources.CONFIGMAPS, "subject", namespace)


async def test_the_version_is_that_of_the_server(kube):
    assert (await kube.server_version())["major"] == "1"


async def test_a_taken_name_is_already_exists(kube, namespace):
    await kube.create(resources.CONFIGMAPS, configmap(namespace))

    with pytest.raises(errors.AlreadyExists):
        await kube.create(resources.CONFIGMAPS, configmap(namespace))


async def test_a_stale_replace_is_a_conflict_without_owners(kube, namespace):
    stale = await kube.create(resources.CONFIGMAPS, configmap(namespace, a="1"))
    await kube.replace(resources.CONFIGMAPS, stale | {"data": {"a": "2"}})

    with pytest.raises(errors.Conflict) as caught:
        await kube.replace(resources.CONFIGMAPS, stale | {"data": {"a": "3"}})
    assert caught.value.conflicts == ()


async def test_deleting_another_object_of_the_same_name_is_a_conflict(kube, namespace):
    first = await kube.create(resources.CONFIGMAPS, configmap(namespace))
    await kube.delete(resources.CONFIGMAPS, "subject", namespace, uid=first["metadata"]["uid"])
    await kube.create(resources.CONFIGMAPS, configmap(namespace))

    with pytest.raises(errors.Conflict):
        await kube.delete(resources.CONFIGMAPS, "subject", namespace, uid=first["metadata"]["uid"])


async def test_applying_a_field_of_another_manager_names_the_owner_unless_forced(kube, namespace):
    await kube.apply(resources.CONFIGMAPS, configmap(namespace, a="theirs"), field_manager="gitops")

    with pytest.raises(errors.Conflict) as caught:
        await kube.apply(resources.CONFIGMAPS, configmap(namespace, a="ours"), field_manager="updatectl")
    assert [(conflict.manager, conflict.field) for conflict in caught.value.conflicts] == [("gitops", ".data.a")]

    taken = await kube.apply(
        resources.CONFIGMAPS, configmap(namespace, a="ours"), field_manager="updatectl", force=True
    )
    assert taken["data"] == {"a": "ours"}


async def test_an_apply_with_a_resource_version_is_fenced_by_it(kube, namespace):
    first = await kube.apply(resources.CONFIGMAPS, configmap(namespace, a="1"), field_manager="m")
    fenced = configmap(namespace, a="2")
    fenced["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    await kube.apply(resources.CONFIGMAPS, fenced, field_manager="m")

    with pytest.raises(errors.Conflict):
        await kube.apply(resources.CONFIGMAPS, fenced | {"data": {"a": "3"}}, field_manager="m", force=True)
    assert (await kube.get(resources.CONFIGMAPS, "subject", namespace))["data"] == {"a": "2"}


async def test_a_dry_run_writes_nothing(kube, namespace):
    answer = await kube.apply(resources.CONFIGMAPS, configmap(namespace, a="1"), field_manager="m", dry_run=True)

    assert answer["data"] == {"a": "1"}
    with pytest.raises(errors.NotFound):
        await kube.get(resources.CONFIGMAPS, "subject", namespace)


async def create(kube, obj):
    await kube.create(resources.CONFIGMAPS, obj)


async def apply(kube, obj):
    await kube.apply(resources.CONFIGMAPS, obj, field_manager="m")


@pytest.mark.parametrize("write", [create, apply])
async def test_an_unknown_field_is_refused_and_named(kube, namespace, write):
    with pytest.raises(errors.BadRequest, match="dada"):
        await write(kube, configmap(namespace) | {"dada": {}})


async def test_an_invalid_object_names_the_field(kube, namespace):
    with pytest.raises(errors.Invalid) as caught:
        await kube.create(resources.CONFIGMAPS, configmap(namespace, name="Not A Name"))
    assert [cause.field for cause in caught.value.causes] == ["metadata.name"]


async def test_lists_are_complete_whatever_the_page_size(kube, namespace):
    for number in range(7):
        await kube.create(resources.CONFIGMAPS, configmap(namespace, name=f"subject-{number}"))

    items, version = await kube.list_all(resources.CONFIGMAPS, namespace, page_size=2)

    names = [item["metadata"]["name"] for item in items]
    assert [name for name in names if name.startswith("subject")] == [f"subject-{number}" for number in range(7)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "ConfigMap")}
    assert int(version) > 0


async def test_objects_of_two_namespaces_are_never_confused(kube, namespace):
    with pytest.raises(ValueError, match="the object is in namespace"):
        await kube.create(resources.CONFIGMAPS, configmap(namespace), "another")
    with pytest.raises(ValueError, match="needs a namespace"):
        await kube.create(resources.CONFIGMAPS, {"metadata": {"name": "a"}})


# Who we are


async def account(kube, namespace, name, folder, ca_file):
    """A service account's folder as in a pod; returns the token."""
    await kube.create(resources.SERVICEACCOUNTS, {"metadata": {"name": name, "namespace": namespace}})
    path = resources.SERVICEACCOUNTS.path(namespace, name, "token")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = (await kube.request("POST", path, body=review))["status"]["token"]
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_text(ca_file.read_text())
    (folder / "namespace").write_text(namespace)
    return token


async def whoami(kube):
    review = await kube.create(
        resources.SELFSUBJECTREVIEWS, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    )
    return review["status"]["userInfo"]["username"]


async def test_a_service_account_is_who_its_folder_says_and_may_what_rbac_says(
    kube, control_plane, namespace, tmp_path
):
    await account(kube, namespace, "robot", tmp_path, control_plane.ca_file)
    config = configuration.from_service_account_dir(tmp_path, control_plane.server)

    async with await client.connect(config) as robot:
        assert await whoami(robot) == f"system:serviceaccount:{namespace}:robot"
        with pytest.raises(errors.Forbidden, match="configmaps is forbidden"):
            await robot.list_all(resources.CONFIGMAPS, config.namespace)


async def test_a_refused_token_is_read_again_and_the_request_repeated(kube, control_plane, namespace, tmp_path):
    token = await account(kube, namespace, "robot", tmp_path, control_plane.ca_file)
    file = tmp_path / "token"
    file.write_text(token[:-10] + "A" * 10)
    before = file.stat()
    config = configuration.from_service_account_dir(tmp_path, control_plane.server)
    async with await client.connect(config) as robot:
        with pytest.raises(errors.Unauthorized):
            await whoami(robot)
        # In place and with its old time stamps: only the 401 makes anyone look.
        file.write_text(token)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert await whoami(robot) == f"system:serviceaccount:{namespace}:robot"


async def test_a_client_certificate_renewed_on_the_disk_is_shown_to_the_server(control_plane, tmp_path):
    signer = Certificates(control_plane.admin.certificate.parent).cluster_authority
    pair = Pair(tmp_path / "client.crt", tmp_path / "client.key")
    authority.issue(pair, authority.Subject("first"), signer, dt.datetime.now(dt.UTC))
    user = credentials.of_user({"client-certificate": str(pair.certificate), "client-key": str(pair.key)})
    config = configuration.ClientConfig(
        control_plane.server, credentials=user, ca_data=control_plane.ca_file.read_text()
    )
    async with client.Client(config) as somebody:
        assert await whoami(somebody) == "first"
        authority.issue(pair, authority.Subject("second"), signer, dt.datetime.now(dt.UTC))
        user.refused()

        assert await whoami(somebody) == "second"


# No answer


async def test_a_refused_connection_is_unreachable(control_plane):
    async with client.Client(configuration.ClientConfig("https://127.0.0.1:1")) as nowhere:
        with pytest.raises(errors.Unreachable, match=r"cannot reach https://127\.0\.0\.1:1: connection refused"):
            await nowhere.server_version()


async def test_an_unknown_host_is_unreachable():
    async with client.Client(configuration.ClientConfig("https://nowhere.invalid")) as nowhere:
        with pytest.raises(errors.Unreachable, match="no such host"):
            await nowhere.server_version()


async def test_a_certificate_of_an_unknown_ca_is_untrusted_with_a_remedy(control_plane):
    async with client.Client(configuration.ClientConfig(control_plane.server)) as stranger:
        with pytest.raises(errors.UntrustedServer, match=r"not trusted: .*Give the CA that signed it"):
            await stranger.server_version()


async def test_plain_http_to_a_tls_port_says_so(control_plane):
    plain = control_plane.server.replace("https://", "http://")
    async with client.Client(configuration.ClientConfig(plain)) as confused:
        with pytest.raises(errors.BadRequest, match="HTTP request to an HTTPS server"):
            await confused.server_version()


async def test_tls_to_a_plain_port_is_unreachable(proxy):
    async with client.Client(configuration.ClientConfig(proxy.url.replace("http://", "https://"))) as confused:
        with pytest.raises(errors.Unreachable, match="cannot reach"):
            await confused.server_version()


async def test_a_server_that_does_not_answer_is_given_up_in_time(proxied, proxy):
    proxy.stall()

    with pytest.raises(errors.Unreachable, match=r"did not answer within 0\.5 s"):
        await proxied.server_version()


async def test_a_connection_cut_in_the_middle_is_unreachable(proxied, proxy):
    proxy.stall()
    asking = asyncio.create_task(whoami(proxied))
    await eventually(lambda: proxy.requests)
    await proxy.cut()

    with pytest.raises(errors.Unreachable, match="broke"):
        await asking


async def test_something_else_than_an_api_server_is_named_as_such(proxied, proxy):
    proxy.answer(200, "<html>log in to the network</html>")

    with pytest.raises(errors.Unreachable, match="does not answer like a Kubernetes API server"):
        await proxied.server_version()


async def test_a_reader_that_asks_for_retries_gets_its_answer(proxied, proxy):
    proxy.answer(503, times=2)

    assert await proxied.get(resources.NAMESPACES, "default", retries=2)


async def test_without_asking_nothing_is_repeated(proxied, proxy, namespace):
    proxy.answer(503)

    with pytest.raises(errors.ServerError):
        await proxied.get(resources.NAMESPACES, "default")
    assert len(proxy.requests) == 1


async def test_a_retry_waits_as_long_as_the_server_asks(proxied, proxy):
    proxy.answer(429, headers={"Retry-After": "1"})
    started = time.monotonic()

    await proxied.get(resources.NAMESPACES, "default", retries=1)

    assert time.monotonic() - started >= 1.0


async def test_writes_are_never_repeated(proxied):
    with pytest.raises(ValueError, match="POST is not repeated"):
        await proxied.request("POST", "/api/v1/namespaces", retries=1)


async def test_an_untrusted_server_is_not_asked_again(kube_config):
    async with fault_proxy.FaultProxy(kube_config, tls=True).running() as proxy:
        async with client.Client(configuration.ClientConfig(proxy.url)) as stranger:
            started = time.monotonic()
            with pytest.raises(errors.UntrustedServer):
                await stranger.get(resources.NAMESPACES, "default", retries=5)
        assert time.monotonic() - started < 1.0
        assert proxy.requests == []
