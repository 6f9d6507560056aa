"""What is printed, where, and in which form; and what is left to other owners."""

import json

import pytest
import yaml

from update_kube import errors as kube_errors
from updatectl import errors, output, ownership
from updatectl.settings import Format

COLUMNS = (
    output.Column("Label", lambda o: o["spec"].get("label")),
    output.Column("Count", lambda o: o["spec"]["count"]),
    output.Column("Uid", lambda o: o["metadata"]["uid"], wide=True),
)


def thing(label: str | None, count: int) -> dict:
    return {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Group",
        "metadata": {"name": f"n{count}", "uid": "u", "managedFields": [{"manager": "x"}]},
        "spec": {"label": label, "count": count} if label else {"count": count},
    }


def test_a_table_is_aligned_and_shows_gaps(capsys):
    output.show_list([thing("Fake Clients", 1), thing(None, 100)], COLUMNS, Format.TABLE)

    assert capsys.readouterr().out == "Label         Count\nFake Clients  1\n-             100\n"


def test_an_empty_table_has_its_header(capsys):
    output.show_list([], COLUMNS, Format.WIDE)

    assert capsys.readouterr().out == "Label  Count  Uid\n"


def test_a_label_can_neither_break_the_table_nor_reach_the_terminal(capsys):
    output.show_list([thing("a\nb\x1b[2J", 1)], COLUMNS, Format.TABLE)

    assert capsys.readouterr().out.splitlines()[1:] == ["a b [2J  1"]


def test_lists_are_kubernetes_lists_without_the_bookkeeping(capsys):
    output.show_list([thing("ü", 1)], COLUMNS, Format.JSON)
    listed = json.loads(capsys.readouterr().out)
    output.show_list([thing("ü", 1)], COLUMNS, Format.YAML)

    assert yaml.safe_load(capsys.readouterr().out) == listed
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    assert listed["items"][0]["metadata"] == {"name": "n1", "uid": "u"}


def test_names_are_as_kubectl_prints_them(capsys):
    output.show(thing("a", 1), COLUMNS, Format.NAME, header=True)

    assert capsys.readouterr().out == "group.updateservice.dev/n1\n"


def test_a_remark_leaves_standard_output_alone(capsys):
    output.remark("(server dry run)")

    assert capsys.readouterr() == ("", "(server dry run)\n")


def managed(*entries: tuple[str, str, dict]) -> dict:
    spec = {
        "appId": "a",
        "rateLimit": {"maxUpdates": 2, "periodSeconds": 60},
        "channelRef": {"name": "c"},
        "track": "t",
    }
    fields = [{"manager": m, "operation": op, "fieldsV1": {"f:spec": f}} for m, op, f in entries]
    return {"metadata": {"managedFields": fields}, "spec": spec}


def test_what_updatectl_applied_is_kept_with_its_present_values():
    owned = {"f:rateLimit": {"f:maxUpdates": {}}, "f:channelRef": {".": {}, "f:name": {}}, "f:track": {}, "f:gone": {}}
    obj = managed(("updatectl", "Apply", owned), ("flux", "Apply", {"f:appId": {}}))

    assert ownership.owned_spec(obj) == {"rateLimit": {"maxUpdates": 2}, "channelRef": {"name": "c"}, "track": "t"}


def test_an_atomic_field_is_owned_whole():
    assert ownership.owned_spec(managed(("updatectl", "Apply", {"f:channelRef": {}}))) == {"channelRef": {"name": "c"}}


def test_of_a_list_by_names_only_the_items_that_updatectl_applied_are_its_own():
    ours = {"f:waves": {'k:{"name":"b"}': {".": {}, "f:name": {}, "f:percent": {}}}}
    theirs = {"f:waves": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:percent": {}}}}
    obj = managed(("updatectl", "Apply", {"f:rollout": ours}), ("flux", "Apply", {"f:rollout": theirs}))
    defaulted = {"bakeSeconds": 0}
    obj["spec"]["rollout"] = {"waves": [{"name": name, "percent": 1} | defaulted for name in ("a", "b")], "salt": "s"}

    assert ownership.owned_spec(obj) == {"rollout": {"waves": [{"name": "b", "percent": 1}]}}
    assert ownership.other_owners(obj, "rollout.waves") == ["flux"]
    assert ownership.other_owners(obj, "rollout.salt") == []


def test_what_others_own_and_what_was_never_applied_is_not_updatectls():
    obj = managed(("flux", "Apply", {"f:track": {}}), ("updatectl", "Update", {"f:track": {}}))

    assert ownership.owned_spec(obj) == {}
    assert ownership.other_owners(obj, "track") == ["flux", "updatectl"]
    assert ownership.other_owners(obj, "rateLimit") == []


def test_a_conflict_names_field_and_owner_and_the_way_out():
    causes = [{"reason": "FieldManagerConflict", "field": ".spec.version", "message": 'conflict with "flux" using v1'}]
    status = {"reason": "Conflict", "message": "Apply failed", "details": {"causes": causes}}

    said = errors.explain(kube_errors.from_status(409, status))

    assert said.startswith("spec.version is owned by 'flux': nothing was changed.")
    assert "--force-conflicts" in said
    assert "GitOps" in said


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        pytest.param(401, "Unauthorized", "does not accept these credentials", id="unauthorized"),
        pytest.param(403, 'User "x" cannot list groups', 'not allowed: User "x" cannot list groups', id="forbidden"),
        pytest.param(404, "404 page not found", "install its CustomResourceDefinitions", id="no-crds"),
        pytest.param(409, "the object has been modified", "Try again", id="race"),
        pytest.param(500, "etcd is away", "etcd is away", id="server"),
    ],
)
def test_each_refusal_has_its_own_words(code, message, says):
    assert says in errors.explain(kube_errors.from_status(code, {"message": message}))
