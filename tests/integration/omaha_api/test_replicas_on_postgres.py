"""Two Omaha services on one PostgreSQL, as processes: an instance may ask either, each time."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from support import omaha_fleet
from support.omaha_process import OmahaProcess

MACHINE = "{fake-client-000}"


@pytest.fixture
def replicas(control_plane, tmp_path, postgres_url):
    processes = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        processes.append(
            OmahaProcess(tmp_path / name, ["--kubeconfig", str(control_plane.kubeconfig), "--database", postgres_url])
        )
    yield processes
    for process in processes:
        process.kill()


def test_instance_that_asks_either_replica_has_one_grant(replicas, postgres, postgres_url, fleet, app_id):
    fleet.roll_out("1.1.0")
    one, other = (replica.start() for replica in replicas)

    for replica in (one, other, one):
        replica.wait_for_answer(omaha_fleet.check(app_id, MACHINE), "1.1.0")

    assert [replica.stop() for replica in replicas] == [0, 0]
    database = conninfo_to_dict(postgres_url)["dbname"]
    grants = postgres.execute("SELECT app_id, instance_id, number, state FROM update_service.grants", database)
    assert grants == [(app_id, MACHINE, 1, "Granted")]


def test_update_goes_on_at_the_other_replica_when_the_one_that_granted_it_is_killed(
    replicas, postgres, postgres_url, fleet, app_id
):
    fleet.roll_out("1.1.0", maxInFlight=1)
    one, other = (replica.start() for replica in replicas)
    one.wait_for_answer(omaha_fleet.check(app_id, MACHINE), "1.1.0")
    other.post(omaha_fleet.event(app_id, MACHINE, 13))
    one.kill()

    assert other.answer(omaha_fleet.check(app_id, "{fake-client-001}")) == "noupdate"
    for eventtype in (14, 3):
        other.post(omaha_fleet.event(app_id, MACHINE, eventtype))
    assert other.answer(omaha_fleet.check(app_id, MACHINE, "1.1.0")) == "noupdate"
    other.wait_for_answer(omaha_fleet.check(app_id, "{fake-client-001}"), "1.1.0")
    database = conninfo_to_dict(postgres_url)["dbname"]
    moves = postgres.execute("SELECT number, to_state FROM update_service.history ORDER BY id", database)
    assert moves == [
        (1, "Granted"),
        (1, "Downloading"),
        (1, "Downloaded"),
        (1, "Installed"),
        (1, "Complete"),
        (2, "Granted"),
    ]


def test_service_that_cannot_reach_its_database_says_so_without_the_password(control_plane, tmp_path):
    url = "postgresql://fleet:s3cret@127.0.0.1:1/fleet"

    ended = OmahaProcess(tmp_path, ["--kubeconfig", str(control_plane.kubeconfig), "--database", url]).run_to_its_end()

    assert ended.returncode == 1
    assert "'fleet' at 127.0.0.1 can't be opened" in ended.stderr
    assert "s3cret" not in ended.stderr
    assert "Traceback" not in ended.stderr
