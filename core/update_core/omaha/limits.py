"""How much may one request be?

The endpoint is public: these bounds keep the time and memory of one request small, whatever is sent. They hold in every
dialect.
"""

MAX_BODY_BYTES = 64 * 1024
"""Nebraska's bound, before and after any decoding. A real check has less than 2 KiB."""

MAX_DEPTH = 10
"""Levels of nesting. Requests of real clients have three in XML (request, app, event), seven in JSON (fp in packages)."""

MAX_APPS = 64
"""Applications per request. Chromium asks for extensions in batches of 22, operating systems for one to three."""

MAX_EVENTS_PER_APP = 64
"""Events per application. A whole update makes about six."""

MAX_ATTRIBUTES = 64
"""Attributes per element, members per object. update_engine's ``<app>`` has about twenty."""

MAX_ATTRIBUTE_LENGTH = 4096
"""Characters in one value. Machine aliases are the longest real ones, with a few hundred."""

MAX_CACHED_ITEMS = 64
"""Packages that one application says it has in its cache. Chromium keeps one or two."""

MAX_DATA = 16
"""Data elements per application. Omaha 3 sends one per kind, and there are two kinds."""
