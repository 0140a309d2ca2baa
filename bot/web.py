"""I/O: the one HTTP server of a running Earshot: what platforms post to, and what tells how it is."""

from collections.abc import Awaitable, Callable

from aiohttp import web

MAX_BODY = 1024**2  # bytes

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebFailed(Exception):
    """The address cannot be opened; the message says why and what to do."""


class Web:
    """Listens on ``host`` and ``port`` (0: any free one) from ``start`` on; addresses are added before."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._routes: dict[tuple[str, str], Answer] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    def add(self, method: str, path: str, answer: Answer) -> None:
        """Have ``answer`` answer requests to ``path``; what stood there before gives way."""
        self._routes[method, path] = answer

    async def start(self) -> None:
        """Raises WebFailed."""
        app = web.Application(client_max_size=MAX_BODY)
        for (method, path), answer in self._routes.items():
            app.router.add_route(method, path, answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self.stop()
            raise WebFailed(
                f"console.host {self._host} and console.port {self._port}: {error.strerror}; name others"
            ) from error
        self.url = f"http://{self._host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """No more requests; those that are being answered are finished."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
