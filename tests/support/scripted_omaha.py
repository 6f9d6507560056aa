"""An Omaha service that says what a test wants it to, on a real socket; and what fake clients told it."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import web
from lxml import etree

NO_UPDATE = '<updatecheck status="noupdate"/>'


@dataclass(frozen=True)
class Told:
    """One request in short: who, with which version, on which boot, and what: "check", "13:1", "3:0:2000", "ping"."""

    machine: str
    version: str
    boot: str
    what: str


@dataclass
class Omaha:
    """Answers each check with `answer(told)`: an updatecheck element, or an HTTP status. Everything else is acknowledged."""

    answer: Callable[[Told], str | int]
    told: list[Told] = field(default_factory=list)
    url: str = ""

    def of(self, machine: str) -> list[str]:
        """What one machine said, in order."""
        return [told.what for told in self.told if told.machine == machine]

    def respond(self, body: bytes) -> str | int:
        """The answer to a request's body."""
        told = read(body)
        self.told.append(told)
        content = self.answer(told) if told.what == "check" else '<event status="ok"/>'
        if isinstance(content, int):
            return content
        return f'<response protocol="3.0"><app appid="x" status="ok">{content}</app></response>'

    async def handle(self, request: web.Request) -> web.Response:
        """The same over HTTP."""
        answer = self.respond(await request.read())
        if isinstance(answer, int):
            return web.Response(status=answer, text="scripted trouble")
        return web.Response(text=answer, content_type="text/xml")


def offer(version: str) -> str:
    """An update check's answer that offers a version."""
    return f'<updatecheck status="ok"><manifest version="{version}"/></updatecheck>'


def read(body: bytes) -> Told:
    """What a request says."""
    app = etree.fromstring(body).find("app")
    if app.find("updatecheck") is not None:
        what = "check"
    elif app.find("ping") is not None:
        what = "ping"
    else:
        event = app.find("event")
        what = ":".join(filter(None, (event.get(a) for a in ("eventtype", "eventresult", "errorcode"))))
    return Told(app.get("machineid"), app.get("version"), app.get("bootid"), what)


@contextlib.asynccontextmanager
async def serving(answer: Callable[[Told], str | int]) -> AsyncIterator[Omaha]:
    """Serve on a free port of 127.0.0.1."""
    omaha = Omaha(answer)
    application = web.Application()
    application.router.add_post("/v1/update/", omaha.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    omaha.url = f"http://{host}:{port}"
    try:
        yield omaha
    finally:
        await runner.cleanup()
