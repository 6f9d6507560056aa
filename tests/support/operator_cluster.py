"""An operator as it really runs: processes of their own, under their own service account, against a real API server."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support import control_plane as planes
from support import lifeline
from support.ports import free_port
from support.scripted_fleet import PATIENT_SECONDS
from update_operator import claims
from updatectl.local import installing
from updatectl.local.control_plane import cluster

SYSTEM = "update-system"


@contextlib.contextmanager
def private_plane() -> Iterator[cluster.ControlPlane]:
    """A control plane with the four kinds, for the block; it doesn't outlive a test run that is killed."""
    run = planes.Run.begin()
    line = lifeline.Lifeline(run.folder)
    run.guard()
    plane = planes.plane_on(run.folder / "control-plane")
    plane.start()
    planes.install_crds(planes.access_to(plane))
    try:
        yield plane
    finally:
        plane.stop()
        run.end()
        line.release()


class OperatorProcess:
    """One `python -m update_operator run`."""

    def __init__(self, log: Path, arguments: list[str], port: int | None = None) -> None:
        self.log = log
        # Port 0 would hide where it listens.
        self.port = port or free_port()
        command = [
            sys.executable,
            "-m",
            "update_operator",
            "run",
            "--metrics-listen",
            f"127.0.0.1:{self.port}",
            *arguments,
        ]
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)

    def get(self, path: str) -> tuple[int, str]:
        """What an HTTP path of it answers; (0, why) where nothing does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def leads(self) -> bool:
        """Whether it is the leader and has listed everything."""
        return self.metric("update_operator_leader") == 1 and self.get("/readyz")[0] == 200

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float = 20) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """End it as a supervisor does; its exit code."""
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text()


class OperatorCluster:
    """A cluster with the service's namespace, rights and account, and the operators that tests start in it."""

    def __init__(self, access: planes.Access, folder: Path) -> None:
        self.access = access
        self.folder = folder
        self.started: list[OperatorProcess] = []

    async def prepare(self) -> None:
        """Apply the operator's manifest as it is shipped, and get a token for its account."""
        self.access.request("POST", "/api/v1/namespaces", {"metadata": {"name": SYSTEM}})
        # A test may have changed the roles.
        self.access.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest()))
        token = await installing.request_token(self.access.kubeconfig, "update-operator", SYSTEM)
        installing.write_service_account(self.account, token=token, namespace=SYSTEM, ca_file=self.access.ca_file)

    @property
    def account(self) -> Path:
        """The folder of the operator's service account."""
        return self.folder / "account"

    def start(
        self,
        *,
        kubeconfig: Path | None = None,
        resync_seconds: float = 2.0,
        lease_seconds: int = 3,
        fleet_silence_seconds: float = PATIENT_SECONDS,
        port: int | None = None,
    ) -> OperatorProcess:
        """Start one more operator: with its account, or with what the kubeconfig says."""
        access = ["--service-account-dir", str(self.account), "--kube-server", self.access.server]
        if kubeconfig is not None:
            access = ["--kubeconfig", str(kubeconfig)]
        times = ["--resync-seconds", str(resync_seconds), "--lease-seconds", str(lease_seconds)]
        arguments = [*access, "--fleet-silence-seconds", str(fleet_silence_seconds), *times]
        process = OperatorProcess(self.folder / f"operator-{len(self.started)}.log", arguments, port)
        self.started.append(process)
        return process

    def lease(self) -> dict[str, Any]:
        """The operators' Lease."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/update-operator"
        found: dict[str, Any] = self.access.request("GET", path)[1]
        return found

    def may(self, verb: str, resource: str, namespace: str) -> bool:
        """Whether the operator's account has a right; everywhere without a namespace."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        account = f"system:serviceaccount:{SYSTEM}:update-operator"
        resource, _, part = resource.partition("/")
        what = [resource, f"--subresource={part}"] if part == "status" else [f"{resource}/{part}" if part else resource]
        return self.access.kubectl("auth", "can-i", verb, *what, *where, f"--as={account}", check=False).returncode == 0

    def move_claim(self, app_id: str, namespace: str) -> None:
        """Give an appId to another namespace, as an administrator does."""
        patch = json.dumps({"data": {"namespace": namespace}})
        self.access.kubectl("patch", "configmap", claims.name_of(app_id), "--type=merge", "-p", patch, namespace=SYSTEM)

    def stop_all(self) -> None:
        """End what still runs."""
        for process in self.started:
            process.stop()
        self.started.clear()


