"""A durable queue in one file, for several processes and threads at once: SQLite with a write-ahead log.

Do not use an open queue after a fork (https://www.sqlite.org/howtocorrupt.html, section 2.6). Open a new one in each
process.
"""

import contextlib
import math
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.queues.port import LeasedMessage, QueueMessage, QueueRejected, QueueUnavailable, WaitingMessage, check_size

TOMBSTONE_S = 7 * 86_400
"""How long the queue remembers an acknowledged id, and ignores a second send of it."""
_WORKER_TIMEOUT_S = 10.0
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
  arrival INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
  stored_at REAL NOT NULL, visible_at REAL NOT NULL,
  leased_until REAL NOT NULL DEFAULT 0, lease TEXT NOT NULL DEFAULT '', receives INTEGER NOT NULL DEFAULT 0,
  acked_at REAL
);
CREATE INDEX IF NOT EXISTS waiting ON messages (arrival) WHERE acked_at IS NULL;
CREATE INDEX IF NOT EXISTS tombstones ON messages (acked_at) WHERE acked_at IS NOT NULL;
"""
_SELECT_DUE = """
SELECT arrival, id, type, key, body, receives FROM messages
WHERE acked_at IS NULL AND leased_until <= :now AND (visible_at <= :now OR :ignore_delay)
ORDER BY arrival LIMIT :limit
"""


class SqliteQueue:
    """Queue and Inbox over the file at `path` (absolute). The first send creates the file, with mode 0600.

    `now`: gives Unix seconds. All users of a file must have the same clock.
    """

    max_delay_s = math.inf

    def __init__(self, path: str, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """See Queue.send. The message is on disk when it returns. A known id is confirmed and ignored."""
        check_size(message)
        if timeout_s <= 0:
            raise QueueUnavailable("no time left to send")
        with self._transaction(timeout_s, create=True) as database:
            assert database is not None  # noqa: S101  create=True
            now = self._now()
            database.execute("DELETE FROM messages WHERE acked_at < ?", (now - TOMBSTONE_S,))
            database.execute(
                "INSERT OR IGNORE INTO messages (id, type, key, body, stored_at, visible_at) VALUES (?, ?, ?, ?, ?, ?)",
                (message.id, message.type, message.key, message.body, now, now + max(delay_s, 0.0)),
            )

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """See Inbox.receive."""
        with self._transaction(_WORKER_TIMEOUT_S) as database:
            if database is None:
                return []
            now, lease = self._now(), uuid.uuid4().hex
            rows = database.execute(
                _SELECT_DUE,
                {"now": now, "ignore_delay": ignore_delay, "limit": max(max_messages, 0)},
            ).fetchall()
            database.executemany(
                "UPDATE messages SET lease = ?, leased_until = ?, receives = receives + 1 WHERE arrival = ?",
                [(lease, now + lease_s, row[0]) for row in rows],
            )
        return [LeasedMessage(QueueMessage(*row[1:5]), lease, now + lease_s, row[5] + 1) for row in rows]

    def ack(self, leased: LeasedMessage) -> bool:
        """See Inbox.ack. The id stays in the file, the body does not."""
        with self._transaction(_WORKER_TIMEOUT_S) as database:
            return database is not None and self._update(
                database, "acked_at = ?, body = '', lease = '', leased_until = 0", self._now(), leased
            )

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """See Inbox.release."""
        with self._transaction(_WORKER_TIMEOUT_S) as database:
            return database is not None and self._update(
                database,
                "visible_at = ?, lease = '', leased_until = 0",
                self._now() + max(delay_s, 0.0),
                leased,
            )

    def peek(self) -> list[WaitingMessage]:
        """See Inbox.peek. A missing file holds no messages, and is not created."""
        with self._transaction(_WORKER_TIMEOUT_S, write=False) as database:
            if database is None:
                return []
            rows = database.execute(
                "SELECT id, type, key, body, stored_at, visible_at, leased_until, receives FROM messages"
                " WHERE acked_at IS NULL ORDER BY arrival"
            ).fetchall()
        return [WaitingMessage(QueueMessage(*row[:4]), *row[4:]) for row in rows]

    def close(self) -> None:
        """Close the file. A later call opens it again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _update(database: sqlite3.Connection, change: str, value: float, leased: LeasedMessage) -> bool:
        # The lease decides, not the clock: a late worker still holds the message if nobody took it since.
        done = database.execute(
            f"UPDATE messages SET {change} WHERE id = ? AND lease = ? AND acked_at IS NULL",  # noqa: S608
            (value, leased.message.id, leased.lease),
        )
        return done.rowcount == 1

    @contextlib.contextmanager
    def _transaction(
        self, timeout_s: float, *, create: bool = False, write: bool = True
    ) -> Iterator[sqlite3.Connection | None]:
        """One transaction within `timeout_s`. None: there is no file, and `create` is False."""
        ends_at = time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            raise QueueUnavailable("the queue file is busy")
        committing = False
        try:
            database = self._current(ends_at, create)
            if database is None:
                yield None
                return
            _wait_until(database, ends_at)
            database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield database
                committing = write
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            text = str(error)
            if "full" in text:
                raise QueueRejected("the queue file cannot grow: its disk is full") from error
            reason = "is busy" if "locked" in text or "busy" in text else "cannot be used"
            # A commit that failed may turn out complete when the log is next read.
            raise QueueUnavailable(f"the queue file {reason} ({type(error).__name__})", maybe=committing) from error
        finally:
            self._lock.release()

    def _current(self, ends_at: float, create: bool) -> sqlite3.Connection | None:
        """The connection to the file that is at the path now, so that no message goes into a deleted file."""
        if self._connection is not None and self._identity() != self._file:
            self._close()
        if self._connection is None:
            self._connection = self._open(ends_at, create)
            self._file = self._identity()
        return self._connection

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116  a string, often
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _open(self, ends_at: float, create: bool) -> sqlite3.Connection | None:
        path = Path(self._path)
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # the log gets this mode, too
        elif not path.exists():
            return None
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            while True:
                _wait_until(database, ends_at)
                try:
                    _prepare(database)
                except sqlite3.OperationalError as error:
                    # SQLite does not wait for its lock while another process switches the log on.
                    if "locked" not in str(error) or time.monotonic() >= ends_at:
                        raise
                    time.sleep(0.005)
                else:
                    return database
        except BaseException:
            database.close()
            raise


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == _VERSION:
        return
    if version != 0:
        raise sqlite3.DatabaseError("another version of keyturn made this file")
    database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _wait_until(database: sqlite3.Connection, ends_at: float) -> None:
    left_ms = max(0, int((ends_at - time.monotonic()) * 1000))
    database.execute(f"PRAGMA busy_timeout = {left_ms}")
