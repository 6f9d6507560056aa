"""Which fixtures do all tests have? Nothing of the project is patched or faked here: the Kubernetes API is a real one.

The control plane is started by the first test that asks for it and shared by all workers; see support/control_plane.py.
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before any of them is imported: assertions of a contract explain themselves like those in test files.
pytest.register_assert_rewrite("support")

from support import control_plane as planes
from support import distribution, lifeline, postgres_server, postgres_stores, properties
from updatectl.local.control_plane import cluster

properties.load()

RUN = pytest.StashKey[planes.Run]()
LIFELINE = pytest.StashKey[lifeline.Lifeline]()
WORKER_INPUT = "control_plane_run"


def pytest_configure(config: pytest.Config) -> None:
    """The run begins in the controller; workers are told its folder."""
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[RUN] = planes.Run(Path(worker_input[WORKER_INPUT]))
        return
    config.stash[RUN] = planes.Run.begin()
    config.stash[LIFELINE] = lifeline.Lifeline(config.stash[RUN].folder)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """pytest-xdist is about to start a worker."""
    node.workerinput[WORKER_INPUT] = str(node.config.stash[RUN].folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> distribution.Units:
    """pytest-xdist asks how tests are given to workers."""
    return distribution.Units(config, log)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run ends in the controller, after all workers."""
    if LIFELINE in config.stash:
        postgres_server.end(config.stash[RUN].folder)
        config.stash[RUN].end()
        config.stash[LIFELINE].release()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m control_plane` and `-m "not control_plane"` select by what tests really use. What takes long comes first."""
    items.sort(key=lambda item: distribution.order_of(item.nodeid))
    for item in items:
        if _needs_control_plane(item):
            item.add_marker("control_plane")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test: ten minutes in a cold cache, which no test's time-out allows for."""
    if session.config.option.collectonly or not any(map(_needs_control_plane, session.items)):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        planes.programs()
        planes.kubectl_program()


def _needs_control_plane(item: pytest.Item) -> bool:
    return not planes.FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> planes.Access:
    """The run's shared Kubernetes API, with the four kinds installed: .kubeconfig, .server, .ca_file, .admin, .request(), .kubectl()."""
    return pytestconfig.stash[RUN].ensure_started()


@pytest.fixture
def own_control_plane(guarded_folder: Path) -> cluster.ControlPlane:
    """A private control plane with the four kinds, whose parts a test may kill and restart; planes.access_to() gives access."""
    plane = planes.plane_on(guarded_folder / "control-plane")
    plane.start()
    planes.install_crds(planes.access_to(plane))
    return plane


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> postgres_server.Server:
    """The run's shared PostgreSQL; tests that need it are skipped where there is none."""
    run = pytestconfig.stash[RUN]
    run.guard()
    try:
        return postgres_server.shared(run.folder)
    except postgres_server.MissingPostgres as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_databases(postgres: postgres_server.Server) -> postgres_stores.Databases:
    """Databases with the fleet store's empty tables: take() and give_back()."""
    return postgres_stores.Databases(postgres)


@pytest.fixture
def postgres_url(postgres_databases: postgres_stores.Databases) -> Iterator[str]:
    """The URL of a database of the test's own, with the fleet store's empty tables."""
    name = postgres_databases.take()
    yield postgres_databases.server.url(name)
    postgres_databases.give_back(name)


@pytest.fixture
def guarded_folder(pytestconfig: pytest.Config) -> Iterator[Path]:
    """A folder for a test that starts processes: those recorded in it (updatectl.local.processes) outlive neither test nor run."""
    with pytestconfig.stash[RUN].guarded_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def module_folder(pytestconfig: pytest.Config) -> Iterator[Path]:
    """The same for what the tests of a module share."""
    with pytestconfig.stash[RUN].guarded_folder() as folder:
        yield folder


@pytest.fixture
def namespace(control_plane: planes.Access) -> Iterator[str]:
    """A namespace of the test's own. Its deletion isn't waited for."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    status, answer = control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201, answer
    yield name
    control_plane.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def app_id() -> str:
    """An appId that no other test has: a claim to one holds for the whole cluster."""
    return str(uuid.uuid4())


@pytest.fixture
def kubectl(control_plane: planes.Access, namespace: str) -> Callable:
    """kubectl as the administrator in the test's namespace: kubectl("get", "upkg", input=None, check=True) -> CompletedProcess."""

    def run(*arguments: str, **options):
        return control_plane.kubectl(*arguments, namespace=namespace, **options)

    return run
