"""A fleet goes in waves, through two replicas on one PostgreSQL, and the database's own rows say that nothing went beyond what was asked.

Time is compressed: seconds where a fleet would take hours. Once with failures that must halt the rollout, once with some that must not.
"""

import collections
import datetime as dt
import json
import math
import uuid

import pytest
import yaml

from support import grant_audit, replicated_service, waiting
from support.grant_audit import Audit, Rules, Terms
from support.operator_cluster import events, private_plane
from update_core.omaha import events as codes
from update_core.rollout import cohort

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CANARIES, SECOND_PERCENT, BAKE_SECONDS, MIN_AGE_SECONDS = 10, 25, 3, 2
MICROS = 1_000_000
SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"
MANIFEST = """
apiVersion: updateservice.dev/v1alpha1
kind: Application
metadata: {{name: app}}
spec: {{appId: {app_id}, defaultGroupRef: {{name: fleet}}, packageBaseURL: "https://packages.example.com/"}}
---
apiVersion: updateservice.dev/v1alpha1
kind: Package
metadata: {{name: app-{version}}}
spec: {{applicationRef: {{name: app}}, version: {version}, url: "{version}.gz", size: 23, sha256: {sha256}}}
---
apiVersion: updateservice.dev/v1alpha1
kind: Channel
metadata: {{name: stable}}
spec: {{applicationRef: {{name: app}}, name: stable, version: {version}}}
"""


def group(*, window: dict, limits: dict, halt_on: dict) -> dict:
    return {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "fleet"},
        "spec": {
            "applicationRef": {"name": "app"},
            "channelRef": {"name": "stable"},
            "track": "fleet",
            "activeSeconds": 60,
            **limits,
            "maintenanceWindows": [window],
            "evidence": {"minAgeSeconds": MIN_AGE_SECONDS},
            "rollout": {
                "waves": [
                    {"name": "canary", "instances": CANARIES, "bakeSeconds": BAKE_SECONDS},
                    {"name": "some", "percent": SECOND_PERCENT, "bakeSeconds": BAKE_SECONDS, "settlePercent": 80},
                    {"name": "everybody", "percent": 100},
                ],
                "haltOn": halt_on,
                "retry": {"maxAttempts": 20, "backoffSeconds": 1},
            },
        },
    }


def window_from(opens: dt.datetime) -> dict:
    """A window that opens at this second and stays open for the whole test."""
    return {
        "days": [opens.strftime("%A")],
        "startTime": opens.strftime("%H:%M:%S"),
        "durationSeconds": 7200,
        "timeZone": "UTC",
    }


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Rollout:
    """An application with its fleet in a namespace of its own, moved from 1.0.0 to 1.1.0."""

    def __init__(self, service, clients: int, limits: dict) -> None:
        self.service = service
        self.clients = clients
        self.limits = limits
        self.app_id = str(uuid.uuid4())
        self.namespace = f"team-{uuid.uuid4().hex[:10]}"
        service.access.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})

    def apply(self, text: str) -> None:
        self.service.access.kubectl("apply", "-f", "-", input=text, namespace=self.namespace)

    def release(self, version: str) -> None:
        self.apply(MANIFEST.format(app_id=self.app_id, version=version, sha256=SHA256))

    def group(self) -> dict:
        return self.service.access.request(
            "GET", f"/apis/updateservice.dev/v1alpha1/namespaces/{self.namespace}/groups/fleet"
        )[1]

    def told(self, version: str, condition: str) -> bool:
        """Whether the status of the rollout to the version tells the condition."""
        status = self.group()["status"]
        true = {each["type"] for each in status["conditions"] if each["status"] == "True"}
        return status["rollout"]["version"] == version and condition in true

    def known(self) -> int:
        return self.service.rows(f"SELECT count(*) FROM update_service.instances WHERE app_id = '{self.app_id}'")[0][0]

    def old_enough(self) -> bool:
        """Whether every instance has been heard for as long as the group believes nobody before."""
        ((count,),) = self.service.rows(
            f"SELECT count(*) FROM update_service.instances WHERE app_id = '{self.app_id}' "
            f"AND first_seen <= {(now().timestamp() - MIN_AGE_SECONDS - 1) * MICROS:.0f}"
        )
        return count == self.clients

    def grants(self) -> list[dict]:
        """The store's rows, in the order in which they were given."""
        names = "number, sequence, version, instance_id, state, granted_at, moved_at, wave, established, error_code"
        rows = self.service.rows(
            f"SELECT {names} FROM update_service.grants WHERE app_id = '{self.app_id}' ORDER BY number"
        )
        return [dict(zip(names.split(", "), row, strict=True)) for row in rows]

    def moves(self) -> list[tuple]:
        """Every move of every grant, in the order of commits."""
        return [move for move in self.service.rows(grant_audit.MOVES) if move[-1] == self.app_id]

    def event_reasons(self) -> collections.Counter:
        return collections.Counter(
            event["reason"] for event in events(self.service.access, self.namespace, "Group", "fleet")
        )

    def run(self, errorrate: int, halt_on: dict, opens_in: float, done) -> dt.datetime:
        """Everything, until `done`; returns when the window opened."""
        self.release("1.0.0")
        flags = ["-c", str(self.clients), "-m", "3", "-M", "5", "--step", "0.5", "--errorrate", str(errorrate)]
        with self.service.clients(self.app_id, "fleet", "1.0.0", *flags):
            early = window_from(now() - dt.timedelta(minutes=5))
            spec = group(window=early, limits=self.limits, halt_on=halt_on)
            self.apply(yaml.safe_dump(spec))
            waiting.until(lambda: self.known() == self.clients and self.old_enough(), "all are known", within=120)
            opens = (now() + dt.timedelta(seconds=opens_in)).replace(microsecond=0)
            spec["spec"]["maintenanceWindows"] = [window_from(opens)]
            self.apply(yaml.safe_dump(spec))
            self.release("1.1.0")
            try:
                waiting.until(done, "the rollout has come to its end", within=240)
            except AssertionError as late:
                late.add_note(yaml.safe_dump(self.group()["status"]))
                raise
        return opens


