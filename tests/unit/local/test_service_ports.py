"""Which ports the services take, and what a data folder of an earlier version says of them."""

import dataclasses
import json

from updatectl.local import folders
from updatectl.local.control_plane import layout

ANY = dict.fromkeys(folders.PREFERRED_PORTS, 0)


def test_services_listen_where_they_did_in_the_last_run(tmp_path):
    where = folders.Folders(tmp_path)
    first = folders.choose_ports(where, ANY)

    assert len(set(dataclasses.astuple(first))) == len(folders.PREFERRED_PORTS)
    assert folders.choose_ports(where, folders.PREFERRED_PORTS) == first == folders.stored_ports(where)


def test_a_folder_from_before_the_fleet_api_keeps_its_ports_and_gets_one_more(tmp_path):
    where = folders.Folders(tmp_path)
    before = layout.free_ports({"omaha": 0, "omaha_private": 0, "operator": 0})
    where.ports_file.write_text(json.dumps(before))

    assert folders.stored_ports(where) == folders.ServicePorts(**before, fleet=folders.PREFERRED_PORTS["fleet"])
    chosen = folders.choose_ports(where, ANY)
    assert dataclasses.asdict(chosen).items() > before.items()
    assert chosen.fleet


def test_a_ports_file_that_cannot_be_understood_is_as_good_as_none(tmp_path):
    where = folders.Folders(tmp_path)
    for content in ("", "[]", '{"omaha": 1}'):
        where.ports_file.write_text(content)
        assert folders.stored_ports(where) is None
