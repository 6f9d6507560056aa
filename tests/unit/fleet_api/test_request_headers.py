"""Who the headers of the front proxy name."""

import pytest

from omaha_api.fleet_api.front import request_headers
from omaha_api.fleet_api.front.request_headers import HeaderNames, User

NAMES = HeaderNames(("X-Remote-User",), ("X-Remote-Group",), ("X-Remote-Extra-",))


def headers(*pairs):
    return [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in pairs]


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param([("x-remote-user", "ada")], User("ada"), id="a name alone"),
        pytest.param(
            [("x-remote-user", "ada"), ("x-remote-group", "ops"), ("accept", "*/*"), ("x-remote-group", "dev")],
            User("ada", ("ops", "dev")),
            id="groups, one header each, in their order",
        ),
        pytest.param(
            [("x-remote-user", "ada"), ("x-remote-group", "a,b")],
            User("ada", ("a,b",)),
            id="a comma belongs to the group's name",
        ),
        pytest.param(
            [
                ("x-remote-user", "ada"),
                ("x-remote-extra-scopes", "one"),
                ("x-remote-extra-scopes", "two"),
                ("x-remote-extra-example.com%2fteam", "blue"),
            ],
            User("ada", extra={"scopes": ("one", "two"), "example.com/team": ("blue",)}),
            id="extra, its keys unescaped",
        ),
        pytest.param([("x-remote-user", ""), ("x-remote-user", "ada")], User("ada"), id="an empty name is none"),
        pytest.param([("x-remote-user", "żółw")], User("żółw"), id="names in UTF-8"),
        pytest.param([], None, id="nothing"),
        pytest.param([("x-remote-group", "system:masters")], None, id="groups without a name"),
        pytest.param([("x-remote-user", "  ")], None, id="blanks"),
        pytest.param([("x-remote-user", b"\xff\xfe")], None, id="a name that isn't UTF-8"),
        pytest.param([("x-remote-user-", "ada")], None, id="another header"),
    ],
)
def test_the_user_is_whom_the_headers_name(received, expected):
    assert request_headers.user(headers(*received), NAMES) == expected


def test_the_cluster_says_which_headers_count():
    names = HeaderNames(("X-First", "X-Second"), ("X-Team", "X-Club"), ())
    received = headers(("x-remote-user", "eve"), ("x-second", "ada"), ("x-club", "chess"), ("x-team", "blue"))

    assert request_headers.user(received, names) == User("ada", ("blue", "chess"))
