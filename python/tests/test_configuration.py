from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import Pyro4.configuration
import Pyro5.configure

from ferropyro.configuration import ITEMS, Configuration, Pyro5Configuration, config, wire_settings

RUST_ITEMS = Path(__file__).parents[2] / "crates/ferropyro/src/config/items.rs"
# On purpose: a call that follows a one-way call must not wait for an acknowledgement.
OURS_ON_PURPOSE = {"SOCK_NODELAY"}


# Conformance: CFG-01
def test_the_defaults_are_those_of_pyro4() -> None:
    real = Pyro4.configuration.Configuration()
    ours = Configuration().asDict()
    theirs = real.asDict()
    assert {name: ours[name] for name in theirs if name not in OURS_ON_PURPOSE} == {
        name: value for name, value in theirs.items() if name not in OURS_ON_PURPOSE
    }


def test_the_view_for_pyro5_has_its_items_and_defaults() -> None:
    view = Pyro5Configuration(Configuration("Pyro5"))
    ours = view.as_dict()
    theirs = Pyro5.configure.Configuration().as_dict()
    assert set(ours) == set(theirs)
    assert {name for name in ours if ours[name] != theirs[name]} == OURS_ON_PURPOSE
    view.BROADCAST_ADDRS = ["10.0.0.255", ""]
    assert view.BROADCAST_ADDRS == ["10.0.0.255", ""]
    assert view._target.BROADCAST_ADDRS == "10.0.0.255, ''"
    assert view.copy().as_dict() == view.as_dict()
    view.SERIALIZER = "msgpack"
    with pytest.raises(ValueError, match="serializer 'pickle' is unknown or not available"):
        view.SERIALIZER = "pickle"
    view.reset()
    assert view.SERIALIZER == "serpent" and "SERIALIZER" in dir(view)


def test_the_items_are_those_of_the_rust_side() -> None:
    rows = re.findall(r"^    ([A-Z_0-9]+) \w+: [^,]*(?:<[^>]*>)?, (Both|Pyro4|Pyro5|Ferropyro),", RUST_ITEMS.read_text(), re.M)
    assert {name: origin.lower() for name, origin in rows} == {name: item.origin.lower() for name, item in ITEMS.items()}


def variables(**values: str) -> dict[str, str]:
    return {f"PYRO_{name}": text for name, text in values.items()}


def real_configuration(module: Any, monkeypatch: pytest.MonkeyPatch, **values: str) -> Any:
    for name, text in variables(**values).items():
        monkeypatch.setenv(name, text)
    return module.Configuration()


# Conformance: CFG-02
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HOST", "0.0.0.0"),
        ("NS_PORT", " 5555 "),
        ("NS_BCHOST", "10.0.0.1"),
        ("COMMTIMEOUT", "2.5"),
        ("COMPRESSION", "YES"),
        ("AUTOPROXY", "off"),
        ("SERIALIZERS_ACCEPTED", "serpent,pickle"),
        ("SERIALIZER", "json"),
        ("SERVERTYPE", "multiplex"),
        ("PREFER_IP_VERSION", "6"),
        ("BROADCAST_ADDRS", "10.0.0.255, ''"),
        ("PICKLE_PROTOCOL_VERSION", "3"),
        ("SSL_SERVERCERT", "cert.pem"),
    ],
)
def test_the_environment_presets_an_item(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = real_configuration(Pyro4.configuration, monkeypatch, **{name: text})
    ours = Configuration()
    assert getattr(ours, name) == getattr(theirs, name)
    # What was read is written so that it is read again.
    monkeypatch.setenv(f"PYRO_{name}", wire_settings(ours)[name])
    assert Configuration() == ours
    ours.reset(useenvironment=False)
    assert getattr(ours, name) != getattr(theirs, name)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("COMPRESSION", "Maybe", "invalid boolean value: PYRO_COMPRESSION=maybe"),
        ("NS_PORT", "x", r"invalid Pyro environment config value: PYRO_NS_PORT=x \(a whole number from 0 to 65535\)"),
        ("COMMTIMEOUT", "-1", r"PYRO_COMMTIMEOUT=-1 \(a number of seconds, zero or more\)"),
        ("SERVERTYPE", "fork", "invalid server type 'fork'"),
        ("SERIALIZERS_ACCEPTED", "serpent,yaml", "serializer 'yaml' is unknown or not available"),
        ("PROTOCOLS", "46,47", "exclude each other"),
        ("LOGLEVEL", "LOUD", "unknown log level 'LOUD'"),
    ],
)
def test_a_wrong_value_in_the_environment_is_an_error(
    name: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"PYRO_{name}", text)
    with pytest.raises(ValueError, match=message):
        Configuration()


# Conformance: CFG-02
def test_the_two_keys_are_no_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRO_HMAC_KEY", "secret")
    monkeypatch.setenv("PYRO_HTTPGATEWAY_KEY", "secret")
    for generation in ("Pyro4", "Pyro5"):
        assert "secret" not in Configuration(generation).dump()


def test_an_unknown_variable_is_passed_over_by_pyro4_and_refused_by_pyro5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRO_SERVERTYP", "thread")
    Configuration("Pyro4")
    with pytest.raises(ValueError, match="environment config variable: PYRO_SERVERTYP .did you mean PYRO_SERVERTYPE?"):
        Configuration("Pyro5")


