"""Every notebook runs on the demo's database, from the installed wheel in an empty folder, with the network refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PICTURES = {"00_tour": 3, "10_coverage": 1, "20_route": 4, "30_aircraft": 2, "40_thresholds": 1, "50_model": 1}

REFUSE = """
import socket, sys
import flightwatch

assert flightwatch.__file__.startswith(sys.prefix), flightwatch.__file__

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


@pytest.fixture
def kernel(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Jupyter kernel in the environment where the wheel is installed."""
    folder = tmp_path / "jupyter" / "kernels" / "installed"
    folder.mkdir(parents=True)
    argv = [str(program.parent / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "installed", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return "installed"


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
def test_a_notebook_runs_installed_and_offline_in_an_empty_folder_and_only_reads(
    path: Path, demo: tuple[Any, str], kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, empty = demo[0].directory, tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("FLIGHTWATCH_DEMO_DIR", str(folder))
    before = hashlib.sha256((folder / "flightwatch.db").read_bytes()).digest()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(REFUSE))

    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name=kernel, resources={"metadata": {"path": str(empty)}}
    ).execute()

    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    drawn = [o for o in outputs if "image/png" in o.get("data", {})]
    _keep(Path(os.environ.get("FLIGHTWATCH_NOTEBOOK_PICTURES") or tmp_path / "pictures"), path.stem, drawn, notebook)
    assert len(drawn) >= PICTURES.get(path.stem, 0)
    assert not [o for o in outputs if o.output_type == "error"]
    assert hashlib.sha256((folder / "flightwatch.db").read_bytes()).digest() == before
    assert list(empty.iterdir()) == []


def _keep(folder: Path, name: str, drawn: list[Any], notebook: Any) -> None:
    """Keep the pictures and the executed notebook for inspection."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, output in enumerate(drawn):
        (folder / f"{name}-{i}.png").write_bytes(base64.b64decode(output["data"]["image/png"]))
    nbformat.write(notebook, folder / f"{name}.ipynb")
