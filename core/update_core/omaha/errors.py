"""What is wrong with a request that cannot be answered at all?

A request that can be read always gets a protocol answer with HTTP 200; this is for the rest. The edge maps it once.
"""


class BadRequest(ValueError):  # noqa: N818 (named after the HTTP answer that it becomes)
    """The client sent something that is no Omaha request.

    `reason` is plain text for people and never repeats what was sent; `http_status` is a hint for the edge: 400, or 413
    for too much.
    """

    def __init__(self, reason: str, http_status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.http_status = http_status
