"""Which ports the control plane takes."""

import dataclasses
import socket

from updatectl.local.control_plane import layout


def test_ports_differ_from_each_other_and_from_those_of_outgoing_connections():
    ports = dataclasses.astuple(layout.pick_ports(None))

    assert len(set(ports)) == len(ports)
    assert all(20000 <= port < 32768 for port in ports)


def test_the_ports_of_the_last_run_are_taken_again():
    last = layout.pick_ports(None)

    assert layout.pick_ports(last) == last


def test_only_a_port_that_is_in_use_is_replaced():
    last = layout.pick_ports(None)
    with socket.socket() as stranger:
        stranger.bind((layout.LOOPBACK, last.etcd_client))
        stranger.listen()
        now = layout.pick_ports(last)

    assert now.etcd_client != last.etcd_client
    assert dataclasses.replace(now, etcd_client=last.etcd_client) == last


def test_a_port_that_is_asked_for_is_given_to_nothing_else():
    last = layout.pick_ports(None)
    now = layout.pick_ports(last, api_server=last.etcd_peer)

    assert now.api_server == last.etcd_peer
    assert now.etcd_peer != last.etcd_peer


def test_stored_ports_are_read_back_and_damaged_ones_are_as_good_as_none(tmp_path):
    where = layout.Layout(tmp_path)
    assert layout.stored_ports(where) is None

    ports = layout.pick_ports(None)
    layout.store_ports(where, ports)
    assert layout.stored_ports(where) == ports

    where.ports_file.write_text('{"api_server": 1}')
    assert layout.stored_ports(where) is None
