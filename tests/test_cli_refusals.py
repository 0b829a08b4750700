"""Mistakes on the command line are answered in one line that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flightwatch.errors import ConfigError, FlightwatchError, UsageError
from tests.fakes.command import call


def test_dismissing_an_alert_without_a_reason_is_refused_in_a_line(tmp_path: Path) -> None:
    done = call("alerts", "dismiss", 1, "--db", tmp_path / "fw.db")

    assert done.exit_code == 2
    assert "--reason" in done.output


@pytest.mark.parametrize(
    ("argv", "said"),
    [((), "no channel is configured"), (("--channel", "slak"), "did you mean 'slack'?")],
)
def test_a_test_message_to_a_channel_there_is_not_says_what_to_do(
    tmp_path: Path, argv: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "fw.toml"
    (tmp_path / "hook").write_text("https://hooks.slack.com/services/x")
    channel = '[[channel]]\nkind = "slack"\nwebhook_file = "hook"\n' if argv else ""
    file.write_text(f'contact = "desk@example.org"\n{channel}')

    with pytest.raises(ConfigError, match=re.escape(said)):
        call("notify", "test", *argv, "--config", file)


@pytest.mark.parametrize("name", ["run", "once"])
def test_a_daemon_without_anything_to_poll_says_so_and_does_not_start(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    with pytest.raises(ConfigError, match="flightwatch init"):
        call(name, "--db", tmp_path / "fw.db")

    assert not (tmp_path / "fw.db").exists()


def test_wrong_turns_are_answered_with_the_way(tmp_path: Path) -> None:
    (tmp_path / "fw.toml").write_text(
        'contact = "a@example.org"\n[[route]]\nname = "Ostrava to Kigali"\nfrom = ["LKMT"]\nto = ["HRYR"]\n'
    )
    given = ("--config", tmp_path / "fw.toml", "--db", tmp_path / "fw.db")
    assert call("db", "upgrade", *given).exit_code == 0

    for argv, words in {
        ("flights", "--route", "Ostrava to Kigali"): "not counted yet: run `flightwatch detect`",
        ("flights", "--airport", "HLLBX"): "did you mean",
        ("alerts", "show", "7"): "no alert 7: none has been raised yet",
        ("backtest",): "`flightwatch backfill` loads some",
        ("report", "--site", tmp_path / "site", "--from", "2024-12-01"): "cannot be combined with it",
    }.items():
        with pytest.raises(FlightwatchError) as caught:
            call(*argv, *given)
        assert words in str(caught.value), argv


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("flights", "--to", "9999-12-31"), "not between 1970-01-01 and 9998-12-31"),
        (("flights", "--limit", "-3"), "not in the range"),
        (("flights", "--icao24", "0x12ab"), "six hex digits"),
        (("flights", "rebuild", "--icao24", "~140a1f"), "six hex digits"),
        (("alerts", "show", "99999999999999999999"), "not in the range"),
        (("alerts", "dismiss", "1", "--reason", " "), "say why in a few words"),
        (("silence", "add", "Any", "--for", "9999999999w", "--reason", "why"), "write 90m, 12h, 3d or 2w"),
        (("silence", "add", "Any", "--for", "²d", "--reason", "why"), "write 90m, 12h, 3d or 2w"),
        (("silence", "add", "Any", "--for", "3d", "--reason", ""), "say why in a few words"),
    ],
)
def test_values_out_of_range_are_refused_by_the_option(argv: tuple[str, ...], words: str) -> None:
    done = call(*argv)

    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize(
    "argv", [("flights",), ("export", "flights"), ("detect",), ("report",), ("flights", "rebuild")]
)
def test_days_in_the_wrong_order_are_refused_before_anything_is_opened(argv: tuple[str, ...], tmp_path: Path) -> None:
    days = ("--from", "2024-12-02", "--to", "2024-12-01")

    with pytest.raises(FlightwatchError, match="--from 2024-12-02 is after --to 2024-12-01"):
        call(*argv, *days, "--db", tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_init_completes_what_is_missing_and_replaces_nothing(tmp_path: Path) -> None:
    file = tmp_path / "flightwatch.toml"
    file.write_text('contact = "desk@example.org"\n[database]\nurl = "sqlite:///own.db"\n')

    done = call("init", "--dir", tmp_path)

    assert done.exit_code == 0
    assert (tmp_path / "own.db").exists()
    assert file.read_text().startswith('contact = "desk@example.org"')
    with pytest.raises(UsageError, match="exist already"):
        call("init", "--dir", tmp_path)


def test_init_where_nobody_can_answer_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--contact is needed"):
        call("init", "--dir", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_type_with_a_dash_and_a_number_that_is_none_are_answered_with_the_way(tmp_path: Path) -> None:
    where = ("--db", tmp_path / "fw.db")

    assert "did you mean IL76?" in call("flights", "--type", "IL-76", *where).output
    assert "the list shows them" in call("alerts", "show", "x", *where).output
    assert "Did you mean 'show 152c92'?" in call("aircraft", "152c92").output
