"""A list of the status that becomes empty is still there: an empty list of open waves lets nobody in, none at all lets in everybody."""

import json

SINCE = "2026-03-01T12:00:00Z"


def test_open_waves_that_become_none_stay_an_empty_list(kubectl):
    references = {"applicationRef": {"name": "app"}, "channelRef": {"name": "app-master"}, "track": "fake1"}
    head = {"apiVersion": "updateservice.dev/v1alpha1", "kind": "Group", "metadata": {"name": "app-fake1"}}
    kubectl("apply", "--server-side", "-f", "-", input=json.dumps(head | {"spec": references}))

    def stamped(sequence: int, waves: list) -> list | None:
        rollout = {"sequence": sequence, "version": "1.1.0", "salt": "5a17", "startedTime": SINCE, "open": waves}
        status = json.dumps(head | {"status": {"observedGeneration": 1, "rollout": rollout}})
        apply = ("apply", "--server-side", "--subresource=status", "--field-manager=update-operator", "-f", "-")
        kubectl(*apply, input=status)
        found = json.loads(kubectl("get", "ugroup", "app-fake1", "-o", "json").stdout)
        return found["status"]["rollout"].get("open")

    assert stamped(1, []) == []
    assert len(stamped(1, [{"name": "everybody", "threshold": 1_000_000, "openedTime": SINCE}]) or ()) == 1
    assert stamped(2, []) == []
