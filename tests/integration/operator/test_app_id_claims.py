"""Is an appId awarded to exactly one namespace, whoever asks at the same moment?"""

import asyncio

import pytest

from support import control_plane as planes
from support import kinds
from update_kube import client, configuration, errors
from update_kube.resources import CONFIGMAPS
from update_operator import claims


@pytest.fixture
async def kube(own_control_plane):
    """The administrator."""
    access = planes.access_to(own_control_plane)
    async with await client.connect(configuration.load(access.kubeconfig)) as connected:
        yield connected


def wanted_by(namespace, at=0):
    """An Application in a namespace, made at a second."""
    made = kinds.application(app_id="io.example.claimed")
    metadata = made.metadata.model_copy(update={"namespace": namespace, "creation_timestamp": kinds.later(at)})
    return made.model_copy(update={"metadata": metadata})


async def test_the_oldest_application_gets_the_app_id_and_keeps_it(kube, tenant):
    book = claims.Claims(kube, tenant.name)
    applications = [wanted_by("younger", at=9), wanted_by("older", at=1)]

    assert await book.award("io.example.claimed", applications) == "older"
    again = claims.Claims(kube, tenant.name)
    assert await again.award("io.example.claimed", [wanted_by("younger")]) == "older"


async def test_of_many_that_ask_at_once_one_wins_and_all_know_it(kube, tenant):
    books = [claims.Claims(kube, tenant.name) for _ in range(8)]
    owners = await asyncio.gather(
        *(book.award("io.example.claimed", [wanted_by(f"n{number}")]) for number, book in enumerate(books))
    )

    assert len(set(owners)) == 1


async def test_a_refresh_tells_of_claims_that_were_moved_made_and_removed(kube, tenant):
    book = claims.Claims(kube, tenant.name)
    await book.award("io.example.claimed", [wanted_by("first")])
    name = claims.name_of("io.example.claimed")
    assert await book.refresh() == []

    await kube.merge_patch(CONFIGMAPS, name, {"data": {"namespace": "second"}}, tenant.name)
    assert await book.refresh() == ["io.example.claimed"]
    assert book.owner("io.example.claimed") == "second"

    await kube.delete(CONFIGMAPS, name, tenant.name)
    assert await book.refresh() == ["io.example.claimed"]
    assert book.owner("io.example.claimed") is None


async def test_a_claim_that_says_nothing_is_an_error_that_says_what_to_do(kube, tenant):
    name = claims.name_of("io.example.claimed")
    await kube.create(CONFIGMAPS, {"metadata": {"name": name, "namespace": tenant.name}, "data": {}})

    with pytest.raises(errors.KubeError, match=f"ConfigMap {tenant.name}/{name} .* an administrator must"):
        await claims.Claims(kube, tenant.name).award("io.example.claimed", [wanted_by("first")])


async def test_a_claim_says_who_made_it(kube, tenant):
    await claims.Claims(kube, tenant.name).award("io.example.claimed", [wanted_by("first")])
    stored = await kube.get(CONFIGMAPS, claims.name_of("io.example.claimed"), tenant.name)

    assert stored["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "update-operator"
    assert stored["data"] == {"appId": "io.example.claimed", "namespace": "first"}
