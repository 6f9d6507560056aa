"""What became of the processes of a data folder: do they run, did they crash, how are they stopped?

Needs only the records in the folder, so that a later `down` or `status` works on what an earlier `up` has started.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from updatectl.local import processes
from updatectl.local.control_plane import components, health, layout
from updatectl.local.control_plane.layout import Layout

# An API server ends its watches first; etcd and the controller manager take milliseconds.
STOP_GRACE_SECONDS = 20.0


class State(enum.StrEnum):
    """How a component is, as `updatectl local status` shows it."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True)
class ComponentStatus:
    """One component; `pid` is that of the running or of the crashed process."""

    component: str
    state: State
    pid: int | None = None


def status(where: Layout) -> list[ComponentStatus]:
    """Every component in the order of starting. A record without its process means that nobody stopped it properly."""
    return [_component_status(where, component) for component in components.IN_ORDER]


def is_ready(where: Layout) -> bool:
    """Whether the API server says that it is ready for requests."""
    ports = layout.stored_ports(where)
    return ports is not None and health.is_ready(health.probe_of(components.API_SERVER, where, ports))


def running(where: Layout) -> list[ComponentStatus]:
    """The components that run."""
    return [item for item in status(where) if item.state == State.RUNNING]


def stop(where: Layout, report: Callable[[str], None]) -> list[str]:
    """Stop what runs, in the order that hangs nothing; returns what was stopped. The caller holds the lock."""
    stopped = [component for component in reversed(components.IN_ORDER) if stop_component(where, component, report)]
    forget(where)
    return stopped


def stop_component(where: Layout, component: str, report: Callable[[str], None]) -> bool:
    """Stop one component if it runs; says whether it did."""
    process = processes.recorded(where.process_record(component))
    was_running = process is not None and processes.is_running(process)
    if process is not None and was_running and not processes.stop(process, grace_seconds=STOP_GRACE_SECONDS):
        report(f"{component} (pid {process.pid}) did not end within {STOP_GRACE_SECONDS:.0f} s and was killed")
    where.process_record(component).unlink(missing_ok=True)
    return was_running


def forget(where: Layout) -> None:
    """Remove the records: from now on the components count as stopped, not as crashed."""
    for component in components.IN_ORDER:
        where.process_record(component).unlink(missing_ok=True)


def _component_status(where: Layout, component: str) -> ComponentStatus:
    process = processes.recorded(where.process_record(component))
    if process is None:
        return ComponentStatus(component, State.STOPPED)
    return ComponentStatus(component, State.RUNNING if processes.is_running(process) else State.CRASHED, process.pid)
