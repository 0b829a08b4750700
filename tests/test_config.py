"""The configuration: what it accepts, what it refuses and in which words, and where each value came from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from flightwatch import config
from flightwatch.config.lines import locate
from flightwatch.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str, name: str = "flightwatch.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def refused(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        config.load(path, environ or {})
    assert error.value.exit_code == 78
    return str(error.value)


def test_the_file_that_init_writes_loads_and_brings_the_watch_list(write):
    settings = config.load(write(config.initial('desk "night" <desk@example.org>')), {})

    assert settings.contact == 'desk "night" <desk@example.org>'
    assert settings.require_contact() == settings.contact
    assert {"moscow", "benghazi", "brak"} <= {place.name for place in settings.places}
    assert "Moscow and Minsk to Benghazi" in {route.name for route in settings.routes}
    assert settings.sources[0].types[:2] == ("IL76", "A124")
    assert config.load(write(config.DEFAULT_TOML), {}).contact == ""


def test_every_commented_example_in_the_initial_file_is_valid_too(write):
    lines = [line.removeprefix("# ") for line in config.initial("a@b.org").splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("[database]"))
    text = "\n".join(line for line in lines[start:] if not line.startswith(("---", "A place or")))

    settings = config.load(write(text), {})

    assert [source.name for source in settings.sources] == ["adsblol", "receiver", "opensky"]
    assert [channel.kind for channel in settings.channels] == ["slack", "email"]
    assert settings.channels[1].quiet_hours.zone == "Europe/Kyiv"
    assert settings.routes[-2].origin == ("LKMT",)
    assert settings.routes[-1].over == ("libya",)


def test_an_unknown_key_is_named_with_file_line_and_nearest_known_key(write):
    path = write('contact = "a@b.org"\n\n[detection]\nfalse_alarms_per_route_year = 1\n')

    assert refused(path) == (
        f"{path}:4: detection.false_alarms_per_route_year: unknown key; did you mean false_alerts_per_route_year?"
    )


def test_several_problems_are_listed_at_once_in_the_order_of_the_file(write):
    path = write(
        '[detection]\nseed = "many"\n[[source]]\nkind = "adsblol"\ntypes = [\n  "IL76",\n]\nareaz = []\n'
        '[[channel]]\nkind = "slakc"\n[[route]]\nname = "x"\nform = "moscow"\n'
    )

    lines = refused(path).splitlines()

    assert lines[0] == "4 problems in the configuration:"
    assert [line.split(": ")[0].rpartition(":")[2] for line in lines[1:]] == ["2", "8", "9", "13"]
    assert "did you mean areas?" in lines[2]
    assert "did you mean slack?" in lines[3]
    assert "did you mean from?" in lines[4]


def test_a_wrong_type_shows_the_place_and_never_the_input(write):
    message = refused(write('[daemon]\npoll_s = "canary-4711"\n[http]\nuse_env = { canary = 4711 }\n'))

    assert "daemon.poll_s" in message
    assert "http.use_env" in message
    assert "4711" not in message


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        (
            '[[channel]]\nkind = "slack"\nwebhook = "https://hooks.example/canary-4711"\n',
            "FLIGHTWATCH__CHANNEL__SLACK__WEBHOOK",
        ),
        (
            '[[channel]]\nkind = "email"\nname = "news desk"\nsender = "a@b.org"\nrecipients = "c@d.org"\n'
            'password = "canary-4711"\n',
            "FLIGHTWATCH__CHANNEL__NEWS_DESK__PASSWORD",
        ),
        ('[[source]]\nkind = "adsbx"\napi_key = "canary-4711"\n', "FLIGHTWATCH__SOURCE__ADSBX__API_KEY"),
        ('[database]\nurl = "postgresql+psycopg://fw:canary-4711@db/fw"\n', "FLIGHTWATCH__DATABASE__URL"),
        ('[daemon]\nping_url = "https://ping.example/canary-4711"\n', "FLIGHTWATCH__DAEMON__PING_URL"),
    ],
)
def test_a_secret_in_the_file_is_refused_with_both_ways_out(write, text, variable):
    message = refused(write(text))

    assert variable in message
    assert "_file" in message
    assert "canary-4711" not in message


def test_secrets_come_from_variables_by_name_or_kind_and_are_shown_nowhere(write):
    path = write(
        '[[channel]]\nkind = "slack"\nname = "news desk"\n[[channel]]\nkind = "email"\nusername = "u"\n'
        'sender = "a@b.org"\nrecipients = ["c@d.org"]\n'
    )
    environ = {
        "FLIGHTWATCH__CHANNEL__NEWS_DESK__WEBHOOK": "https://hooks.slack.com/services/canary-1",
        "FLIGHTWATCH__CHANNEL__EMAIL__PASSWORD": "canary-2",
        "FLIGHTWATCH__DATABASE__URL": "postgresql+psycopg://fw:canary-3@db/fw",
    }

    settings = config.load(path, environ)

    assert settings.channels[0].secret("webhook").endswith("canary-1")
    assert settings.channels[1].secret("password") == "canary-2"
    assert settings.database.url.endswith("canary-3@db/fw")
    assert settings.origins['channel."news desk".webhook'] == "variable FLIGHTWATCH__CHANNEL__NEWS_DESK__WEBHOOK"
    shown = f"{settings!r} {settings} {settings.to_public_dict()} {settings.origins}"
    assert "canary" not in shown
    assert settings.secret_values() == ["canary-2", "canary-3", "https://hooks.slack.com/services/canary-1"]


def test_a_secret_file_is_read_when_asked_without_its_last_newline(write, tmp_path):
    path = write('[[channel]]\nkind = "slack"\nwebhook_file = "secret"\n')
    settings = config.load(path, {})

    assert settings.check_secrets() == [
        f"channel.slack.webhook_file: the secret file {tmp_path / 'secret'} cannot be read (No such file or directory)"
    ]
    with pytest.raises(ConfigError, match="webhook_file"):
        settings.channels[0].secret("webhook")

    (tmp_path / "secret").write_text("https://hooks.example/x\n")
    assert settings.channels[0].secret("webhook") == "https://hooks.example/x"
    assert settings.check_secrets() == []

    (tmp_path / "secret").write_text("\n")
    assert "is empty" in settings.check_secrets()[0]


def test_a_secret_file_may_lie_in_the_credentials_directory_of_systemd(write, tmp_path):
    (tmp_path / "cred").mkdir()
    (tmp_path / "cred" / "slack").write_text("hook")
    path = write('[[channel]]\nkind = "slack"\nwebhook_file = "$CREDENTIALS_DIRECTORY/slack"\n')

    settings = config.load(path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "cred")})

    assert settings.channels[0].secret("webhook") == "hook"


def test_the_database_address_may_come_from_a_file_and_the_command_line_wins(write, tmp_path):
    (tmp_path / "url").write_text("postgresql+psycopg://fw:hush@db/fw\n")
    path = write('[database]\nurl_file = "url"\n')

    assert config.load(path, {}).database.url == "postgresql+psycopg://fw:hush@db/fw"
    for overrides in ({"database.url": "sqlite:///x.db"}, {"database": {"url": "sqlite:///x.db"}}):
        settings = config.load(path, {}, overrides)
        assert settings.database.url == "sqlite:///x.db"
        assert settings.origins["database.url"] == "command line"


def test_a_relative_database_belongs_to_the_configuration_file(write, tmp_path, monkeypatch):
    path = write('[database]\nurl = "sqlite:///here.db"\n')
    monkeypatch.chdir("/")

    assert config.load(path, {}).database.url == f"sqlite:///{tmp_path}/here.db"
    assert config.load(write(""), {}).database.url == f"sqlite:///{tmp_path}/flightwatch.db"
    assert config.load(path, {"FLIGHTWATCH__DATABASE__URL": "sqlite:///a.db"}).database.url == "sqlite:///a.db"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("FLIGHTWATCH__DETECTON__SEED", "detection"),
        ("FLIGHTWATCH__DETECTION__SED", "seed"),
        ("FLIGHTWATCH__CHANNEL__SLAK__WEBHOOK", "slack"),
        ("FLIGHTWATCH__PLACE__MOSKOW__AIRPORTS", "no [[place]] is called moskow"),
    ],
)
def test_a_variable_that_names_no_key_is_refused_with_a_near_miss(write, name, hint):
    message = refused(write(""), {name: "7"})

    assert message.startswith(name)
    assert hint in message


def test_variables_of_every_kind_of_value_are_understood(write):
    environ = {
        "FLIGHTWATCH__CONTACT": "desk@example.org",
        "FLIGHTWATCH__WATCHLIST": "false",
        "FLIGHTWATCH__SOURCE__ADSBLOL__TYPES": "il76, a124",
        "FLIGHTWATCH__SOURCE__ADSBLOL__MILITARY": "true",
        "FLIGHTWATCH__DETECTION__FALSE_ALERTS_PER_ROUTE_YEAR": "0.25",
        "FLIGHTWATCH__CHANNEL__SLACK__WEBHOOK": "https://hooks.example/x",
        "FLIGHTWATCH__CHANNEL__SLACK__QUIET_HOURS__FROM": "22:00",
        "FLIGHTWATCH__CHANNEL__SLACK__QUIET_HOURS__TO": "07:30",
        "FLIGHTWATCH__HTTP__CA_BUNDLE": "ca.pem",
        "FLIGHTWATCH__ALERTS__BASE_URL": "",
        "FLIGHTWATCH_CONFIG_UNRELATED": "x",
    }

    settings = config.load(write(""), environ)

    assert settings.contact == "desk@example.org"
    assert settings.places == settings.routes == ()
    assert settings.sources[0].types == ("IL76", "A124")
    assert settings.sources[0].military is True
    assert settings.detection.false_alerts_per_route_year == 0.25
    assert f"{settings.channels[0].quiet_hours.end:%H:%M}" == "07:30"
    assert settings.http.ca_bundle == Path.cwd() / "ca.pem"
    assert settings.alerts.base_url == ""


def test_every_value_knows_where_it_came_from(write):
    path = write('contact = "a@b.org"\n[[route]]\nname = "mine"\nfrom = "UUDD"\naircraft = { types = ["IL76"] }\n')

    origins = config.load(path, {"FLIGHTWATCH__DETECTION__SEED": "7"}).origins

    assert origins["contact"] == f"{path}:1"
    assert origins["route.mine.from"] == f"{path}:4"
    assert origins["route.mine.aircraft.types"] == f"{path}:5"
    assert origins["route.mine.to"] == "default"
    assert origins["detection.seed"] == "variable FLIGHTWATCH__DETECTION__SEED"
    assert origins["http.deadline_s"] == "default"
    assert origins['route."Arrivals at Al Khadim".to'] == "shipped watch list"
    assert origins["place.minsk.airports"] == "shipped watch list"
    assert origins["place.minsk.country"] == "default"


def test_the_watch_list_is_added_to_replaced_by_name_and_switched_off(write):
    mine = (
        '[[place]]\nname = "moscow"\nairports = ["UUEE"]\n[[route]]\nname = "Arrivals at Al Khadim"\nenabled = false\n'
    )

    settings = config.load(write(mine), {})

    moscow = [place for place in settings.places if place.name == "moscow"]
    assert [place.airports for place in moscow] == [("UUEE",)]
    assert [r.enabled for r in settings.routes if r.name == "Arrivals at Al Khadim"] == [False]
    assert len(settings.routes) == len(config.watchlist()["route"])
    bare = config.load(write("watchlist = false\n" + mine), {})
    assert [place.name for place in bare.places] == ["moscow"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contact = [", "not valid TOML"),
        ('[source]\nkind = "sbs"\n', "write [[source]]"),
        ('[[sources]]\nkind = "sbs"\n', "did you mean source?"),
        ('[[source]]\nkind = "sbs"\n', "a sbs source needs host"),
        ('[[channel]]\nname = "x"\n', "kind is missing"),
        ('[[channel]]\nkind = "slack"\n', "a slack channel needs webhook"),
        ('[[source]]\nkind = "adsblol"\n[[source]]\nkind = "adsblol"\n', "2 sources are called 'adsblol'"),
        ('[[place]]\nname = "x"\n', "a place needs airports"),
        ('[[place]]\nname = "x"\ncircle = [120, 0, 30]\n', "not on the Earth"),
        ('[[place]]\nname = "anywhere"\ncountry = "LY"\n', "'anywhere' is taken"),
        ('[[route]]\nname = "x"\n', "would count every flight"),
        ('[[route]]\nname = "x"\nfrom = ["anywhere", "LY"]\nto = "LY"\n', "alone"),
        ('[[route]]\nname = "x"\nto = "LY"\naircraft = { icao24 = ["xyz"] }\n', "six hex digits"),
        ('[alerts]\nzone = "Europe/Kieff"\n', "time zone"),
        ('contact = "nobody"\n', "mail address or a web address"),
        ("[detection]\nfalse_alerts_per_route_year = 0\n", "greater than 0"),
    ],
)
def test_wrong_configurations_are_explained(write, text, words):
    assert words in refused(write(text))


def test_the_file_is_searched_in_the_usual_places(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    (home / ".config" / "flightwatch").mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    environ = {"HOME": str(home)}
    user = home / ".config" / "flightwatch" / "flightwatch.toml"

    assert config.find(None, environ) is None
    user.write_text('contact = "user@b.org"\n')
    assert config.find(None, environ) == user
    assert config.load(None, environ).database.url == f"sqlite:///{home}/.local/share/flightwatch/flightwatch.db"
    (here / "flightwatch.toml").write_text("")
    assert config.find(None, environ) == Path("flightwatch.toml")
    (tmp_path / "env.toml").write_text("")
    assert config.find(None, environ | {"FLIGHTWATCH_CONFIG": str(tmp_path / "env.toml")}) == tmp_path / "env.toml"
    with pytest.raises(ConfigError, match=r"no configuration file .*nowhere.toml \(--config\)"):
        config.load(tmp_path / "nowhere.toml", environ)


def test_without_a_contact_live_polling_is_told_what_to_do():
    with pytest.raises(ConfigError, match="FLIGHTWATCH__CONTACT"):
        config.Settings().require_contact()


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        config.Settings().contact = "x"  # type: ignore[misc]


def test_settings_can_be_made_in_python_too():
    channel = config.SlackSettings(kind="slack", webhook=SecretStr("x"))

    assert channel.secret("webhook") == "x"
    assert config.RouteSettings(name="a", origin="LY", destination="RU").origin == ("LY",)


KEYS = st.text("abcdefgh_-", min_size=1, max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text("ab[]{}=#\"'\n ", max_size=6),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[\n" + ",\n".join(as_toml(v) for v in value) + "]"
    if isinstance(value, str):
        return '"""\n' + value.replace("\\", "").replace('"', '\\"') + '"""' if "\n" in value else repr_toml(value)
    return str(value)


def repr_toml(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=3))
def test_line_numbers_are_those_of_the_keys_whatever_the_values_hold(top, table):
    lines: list[str] = []
    truth = {}
    for prefix, keys in (((), top), (("the table", 0), table)):
        if prefix:
            lines.append('[["the table"]]  # a comment with [ and "')
            truth[prefix] = len(lines)
        for key, value in keys.items():
            truth[(*prefix, key)] = len(lines) + 1
            lines += f"{key} = {as_toml(value)}".split("\n")

    assert locate("\n".join(lines)) == truth
