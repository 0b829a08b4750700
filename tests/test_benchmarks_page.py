"""A benchmark page measured again as a whole keeps the words that people wrote below its tables."""

from __future__ import annotations

from benchmarks.page import kept

TABLE = "| rows |\n| --- |\n| 1 |"
PAGE = f"# Title\n\n## Speed\n\nNote.\n\n{TABLE}\n\nBy hand.\n\n## Memory\n\n{TABLE}\n\nOld.\n"


def test_words_below_a_table_stay_and_figures_are_new() -> None:
    fresh = PAGE.replace("| 1 |", "| 2 |").replace("\n\nBy hand.", "")

    assert kept(PAGE, fresh) == PAGE.replace("| 1 |", "| 2 |")


def test_words_that_were_written_anew_take_the_place_of_the_old() -> None:
    assert kept(PAGE, PAGE.replace("Old.", "New.")) == PAGE.replace("Old.", "New.")


def test_a_page_that_is_not_there_yet_is_the_text() -> None:
    assert kept("", PAGE) == PAGE
