"""Playing the people and the operator against a real API server: apply resources, stamp a Group, move a channel."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from support import omaha_fleet
from support.control_plane import Access

Object = dict[str, Any]

PLURALS = {"Application": "applications", "Channel": "channels", "Group": "groups", "Package": "packages"}


class KubeFleet:
    """One application in one namespace."""

    def __init__(self, access: Access, namespace: str, app_id: str) -> None:
        self.app_id = app_id
        self._access = access
        self._namespace = namespace
        self._sequences: Counter[str] = Counter()
        self._package: Object = {}
        self._floors: Sequence[Object] = ()

    def path(self, kind: str, name: str, suffix: str = "") -> str:
        base = f"/apis/updateservice.dev/v1alpha1/namespaces/{self._namespace}/{PLURALS[kind]}"
        return f"{base}/{name}{suffix}" if name else base

    def create(self, obj: Object) -> Object:
        """Create an object as support.omaha_fleet makes it."""
        body = obj | {"metadata": {"name": obj["metadata"]["name"]}}
        status, answer = self._access.request("POST", self.path(obj["kind"], ""), body)
        assert status == 201, answer["message"]
        return answer

    def update(self, kind: str, name: str, *, suffix: str = "", **changes: Any) -> Object:
        """Replace parts of an object's top level: spec fields are merged, status is replaced."""
        _, current = self._access.request("GET", self.path(kind, name))
        current["spec"] |= changes.get("spec", {})
        if "status" in changes:
            current["status"] = changes["status"]
        status, answer = self._access.request("PUT", self.path(kind, name, suffix), current)
        assert status == 200, answer
        return answer

    def delete(self, kind: str, name: str) -> None:
        """Delete an object."""
        status, answer = self._access.request("DELETE", self.path(kind, name))
        assert status == 200, answer

    def roll_out(
        self,
        version: str,
        *,
        payload: Object | None = None,
        application: Object | None = None,
        course: Object | None = None,
        **group_spec: Any,
    ) -> None:
        """The guide's application, with the operator's stamp for `version`. `payload` and `application` add to the specs of the two,
        `course` to the stamp."""
        self.create(omaha_fleet.application(self.app_id, **(application or {})))
        self.create(omaha_fleet.channel(version))
        package = self.create(omaha_fleet.package(version, **(payload or {})))
        self.create(omaha_fleet.group(**group_spec))
        self.stamp(package, course=course)

    def stamp(
        self,
        package: Object,
        *,
        group: str = "app-fake1",
        floors: Sequence[Object] = (),
        course: Object | None = None,
    ) -> None:
        """Begin a rollout to the Package by way of the Packages that are floors, as the operator does."""
        self._package, self._floors = package, floors
        self.stamp_group(group, course=course)

    def stamp_group(self, name: str, *, course: Object | None = None) -> None:
        """Begin a rollout to the same Package for a Group."""
        self._sequences[name] += 1
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        sequence = self._sequences[name]
        stamped = omaha_fleet.status(self._package, sequence=sequence, started=now, floors=self._floors, course=course)
        self.update("Group", name, suffix="/status", status=stamped)

    def advance(self, name: str = "app-fake1", **course: Any) -> None:
        """Stamp how far a Group's rollout is by now."""
        _, group = self._access.request("GET", self.path("Group", name))
        status = group["status"]
        self.update("Group", name, suffix="/status", status=status | {"rollout": status["rollout"] | course})
