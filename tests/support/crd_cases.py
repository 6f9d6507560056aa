"""Values of the fields that the CRDs have rules for, and what becomes of them: which pass, which don't, and which can't be changed."""

from typing import Any

from support import crd_cases_of_rollouts as rollouts
from support.crd_forms import NAMES, ONE_LINE, VERSIONS, Change, Form

UUID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
SHA1 = "fe7374bddde2ddf07f6bfcc728d115d14338964b"
SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"
SPECS: dict[str, dict[str, Any]] = {
    "Application": {"appId": UUID},
    "Channel": {"applicationRef": {"name": "webapp"}, "name": "stable", "version": "1.0.0"},
    "Group": {"applicationRef": {"name": "webapp"}, "channelRef": {"name": "webapp-stable"}, "track": "berlin"},
    "Package": {
        "applicationRef": {"name": "webapp"},
        "version": "1.0.0",
        "url": "update.gz",
        "size": 23,
        "sha256": SHA256,
    },
}
EXTRA_FILE = {"name": "oem-ami.gz", "size": 7, "sha256": SHA256}
ACTION = {"event": "install", "run": "setup.exe"}
WINDOW = {"days": ["Saturday", "Sunday"], "startTime": "02:00", "durationSeconds": 14400, "timeZone": "Europe/Berlin"}
FREEZE = {"start": "2026-12-20T00:00:00Z", "end": "2027-01-04T00:00:00Z"}
ITEMS = {
    "floors.[]": {"version": "0.9.0"},
    "extraFiles.[]": EXTRA_FILE,
    "actions.[]": ACTION,
    "maintenanceWindows.[]": WINDOW,
    "freezes.[]": FREEZE,
} | rollouts.ITEMS
"""What stands beside a field, by the path of what it is in."""
IMAGE = "index.example.com/webapp:1.2.1"


DISPLAY_NAMES = Form(("Web application (EU)", "Überblick 漢字"), ("two\nlines", "bell\x07", "\x1b[31mred"))
PRINTABLE = Form(("stable", "Fake Clients", "a", "stable/eu-west:1"), ("", " stable", "stable ", "stäble", "a\nb"))
OBJECT_CHANGE = Change({"name": "webapp"}, ({"name": "other"},))

