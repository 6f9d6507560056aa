"""How many may update, in which order, and who may go past that."""

import concurrent.futures
import contextlib
import json
import time
from pathlib import Path

import pytest

from omaha_api.store.sqlite import connections
from support import omaha_port, store_rows
from support.omaha_requests import PING, UPDATECHECK, json_check, xml_check, xml_event
from update_core.rollout import cohort
from update_core.rollout.model import Reason

VECTORS = Path(__file__).parents[2] / "vectors" / "cohort.json"


def check(app_id, machine):
    return xml_check(app_id, PING, UPDATECHECK, xml_event(3, 2), machineid=machine)


def granted_at(omaha, app_id):
    """When each grant of the group was given, in seconds, in order."""
    query = "SELECT granted_at FROM grants WHERE app_id = ? ORDER BY number"
    with contextlib.closing(connections.connect_reader(omaha.process.database)) as database:
        return [moment / 1_000_000 for (moment,) in database.execute(query, (app_id,))]


@pytest.mark.omaha_point(49, breaks="operators: the limit is what keeps a bad version from the rest of the fleet")
def test_two_updates_a_minute_are_two_however_many_ask_at_once(omaha, fleet, app_id):
    """In no period are there more updates than its limit allows, however many instances ask at the same time."""
    fleet.roll_out("1.1.0", rateLimit={"maxUpdates": 2, "periodSeconds": 60})
    omaha.expect("Offer", check(app_id, "{fake-client-000}"))
    machines = [f"{{fake-client-{number:03}}}" for number in range(10)] * 6

    with concurrent.futures.ThreadPoolExecutor(30) as threads:
        replies = list(threads.map(lambda machine: omaha.ask(check(app_id, machine)), machines))

    offered = {machine for machine, reply in zip(machines, replies, strict=True) if omaha_port.offered(reply)}
    assert len(offered) == 2
    assert len(granted_at(omaha, app_id)) == 2


@pytest.mark.omaha_point(49)
def test_the_period_slides_and_what_it_allows_is_given(omaha, fleet, app_id):
    fleet.roll_out("1.1.0", rateLimit={"maxUpdates": 2, "periodSeconds": 1})
    omaha.expect("Offer", check(app_id, "first"))

    def ask_until_there_are_enough(number):
        deadline = time.monotonic() + 60
        while len(granted_at(omaha, app_id)) < 7:
            assert time.monotonic() < deadline
            omaha.ask(check(app_id, f"{number}-{time.monotonic_ns()}"))

    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        list(threads.map(ask_until_there_are_enough, range(3)))

    times = granted_at(omaha, app_id)
    apart = [later - earlier for earlier, later in zip(times, times[2:], strict=False)]
    assert min(apart) >= 1.0


@pytest.mark.omaha_point(
    50, breaks="operators: a machine that was in at 5 percent would be out at 10, and another on each replica"
)
def test_an_instance_s_place_in_a_rollout_is_the_same_everywhere():
    """Whether an instance is among the first percent of a rollout follows from the rollout's salt and its id, and stays so as it grows."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))

    for vector in vectors["places"]:
        place = (vector["salt"], vector["instance_id"])
        assert f"{cohort.position(*place):016x}" == vector["position"]
        taken_in = [cohort.includes(parts, *place) for parts in range(0, cohort.PPM_OF_ALL + 1, 10_000)]
        assert taken_in == sorted(taken_in)
        assert (taken_in[0], taken_in[-1]) == (False, True)
        assert cohort.includes(vector["first_ppm"], *place) > cohort.includes(vector["first_ppm"] - 1, *place)


ON_DEMAND = {
    "update_engine": lambda app_id, machine: xml_check(app_id, machineid=machine, installsource="ondemandupdate"),
    "ue-rs": lambda app_id, machine: xml_check(app_id, machineid=machine, installsource="ondemand"),
    "Chromium 3.1": lambda app_id, machine: json_check("3.1", app_id, machineid=machine, installsource="ondemand"),
    "Chromium 4.0": lambda app_id, machine: json_check("4.0", app_id, machineid=machine, installsource="ondemand"),
}


@pytest.mark.omaha_point(51, breaks="people who wait before a screen: their own check would be one of many")
@pytest.mark.parametrize("asks", ON_DEMAND.values(), ids=ON_DEMAND.keys())
@pytest.mark.parametrize("on_demand", ["Respect", "BypassLimits"])
def test_a_check_on_demand_goes_past_the_rate_only_where_the_group_lets_it(omaha, fleet, app_id, asks, on_demand):
    """A check on demand is let past the rate limit where the group says so, and nowhere else; one on schedule never is."""
    fleet.roll_out("1.1.0", rateLimit={"maxUpdates": 1, "periodSeconds": 3600}, onDemand=on_demand)
    omaha.expect("Offer", check(app_id, "first"))

    waited_for, _ = omaha.answer(asks(app_id, "second"))

    assert waited_for == ("Offer" if on_demand == "BypassLimits" else Reason.RATE_LIMITED)
    assert omaha.answer(check(app_id, "third"))[0] == Reason.RATE_LIMITED
    assert store_rows.grants(omaha.process, app_id, "third") == []


@pytest.mark.omaha_point(51)
@pytest.mark.parametrize("group", [{"maxInFlight": 1}, {"paused": True}], ids=["in flight", "paused"])
def test_a_check_on_demand_goes_past_nothing_but_the_rate(omaha, fleet, app_id, group):
    fleet.roll_out("1.1.0", onDemand="BypassLimits", **group)
    if "maxInFlight" in group:
        omaha.expect("Offer", check(app_id, "first"))

    refusal = Reason.PAUSED if group.get("paused") else Reason.TOO_MANY_IN_FLIGHT
    omaha.expect(refusal, ON_DEMAND["update_engine"](app_id, "second"))
