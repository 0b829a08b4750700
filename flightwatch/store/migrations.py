"""Which schema the database has, and migrating it to the one this code knows.

Opening a database reads only its revision; Alembic is imported only if something has to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from flightwatch.errors import StoreError
from flightwatch.store import engine as engines
from flightwatch.store.base import WRITER_LOCK, Base
from flightwatch.store.schema import HEAD, REVISIONS

if TYPE_CHECKING:
    from alembic.config import Config


def scripts() -> Path:
    """The folder of migrations: inside the installed package, or beside it in a checkout."""
    shipped = Path(__file__).parent / "alembic"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "alembic"


def config(connection: Connection | None = None, *, folder: Path | None = None) -> Config:
    """Alembic's configuration, with the connection to work on."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(folder or scripts()).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


class Migrations(Base):
    """The revision of this database."""

    def current_revision(self) -> str | None:
        """The revision the database is at; None if it has none of our tables."""
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def check_schema(self) -> None:
        """StoreError unless the database has exactly the schema this code knows: never guess or write to another."""
        found = self.current_revision()
        if found == HEAD:
            return
        where = engines.shown(self.url)
        if found is None:
            words = "has not been set up: run `flightwatch db upgrade`"
        elif not self.is_newer(found):
            words = f"is at revision {found}, this program needs {HEAD}: run `flightwatch db upgrade`"
        else:
            words = f"was written by a newer flightwatch (revision {found}, this one knows {HEAD}): upgrade the program"
        raise StoreError(f"the database {where} {words}", kind="schema")

    @staticmethod
    def is_newer(revision: str | None) -> bool:
        """Whether this code does not know a revision."""
        return revision is not None and revision not in REVISIONS

    def upgrade(self, revision: str = "head", *, folder: Path | None = None) -> str | None:
        """Bring the database to a revision, in one transaction: if killed in the middle, nothing has changed.

        Returns its new revision. SQLite data is copied aside first by `Store.upgrade`.
        """
        from alembic import command

        with self._migrating() as connection:
            command.upgrade(config(connection, folder=folder), revision)
        return self.current_revision()

    def downgrade(self, revision: str, *, folder: Path | None = None) -> str | None:
        """Back to an earlier revision, in one transaction."""
        from alembic import command

        with self._migrating() as connection:
            command.downgrade(config(connection, folder=folder), revision)
        return self.current_revision()

    @contextmanager
    def _migrating(self) -> Iterator[Connection]:
        """A transaction in which tables may be rebuilt. SQLite switches foreign keys only outside a transaction; left
        on, rebuilding a table would delete the rows that point to it. They are checked before the end."""
        assert self._writer is not None, "this store was opened read-only"
        with self._guarded(), self._writer.connect() as connection:
            driver: Any = connection.connection.driver_connection
            lite = self.dialect == "sqlite"
            if lite:
                driver.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    if not lite:
                        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
                    yield connection
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first() if lite else None
                    if broken is not None:
                        raise StoreError(
                            f"the migration would leave rows of {broken[0]} pointing nowhere", kind="schema"
                        )
            finally:
                if lite:
                    driver.execute("PRAGMA foreign_keys=ON")
