"""Clients of the shared control plane, direct and through the fault proxy."""

from __future__ import annotations

import pytest

from support.fault_proxy import FaultProxy
from update_kube import client, configuration


@pytest.fixture
def kube_config(control_plane):
    return configuration.load(control_plane.kubeconfig)


@pytest.fixture
async def kube(kube_config):
    async with await client.connect(kube_config) as connected:
        yield connected


@pytest.fixture
async def proxy(kube_config):
    async with FaultProxy(kube_config).running() as running:
        yield running


@pytest.fixture
async def proxied(proxy):
    """A client that speaks to the API server through the fault proxy; it gives up on an answer after half a second."""
    async with client.Client(proxy.config, request_timeout=0.5) as connected:
        yield connected