@pytest.fixture(scope="module")
def service(tmp_path_factory, postgres):
    with (
        private_plane() as plane,
        replicated_service.running(plane, postgres, tmp_path_factory.mktemp("replicated")) as running,
    ):
        yield running


def audited(rollout: Rollout, opens: dt.datetime, failure_percent: int, min_samples: int) -> Audit:
    """What the database's rows alone say; no limit was exceeded by one."""
    status = rollout.group()["status"]["rollout"]
    waves = Terms(status["salt"], caps={"canary": CANARIES}, ppm={"some": cohort.ppm(SECOND_PERCENT)})
    rules = Rules(
        max_updates=rollout.limits["rateLimit"]["maxUpdates"],
        period_seconds=rollout.limits["rateLimit"]["periodSeconds"],
        max_in_flight=rollout.limits["maxInFlight"],
        open_at=lambda at: at >= opens.timestamp() * MICROS,
        failure_percent=failure_percent,
        min_samples=min_samples,
        rollouts={status["sequence"]: waves},
    )
    audit = grant_audit.replay(rollout.moves(), rules)
    assert audit.wrong == []
    assert [grant["number"] for grant in rollout.grants()] == list(range(1, len(rollout.grants()) + 1))
    return audit


def assert_waves_opened_first(rollout: Rollout) -> None:
    status = rollout.group()["status"]["rollout"]
    given = {grant["wave"]: grant["granted_at"] for grant in reversed(rollout.grants())}
    for opened in status["open"]:
        since = dt.datetime.fromisoformat(opened["openedTime"]).timestamp() * MICROS
        # The stamp is rounded to the next whole second.
        assert given.get(opened["name"], math.inf) >= since - MICROS


def assert_mixed(rollout: Rollout) -> None:
    """Instances really asked both."""
    assert rollout.service.answered_by_both()


SIZES = [
    pytest.param(100, {"rateLimit": {"maxUpdates": 20, "periodSeconds": 1}, "maxInFlight": 30}, 10, id="100 instances"),
    # Failures are told before successes: where hundreds begin at once the first few outcomes are no sample.
    pytest.param(
        2000,
        {"rateLimit": {"maxUpdates": 150, "periodSeconds": 2}, "maxInFlight": 300},
        50,
        id="2000 instances",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("clients", "limits", "min_samples"), SIZES)
def test_fleet_goes_in_waves_within_its_limits_though_some_fail(service, clients, limits, min_samples):
    rollout = Rollout(service, clients, limits)
    halt_on = {"failurePercent": 60, "minSamples": min_samples}

    opens = rollout.run(0, halt_on, opens_in=4, done=lambda: rollout.told("1.1.0", "RolloutComplete"))

    audit = audited(rollout, opens, 60, min_samples)
    assert audit.halted == {}
    assert_waves_opened_first(rollout)
    assert_mixed(rollout)
    assert [opened["name"] for opened in rollout.group()["status"]["rollout"]["open"]] == [
        "canary",
        "some",
        "everybody",
    ]
    assert {"WaveOpened", "WaveSettled", "RolloutCompleted"} <= rollout.event_reasons().keys()
    assert "RolloutHalted" not in rollout.event_reasons()
    last = {grant["instance_id"]: grant["state"] for grant in rollout.grants() if grant["version"] == "1.1.0"}
    assert collections.Counter(last.values()) == {"Complete": clients}


@pytest.mark.parametrize(("clients", "limits", "min_samples"), SIZES)
def test_failures_halt_the_fleet_at_the_very_outcome_that_is_too_much(service, clients, limits, min_samples):
    rollout = Rollout(service, clients, limits)
    halt_on = {"failurePercent": 50, "minSamples": min_samples}

    opens = rollout.run(40, halt_on, opens_in=0, done=lambda: rollout.told("1.1.0", "Halted"))

    audit = audited(rollout, opens, 50, min_samples)
    assert_waves_opened_first(rollout)
    status = rollout.group()["status"]
    halted = status["rollout"]["halted"]
    ((of, at),) = audit.halted.items()
    assert of == (status["rollout"]["sequence"], 0)
    assert math.floor(at / MICROS) == dt.datetime.fromisoformat(halted["time"]).timestamp()
    assert rollout.event_reasons()["RolloutHalted"] == 1
    assert halted["errors"], json.dumps(halted)
    assert all(codes.decode(error["code"]) for error in halted["errors"])
    assert {blocker["reason"] for blocker in status["blockers"]} == {"Halted"}