class Tenant:
    """A namespace, and the four kinds in it in few words."""

    def __init__(self, access: planes.Access) -> None:
        self.access = access
        self.name = f"test-{uuid.uuid4().hex[:10]}"
        access.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.name}})

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """kubectl apply."""
        documents = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.access.kubectl("apply", "-f", "-", namespace=self.name, input=json.dumps(documents))

    def delete(self, resource: str, name: str) -> None:
        """kubectl delete."""
        self.access.kubectl("delete", resource, name, namespace=self.name)

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """An object as it is; empty if it isn't there."""
        path = f"/apis/updateservice.dev/v1alpha1/namespaces/{self.name}/{plural}/{name}"
        status, obj = self.access.request("GET", path)
        return obj if status == 200 else {}

    def condition(self, plural: str, name: str, type_: str) -> tuple[str, str] | None:
        """A condition's status and reason, None where it isn't set."""
        return _condition(self.get(plural, name), type_)

    def target(self, name: str) -> str | None:
        """The version that a Group is stamped with."""
        return self.get("groups", name).get("status", {}).get("target", {}).get("version")

    def versions(self) -> dict[str, str]:
        """The resourceVersion of every object of the four kinds."""
        listed = self.access.kubectl("get", "updates", "-o", "json", namespace=self.name).stdout
        items = json.loads(listed)["items"]
        return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}

    def message(self, plural: str, name: str, type_: str) -> str:
        """A condition's message, empty where it isn't set."""
        conditions = self.get(plural, name).get("status", {}).get("conditions", [])
        return next((str(condition["message"]) for condition in conditions if condition["type"] == type_), "")

    def event_reasons(self, kind: str, name: str) -> set[str]:
        """The reasons of the Events about an object."""
        return {event["reason"] for event in events(self.access, self.name, kind, name)}

    def kubectl_command(self, *arguments: str) -> list[str]:
        """The command line of a kubectl that a test runs beside other things."""
        return [
            str(planes.kubectl_program()),
            f"--kubeconfig={self.access.kubeconfig}",
            f"--namespace={self.name}",
            *arguments,
        ]

    def remove(self) -> None:
        """Delete the namespace with everything in it, and wait until it is gone."""
        for plural in ("groups", "channels", "packages", "applications"):
            self.access.kubectl("delete", plural, "--all", namespace=self.name)
        self.access.request("DELETE", f"/api/v1/namespaces/{self.name}")


def events(access: planes.Access, namespace: str, kind: str, name: str) -> list[dict[str, Any]]:
    """The Events about an object."""
    found = access.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")[1]["items"]
    return [event for event in found if (event["regarding"]["kind"], event["regarding"]["name"]) == (kind, name)]


def _condition(obj: dict[str, Any], type_: str) -> tuple[str, str] | None:
    for condition in obj.get("status", {}).get("conditions", []):
        if condition["type"] == type_:
            return condition["status"], condition["reason"]
    return None


def manifest() -> Path:
    """The operator's manifest."""
    return Path(installing.__file__).parent / "manifests" / "operator.yaml"


def application(app_id: str, name: str = "app", **spec: Any) -> dict[str, Any]:
    """An Application."""
    return _object("Application", name, {"appId": app_id, **spec})


def package(
    version: str,
    name: str | None = None,
    application: str = "app",
    digest: str = "a",
    arch: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A Package; without `arch` for all."""
    spec = {
        "applicationRef": {"name": application},
        "version": version,
        "url": f"{version}.tgz",
        "size": 1,
        "sha256": digest * 64,
    }
    only = {"arch": arch} if arch else {}
    return _object("Package", name or "-".join([application, version, *only.values()]), spec | only | more)


def channel(
    version: str, name: str = "stable", application: str = "app", floors: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A Channel; `floors` are versions with their reasons."""
    spec = {"applicationRef": {"name": application}, "name": name, "version": version}
    written = [{"version": floor, "reason": reason} for floor, reason in (floors or {}).items()]
    return _object("Channel", name, spec | ({"floors": written} if floors is not None else {}))


def group(name: str = "prod", channel: str = "stable", application: str = "app", **spec: Any) -> dict[str, Any]:
    """A Group; its track is its name."""
    references = {"applicationRef": {"name": application}, "channelRef": {"name": channel}}
    return _object("Group", name, {**references, "track": name, **spec})


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
