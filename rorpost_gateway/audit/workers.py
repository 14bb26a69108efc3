"""Work spread over processes, or done at once where one process is enough. Results come as futures."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def usable_processors() -> int:
    return len(os.sched_getaffinity(0))


class Workers:
    """With one process, work is done when it is asked for, in this one."""

    def __init__(self, processes: int) -> None:
        self.processes = max(1, processes)
        # Not forked: whoever verifies may have threads (a progress bar has one).
        context = get_context("spawn")
        self._pool = None if processes <= 1 else ProcessPoolExecutor(processes, mp_context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def submit(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """The result to be; errors come with it. BrokenExecutor where a process was killed."""
        if self._pool is not None:
            return self._pool.submit(work, *args, **kwargs)
        future: Future[_R] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it comes with the result, as from a process
            future.set_exception(error)
        return future
