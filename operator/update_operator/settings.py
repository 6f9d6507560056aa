"""What the operator is told when it starts: one frozen value, built in __main__ from flags and environment."""

from dataclasses import dataclass, field
from pathlib import Path

from update_kube.leases import Times
from update_operator.kopf_thread import WatchTimes
from update_operator.pacing import Pace
from update_operator.progress import FleetTimes
from update_operator.resync import ResyncTimes


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. `identity` is unique among the replicas; `metrics_host` and `metrics_port` are listened on."""

    namespace: str
    identity: str
    metrics_host: str
    metrics_port: int
    kubeconfig: Path | None = None
    context: str | None = None
    service_account_dir: Path | None = None
    kube_server: str | None = None
    workers: int = 8
    lease_name: str = "update-operator"
    lease: Times = field(default_factory=Times)
    resync: ResyncTimes = field(default_factory=ResyncTimes)
    watch: WatchTimes = field(default_factory=WatchTimes)
    fleet: FleetTimes = field(default_factory=FleetTimes)
    pace: Pace = field(default_factory=Pace)
