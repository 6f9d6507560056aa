"""What is counted, and under which names it is exported.

The hot route counts in plain integers, a tenth of what a client library's counters cost; they become Prometheus metrics when somebody
asks. No label ever comes from a request: each has a fixed set of values.
"""

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from omaha_api.fleet_api.requests import RequestTally
from omaha_api.instances import enrolment

BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

EVENT_TYPES = frozenset({0, 1, 2, 3, 4, 5, 6, 13, 14, 54, 800})
EVENT_RESULTS = frozenset({0, 1, 2, 4, 9})


@dataclass(slots=True)
class Tally:
    """What happened since the start, as counted on the event loop."""

    answers: Counter[str] = field(default_factory=Counter)
    """Update checks by answer: Offer, Reoffer, or the reason of a refusal."""
    events: Counter[tuple[int, int, bool]] = field(default_factory=Counter)
    """Events by type, result and whether they moved a grant."""
    requests: Counter[int] = field(default_factory=Counter)
    """Requests on the public port by HTTP status."""
    minted: int = 0
    """Ids made up for instances that sent none."""
    replays: int = 0
    """Applications whose events came once more under the same requestid, and weren't counted again."""
    signing: Counter[str] = field(default_factory=Counter)
    """Requests for a signed answer, by a `signing.Outcome`."""
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    seconds: float = 0.0

    def request(self, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests[status] += 1
        self.buckets[bisect.bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class WatchGauges:
    """One watch of the Kubernetes API."""

    kind: str
    silence_seconds: float
    relists: int
    failures: int


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is the case now."""

    ready: bool
    catalog_live: bool
    applications: int
    live_grants: int
    follow_lag_seconds: float
    remembered_instances: int
    queued_sightings: int
    dropped_sightings: int
    grants: int
    newcomers_granted: int
    rollouts_halted: int
    turned_away: Mapping[enrolment.Bound, int]
    """Requests of new instances that weren't taken in, by what kept them out."""
    altered_requests: int
    watches: tuple[WatchGauges, ...]


class ServiceCollector(Collector):
    """Turns a tally and the gauges of this moment into metrics."""

    def __init__(self, tally: Tally, fleet: RequestTally, gauges: Callable[[], Gauges]) -> None:
        self._tally = tally
        self._fleet = fleet
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """Everything, as of now."""
        yield from self._counters()
        yield self._latency()
        yield from self._fleet_api()
        yield from _gauges(self._gauges())

    def _counters(self) -> Iterable[Metric]:
        answers = CounterMetricFamily(
            "omaha_update_checks", "Update checks by how they were answered.", labels=["answer"]
        )
        for answer, count in self._tally.answers.items():
            answers.add_metric([answer], count)
        yield answers
        events = CounterMetricFamily(
            "omaha_events",
            "Events of instances; moved says whether one moved an update in flight.",
            labels=["type", "result", "moved"],
        )
        for (kind, result, moved), count in _bounded(self._tally.events).items():
            events.add_metric([kind, result, moved], count)
        yield events
        requests = CounterMetricFamily(
            "omaha_requests", "Requests on the public port by HTTP status.", labels=["status"]
        )
        for status, count in self._tally.requests.items():
            requests.add_metric([str(status)], count)
        yield requests
        signing = CounterMetricFamily(
            "omaha_cup_requests",
            "Requests for a signed answer: Signed, refused (UnknownKey, Malformed), or unsigned for want of a whole body (NotRead).",
            labels=["outcome"],
        )
        for outcome, count in self._tally.signing.items():
            signing.add_metric([outcome], count)
        yield signing
        yield _counter("omaha_minted_ids", "Ids made up for instances that sent none.", self._tally.minted)
        yield _counter(
            "omaha_replayed_reports",
            "Applications whose events came once more under the same requestid, and weren't counted again.",
            self._tally.replays,
        )

    def _fleet_api(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "omaha_fleet_api_requests",
            "Requests to the fleet API by resource, verb and HTTP status.",
            labels=["resource", "verb", "status"],
        )
        for (resource, verb, status), count in self._fleet.requests.items():
            requests.add_metric([resource, verb, str(status)], count)
        yield requests
        watches = GaugeMetricFamily(
            "omaha_fleet_api_watches", "Watches of the fleet API that are open.", labels=["resource"]
        )
        for resource, count in self._fleet.watches.items():
            watches.add_metric([resource], count)
        yield watches

    def _latency(self) -> Metric:
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(str, BUCKETS_SECONDS), "+Inf"), self._tally.buckets, strict=True):
            total += count
            buckets.append((bound, total))
        latency = HistogramMetricFamily("omaha_request_duration_seconds", "Time from a request's head to its answer.")
        latency.add_metric([], buckets, self._tally.seconds)
        return latency


