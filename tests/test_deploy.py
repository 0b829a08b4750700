"""The files shipped to run flightwatch: whether they parse and agree with the documentation."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest

from flightwatch import config, places
from flightwatch.airports import load
from flightwatch.routes import resolve

DEPLOY = Path(__file__).parent.parent / "deploy"
DOC = DEPLOY.parent / "docs" / "deploy.md"


def unit() -> dict[str, list[str]]:
    """The settings of the service's unit; a key may occur more than once."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "flightwatch.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_service_is_one_that_tells_when_it_is_ready_and_is_watched() -> None:
    settings = unit()

    assert settings["Type"] == ["notify"]
    assert float(settings["WatchdogSec"][0]) <= 120
    assert settings["Restart"] == ["on-failure"]
    assert settings["RestartPreventExitStatus"] == ["78"]
    assert float(settings["TimeoutStopSec"][0]) > 10, "longer than the daemon takes to let go of a hung job"
    assert settings["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_the_service_may_do_little() -> None:
    settings = unit()

    for key in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "LockPersonality"):
        assert settings[key] == ["yes"], key
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["CapabilityBoundingSet"] == [""]
    assert settings["StateDirectory"] == ["flightwatch"]
    assert settings["UMask"] == ["0077"]
    assert "MemoryMax" in settings
    assert "User" not in settings


