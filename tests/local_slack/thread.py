"""A thread with its own event loop, in which a server lives."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs ``serve(ready, stopping)``: it calls ``ready()`` when it is up and ends on ``stopping``."""

    def __init__(
        self, serve: Callable[[Callable[[], None], asyncio.Event], Coroutine[Any, Any, None]], name: str
    ) -> None:
        self._serve = serve
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.result(timeout=10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=10)

    def call(self, work: Callable[[], T]) -> T:
        """``work``'s result, done on the loop. May be called from any thread, the loop's own included."""
        if threading.get_ident() == self._thread.ident:
            return work()

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            if not self._started.done():
                self._started.set_exception(RuntimeError(f"{self._thread.name} did not start; see above"))

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self._serve(lambda: self._started.set_result(None), self._stopping)
