"""Ports for the processes that tests start."""

from updatectl.local.control_plane import layout


def free_port() -> int:
    """A port that nobody listens on right now, and that no outgoing connection gets meanwhile."""
    return layout.free_ports({"any": 0})["any"]
