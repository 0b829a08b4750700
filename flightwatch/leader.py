"""One daemon leads a database at a time.

A lock that dies with its holder lets a standby take over within half a second of a crash. A lease row that must be
renewed, and a fence that stops a leader from writing after its lease ran out, handle a frozen leader.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flightwatch.errors import NotLeaderError, StoreError

if TYPE_CHECKING:
    from flightwatch.store import Lease, Store
    from flightwatch.store.lock import Lock

log = logging.getLogger("flightwatch.leader")

NAME = "leader"
LOOK_S = 0.5  # how often a standby checks; takeover stays well below the required 2 s


@contextmanager
def lead(
    store: Store,
    lease_s: float,
    *,
    stop: threading.Event,
    standby: bool = True,
    beat: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """Be the leader inside. Wait for the lead as a standby, or raise NotLeaderError if told not to wait.

    Also raises NotLeaderError if told to stop before getting the lead. `stop` is set when the lead is lost. A standby
    calls `beat` each time it checks.
    """
    leader = _Leader(store, lease_s, stop)
    told = False
    while not leader.take():
        if not standby:
            held = store.lease(NAME)
            raise NotLeaderError(f"another daemon leads this database ({held.holder if held else 'not known which'})")
        if not told:
            log.info("another daemon leads; standing by")
            told = True
        beat()
        if stop.wait(LOOK_S):
            raise NotLeaderError("told to stop while standing by")
    log.info("leading as %s", leader.holder)
    keeper = threading.Thread(target=leader.keep, name="lease", daemon=True)
    keeper.start()
    try:
        doubtful = store.recover_deliveries()
        if doubtful:
            log.warning(
                "%d messages were being sent when the last leader ended; they are sent again, marked", len(doubtful)
            )
        yield
    finally:
        leader.over.set()
        keeper.join(timeout=5)
        leader.release()


@dataclass
class _Leader:
    store: Store
    lease_s: float
    stop: threading.Event
    holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    lock: Lock | None = None
    lease: Lease | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def take(self) -> bool:
        """Whether the lead could be taken. With the lock, whoever held the lease is dead; without it, the lease must
        have run out because its holder is frozen."""
        try:
            self.lock = self.lock or self.store.try_lock(NAME)
            now = datetime.now(tz=UTC)
            self.lease = self.store.take_lease(NAME, self.holder, now, self.lease_s, force=self.lock is not None)
        except StoreError as e:
            if e.kind not in ("busy", "gone"):  # these pass by themselves
                raise
            log.warning("cannot check who leads: %s", e)
        if self.lease is None:
            return False
        self.store.fence(self.lease)
        return True

    def keep(self) -> None:
        """Renew the lease until the end; if somebody else holds it, stop at once."""
        while self.lease is not None and not self.over.wait(self.lease_s / 3):
            try:
                if self.lock is not None and not self.lock.alive():  # PostgreSQL was restarted and its locks are gone
                    self.lock = None
                self.lock = self.lock or self.store.try_lock(NAME)
                again = self.store.renew_lease(self.lease, datetime.now(tz=UTC), self.lease_s)
            except NotLeaderError:
                again = None
            except StoreError as e:
                log.error("the lease could not be renewed: %s", e)
                continue
            if again is None:
                log.critical("another daemon took the lead; stopping")
                self.stop.set()
                return
            self.lease = again

    def release(self) -> None:
        """Let the next daemon lead at once."""
        self.store.fence(None)
        try:
            if self.lease is not None:
                self.store.release_lease(self.lease, datetime.now(tz=UTC))
        except StoreError as e:
            log.warning("the lease could not be given back: %s", e)
        if self.lock is not None:
            self.lock.release()
