"""One thread writes; whatever waits is committed together.

Invariants:
- Only this thread uses the connection. A future resolves after COMMIT has returned,
  so that whoever awaited it may tell the world (a 250 rests on this).
- An operation that fails does not take the others with it: the group is rolled back and
  done again, each operation in a savepoint of its own. Without a failure there are no
  savepoints: each costs two statements, and at each the thread waits for the interpreter.
- A COMMIT that fails fails every operation of its group.
- The thread outlives every error; an operation whose caller went away is still done
  (what a next hop has taken must be forgotten even if the daemon is stopping).

A group grows only out of what gathered during the last COMMIT: nobody waits for company.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from rorpost_gateway.queue.answers import Answer, Answering, Question

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]


class _OneFailed(Exception):
    """An operation raised; nothing of its transaction is kept."""


class _TransactionLost(Exception):
    """SQLite rolled the whole transaction back because of one operation."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("transaction rolled back")
        self.answer = answer


@dataclass(kw_only=True)
class Counters:
    """How much has been committed, and in how many transactions."""

    transactions: int = 0
    operations: int = 0


def _nothing_to_check(_octets: int) -> None:
    return


@dataclass(eq=False)
class GroupCommit:
    """Runs work on `connection` in its own thread. The connection is closed by `close`.

    `check` is asked before operations that promise something, with the octets they add;
    what it raises is their answer. It is asked once for a group that it has nothing against.
    """

    connection: sqlite3.Connection
    check: Callable[[int], None] = _nothing_to_check
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        self._thread = Answering(self.connection, self._commit, name="queue-writer")

    async def run(self, work: Work[Result], *, octets: int = 0, promises: bool = False) -> Result:
        """Do `work` in a transaction; return its result once that is durable.

        `work` may be done more than once (after a rollback) and must therefore touch
        nothing but the connection. Raises QueueFull, QueueUnavailable, or the named
        error that `work` raised.
        """
        return await self._thread.ask(work, octets=octets, promises=promises)

    async def close(self) -> None:
        """Finish what is waiting, then close the connection. Idempotent."""
        await self._thread.close()

    def _commit(self, group: Sequence[Question]) -> list[Answer]:
        try:
            return self._transaction(group, self._together)
        except _OneFailed:
            self._roll_back()
            return self._commit_apart(group)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was committed
            return self._all_failed(group, error)

    def _commit_apart(self, group: Sequence[Question]) -> list[Answer]:
        answers: list[Answer] = []
        remaining = list(group)
        while remaining:
            try:
                return answers + self._transaction(remaining, self._apart)
            except _TransactionLost as lost:
                # The others are done again without the one that brought it down.
                answers.append(lost.answer)
                remaining = [o for o in remaining if o is not lost.answer.question]
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing was committed
                return answers + self._all_failed(remaining, error)
        return answers

    def _transaction(
        self, group: Sequence[Question], do: Callable[[Sequence[Question]], list[Answer]]
    ) -> list[Answer]:
        # IMMEDIATE: an operation reads before it writes, and must not lose the race in between.
        self.connection.execute("BEGIN IMMEDIATE")
        answers = do(group)
        self.connection.execute("COMMIT")
        self.counters.transactions += 1
        self.counters.operations += len(group)
        return answers

    def _together(self, group: Sequence[Question]) -> list[Answer]:
        try:
            if any(operation.promises for operation in group):
                self.check(sum(operation.octets for operation in group))
            return [Answer(question=operation, result=operation.work(self.connection)) for operation in group]
        except Exception as error:
            raise _OneFailed from error

    def _apart(self, group: Sequence[Question]) -> list[Answer]:
        return [self._in_savepoint(operation) for operation in group]

    def _in_savepoint(self, operation: Question) -> Answer:
        self.connection.execute("SAVEPOINT operation")
        try:
            if operation.promises:
                self.check(operation.octets)
            answer = Answer(question=operation, result=operation.work(self.connection))
        except Exception as error:  # handed to whoever asked
            answer = Answer(question=operation, error=error)
            if not self.connection.in_transaction:
                raise _TransactionLost(answer) from error
            self.connection.execute("ROLLBACK TO operation")
        self.connection.execute("RELEASE operation")
        return answer

    def _all_failed(self, group: Sequence[Question], error: Exception) -> list[Answer]:
        self._roll_back()
        return [Answer(question=operation, error=error) for operation in group]

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            try:
                self.connection.execute("ROLLBACK")
            except sqlite3.Error:
                # The next BEGIN will say so; an error here would hide the first one.
                return