def registry(tally: Tally, fleet: RequestTally, gauges: Callable[[], Gauges]) -> CollectorRegistry:
    """A registry of this service's metrics alone."""
    made = CollectorRegistry(auto_describe=False)
    made.register(ServiceCollector(tally, fleet, gauges))
    return made


def _bounded(events: Counter[tuple[int, int, bool]]) -> Counter[tuple[str, str, str]]:
    bounded: Counter[tuple[str, str, str]] = Counter()
    for (kind, result, moved), count in events.items():
        bounded[str(kind), str(result), "true" if moved else "false"] += count
    return bounded


def event_class(eventtype: int, eventresult: int) -> tuple[int, int]:
    """The numbers that are counted for an event: its own where they are well known, else -1 for "other"."""
    return (
        eventtype if eventtype in EVENT_TYPES else -1,
        eventresult if eventresult in EVENT_RESULTS else -1,
    )


def _gauges(gauges: Gauges) -> Iterable[Metric]:
    yield _gauge("omaha_ready", "1 once a catalog and the live grants are loaded.", gauges.ready)
    yield _gauge(
        "omaha_catalog_live", "1 while the catalog is from the API server, 0 from the snapshot.", gauges.catalog_live
    )
    yield _gauge("omaha_catalog_applications", "Applications in the catalog.", gauges.applications)
    yield _gauge("omaha_live_grants", "Grants in flight.", gauges.live_grants)
    yield _gauge(
        "omaha_follow_lag_seconds",
        "Seconds since it was last known that no other replica has committed anything; beyond 3, what depends on it is asked of the store.",
        gauges.follow_lag_seconds,
    )
    yield _gauge("omaha_remembered_instances", "Instances whose record is in memory.", gauges.remembered_instances)
    yield _gauge(
        "omaha_queued_sightings", "Instances whose first sight or change waits for the store.", gauges.queued_sightings
    )
    yield _counter("omaha_dropped_sightings", "Sightings that found their queue full.", gauges.dropped_sightings)
    yield _counter("omaha_grants", "New grants given.", gauges.grants)
    yield _counter(
        "omaha_newcomer_grants",
        "Those of them whose instances weren't known for long enough to count where a rollout is judged.",
        gauges.newcomers_granted,
    )
    yield _counter(
        "omaha_rollouts_halted",
        "Rollouts that were halted by failures which this replica recorded.",
        gauges.rollouts_halted,
    )
    turned_away = CounterMetricFamily(
        "omaha_new_instances_refused",
        "Requests of new instances that weren't taken in: their Application is full, or too many came from their Network.",
        labels=["bound"],
    )
    for bound in enrolment.Bound:
        turned_away.add_metric([bound], gauges.turned_away.get(bound, 0))
    yield turned_away
    yield _counter(
        "omaha_cup_altered_requests",
        "Requests that weren't what their cup2hreq says was sent.",
        gauges.altered_requests,
    )
    silence = GaugeMetricFamily("omaha_watch_silence_seconds", "Seconds since a watch was last heard.", labels=["kind"])
    relists = CounterMetricFamily("omaha_watch_relists", "Complete lists of a kind.", labels=["kind"])
    failures = CounterMetricFamily("omaha_watch_failures", "Lists and watches that ended in an error.", labels=["kind"])
    for watch in gauges.watches:
        silence.add_metric([watch.kind], watch.silence_seconds)
        relists.add_metric([watch.kind], watch.relists)
        failures.add_metric([watch.kind], watch.failures)
    yield from (silence, relists, failures)


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=float(value))


def _counter(name: str, help_: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_, value=float(value))
