"""Settings: what is wrong is said at the start, all of it, without quoting a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.errors import Misconfigured
from service.settings import Settings, load, settings_from

DIGEST = "x" * 43
LEAST: dict[str, Any] = {
    "node": "ro",
    "state": "ro",
    "charter_digest": DIGEST,
    "data_dir": "data",
    "hub_url": "nats://127.0.0.1:4222",
}


def settings(base: Path = Path("/srv/focalpoint"), **changes: Any) -> Settings:
    values = {name: value for name, value in (LEAST | changes).items() if value is not None}
    return settings_from(values, base=base)


def problem(**changes: Any) -> str:
    with pytest.raises(Misconfigured) as refused:
        settings(**changes)
    assert refused.value.code == "settings.invalid"
    return refused.value.detail


def test_five_settings_are_enough_and_paths_stand_beside_the_file() -> None:
    found = settings()
    data = Path("/srv/focalpoint/data")
    assert found.database == "sqlite:////srv/focalpoint/data/node.db"
    assert (found.keystore_dir, found.passphrase_file) == (data / "keys", data / "passphrase")
    assert found.hub_seed_file == data / "hub.nk"
    assert found.audience == "http://127.0.0.1:8460"
    assert found.limits.narrative == 131_072


def test_a_path_given_stands_where_it_says() -> None:
    found = settings(keystore_dir="/etc/focalpoint/keys", log_file="log/node.log")
    assert found.keystore_dir == Path("/etc/focalpoint/keys")
    assert found.log_file == Path("/srv/focalpoint/log/node.log")


@pytest.mark.parametrize("name", LEAST)
def test_each_of_the_five_is_missed(name: str) -> None:
    assert f"`{name}` is missing" in problem(**{name: None})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"node": "RO"}, "`node`: expected lower-case"),
        ({"node": "it"}, "`node`: expected the State's code"),
        ({"node": "rome", "state": "ro"}, "`node`: expected the State's code"),
        ({"state": "rom"}, "`state`"),
        ({"charter_digest": "abc"}, "`charter_digest`: expected the 43 characters"),
        ({"database": "mysql"}, "`database`"),
        ({"database": "sqlite://"}, "`database`"),
        ({"hub_url": "nats://hub.example:4222"}, "use tls://"),
        ({"hub_url": "http://127.0.0.1"}, "`hub_url`"),
        ({"api_port": 65_536}, "`api_port`"),
        ({"api_port": "many"}, "`api_port`: expected a whole number"),
        ({"api_port": True}, "`api_port`: expected a whole number"),
        ({"api_port": 1.5}, "`api_port`: expected a whole number"),
        ({"outbox_resend_seconds": 0}, "`outbox_resend_seconds`: expected 0.5 to 86400"),
        ({"outbox_resend_seconds": "nan"}, "`outbox_resend_seconds`"),
        ({"outbox_resend_seconds": 7_200}, "`outbox_resend_most_seconds`: expected at least"),
        ({"token_seconds": 601}, "`token_seconds`: expected 30 to 600"),
        (
            {"simulated_clock_file": "clock", "hub_url": "tls://hub.example"},
            "`simulated_clock_file`: only where",
        ),
        ({"simulated_clock_file": "clock", "api_host": "0.0.0.0"}, "`simulated_clock_file`: only where"),
        ({"log_level": "loud"}, "`log_level`"),
        ({"log_file": 7}, "`log_file`: expected a path"),
        ({"hub_url": 7}, "`hub_url`: expected text"),
        ({"outbox_resend_secs": 7}, "did you mean `outbox_resend_seconds`"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    assert said in problem(**change)


def test_everything_wrong_is_said_at_once() -> None:
    said = problem(charter_digest="short", api_port=-1, log_level="loud")
    assert all(name in said for name in ("`charter_digest`", "`api_port`", "`log_level`"))


@pytest.mark.parametrize(
    "database",
    ["postgresql://u:planted-secret@h:notaport/db", "planted-secret", "sqlite:///file:planted-secret"],
)
def test_a_password_in_a_url_is_never_quoted(database: str) -> None:
    assert "planted-secret" not in problem(database=database)


def test_a_password_in_a_url_is_not_shown() -> None:
    assert "planted-secret" not in repr(settings(database="postgresql+psycopg://u:planted-secret@h/db"))


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("\n".join(f'{name} = "{value}"' for name, value in LEAST.items()) + "\napi_port = 9000\n")
    found = load(file, {"FOCALPOINT_API_PORT": "9100", "FOCALPOINT_OUTBOX_POLL_SECONDS": "0.25", "PATH": "x"})
    assert (found.api_port, found.outbox_poll_seconds) == (9100, 0.25)
    assert load(file, {}).api_port == 9000
    assert found.data_dir == tmp_path / "data"


def test_a_misspelt_override_is_refused_and_a_clients_variable_is_not(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("\n".join(f'{name} = "{value}"' for name, value in LEAST.items()))
    assert load(file, {"FOCALPOINT_TOKEN": "t", "FOCALPOINT_CONFIG": "c"}).node == "ro"
    with pytest.raises(Misconfigured, match="FOCALPOINT_CHARTER_DIGEST"):
        load(file, {"FOCALPOINT_CHARTER_DIGST": DIGEST})


@pytest.mark.parametrize("content", [b"node = ", b"\xff\xfe"], ids=["not TOML", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "node.toml").write_bytes(content)
    for path in (tmp_path / "node.toml", tmp_path / "absent.toml"):
        with pytest.raises(Misconfigured) as refused:
            load(path, {})
        assert refused.value.code == "settings.unreadable"
