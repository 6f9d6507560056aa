"""Would the client that sent these bytes accept those? Whatever its dialect."""

from support import omaha_clients, omaha_clients_json
from update_core.omaha import dialects


def assert_accepted(sent: bytes, answer: bytes, content_type: str) -> None:
    """Every client that could have sent `sent` acts on `answer`; AssertionError (mostly `Rejected`) otherwise."""
    request, codec = dialects.read(sent)
    if codec in {dialects.XML_30, dialects.OMAHA_3}:
        omaha_clients.assert_accepted(request, answer, content_type)
    else:
        omaha_clients_json.assert_accepted(request, answer, content_type)