def analyze(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    program = tmp_path / "flightwatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = tmp_path / "flightwatch.service"
    text = (DEPLOY / "flightwatch.service").read_text()
    file.write_text(text.replace("/opt/flightwatch/bin/flightwatch", str(program)))
    return subprocess.run(
        ["systemd-analyze", *arguments, str(file)], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    done = analyze(tmp_path, "verify")
    ours = [line for line in done.stderr.splitlines() if "flightwatch.service" in line]

    assert ours == []


def test_systemd_rates_the_unit_as_well_protected(tmp_path: Path) -> None:
    done = analyze(tmp_path, "security", "--offline=true", "--no-pager")
    rated = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if rated is None:
        pytest.skip("this systemd-analyze cannot rate a file")

    assert float(rated.group(1)) <= 2.0


def test_the_image_is_built_in_two_stages_and_runs_as_a_number() -> None:
    joined = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [(*line.split(maxsplit=1),) for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    stages = [rest for word, rest in lines if word == "FROM"]
    last = lines[max(n for n, line in enumerate(lines) if line[0] == "FROM") :]
    said = dict(last)
    known = {
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "VOLUME",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }

    assert {word for word, _ in lines} <= known
    assert len(stages) == 2
    assert all("-slim" in stage for stage in stages)
    assert re.fullmatch(r"\d+:\d+", said["USER"])
    assert '"flightwatch", "health"' in said["HEALTHCHECK"]
    assert "pip install" not in "".join(rest for _, rest in last), "nothing is built where it runs"


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    root = DEPLOY.parent
    allowed = {line.removeprefix("!") for line in (root / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    wanted = set(copied())

    assert wanted == allowed
    assert all((root / name).exists() for name in wanted)


def copied() -> list[str]:
    found = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [name.removeprefix("./") for line in found for name in line.split()]


@pytest.mark.slow
def test_what_the_image_copies_is_all_that_its_install_line_needs(tmp_path: Path) -> None:
    """As the image is built: only those files, the wheel made from them, and every part of the program in it."""
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    source, out = tmp_path / "src", tmp_path / "out"
    source.mkdir()
    for name in copied():
        whole = DEPLOY.parent / name
        if whole.is_dir():
            shutil.copytree(whole, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(whole, source / name)

    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(build, cwd=source, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    [wheel] = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        [metadata] = [packed.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
    ours = {p.relative_to(DEPLOY.parent).as_posix() for p in (DEPLOY.parent / "flightwatch").rglob("*.py")}
    assert ours <= names
    assert any("0001" in name and "versions" in name for name in names), "the migrations come along"
    [extra] = re.findall(r"install .*'\.\[(\w+)\]'", (DEPLOY / "Dockerfile").read_text())
    assert f"Provides-Extra: {extra}" in metadata


def test_the_commands_of_the_image_exist_and_take_no_more_than_they_are_given() -> None:
    from flightwatch.cli import app

    text = (DEPLOY / "Dockerfile").read_text()
    [health] = re.findall(r"HEALTHCHECK .* CMD (\[.*\])", text)
    [[entry], [command]] = (re.findall(rf"^{word} (\[.*\])$", text, re.MULTILINE) for word in ("ENTRYPOINT", "CMD"))

    assert json.loads(entry) == json.loads(health)[:1] == ["flightwatch"]
    for words in (json.loads(health)[1:], json.loads(command)):
        found = app.get_command(click.Context(app), words[0])
        assert found is not None
        assert not [p for p in found.params if p.required]


def compose(name: str) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return found


def test_compose_needs_one_variable_and_confines_the_daemon() -> None:
    found = compose("compose.yaml")
    daemon = found["services"]["flightwatch"]

    assert (DEPLOY / daemon["build"]["context"] / daemon["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    variables = re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())
    assert variables == ["FLIGHTWATCH_CONTACT"]
    assert daemon["read_only"] is True
    assert daemon["cap_drop"] == ["ALL"]
    assert "ports" not in daemon
    assert {v.split(":")[0] for v in daemon["volumes"]} == {"data", "./flightwatch.toml", "./secrets"}
    assert set(found["volumes"]) == {"data"}


def test_compose_with_postgresql_hands_its_password_over_as_a_file() -> None:
    found = compose("compose.postgres.yaml")
    server, daemon = found["services"]["postgres"], found["services"]["flightwatch"]

    assert "POSTGRES_PASSWORD" not in server["environment"]
    assert "ports" not in server
    assert daemon["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert set(daemon["environment"]) == {"FLIGHTWATCH__DATABASE__URL", "FLIGHTWATCH__DATABASE__URL_FILE"}


def test_the_variables_of_the_compose_files_are_ones_we_know(tmp_path: Path) -> None:
    (tmp_path / "database_url").write_text("postgresql+psycopg://flightwatch:s3cret@postgres/flightwatch")
    environ = {
        **compose("compose.yaml")["services"]["flightwatch"]["environment"],
        **compose("compose.postgres.yaml")["services"]["flightwatch"]["environment"],
        "FLIGHTWATCH__CONTACT": "desk@example.org",
        "FLIGHTWATCH__DATABASE__URL_FILE": str(tmp_path / "database_url"),
    }

    settings = config.load(DEPLOY / "flightwatch.toml", environ=environ)

    assert settings.contact == "desk@example.org"
    assert settings.database.url.startswith("postgresql+psycopg://flightwatch:s3cret@postgres/")


def test_the_shipped_configuration_is_right_and_its_routes_resolve() -> None:
    settings = config.load(DEPLOY / "flightwatch.toml", environ={"FLIGHTWATCH__CONTACT": "desk@example.org"})
    airports = load()

    assert len(resolve(settings.routes, places.resolve(settings.places, airports), airports)) > 5
    assert settings.daemon.metrics_port == 9464


def test_the_channels_that_are_commented_out_are_right_too(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=\[\[channel|\w+ = )", "", (DEPLOY / "flightwatch.toml").read_text(), flags=re.MULTILINE)
    (tmp_path / "flightwatch.toml").write_text(text)

    settings = config.load(tmp_path / "flightwatch.toml", environ={})

    assert [c.kind for c in settings.channels] == ["slack", "email"]
    assert settings.daemon.ping_url_file is not None


def test_what_the_page_puts_above_the_shipped_configuration_makes_one_that_is_right(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOC.read_text(), flags=re.DOTALL)
    top = next(b for b in blocks if "[database]" in b)
    end = next(b for b in blocks if "[[channel]]" in b)
    file = tmp_path / "flightwatch.toml"
    file.write_text(top + (DEPLOY / "flightwatch.toml").read_text() + end)

    settings = config.load(file, environ={})

    assert settings.contact == "desk@example.org"
    assert settings.database.url == "sqlite:////var/lib/flightwatch/flightwatch.db"
    assert [c.kind for c in settings.channels] == ["slack"]


def test_the_page_names_files_and_commands_that_exist() -> None:
    text = DOC.read_text()

    for name in set(re.findall(r"deploy/[\w.]+\.(?:service|toml|yaml|yml)|deploy/Dockerfile", text)):
        assert (DEPLOY.parent / name).exists(), name
    rules = (DEPLOY / "alerts.prometheus.yml").read_text()
    metrics = (DEPLOY.parent / "flightwatch" / "metrics.py").read_text()
    for name in re.findall(r"flightwatch_\w+", rules):
        assert name in metrics, name
