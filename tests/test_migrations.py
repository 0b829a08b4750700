"""Migrations from any revision lead to the tables the code expects, and a database of a later release is refused."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from flightwatch.errors import StoreError
from flightwatch.store import Store, open_store, schema
from flightwatch.store.migrations import config, scripts
from flightwatch.store.touch import SPAN
from flightwatch.telling import Silence

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)

NEXT = """
import time
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("silence", sa.Column("extra", sa.Text(), nullable=False, server_default="x"))
    with op.batch_alter_table("alert") as batch:
        batch.alter_column("headline", new_column_name="title")
    {body}


def downgrade() -> None:
    with op.batch_alter_table("alert") as batch:
        batch.alter_column("title", new_column_name="headline")
    with op.batch_alter_table("silence") as batch:
        batch.drop_column("extra")
"""


@pytest.fixture
def future(tmp_path: Path) -> Path:
    """Our migrations plus one, as a later release would have."""
    folder = tmp_path / "alembic"
    shutil.copytree(scripts(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_next.py").write_text(NEXT.format(head=schema.HEAD, body="pass"))
    return folder


def dumped(store: Store) -> dict[str, object]:
    """Tables, columns, keys and indexes as the database itself describes them."""
    with store.reading() as connection:
        inspector = sa.inspect(connection)
        return {
            table: (
                [(c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in inspector.get_columns(table)],
                inspector.get_pk_constraint(table)["constrained_columns"],
                sorted((i["name"] or "", i["column_names"], i["unique"]) for i in inspector.get_indexes(table)),
                sorted(tuple(u["column_names"]) for u in inspector.get_unique_constraints(table)),
                sorted(
                    (tuple(f["constrained_columns"]), f["referred_table"]) for f in inspector.get_foreign_keys(table)
                ),
            )
            for table in sorted(inspector.get_table_names())
        }


def test_the_code_knows_the_newest_migration_and_all_before_it() -> None:
    folder = ScriptDirectory.from_config(config())
    assert folder.get_heads() == [schema.HEAD]
    assert tuple(reversed([s.revision for s in folder.walk_revisions()])) == schema.REVISIONS


def test_migrations_make_exactly_the_tables_of_the_code(database_url: str) -> None:
    with open_store(database_url, create=True) as store, store.transaction() as connection:
        # SQLite returns defaults as typed, which Alembic takes for a change; the next test compares those
        postgresql = store.dialect == "postgresql"
        options = {"compare_type": True, "compare_server_default": postgresql}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []


def test_tables_made_by_migrations_and_by_the_code_are_the_same(database_url: str, tmp_path: Path) -> None:
    with open_store(database_url, create=True) as store:
        migrated = dumped(store)
        migrated.pop("alembic_version")
        store.downgrade("base")
        assert list(dumped(store)) == ["alembic_version"]
        with store.transaction() as connection:
            schema.metadata.create_all(connection)
        made = dumped(store)
        made.pop("alembic_version")
        assert made == migrated


def test_tables_without_rowid_are_made_so(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "fw.db"), create=True) as store, store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    found = {name for name, sql in rows if "WITHOUT ROWID" in sql}
    wanted = {t.name for t in schema.metadata.sorted_tables if t.dialect_options["sqlite"]["with_rowid"] is False}
    assert found == wanted
    assert "observation" in found


def test_up_and_down_again_keeps_rows_and_shape(database_url: str, future: Path) -> None:
    with open_store(database_url, create=True) as store:
        store.add_silence(Silence(0, "RU-*", "exercise", "desk", NOW, NOW))
        before = dumped(store)

        assert store.upgrade(folder=future) == "9999"
        assert dumped(store) != before
        assert store.downgrade(schema.HEAD, folder=future) == schema.HEAD

        assert dumped(store) == before
        assert [s.route for s in store.silences()] == ["RU-*"]


def test_every_released_revision_comes_up_to_date_with_its_rows(database_url: str) -> None:
    with open_store(database_url, create=True) as store:
        newest = dumped(store)
        for revision in schema.REVISIONS:
            store.downgrade(revision)
            with store.transaction() as connection:
                connection.execute(
                    sa.text("INSERT INTO route_day (route, day, flights) VALUES (:r, 'd', 2)"), {"r": revision}
                )
            store.upgrade()
            assert dumped(store) == newest

        assert store.counts(["route_day"]) == {"route_day": len(schema.REVISIONS)}


def test_fixes_no_flight_was_built_from_yet_are_still_news_after_an_upgrade(database_url: str) -> None:
    spans = np.array([(0x140A1F, 1_000, 2_000), (0xABCDEF, 1_500, 1_500)], SPAN)
    with open_store(database_url, create=True) as store:
        with store.transaction() as connection:
            for poll in (1, 2):
                store._touch(connection, poll, spans)
        news = store.touched()
        store.set_mark("flights:poll", "1")

        store.downgrade("0003")
        with store.reading() as connection:
            assert connection.execute(sa.text("SELECT COUNT(*) FROM touch")).scalar() == 2 * len(spans)
        store.upgrade()

        assert store.touched().equals(news)
        assert store.touched(1).equals(news)
        store.forget_touched(2)
        assert store.touched().empty


def test_a_newer_database_is_refused_and_left_alone(database_url: str, future: Path) -> None:
    with open_store(database_url, create=True) as store:
        store.upgrade(folder=future)

    for options in ({}, {"readonly": True}, {"migrate": True}, {"create": True}):
        with pytest.raises(StoreError, match=r"newer flightwatch \(revision 9999, .*upgrade the program") as caught:
            open_store(database_url, **options)
        assert caught.value.kind == "schema"


def test_an_older_database_asks_for_the_upgrade(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(database_url, create=True).close()
    for module in ("flightwatch.store", "flightwatch.store.migrations"):
        monkeypatch.setattr(f"{module}.HEAD", "9999")

    with pytest.raises(StoreError, match="run `flightwatch db upgrade`"):
        open_store(database_url)


def test_an_upgrade_copies_an_sqlite_file_aside_first(tmp_path: Path, future: Path) -> None:
    path = tmp_path / "fw.db"
    with open_store(str(path), create=True) as store:
        store.set_mark("a", "1")
        store.upgrade(folder=future)
        store.downgrade(schema.HEAD, folder=future)
        store.upgrade(folder=future)

    copies = sorted(p.name for p in tmp_path.glob("fw.db.before*"))
    assert copies == [f"fw.db.before-upgrade-from-{schema.HEAD}", f"fw.db.before-upgrade-from-{schema.HEAD}-2"]
    with open_store(str(tmp_path / copies[0]), readonly=True) as copy:
        assert copy.get_mark("a") == "1"


def test_setting_up_twice_is_setting_up_once(database_url: str) -> None:
    with open_store(database_url, create=True) as store:
        store.set_mark("a", "1")
    with open_store(database_url, create=True, migrate=True) as store:
        assert store.get_mark("a") == "1"


def test_killed_in_the_middle_of_a_migration_it_is_as_before_and_completes_later(
    database_url: str, future: Path, tmp_path: Path
) -> None:
    with open_store(database_url, create=True) as store:
        store.add_silence(Silence(0, "RU-*", "exercise", "desk", NOW, NOW))
        before = dumped(store)
    reached = tmp_path / "reached"
    script = future / "versions" / "9999_next.py"
    waits = f"open({str(reached)!r}, 'w').close(); time.sleep(60)"
    script.write_text(NEXT.format(head=schema.HEAD, body=waits))

    child = os.fork()
    if child == 0:
        try:
            open_store(database_url).upgrade(folder=future)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 30
    while not reached.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    script.write_text(NEXT.format(head=schema.HEAD, body="pass"))
    with closing(open_store(database_url)) as store:
        assert dumped(store) == before
        assert store.upgrade(folder=future) == "9999"
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT route, extra FROM silence").all() == [("RU-*", "x")]


def test_a_migration_that_would_lose_rows_is_undone(tmp_path: Path, future: Path) -> None:
    script = future / "versions" / "9999_next.py"
    body = "op.execute(\"INSERT INTO alert_flight (alert, flight_id, added) VALUES (7, 'f', 0)\")"
    script.write_text(NEXT.format(head=schema.HEAD, body=body))
    with open_store(str(tmp_path / "fw.db"), create=True) as store:
        with pytest.raises(StoreError, match="pointing nowhere"):
            store.upgrade(folder=future)
        assert store.current_revision() == schema.HEAD
        store.check_schema()
