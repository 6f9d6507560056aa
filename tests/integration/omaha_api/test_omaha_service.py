"""The Omaha service as a process, with a real API server and a real database. The test itself plays people and operator."""

import concurrent.futures
import sqlite3

from support import omaha_fleet
from support.local_stack import wait_until

MACHINE = "{fake-client-000}"


def test_the_guides_flow_moves_an_instance_to_the_new_version(omaha, fleet, app_id):
    fleet.roll_out("1.0.0")
    omaha.start()
    omaha.wait_for_answer(omaha_fleet.check(app_id, MACHINE), "noupdate")

    package = fleet.create(omaha_fleet.package("1.1.0"))
    fleet.update("Channel", "app-master", spec={"version": "1.1.0"})
    fleet.stamp(package)
    omaha.wait_for_answer(omaha_fleet.check(app_id, MACHINE), "1.1.0")
    for eventtype in (13, 14, 3):
        assert omaha.post(omaha_fleet.event(app_id, MACHINE, eventtype)).status == 200
    done = omaha_fleet.check(app_id, MACHINE, "1.1.0", boot="{b008}")
    assert omaha.answer(done) == "noupdate"

    def counted():
        group = omaha.progress_of(app_id, "fake1")
        return group and (group.rollout.version, group.on_target, group.in_progress) == ("1.1.0", 1, 0)

    wait_until(counted, "the instance is counted on target", within=10)
    assert omaha.stop() == 0
    with sqlite3.connect(omaha.database) as database:
        assert database.execute("SELECT state FROM grants").fetchall() == [("Complete",)]
    database.close()


RATE = {"maxUpdates": 1, "periodSeconds": 3600}


def test_forty_parallel_checks_at_one_update_get_exactly_one_offer_a_hundred_times(omaha, fleet, app_id):
    fleet.roll_out("1.1.0", rateLimit=RATE)
    for turn in range(100):
        # A limit holds for a track as long as its period lasts: each turn needs its own.
        fleet.create(omaha_fleet.group(name=f"app-t{turn}", track=f"t{turn}", rateLimit=RATE))
        fleet.stamp_group(f"app-t{turn}")
    omaha.start()
    wait_until(lambda: omaha.progress_of(app_id, "t99"), "the last group is known")

    offers = []
    with concurrent.futures.ThreadPoolExecutor(40) as threads:
        for turn in range(100):
            bodies = [omaha_fleet.check(app_id, f"m{machine}", track=f"t{turn}") for machine in range(40)]
            offers.append([reply.answer for reply in threads.map(omaha.post, bodies)].count("1.1.0"))

    assert offers == [1] * 100


def test_moving_the_channel_back_ends_the_offers_at_once_without_the_operator(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    omaha.start()
    omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "1.1.0")

    fleet.update("Channel", "app-master", spec={"version": "1.0.0"})

    omaha.wait_for_answer(omaha_fleet.check(app_id, "second"), "noupdate", within=2)
    assert omaha.answer(omaha_fleet.check(app_id, "first")) == "noupdate"


def test_a_pause_ends_the_offers_at_once_and_its_end_resumes_them(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    omaha.start()
    fleet.update("Group", "app-fake1", spec={"paused": True})
    omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "noupdate")

    fleet.update("Group", "app-fake1", spec={"paused": False})

    omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "1.1.0")


def test_without_a_certificate_there_is_no_fleet_api_and_the_log_says_so(omaha):
    omaha.start()

    assert omaha.said(r"the fleet API isn't served: it needs --tls-cert-file and --tls-private-key-file")
    assert omaha.stop() == 0
