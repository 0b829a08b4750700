"""The settings reference is made from the code, complete and up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from flightwatch.config import reference
from flightwatch.config.settings import Settings
from flightwatch.config.walk import CHANNEL_MODELS, ITEM_MODELS, fields, section_of

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "configuration.md"


def models():
    yield from ITEM_MODELS.values()
    yield from CHANNEL_MODELS.values()
    yield from (model for field in fields(Settings).values() if (model := section_of(field)))


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not installed beside the package")
def test_the_page_in_the_documentation_is_the_one_the_code_makes():
    assert PAGE.read_text(encoding="utf-8") == reference.markdown(), (
        "run: python -m flightwatch.config.reference > docs/reference/configuration.md"
    )


def test_every_key_of_every_table_is_in_the_reference_with_a_meaning():
    page = reference.markdown()

    for model in [Settings, *models()]:
        assert model.__doc__
        for key, field in fields(model).items():
            named = f"| `{key}` |" in page or f"[[{key}]]" in page or f"`[{key}]`" in page
            assert named, f"{model.__name__}.{key} is not in the reference"
            assert field.description or key == "kind", f"{model.__name__}.{key} has no meaning"


def test_no_cell_breaks_a_table():
    for line in reference.markdown().splitlines():
        if line.startswith("| `"):
            assert line.replace("\\|", "").count("|") == 5