# Conformance: CFG-03
def test_what_the_program_sets_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRO_THREADPOOL_SIZE", "1")
    ours = Configuration()
    ours.THREADPOOL_SIZE = 2
    assert ours.THREADPOOL_SIZE == 2
    ours.reset()
    assert ours.THREADPOOL_SIZE == 1


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("COMMTIMEOUT", 3, 3.0),
        ("COMMTIMEOUT", None, 0.0),
        ("NATPORT", None, 0),
        ("NATHOST", "", None),
        ("COMPRESSION", 1, True),
        ("SERIALIZERS_ACCEPTED", ["pickle"], {"pickle"}),
        ("SERIALIZERS_ACCEPTED", "json, marshal", {"json", "marshal"}),
        ("PROTOCOLS", [48], {48}),
        ("MAX_MESSAGE_SIZE", 1e6, 1_000_000),
        ("LOGLEVEL", "INFO,Pyro4.naming=DEBUG", "INFO,Pyro4.naming=DEBUG"),
    ],
)
def test_a_value_is_kept_in_the_form_of_its_item(name: str, value: object, kept: object) -> None:
    setattr(config, name, value)
    assert getattr(config, name) == kept
    assert type(getattr(config, name)) is type(kept)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERIALIZER", "yaml"),
        ("SERIALIZERS_ACCEPTED", {"yaml"}),
        ("SERIALIZERS_ACCEPTED", 3),
        ("NS_PORT", 70000),
        ("NS_PORT", "9090"),
        ("NS_PORT", True),
        ("THREADPOOL_SIZE", 0),
        ("POLLTIMEOUT", float("nan")),
        ("POLLTIMEOUT", "2"),
        ("HOST", 5),
        ("PREFER_IP_VERSION", 5),
        ("PROTOCOLS", []),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_set(name: str, value: object) -> None:
    before = config.asDict()
    with pytest.raises(ValueError, match=f"invalid Pyro config value: {name}="):
        setattr(config, name, value)
    assert config.asDict() == before


def test_a_wrong_name_is_refused_where_it_is_used() -> None:
    with pytest.raises(AttributeError, match="invalid Pyro config item: SERVERTYP .did you mean SERVERTYPE?"):
        config.SERVERTYP = "thread"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="invalid Pyro config item: NONSENSE$"):
        config.NONSENSE  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del config.HOST


def test_the_accepted_serializers_can_be_changed_in_place() -> None:
    config.SERIALIZERS_ACCEPTED.add("pickle")
    assert wire_settings(config)["SERIALIZERS_ACCEPTED"] == "serpent,json,marshal,pickle"
    config.SERIALIZERS_ACCEPTED.add("yaml")
    with pytest.raises(ValueError, match="SERIALIZERS_ACCEPTED=.*'yaml' is unknown"):
        wire_settings(config)
    config.reset()
    assert config.SERIALIZERS_ACCEPTED == {"serpent", "json", "marshal"}


def test_settings_for_the_wire_are_texts_that_the_environment_could_have() -> None:
    settings = wire_settings(config)
    assert set(settings) == set(ITEMS)
    assert settings["COMMTIMEOUT"] == "0.0"
    assert settings["NATHOST"] == ""
    assert settings["SSL"] == "False"
    assert settings["PROTOCOLS"] == "48,502"
    config.SSL_SERVERKEYPASSWD = "secret"
    assert wire_settings(config)["SSL_SERVERKEYPASSWD"] == "secret"
    assert "secret" not in config.dump()


def test_the_defaults_of_pyro5_leave_alone_what_was_set() -> None:
    config.THREADPOOL_SIZE = 7
    config.use_defaults_of("Pyro5")
    try:
        assert (config.THREADPOOL_SIZE, config.MAX_MESSAGE_SIZE, config.PREFER_IP_VERSION) == (7, 1 << 30, 0)
    finally:
        config.use_defaults_of("Pyro4")
    assert (config.THREADPOOL_SIZE, config.MAX_MESSAGE_SIZE) == (7, 0)


def test_a_copy_is_independent() -> None:
    copy = config.copy()
    assert copy == config
    copy.SERIALIZERS_ACCEPTED.add("pickle")
    copy.HOST = "elsewhere"
    assert "pickle" not in config.SERIALIZERS_ACCEPTED
    assert config.HOST == "localhost"


def test_addresses_are_parsed_as_in_pyro4() -> None:
    text = "<broadcast>, 10.0.0.255 ,''"
    assert config.parseAddressesString(text) == Pyro4.config.parseAddressesString(text)


def test_the_module_prints_the_configuration() -> None:
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYRO_HOST": "example.org"}
    command = [sys.executable, "-m", "ferropyro.configuration"]
    printed = subprocess.run(command, env=paths, capture_output=True, text=True, check=True).stdout
    lines = printed.splitlines()
    assert "HOST = example.org" in lines
    assert [line.partition(" = ")[0] for line in lines[5:]] == sorted(ITEMS)


def test_the_rust_side_takes_all_values() -> None:
    from ferropyro import settings

    for name, value in {
        "NS_BCHOST": "10.0.0.1",
        "BROADCAST_ADDRS": ["10.0.0.255", ""],
        "COMMTIMEOUT": 1e-7,
        "MAX_MESSAGE_SIZE": 1 << 40,
        "MAX_RETRIES": (1 << 32) - 1,
        "SERIALIZERS_ACCEPTED": {"pickle", "dill", "cloudpickle", "msgpack"},
        "PICKLE_PROTOCOL_VERSION": -1,
        "PROTOCOLS": {46, 48, 502},
        "LOGLEVEL": "INFO,Pyro4.naming=DEBUG",
        "PREFER_IP_VERSION": 6,
        "SERVERTYPE": "multiplex",
        "SSL_SERVERKEYPASSWD": "pass word",
    }.items():
        before = settings.current()
        setattr(config, name, value)
        assert settings.current() is not before
