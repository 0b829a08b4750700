"""Checks a pack byte by byte, then whether its contents are consistent: flights from raw bodies, and both against the
database."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from flightwatch.errors import InputError
from flightwatch.evidence.archives import against_archives
from flightwatch.evidence.pack import BUNDLED, FORMAT
from flightwatch.evidence.recompute import against_database, recompute
from flightwatch.explore import Explorer

LARGEST = 4 << 30  # total bytes that a ZIP may unpack to: a pack of 300 flights with bodies is some 300 MB


@dataclass
class Verification:
    """`problems` say what is wrong, file by file; `notes` what could not be checked and why."""

    files: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    recomputed: int = 0
    archived: int = 0
    sha256: str = ""

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(
    pack: Path | str, db: Explorer | None = None, *, rebuild: bool = True, archives: Sequence[Path] = ()
) -> Verification:
    """Whether a pack (folder or ZIP) is as it was written; with `db`, whether it agrees with the database too; with
    `archives`, whether the published files its flights came from are those that were read.

    Flights are rebuilt from the raw bodies in the pack if those are complete (10 ms a body), unless `rebuild` is false.
    Nothing is ever written.
    """
    files = _read(Path(pack))
    out = Verification(files=len(files))
    listed = _bytes(files, out)
    if listed is None or out.problems:
        return out
    if rebuild:
        out.recomputed, problems, notes = recompute(files)
        out.problems += problems
        out.notes += notes
    if archives:
        out.archived, problems, notes = against_archives(files, archives)
        out.problems += problems
        out.notes += notes
    if db is not None:
        problems, notes = against_database(files, db)
        out.problems += problems
        out.notes += notes
    return out


def _bytes(files: dict[str, bytes], out: Verification) -> dict[str, Any] | None:
    """Checks the manifest against its hash, every file against the manifest, and the list of files against what
    exists."""
    if "manifest.json" not in files:
        out.problems.append("manifest.json: missing")
        return None
    out.sha256 = hashlib.sha256(files["manifest.json"]).hexdigest()
    wanted = f"{out.sha256}  manifest.json\n".encode()
    if files.get("manifest.sha256") != wanted:
        out.problems.append(_changed("manifest.sha256", files) + " (or manifest.json was changed)")
    listed = _listed(files["manifest.json"], out)
    if listed is None:
        return None
    for path, entry in listed.items():
        body = files.get(path)
        if body is None:
            out.problems.append(f"{path}: missing")
        elif len(body) != entry["bytes"]:
            out.problems.append(f"{path}: changed, {len(body)} bytes instead of {entry['bytes']}")
        elif hashlib.sha256(body).hexdigest() != entry["sha256"]:
            out.problems.append(f"{path}: changed, its SHA-256 is not the one in the manifest")
    out.problems += [
        f"{path}: extra, the manifest does not know it" for path in files if path not in {*listed, *BUNDLED}
    ]
    sums = "".join(f"{entry['sha256']}  {path}\n" for path, entry in listed.items()).encode()
    if files.get("SHA256SUMS") != sums:
        out.problems.append(_changed("SHA256SUMS", files))
    for path, body in files.items():
        if path.startswith(("bodies/", "archives/")) and PurePosixPath(path).stem != hashlib.sha256(body).hexdigest():
            out.problems.append(f"{path}: its name is not its SHA-256")
    return listed


def _changed(path: str, files: dict[str, bytes]) -> str:
    return f"{path}: changed" if path in files else f"{path}: missing"


def _listed(manifest: bytes, out: Verification) -> dict[str, Any] | None:
    try:
        head = json.loads(manifest)
        if head["format"] != FORMAT:
            out.problems.append(f"manifest.json: format {head['format']!r}, this program knows {FORMAT}")
            return None
        return {str(e["path"]): {"bytes": int(e["bytes"]), "sha256": str(e["sha256"])} for e in head["files"]}
    except (ValueError, KeyError, TypeError):
        out.problems.append("manifest.json: changed, it cannot be read as a manifest")
        return None


def _read(pack: Path) -> dict[str, bytes]:
    """Every file by its path in the pack."""
    try:
        if pack.is_dir():
            found = [p for p in sorted(pack.rglob("*")) if p.is_file() or p.is_symlink()]
            return {p.relative_to(pack).as_posix(): _plain(p) for p in found}
        if not pack.exists():
            raise InputError(f"{pack}: there is no such folder or file")
        with zipfile.ZipFile(pack) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir()]
            if sum(i.file_size for i in infos) > LARGEST:
                raise InputError(f"{pack}: unpacks to more than {LARGEST >> 30} GiB, which no pack of ours does")
            return {i.filename.split("/", 1)[-1]: archive.read(i) for i in infos}
    except zipfile.BadZipFile as e:
        raise InputError(f"{pack}: neither a folder nor a sound ZIP: {e}") from e
    except OSError as e:
        raise InputError(f"{pack}: cannot be read: {e.strerror or e}") from e


def _plain(path: Path) -> bytes:
    """A file's bytes; a link is read as its text, which is in no manifest, so it shows as changed."""
    return str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
