"""Progress of jobs: marks, cycles taken, and the lease of the one leader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, select

from flightwatch.store import bulk, schema
from flightwatch.store.base import Base, ms
from flightwatch.units import instant


@dataclass(frozen=True)
class Lease:
    """Who holds something, and until when. `epoch` grows with every change of holder, to fence off a thawed one."""

    name: str
    holder: str
    epoch: int
    taken: datetime
    expires: datetime


class WorkRows(Base):
    """mark, cycle and lease."""

    def get_mark(self, name: str) -> str | None:
        """The value stored under a name; None if there is none."""
        t = schema.mark
        found = self.rows(select(t.c.value).where(t.c.name == name))
        return found[0].value if found else None

    def set_mark(self, name: str, value: str | None) -> None:
        """Store a value under a name; None deletes it."""
        t = schema.mark
        with self.transaction() as connection:
            if value is None:
                connection.execute(t.delete().where(t.c.name == name))
            else:
                bulk.put(connection, t, name=name, value=bulk.clean(value))

    def marks(self, prefix: str = "") -> dict[str, str]:
        """All values whose name begins with the prefix."""
        t = schema.mark
        found = self.rows(select(t).where(t.c.name.startswith(prefix, autoescape=True)).order_by(t.c.name))
        return {row.name: row.value for row in found}

    def claim_cycle(self, job: str, start: datetime, holder: str) -> bool:
        """Take a job's cycle; False if already taken. In one `transaction` with the work, the work is done once."""
        t = schema.cycle
        with self.transaction() as connection:
            columns: bulk.Columns = {"job": [job], "start": [ms(start)], "holder": [holder]}
            return bulk.write(connection, t, columns, update={}) == 1

    def take_lease(self, name: str, holder: str, now: datetime, ttl_s: float, *, force: bool = False) -> Lease | None:
        """The lease, new or renewed; None while somebody else holds it. `force`: that holder is known to be dead."""
        t = schema.lease
        expires = now + timedelta(seconds=ttl_s)
        with self.transaction() as connection:
            row = connection.execute(select(t).where(t.c.name == name)).first()
            mine = row is not None and row.holder == holder
            if row is not None and not (mine or force or row.expires <= ms(now)):
                return None
            epoch = 1 if row is None else row.epoch + (not mine)
            taken = row.taken if row is not None and mine else ms(now)
            bulk.put(connection, t, name=name, holder=holder, epoch=epoch, taken=taken, expires=ms(expires))
        return Lease(name, holder, epoch, instant(taken), expires)

    def renew_lease(self, lease: Lease, now: datetime, ttl_s: float) -> Lease | None:
        """The lease, extended; None if somebody else has taken it meanwhile."""
        t = schema.lease
        expires = now + timedelta(seconds=ttl_s)
        with self.transaction() as connection:
            mine = and_(t.c.name == lease.name, t.c.holder == lease.holder, t.c.epoch == lease.epoch)
            if not connection.execute(t.update().where(mine).values(expires=ms(expires))).rowcount:
                return None
        return Lease(lease.name, lease.holder, lease.epoch, lease.taken, expires)

    def release_lease(self, lease: Lease, now: datetime) -> None:
        """Give the lease up at once; does nothing if somebody else already has it."""
        t = schema.lease
        with self.transaction() as connection:
            mine = and_(t.c.name == lease.name, t.c.holder == lease.holder, t.c.epoch == lease.epoch)
            connection.execute(t.update().where(mine).values(expires=ms(now)))

    def lease(self, name: str) -> Lease | None:
        """Who holds it, or held it last."""
        t = schema.lease
        found: list[Any] = self.rows(select(t).where(t.c.name == name))
        return Lease(name, *found[0][1:3], *(instant(v) for v in found[0][3:5])) if found else None

    def fence(self, lease: Lease | None) -> None:
        """From now on, every writing transaction of this store first checks that the lease is still ours. If not, it
        raises NotLeaderError before it writes anything. None lifts the fence."""
        self._fence = None if lease is None else (lease.name, lease.holder, lease.epoch)
