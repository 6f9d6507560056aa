"""Every failure of the API server is an exception that says which."""

from __future__ import annotations

import json

import pytest

from update_kube import errors

ANSWERS = {
    "400": (400, {"reason": "BadRequest"}, errors.BadRequest),
    "401": (401, {"reason": "Unauthorized"}, errors.Unauthorized),
    "403": (403, {"reason": "Forbidden"}, errors.Forbidden),
    "404": (404, {"reason": "NotFound"}, errors.NotFound),
    "409 on an update": (409, {"reason": "Conflict"}, errors.Conflict),
    "409 on a create": (409, {"reason": "AlreadyExists"}, errors.AlreadyExists),
    "410 Expired": (410, {"reason": "Expired"}, errors.Gone),
    "410 Gone": (410, {"reason": "Gone"}, errors.Gone),
    "418, which has no class of its own": (418, {}, errors.StatusError),
    "422": (422, {"reason": "Invalid"}, errors.Invalid),
    "429": (429, {"reason": "TooManyRequests"}, errors.TooManyRequests),
    "500": (500, {"reason": "InternalError"}, errors.ServerError),
    "503": (503, {"reason": "ServiceUnavailable"}, errors.ServerError),
    "504": (504, {"reason": "Timeout"}, errors.ServerError),
    "an apply of an unknown field, which comes as 500": (
        500,
        {"message": "failed to create typed patch object: .spec.colour: field not declared in schema"},
        errors.BadRequest,
    ),
}


@pytest.mark.parametrize(("code", "status", "kind"), ANSWERS.values(), ids=ANSWERS)
def test_the_code_and_reason_decide_the_class(code, status, kind):
    error = errors.from_status(code, json.dumps({"kind": "Status", "message": "no", **status}))

    assert type(error) is kind
    assert error.status_code == code
    assert error.reason == status.get("reason", "")
    assert str(error) == status.get("message", "no")


def test_an_already_existing_object_is_not_an_edit_conflict():
    assert not issubclass(errors.AlreadyExists, errors.Conflict)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(b"<html>\n  no   backend</html>", "the server answered 502 <html> no backend</html>", id="html"),
        pytest.param(b"", "the server answered 502", id="nothing"),
        pytest.param(b"[1, 2]", "the server answered 502 [1, 2]", id="json that is no Status"),
        pytest.param(b"\xff\xfe", "the server answered 502 ��", id="bytes"),
        pytest.param(b"x" * 1000, "the server answered 502 " + "x" * 300 + "…", id="a long page is cut"),
    ],
)
def test_what_a_load_balancer_says_becomes_the_message(body, text):
    error = errors.from_status(502, body)

    assert isinstance(error, errors.ServerError)
    assert str(error) == text


def test_an_apply_conflict_names_who_owns_which_field():
    error = errors.from_status(
        409,
        {
            "reason": "Conflict",
            "message": "Apply failed with 2 conflicts",
            "details": {
                "causes": [
                    {
                        "reason": "FieldManagerConflict",
                        "message": 'conflict with "argocd" using v1',
                        "field": ".spec.a",
                    },
                    {
                        "reason": "FieldManagerConflict",
                        "message": 'conflict with "kubectl edit" with subresource "status" using v1 at 2026-01-01',
                        "field": ".spec.b",
                    },
                    {"reason": "SomethingElse", "message": "not an owner", "field": ".spec.c"},
                ]
            },
        },
    )

    assert isinstance(error, errors.Conflict)
    assert [(conflict.manager, conflict.field) for conflict in error.conflicts] == [
        ("argocd", ".spec.a"),
        ("kubectl edit", ".spec.b"),
    ]


def test_an_invalid_object_names_its_fields():
    causes = [{"reason": "FieldValueInvalid", "message": "Invalid value: -1", "field": "spec.maxInFlight"}]
    error = errors.from_status(422, {"reason": "Invalid", "message": "no", "details": {"causes": causes}})

    assert error.causes == (errors.Cause("FieldValueInvalid", "spec.maxInFlight", "Invalid value: -1"),)


@pytest.mark.parametrize(
    ("details", "header", "seconds"),
    [
        pytest.param({"retryAfterSeconds": 7}, None, 7.0, id="in the Status"),
        pytest.param({}, "5", 5.0, id="in the header"),
        pytest.param({"retryAfterSeconds": 7}, "5", 7.0, id="the Status goes first"),
        pytest.param({}, "Wed, 21 Oct 2026 07:28:00 GMT", None, id="a date is ignored"),
        pytest.param({}, None, None, id="nowhere"),
    ],
)
def test_the_wait_that_the_server_asks_for_is_kept(details, header, seconds):
    error = errors.from_status(429, {"details": details}, header)

    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param({"code": 410, "reason": "Expired"}, errors.Gone, id="expired"),
        pytest.param({"code": 500}, errors.ServerError, id="failed"),
        pytest.param({}, errors.ServerError, id="without a code"),
        pytest.param({"code": "410"}, errors.ServerError, id="with a code that is no number"),
    ],
)
def test_an_error_event_of_a_watch_is_the_same_exception(status, kind):
    assert type(errors.from_watch_status(status)) is kind
