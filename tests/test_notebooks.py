"""Every notebook runs from a clean start on the demo's database, with the network refused, and shows its pictures."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed  # noqa: E402

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PICTURES = {"00_tour": 3, "10_coverage": 1, "20_route": 4, "30_aircraft": 2, "40_thresholds": 1, "50_model": 1}

REFUSE = """
import socket

def _refused(self, address, *rest):
    if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"the network is refused here: {address}")
    return _connect(self, address, *rest)

_connect = socket.socket.connect
socket.socket.connect = _refused
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError as error:
    assert "refused here" in str(error), error
else:
    raise AssertionError("the network was not refused")
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder where there is one, else one made of the composed database."""
    told = os.environ.get("FLIGHTWATCH_DEMO_DIR")
    if told:
        return Path(told).resolve()
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(composed.cached(tmp_path_factory.getbasetemp()), folder / "flightwatch.db")
    return folder


def test_there_are_notebooks() -> None:
    assert [p.stem for p in NOTEBOOKS][:2] == ["00_tour", "10_coverage"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_stored_without_outputs_and_begins_with_its_question(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)

    assert all(not c.get("outputs") and c.get("execution_count") is None for c in notebook.cells)
    assert re.search(r"\*\*[^*]+\?\*\*", notebook.cells[0].source.replace("\n", " "))
    assert not re.search(
        r"^\s*(def|class) ", "\n".join(c.source for c in notebook.cells if c.cell_type == "code"), re.M
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_offline_in_an_empty_folder(
    path: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIGHTWATCH_DEMO_DIR", str(demo))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(REFUSE))

    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()

    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    drawn = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(drawn) >= PICTURES.get(path.stem, 0)
    assert not [o for o in outputs if o.output_type == "error"]
    kept = os.environ.get("FLIGHTWATCH_NOTEBOOK_PICTURES")
    if kept:
        _keep(Path(kept), path.stem, drawn, notebook)


def _keep(folder: Path, name: str, drawn: list, notebook: object) -> None:
    """The pictures and the executed notebook, to be looked at."""
    import base64

    folder.mkdir(parents=True, exist_ok=True)
    for i, output in enumerate(drawn):
        (folder / f"{name}-{i}.png").write_bytes(base64.b64decode(output["data"]["image/png"]))
    nbformat.write(notebook, folder / f"{name}.ipynb")
