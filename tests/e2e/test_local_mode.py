"""`updatectl local`: typed twice, typed after a crash, typed beside something that has its ports."""

import asyncio
import json
import subprocess
import sys

import pytest

from update_kube import client, configuration, resources
from updatectl.local import certificates
from updatectl.local.control_plane import authority

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]


def local(stack, *arguments):
    command = [sys.executable, "-m", "updatectl", "local", *arguments, "--data-dir", str(stack.folders.root)]
    return subprocess.run(command, env=stack.environment, capture_output=True, text=True, check=False, timeout=120)


def pids(stack):
    return {part.name: part.pid for part in stack.status()}


def test_up_twice_starts_nothing_twice_and_says_the_same(stack):
    before = pids(stack)

    ran = local(stack, "up")

    assert ran.returncode == 0, ran.stderr
    assert pids(stack) == before
    assert f"export KUBECONFIG={stack.kubeconfig}" in ran.stdout
    assert f"{stack.omaha_url}/v1/update/" in ran.stdout


def test_two_who_start_at_once_start_one(stack):
    stack.kill_service("omaha-api")
    command = [sys.executable, "-m", "updatectl", "local", "up", "--data-dir", str(stack.folders.root)]
    both = [subprocess.Popen(command, env=stack.environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert all(part.state in {"Running", "Ready"} for part in stack.status())


def test_a_crashed_service_is_shown_and_comes_back(stack):
    stack.kill_service("update-operator")

    shown = local(stack, "status", "-o", "json")
    states = {part["name"]: part["state"] for part in json.loads(shown.stdout)}
    assert shown.returncode == 1
    assert (states["update-operator"], states["omaha-api"], states["fleet-api"]) == ("Crashed", "Ready", "Ready")

    assert local(stack, "up").returncode == 0
    assert local(stack, "status").returncode == 0


def test_a_renewed_authority_of_the_fleet_api_needs_no_restart(stack):
    before = pids(stack)
    files = certificates.ServiceCertificates(stack.folders.certificates)
    files.fleet_authority.key.unlink()
    serial = authority.certificate_of(files.fleet_serving).serial_number

    ran = local(stack, "up")

    assert ran.returncode == 0, ran.stderr
    assert authority.certificate_of(files.fleet_serving).serial_number != serial
    assert pids(stack) == before
    assert local(stack, "status").returncode == 0


def test_everything_comes_back_as_it_was_after_a_stop(stack):
    ports = stack.ports
    assert local(stack, "down").returncode == 0
    assert local(stack, "status").returncode == 1

    ran = local(stack, "up")

    assert ran.returncode == 0, ran.stderr
    assert stack.ports == ports
    assert all(part.state in {"Running", "Ready"} for part in stack.status())


def test_everybody_who_may_log_in_finds_the_omaha_address(stack):
    async def published():
        folder = stack.folders.service_account("omaha-api")
        config = configuration.from_service_account_dir(folder, stack.kube_server)
        async with await client.connect(config) as kube:
            return await kube.get(resources.CONFIGMAPS, "update-service-info", "update-system")

    assert asyncio.run(published())["data"]["omahaURL"] == stack.omaha_url
