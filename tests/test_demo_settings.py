"""The product accepts the demo's configuration."""

from __future__ import annotations

from pathlib import Path

from flightwatch import config, places
from flightwatch.airports import load
from flightwatch.demo.settings import WEBHOOK_FILE, config_toml


def test_the_demos_configuration_loads_and_its_places_resolve(tmp_path: Path) -> None:
    (tmp_path / WEBHOOK_FILE).write_text("http://127.0.0.1:9/services/T/B/x")
    file = tmp_path / "config.toml"
    file.write_text(config_toml("sqlite:///flightwatch.db", "http://127.0.0.1:8", 2525))

    settings = config.load(file, environ={})

    assert settings.check_secrets() == []
    assert [s.kind for s in settings.sources] == ["adsblol"]
    assert {c.kind for c in settings.channels} == {"email", "slack"}
    resolved = places.resolve(settings.places, load())
    assert all(len(resolved.area(name)) == 1 for name in settings.sources[0].areas)
