"""A part of the benchmark measured alone leaves the rest of its page as it is."""

from __future__ import annotations

from benchmarks.detection.page import merge, sections

ORDER = ["### First", "### Second", "### Third"]
PAGE = "# Title\n\nHow it was made.\n\n### First\n\n1\n\n### Third\n\n3\n\n## In words\n\nShort.\n"


def test_only_what_was_measured_is_replaced() -> None:
    assert merge(PAGE, "\n### Third\n\n33\n", ORDER) == PAGE.replace("\n3\n", "\n33\n")


def test_a_new_part_comes_where_it_belongs_and_words_stay_last() -> None:
    page = merge(PAGE, "### Second\n\n2\n", ORDER)

    assert list(sections(page)) == ["", "### First", "### Second", "### Third", "## In words"]


def test_a_page_that_is_not_there_yet_holds_what_was_measured() -> None:
    assert (
        merge("# Title\n", "### Second\n\n2\n### First\n\n1\n", ORDER)
        == "# Title\n\n### First\n\n1\n\n### Second\n\n2\n"
    )


def test_measuring_the_same_again_changes_nothing() -> None:
    assert merge(PAGE, PAGE, ORDER) == PAGE
