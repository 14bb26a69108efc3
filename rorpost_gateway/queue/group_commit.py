"""One thread writes; whatever waits is committed together.

Invariants:
- Only this thread uses the connection. A future resolves after COMMIT has returned,
  so that whoever awaited it may tell the world (a 250 rests on this).
- Each operation runs in a savepoint: one that fails does not take the others with it.
- A COMMIT that fails fails every operation of its group.
- The thread outlives every error; an operation whose caller went away is still done
  (what a next hop has taken must be forgotten even if the daemon is stopping).

A group grows only out of what gathered during the last COMMIT: nobody waits for company.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rorpost_gateway.errors import GatewayError, QueueUnavailable
from rorpost_gateway.queue.sqlite_errors import named

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

GROUP_OPERATIONS = 256
GROUP_OCTETS = 16 * 1024 * 1024  # a small message does not wait for more than this


@dataclass(frozen=True, kw_only=True, eq=False)
class _Operation:
    work: Work[Any]
    octets: int
    future: asyncio.Future[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Outcome:
    operation: _Operation
    result: Any = None
    error: Exception | None = None


class _TransactionLost(Exception):
    """SQLite rolled the whole transaction back because of one operation."""

    def __init__(self, outcome: _Outcome) -> None:
        super().__init__("transaction rolled back")
        self.outcome = outcome


@dataclass(kw_only=True)
class Counters:
    """How much has been committed, and in how many transactions."""

    transactions: int = 0
    operations: int = 0


@dataclass(eq=False)
class GroupCommit:
    """Runs work on `connection` in its own thread. The connection is closed by `close`."""

    connection: sqlite3.Connection
    counters: Counters = field(default_factory=Counters)
    _waiting: queue.SimpleQueue[_Operation | None] = field(default_factory=queue.SimpleQueue)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._serve, name="queue-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Work[Result], *, octets: int = 0) -> Result:
        """Do `work` in a transaction; return its result once that is durable.

        `work` may be done more than once (after a rollback) and must therefore touch
        nothing but the connection. Raises QueueFull, QueueUnavailable, or the named
        error that `work` raised.
        """
        if self._closed:
            raise QueueUnavailable("the queue is closed")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Operation(work=work, octets=octets, future=future))
        return await future

    async def close(self) -> None:
        """Finish what is waiting, then close the connection. Idempotent."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        last = False
        while not last:
            group, last = self._next_group()
            _resolve(self._commit(group))
        self.connection.close()

    def _next_group(self) -> tuple[list[_Operation], bool]:
        """What waits, at least one operation; and whether it is the last group."""
        group: list[_Operation] = []
        octets = 0
        while len(group) < GROUP_OPERATIONS and octets < GROUP_OCTETS:
            try:
                operation = self._waiting.get(block=not group)
            except queue.Empty:
                break
            if operation is None:
                return group, True
            group.append(operation)
            octets += operation.octets
        return group, False

    def _commit(self, group: Sequence[_Operation]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        remaining = list(group)
        while remaining:
            try:
                done = self._transaction(remaining)
            except _TransactionLost as lost:
                # The others are done again without the one that brought it down.
                outcomes.append(lost.outcome)
                remaining = [o for o in remaining if o is not lost.outcome.operation]
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing was committed
                self._roll_back()
                outcomes += [_Outcome(operation=o, error=error) for o in remaining]
                break
            else:
                self.counters.transactions += 1
                self.counters.operations += len(remaining)
                outcomes += done
                break
        return outcomes

    def _transaction(self, group: Sequence[_Operation]) -> list[_Outcome]:
        # IMMEDIATE: an operation reads before it writes, and must not lose the race in between.
        self.connection.execute("BEGIN IMMEDIATE")
        outcomes = [self._in_savepoint(operation) for operation in group]
        self.connection.execute("COMMIT")
        return outcomes

    def _in_savepoint(self, operation: _Operation) -> _Outcome:
        self.connection.execute("SAVEPOINT operation")
        try:
            outcome = _Outcome(operation=operation, result=operation.work(self.connection))
        except Exception as error:  # handed to whoever asked
            outcome = _Outcome(operation=operation, error=error)
            if not self.connection.in_transaction:
                raise _TransactionLost(outcome) from error
            self.connection.execute("ROLLBACK TO operation")
        self.connection.execute("RELEASE operation")
        return outcome

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            try:
                self.connection.execute("ROLLBACK")
            except sqlite3.Error:
                # The next BEGIN will say so; an error here would hide the first one.
                return


def _resolve(outcomes: Sequence[_Outcome]) -> None:
    """Wake each caller in its own event loop, once per loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.operation.future.get_loop(), []).append(outcome)
    for loop, its_outcomes in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, its_outcomes)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.operation.future
        if future.done():
            continue
        if outcome.error is None:
            future.set_result(outcome.result)
        elif isinstance(outcome.error, sqlite3.Error):
            future.set_exception(named(outcome.error))
        elif isinstance(outcome.error, GatewayError):
            future.set_exception(outcome.error)
        else:
            future.set_exception(QueueUnavailable("the queue failed", private=repr(outcome.error)))