FORMS: dict[str, Form] = rollouts.FORMS | {
    "Application.appId": Form(
        (UUID, "com.example.webapp", "com.example.my-app_2", "io.x"),
        (
            "",
            UUID.upper(),
            "{" + UUID + "}",
            "webapp",
            "com..example",
            "com.example.",
            "-com.example",
            "e96281a6-d1af-4bde-9a0a",
            "com example.x",
        ),
    ),
    "Application.displayName": DISPLAY_NAMES,
    "Application.packageBaseURL": Form(
        ("https://downloads.example.com/webapp/", "http://127.0.0.1:8080/packages/", "https://example.com/"),
        (
            *("downloads.example.com/webapp/", "/packages/", "ftp://example.com/", "HTTPS//example.com/"),
            *("https://example.com", "https://example.com/webapp", "https:///webapp/"),
            *(
                "https://example.com/?a=/",
                "https://example.com/#/",
                "https://example.com/a b/",
                "https://example.com/\t/",
            ),
        ),
    ),
    "Application.defaultGroupRef.name": NAMES,
    "Channel.applicationRef.name": NAMES,
    "Channel.name": PRINTABLE,
    "Channel.version": VERSIONS,
    "Channel.floors.[].version": VERSIONS,
    "Channel.floors.[].reason": ONE_LINE,
    "Group.versionPolicy.blockedVersions.[]": VERSIONS,
    "Group.applicationRef.name": NAMES,
    "Group.channelRef.name": NAMES,
    "Group.track": PRINTABLE,
    "Group.displayName": DISPLAY_NAMES,
    "Group.versionPolicy.prefix": Form(
        ("1", "1.2", "1.2.", "1.2.3$", "1.2.3.4", "1.2.3-beta.1", "1.2.3-beta.1$", "4294967295."),
        ("", ".", "$", "v1", "1..", "1.2.$", "1.2$.", "1.2.3.4.5", "4294967296", "1.2-", "1 ", "latest"),
    ),
    "Group.maintenanceWindows.[].startTime": Form(
        ("00:00", "23:59", "02:30", "22:30:15", "23:59:59"),
        ("", "24:00", "2:00", "02:60", "02:00:60", "2am", "02", "02:00Z", "02.00"),
    ),
    "Group.maintenanceWindows.[].timeZone": Form(
        ("UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT", "America/Port-au-Prince"),
        (
            "",
            "+01:00",
            "Europe/",
            "/etc/passwd",
            "../UTC",
            "Europe//Berlin",
            "Europe/Berlin ",
            "Europe/Bérlin",
            "a/b/c/d",
        ),
    ),
    "Group.freezes.[]": Form(
        (FREEZE, FREEZE | {"start": "2027-01-04T00:00:00+00:01"}, FREEZE | {"end": "2026-12-20T00:00:00.001Z"}),
        (FREEZE | {"end": FREEZE["start"]}, FREEZE | {"start": "2027-01-04T00:00:00-00:01"}),
    ),
    "Group.freezes.[]-in-our-time": Form(
        (FREEZE | {"start": "1970-01-01T00:00:00Z"}, FREEZE | {"end": "3000-01-01T00:00:00Z"}),
        (FREEZE | {"start": "0001-01-01T00:00:00+14:00"}, FREEZE | {"end": "9999-12-31T23:59:59-12:00"}),
    ),
    "Group.freezes.[].name": ONE_LINE,
    "Group.freezes.[].reason": ONE_LINE,
    "Group.exclude.oems.[]": Form(("ami", "Azure (EU)", "a"), ("", " ami", "ami ", "\tami", "ämi")),
    "Package.mirrors.[]": Form(
        ("https://mirror.example.com/webapp/1.2.0/", "http://127.0.0.1:8080/", "https://example.com/a%20b/"),
        (
            *("https://mirror.example.com/webapp", "https://mirror.example.com", "mirror.example.com/webapp/"),
            *("ftp://example.com/", "https://example.com/?a=/", "https://example.com/a b/", "HTTP://example.com/"),
        ),
    ),
    "Package.extraFiles.[].name": Form(
        ("oem-ami.gz", "..gz", "a", "oem_(1)@x+y.gz"),
        (*("", ".", "..", "a/b", "/a", "a?b", "a#b", "a:b", "a%2Fb", "a b", "a\\b", "ä.gz", "a\n"),),
    ),
    "Package.actions.[].run": ONE_LINE,
    "Package.actions.[].arguments": ONE_LINE,
    "Package.postinstall.deadline": ONE_LINE,
    "Package.postinstall.displayVersion": ONE_LINE,
    "Package.withdrawn.reason": ONE_LINE,
    "Package.deadEnd.reason": ONE_LINE,
    "Package.minFromVersion": VERSIONS,
    "Package.postinstall.moreInfo": Form(
        ("https://www.example.com/releases?v=1.2.0#new", "http://example.com"),
        ("www.example.com", "javascript:alert(1)", "https://", "https://example.com/a b", "https://example.com/\n"),
    ),
    "Package.applicationRef.name": NAMES,
    "Package.version": VERSIONS,
    "Package.displayName": DISPLAY_NAMES,
    "Package.url": Form(
        (
            *(
                "update.gz",
                "webapp/1.1.0/update.gz",
                "update.gz?token=a%2Fb:c",
                "..update/v1..2/update.gz",
                "index.example.com/webapp",
            ),
            *(
                "https://downloads.example.com/update.gz",
                "http://127.0.0.1:8080/a/update.gz?x=1",
                "https://example.com/a%20b",
            ),
            *(
                "index.example.com/webapp:1.2.1",
                "localhost:5000/team/web_app:latest",
                "index.example.com/webapp@sha256:" + SHA256,
            ),
            *("index.example.com/webapp:1.2.1@sha256:" + SHA256, "localhost/webapp:1"),
        ),
        (
            *(
                "",
                "/update.gz",
                "//example.com/update.gz",
                "../update.gz",
                "a/../update.gz",
                "a/./b",
                "a/..",
                "a/%2E%2e/b",
                "a//b",
                "a/",
            ),
            *(
                "https://example.com",
                "https://example.com/",
                "https://example.com/a/",
                "https://",
                "ftp://example.com/a",
                "HTTP://example.com/a",
            ),
            *(
                "file:///etc/passwd",
                "javascript:alert(1)",
                "webapp:1.2.1",
                "localhost:5000/webapp",
                "https://example.com/a#b",
                "https://example.com/a?b=c/d",
                "update.gz?token=a/b",
            ),
            *(
                "up date.gz",
                "update.gz\n",
                "update\x00.gz",
                "a\\..\\b",
                "<update>",
                "üpdate.gz",
                "index.example.com/WebApp:1.2.1",
            ),
        ),
    ),
    "Package.sha256": Form(
        (SHA256,), ("", SHA256.upper(), SHA256[:-1], "tgLWMPCggYQNDKj8TTWBDkKAZkKzEnu3AtZcPfIn0PU=")
    ),
    "Package.sha1": Form((SHA1,), ("", SHA1.upper(), SHA1[:-1], "/nN0vd3i3fB/a/zHKNEV0UM4lks=")),
    "Package.signature": Form(("ixi6Oebo", "YQ==", "YWI="), ("", "ixi6Oeb", "ixi-Oebo", "ixi6\nOebo", "=YQ=")),
}
CHANGES: dict[str, Change] = {
    "Application.appId-immutable": Change(UUID, ("com.example.webapp",)),
    "Channel.applicationRef-immutable": OBJECT_CHANGE,
    "Channel.name-immutable": Change("stable", ("beta",)),
    "Group.applicationRef-immutable": OBJECT_CHANGE,
    "Group.track-immutable": Change("berlin", ("paris",)),
    "Package.applicationRef-immutable": OBJECT_CHANGE,
    "Package.version-immutable": Change("1.0.0", ("1.0.1",)),
    "Package.url-immutable": Change("update.gz", ("other.gz",)),
    "Package.size-immutable": Change(23, (24,)),
    "Package.sha256-immutable": Change(SHA256, (SHA256.replace("b", "c"),)),
    "Package.sha1-immutable": Change(SHA1, (SHA1.replace("f", "a"), None)),
    "Package.signature-immutable": Change("ixi6Oebo", ("YQ==", None)),
    "Package.metadataSize-immutable": Change(190, (191, None)),
    "Package.arch-immutable": Change("amd64", ("arm64", None)),
    "Package.extraFiles-immutable": Change([EXTRA_FILE], ([EXTRA_FILE | {"size": 8}], [], None)),
    "Package.actions-immutable": Change([ACTION], ([ACTION | {"arguments": "/quiet"}], [], None)),
}
ADDITIONS = {
    "Package.arch-immutable": "amd64",
    "Package.extraFiles-immutable": [EXTRA_FILE],
    "Package.actions-immutable": [ACTION],
    "Package.sha1-immutable": SHA1,
    "Package.signature-immutable": "YQ==",
    "Package.metadataSize-immutable": 190,
}
CONTRADICTIONS: dict[str, Form] = {
    f"Package.{field}-of-an-image": Form(
        (
            {field: []},
            {field: [item], "url": "1.2.1/webapp"},
            {field: [item], "url": "https://index.example.com/webapp"},
        ),
        ({field: [item], "url": IMAGE}, {field: [item], "url": "localhost/webapp@sha256:" + SHA256}),
    )
    for field, item in (("mirrors", "https://mirror.example.com/"), ("extraFiles", EXTRA_FILE))
} | {
    "Package.extraFiles-beside-the-payload": Form(
        ({"extraFiles": [EXTRA_FILE], "url": "1.2.1/an-oem-ami.gz"},),
        (
            {"extraFiles": [EXTRA_FILE], "url": "oem-ami.gz"},
            {"extraFiles": [EXTRA_FILE | {"name": "x"}, EXTRA_FILE], "url": "https://example.com/1/oem-ami.gz"},
        ),
    ),
}
MUTABLE = [
    (
        "Application",
        {
            "displayName": "Web",
            "description": "For customers",
            "packageBaseURL": "https://example.com/",
            "defaultGroupRef": {"name": "x"},
            "pollIntervalSeconds": 2700,
            "retryAfterSeconds": 60,
        },
    ),
    ("Channel", {"version": "1.1.0", "floors": [{"version": f"0.{minor}.0", "reason": "keys"} for minor in range(16)]}),
    (
        "Group",
        {
            "channelRef": {"name": "webapp-beta"},
            "paused": True,
            "rateLimit": {"maxUpdates": 2, "periodSeconds": 60},
            "maxInFlight": 1,
            "versionPolicy": {
                "allowDowngrade": True,
                "prefix": "1",
                "blockedVersions": [f"1.{n}.0" for n in range(64)],
            },
            "exclude": {"oems": ["ami", "azure"]},
            "maintenanceWindows": [WINDOW] * 32,
            "freezes": [FREEZE | {"name": "holidays", "reason": "nobody is there"}] * 32,
            "rollout": rollouts.EVERYTHING,
            "evidence": {"minAgeSeconds": 0},
            "onDemand": "BypassLimits",
            "pollIntervalSeconds": 2700,
            "retryAfterSeconds": 60,
        },
    ),
    (
        "Package",
        {
            "displayName": "Web 1.0",
            "mirrors": ["https://mirror.example.com/"],
            "postinstall": {"needsAdmin": True, "deadline": "now", "maxFailureCountPerURL": 3},
            "withdrawn": {"reason": "loses data"},
            "deadEnd": {"reason": "no room"},
            "minFromVersion": "0.9",
        },
    ),
]
