"""What the fuzzed service serves: an application for each that the requests in the corpus name, answered in every way there is."""

from typing import Any

from omaha_api import service
from omaha_api.answers import asgi
from omaha_api.catalog import catalog_objects
from support import omaha_fleet as fleet
from support.omaha_service import PACKAGES
from update_core import catalog as catalogs

OFFERED = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
PAUSED = "8a69d345-d564-463c-aff1-a69d9e530f96"
LIMITED = "cffkpbalmllkdoenhmdmpbkajipdjfam"
SEMVER = "io.kinvolk.demo"
"""Others are unknown."""


def catalog() -> catalogs.Catalog:
    """The catalog, as the service resolves it from resources."""
    objects = catalog_objects.CatalogObjects(package_base_url=PACKAGES)
    for obj in (
        *_app("offered", OFFERED, "1.1.0"),
        *_app("paused", PAUSED, "2.0", paused=True),
        *_app("limited", LIMITED, "120.0.6099.5", rateLimit={"maxUpdates": 1, "periodSeconds": 3600}),
        *_app("semver", SEMVER, "3340.0.0-rc.1+nightly", maxInFlight=1, updateTimeoutSeconds=60),
    ):
        objects.put(obj)
    return objects.build()


def _app(name: str, app_id: str, version: str, **group_spec: Any) -> list[fleet.Object]:
    payload = fleet.package(version, app=name)
    payload["metadata"]["name"] = f"{name}-package"
    group = fleet.group(name=f"{name}-fake1", app=name, channel=f"{name}-stable", **group_spec)
    return [
        fleet.application(app_id, name=name, defaultGroupRef={"name": f"{name}-fake1"}),
        fleet.channel(version, name=f"{name}-stable", channel_name="stable", app=name),
        payload,
        fleet.stamped(group, payload),
    ]


def forget_shortcut(serving: service.Service) -> None:
    """Answer steady checks as all others are answered."""
    answering = serving.public
    while not isinstance(answering, asgi.PublicApp):
        answering = answering._app
    answering._steady = None
