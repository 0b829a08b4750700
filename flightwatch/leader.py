"""One daemon leads a database at a time.

SQLite: a lock on a file beside the database, which the kernel lets go of however the process ends. PostgreSQL: a lease
row that must be renewed, and a fence that keeps a leader that slept through its lease from writing.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flightwatch.errors import NotLeaderError, StoreError

if TYPE_CHECKING:
    from flightwatch.config import Settings
    from flightwatch.store import Store

log = logging.getLogger("flightwatch.leader")

NAME = "daemon"
STANDBY_LOOKS_S = 0.5  # a lock file is looked at so often; takeover stays well below the 2 s asked for


@contextmanager
def lead(store: Store, settings: Settings, *, stop: threading.Event, standby: bool = True) -> Iterator[None]:
    """Be the leader inside; wait for it as a standby, or raise NotLeaderError when told not to.

    Raises NotLeaderError also when told to stop before the lead came.
    """
    path = store.file
    if path is not None:
        with _file_lock(path.with_name(path.name + ".leader"), stop, standby):
            yield
    else:
        with _lease(store, settings.daemon.lease_s, stop, standby):
            yield


@contextmanager
def _file_lock(path: Path, stop: threading.Event, standby: bool) -> Iterator[None]:
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    told = False
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not standby:
                    raise NotLeaderError(f"another daemon leads this database (it holds {path})") from None
                if not told:
                    log.info("another daemon leads; standing by")
                    told = True
            if stop.wait(STANDBY_LOOKS_S):
                raise NotLeaderError("told to stop while standing by")
        yield
    finally:
        os.close(handle)


@contextmanager
def _lease(store: Store, seconds: float, stop: threading.Event, standby: bool) -> Iterator[None]:
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    told = False
    while (lease := store.take_lease(NAME, holder, datetime.now(tz=UTC), seconds)) is None:
        if not standby:
            held = store.lease(NAME)
            raise NotLeaderError(f"another daemon leads this database ({held.holder if held else 'unknown'})")
        if not told:
            log.info("another daemon leads; standing by")
            told = True
        if stop.wait(STANDBY_LOOKS_S):
            raise NotLeaderError("told to stop while standing by")
    store.fence(lease)
    over = threading.Event()

    def renew() -> None:
        held = lease
        while not over.wait(seconds / 3):
            try:
                again = store.renew_lease(held, datetime.now(tz=UTC), seconds)
            except (StoreError, NotLeaderError) as e:
                log.error("the lease could not be renewed: %s", e)
                continue
            if again is None:
                log.critical("another daemon took the lead; stopping")
                stop.set()
                return
            held = again

    keeper = threading.Thread(target=renew, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join(timeout=5)
        store.fence(None)
        store.release_lease(lease, datetime.now(tz=UTC))
