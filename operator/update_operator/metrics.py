"""What can be graphed and alerted on? The operator's Prometheus metrics, in a registry of their own."""

import contextlib
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition

from update_operator.contact import Cause

_KINDS = ("Application", "Channel", "Group", "Package")
_LATENCY_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every metric; labels come from fixed sets, never from names that people choose."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reconciles = Counter(
            "update_operator_reconciles",
            "Reconciliations by kind and result.",
            ["kind", "result"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "update_operator_reconcile_seconds",
            "Time of one reconciliation.",
            ["kind"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self._writes = Counter(
            "update_operator_status_writes", "Status writes by kind.", ["kind"], registry=self.registry
        )
        self._missed = Counter(
            "update_operator_watch_missed",
            "Changes that a relist found and the watch had not delivered.",
            ["kind"],
            registry=self.registry,
        )
        self._relists = Counter(
            "update_operator_relists", "Complete lists of all kinds.", ["result"], registry=self.registry
        )
        self._restarts = Counter(
            "update_operator_watch_restarts", "Times that the watches were started anew.", registry=self.registry
        )
        self._leading = Gauge("update_operator_leader", "1 while this process is the leader.", registry=self.registry)
        self._queue = Gauge("update_operator_queue_length", "Keys that wait to be reconciled.", registry=self.registry)
        self._objects = Gauge("update_operator_objects", "Objects in the cache.", registry=self.registry)
        self._fleet = Gauge("update_operator_fleet_answering", "1 while the fleet API answers.", registry=self.registry)
        self._progresses = Gauge(
            "update_operator_fleet_groups", "Groups that the fleet API has counts of.", registry=self.registry
        )
        self._fleet_away = Counter(
            "update_operator_fleet_away",
            "Times that the fleet API was found away, or away for another cause.",
            ["cause"],
            registry=self.registry,
        )
        for cause in Cause:
            self._fleet_away.labels(cause.value)
        for kind in _KINDS:
            self._missed.labels(kind)
            self._writes.labels(kind)

    @contextlib.contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Measure one reconciliation."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds.labels(kind).observe(time.perf_counter() - started)

    def reconciled(self, kind: str, result: str) -> None:
        """One reconciliation ended: ok, conflict or error."""
        self._reconciles.labels(kind, result).inc()

    def wrote(self, kind: str) -> None:
        """A status went out."""
        self._writes.labels(kind).inc()

    def missed(self, kind: str) -> None:
        """The watch hadn't delivered a change."""
        self._missed.labels(kind).inc()

    def relisted(self, result: str) -> None:
        """A complete list of all kinds: ok or error."""
        self._relists.labels(result).inc()

    def watches_restarted(self) -> None:
        """The watches were started anew."""
        self._restarts.inc()

    def fleet_away(self, cause: Cause) -> None:
        """The fleet API is away."""
        self._fleet_away.labels(cause.value).inc()

    def observe(
        self,
        *,
        leading: Callable[[], bool],
        queue: Callable[[], int],
        objects: Callable[[], int],
        answering: Callable[[], bool],
        progresses: Callable[[], int],
    ) -> None:
        """Where the gauges look when they are asked."""
        self._leading.set_function(lambda: float(leading()))
        self._queue.set_function(lambda: float(queue()))
        self._objects.set_function(lambda: float(objects()))
        self._fleet.set_function(lambda: float(answering()))
        self._progresses.set_function(lambda: float(progresses()))

    def exposition(self) -> tuple[bytes, str]:
        """The text that Prometheus scrapes, and its content type."""
        return exposition.generate_latest(self.registry), exposition.CONTENT_TYPE_LATEST
