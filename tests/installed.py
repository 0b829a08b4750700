"""Things that are costly and the same for all tests of a run: made once, even if several processes run the tests."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flightwatch

ROOT = Path(flightwatch.__file__).parents[1]


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> tuple[Path, Any]:
    """The folder `name`, and the result of `make(folder)`; the first to ask makes it, while the others wait.

    Each process of pytest-xdist has its own folder below a common one.
    """
    base = factory.getbasetemp()
    common = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, kept = common / name, common / f"{name}.pickle"
    with (common / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            folder.mkdir()
            made = make(folder)
            kept.write_bytes(pickle.dumps(made))
        return folder, pickle.loads(kept.read_bytes())


def build_wheel(out: Path) -> str:
    """Built from a copy of the checkout, so that nothing is left there; with the installed builder, without network."""
    source = out / "source" / "flightwatch"
    ignored = shutil.ignore_patterns(".git", ".venv", "demo", "__pycache__", ".*_cache", ".hypothesis", "*.db")
    shutil.copytree(ROOT, source, ignore=lambda folder, names: ignored(folder, names) - {"demo"} | _top(folder, names))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    shutil.rmtree(out / "source")
    (made,) = out.glob("*.whl")
    return made.name


def _top(folder: str, names: list[str]) -> set[str]:
    """Leaves out a demo played in the checkout, not the package's part of that name."""
    return {"demo"} & set(names) if Path(folder) == ROOT else set()


def install(folder: Path, wheel: Path) -> None:
    """A separate environment that sees the libraries of this one, but not the checkout."""
    venv.create(folder, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = folder / "bin" / "flightwatch"
    script.write_text(f"#!{folder}/bin/python\nfrom flightwatch.cli import main\nmain()\n")
    script.chmod(0o755)


def play_demo(folder: Path) -> tuple[Any, str]:
    """The demo as users play it, and what it said."""
    from flightwatch.demo.play import play

    said: list[str] = []
    result = play(folder, echo=said.append)
    return result, "\n".join(said)
