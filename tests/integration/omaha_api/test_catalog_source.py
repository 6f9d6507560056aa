"""The catalog follows a real API server: every change arrives, and nothing that was deleted lives on."""

import asyncio
import contextlib

import pytest

from omaha_api.catalog import catalog_source, snapshot
from support import omaha_fleet
from support.eventually import eventually
from support.fault_proxy import FaultProxy
from support.kube_fleet import KubeFleet
from update_core.versions import parse
from update_kube import client, configuration


@pytest.fixture
def fleet(control_plane, namespace, app_id):
    return KubeFleet(control_plane, namespace, app_id)


@contextlib.asynccontextmanager
async def running(source, config):
    async with await client.connect(config) as kube:
        task = asyncio.create_task(source.run(kube))
        try:
            yield source
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def proxy(control_plane):
    async with FaultProxy(configuration.load(control_plane.kubeconfig)).running() as running_proxy:
        yield running_proxy


def source_with(tmp_path, **options):
    return catalog_source.CatalogSource(
        package_base_url="http://packages.test/", snapshot_file=tmp_path / "catalog.json", **options
    )


def restarted_with(tmp_path, **options):
    """A source that finds another application's catalog on disk, and the catalogs that it serves."""
    snapshot.save(tmp_path / "catalog.json", omaha_fleet.fleet("from.the.snapshot"))
    source = source_with(tmp_path, **options)
    served = []
    source.subscribe(served.append)
    source.load_snapshot()
    return source, served


def applications(served):
    return [set(catalog.applications) for catalog in served]


async def test_a_promotion_reaches_the_catalog(control_plane, fleet, tmp_path):
    source = source_with(tmp_path)
    async with running(source, configuration.load(control_plane.kubeconfig)):
        await asyncio.to_thread(fleet.roll_out, "1.1.0")

        def offered():
            group = source.current.group(fleet.app_id, "fake1")
            return group is not None and group.payloads and group.stamp is not None

        await eventually(offered)
        assert source.current.group(fleet.app_id, "fake1").payloads[0].codebase == "http://packages.test/"


async def test_a_package_deleted_while_the_watches_are_cut_is_noticed_after_they_return(proxy, fleet, tmp_path):
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    source = source_with(tmp_path)
    async with running(source, proxy.config):
        await eventually(lambda: source.live and source.current.group(fleet.app_id, "fake1").payloads)

        await proxy.cut()
        await asyncio.to_thread(fleet.delete, "Package", "app-1.1.0")
        assert source.current.group(fleet.app_id, "fake1").payloads
        await proxy.restore()

        await eventually(lambda: source.current.group(fleet.app_id, "fake1").payloads == ())


async def test_a_moved_channel_ends_the_offer_without_a_new_stamp(control_plane, fleet, tmp_path):
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    source = source_with(tmp_path)
    async with running(source, configuration.load(control_plane.kubeconfig)):
        await eventually(lambda: source.live and source.current.group(fleet.app_id, "fake1").stamp is not None)

        await asyncio.to_thread(fleet.update, "Channel", "app-master", spec={"version": "1.0.0"})

        await eventually(lambda: source.current.group(fleet.app_id, "fake1").stamp is None)
        assert source.current.group(fleet.app_id, "fake1").wanted == parse("1.0.0")


async def test_the_snapshot_on_disk_holds_the_latest_catalog(control_plane, fleet, tmp_path):
    source = source_with(tmp_path)
    async with running(source, configuration.load(control_plane.kubeconfig)):
        await asyncio.to_thread(fleet.roll_out, "1.1.0")

        def saved():
            objects = snapshot.load(tmp_path / "catalog.json") or []
            return any(
                obj["kind"] == "Group" and obj["status"] and obj["metadata"]["namespace"] == fleet._namespace
                for obj in objects
            )

        await eventually(saved)

    restarted = source_with(tmp_path)
    restarted.load_snapshot()
    assert restarted.saved.group(fleet.app_id, "fake1") == source.current.group(fleet.app_id, "fake1")


async def test_a_snapshot_is_not_served_where_the_api_server_answers(control_plane, fleet, tmp_path):
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    source, served = restarted_with(tmp_path, patience_seconds=60)
    async with running(source, configuration.load(control_plane.kubeconfig)):
        await eventually(lambda: source.loaded)
        assert fleet.app_id in source.current.applications
        assert not any("from.the.snapshot" in each for each in applications(served))


async def test_a_snapshot_is_served_as_soon_as_the_api_server_fails_until_it_answers(proxy, fleet, tmp_path):
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    await proxy.cut()
    source, served = restarted_with(tmp_path, patience_seconds=3600)
    async with running(source, proxy.config):
        await eventually(lambda: source.loaded)
        assert (applications(served), source.live) == ([{"from.the.snapshot"}], False)
        await proxy.restore()
        await eventually(lambda: source.live)
        assert "from.the.snapshot" not in source.current.applications


async def test_a_snapshot_is_served_where_the_api_server_is_silent_for_long(proxy, tmp_path):
    proxy.stall()
    source, served = restarted_with(tmp_path, patience_seconds=0.1)
    async with running(source, proxy.config):
        await eventually(lambda: source.loaded)
        assert (applications(served), source.live) == ([{"from.the.snapshot"}], False)
