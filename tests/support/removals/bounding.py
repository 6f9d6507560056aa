"""The rules that bound what somebody gets who makes ids up, and how each is taken out."""

from support.removals.edits import Edit, Removal, Silenced, Swapped

_CONTRACT = "tests/unit/store/test_sqlite_contract.py"
_SERVICE = "tests/unit/omaha_api/test_enrolment.py"
_NETWORKS = "tests/unit/omaha_api/test_networks.py"


def _of_store(rule: str, module: str, edit: Edit, select: str = "Fills or Crowd") -> Removal:
    return Removal(f"bounds: {rule}", module, edit, (_CONTRACT, "-k", select))


def _of_service(rule: str, module: str, edit: Edit, tests: str = _SERVICE) -> Removal:
    # The flood is shown elsewhere as well, and takes a while.
    return Removal(f"bounds: {rule}", f"omaha_api.{module}", edit, (tests, "-k", "not flood_of_ids"))


_APPLICATIONS = "update_core.fleet.enrolment"
_STORE = "omaha_api.store"

REMOVALS = (
    _of_store("an application has so many instances", _APPLICATIONS, Silenced("closed_until")),
    _of_store("a baseline lasts for a day", _APPLICATIONS, Silenced("renewed", "enrolled")),
    _of_store("a baseline lasts no shorter", _APPLICATIONS, Swapped("if timedelta(0) <=", "if timedelta(0) >")),
    _of_store("a baseline from the future", _APPLICATIONS, Swapped("timedelta(0) <= now", "now")),
    _of_store("who comes is counted", f"{_STORE}.enrolling", Silenced("came")),
    _of_store("who goes is counted", f"{_STORE}.enrolling", Silenced("went")),
    _of_store("sightings are", f"{_STORE}.observing", Swapped("if closed_until is not None:", "if False:")),
    _of_store("grants are", f"{_STORE}.granting", Swapped("enrolment_until=closed_until", "enrolment_until=None")),
    _of_store("a network has so many in flight", f"{_STORE}.grants", Silenced("crowded", "False")),
    _of_store(
        "one's own isn't in its way", f"{_STORE}.grants", Swapped(" AND instance_id <> ? LIMIT", " AND ? <> '' LIMIT")
    ),
    _of_store("a network has its share of outcomes", "update_core.rollout.judging", Silenced("share", "10**9")),
    _of_store(
        "a network has one outcome at least", "update_core.rollout.judging", Swapped("return max(1, ", "return max(0, ")
    ),
    _of_store(
        "an outcome that counts may change",
        f"{_STORE}.outcomes",
        Swapped("if network and before is None and", "if network and"),
    ),
    _of_service("memory refuses without the store", "instances.enrolment", Swapped("if at < look_again:", "if False:")),
    _of_service("memory looks again", "instances.enrolment", Swapped("min(until, at + LOOK_AGAIN)", "until")),
    _of_service("a network has so many new ids", "instances.enrolment", Silenced("Enrolment._take")),
    _of_service(
        "networks that are remembered",
        "instances.enrolment",
        Swapped("if len(self._buckets) > self._max_networks:", "if False:"),
    ),
    _of_service(
        "who isn't taken in is forgotten",
        "instances.sightings",
        Swapped("self._memory.outdate(key)\n            return", "return"),
    ),
    _of_service(
        "ids that are made up for clients",
        "answers.checks",
        Swapped("if closed_until is not None:\n                decision", "if False:\n                decision"),
    ),
    _of_service("a full network is remembered", "rollouts.crowding", Silenced("Crowding.full", "False")),
    _of_service("proxies that nobody trusts", "answers.networks", Silenced("Networks._trusts", "True"), _NETWORKS),
    _of_service("64 bits of IPv6", "answers.networks", Swapped("_IPV6_PREFIX = 64", "_IPV6_PREFIX = 128"), _NETWORKS),
    _of_service("IPv4 as IPv6", "answers.networks", Swapped("address.ipv4_mapped is not None", "False"), _NETWORKS),
)
