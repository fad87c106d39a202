//! The configuration, measured against the items and defaults of the real Pyro4 and Pyro5 (`data/config_*.json`).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use ferropyro::config::{Generation, ITEMS, InvalidConfig, IpVersion, Item, Origin, ServerType, UnknownItems};
use ferropyro::{Config, Serializer};
use serde_json::Value;

fn captured(generation: Generation) -> Value {
    let text = match generation {
        Generation::Pyro4 => include_str!("data/config_pyro4.json"),
        Generation::Pyro5 => include_str!("data/config_pyro5.json"),
    };
    serde_json::from_str(text).expect("the capture is JSON")
}

fn preset(generation: Generation) -> Config {
    match generation {
        Generation::Pyro4 => Config::pyro4(),
        Generation::Pyro5 => Config::pyro5(),
    }
}

/// The value of an item in a dump.
fn dumped<'a>(dump: &'a str, name: &str) -> &'a str {
    let line = dump
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    line.unwrap_or_else(|| panic!("{name} is not in the dump:\n{dump}"))
}

fn with(variable: &str, value: &str) -> Result<Config, InvalidConfig> {
    Config::from_vars([(variable, value)])
}

fn refusal(variable: &str, value: &str) -> String {
    with(variable, value).expect_err(variable).to_string()
}

// Conformance: CFG-01
#[test]
fn has_every_item_of_pyro_and_marks_whose_it_is() {
    for generation in [Generation::Pyro4, Generation::Pyro5] {
        let captured = captured(generation);
        let upstream: BTreeSet<&str> = captured["items"]
            .as_object()
            .expect("items")
            .keys()
            .map(String::as_str)
            .collect();
        let mut ours: BTreeSet<&str> = ITEMS
            .iter()
            .filter(|item| item.is_of(generation))
            .map(|item| item.name)
            .collect();
        if generation == Generation::Pyro4 {
            // Pyro4 has the two of the log in its dump, but not among its items.
            assert!(ours.remove("LOGFILE") && ours.remove("LOGLEVEL"));
        }
        assert_eq!(ours, upstream, "{generation:?}");
    }
}

// Conformance: CFG-01
#[test]
fn has_pyros_defaults_and_prints_them_as_pyro_does() {
    for generation in [Generation::Pyro4, Generation::Pyro5] {
        let captured = captured(generation);
        let dump = preset(generation).dump_as(generation);
        let lines = captured["dump"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| line.as_str().expect("a text"));
        let upstream: Vec<String> = lines.map(sorted_set).collect();
        let ours: Vec<String> = dump.lines().map(sorted_set).collect();
        assert_eq!(ours, upstream, "{generation:?}");
    }
}

/// A line of a dump; Python prints the set of serializers in any order.
fn sorted_set(line: &str) -> String {
    let Some(names) = line
        .strip_prefix("SERIALIZERS_ACCEPTED = {")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return line.to_owned();
    };
    let sorted: BTreeSet<&str> = names.split(", ").collect();
    format!("SERIALIZERS_ACCEPTED = {sorted:?}")
}

#[test]
fn differs_from_pyro5_by_default_only_where_it_says_so() {
    let (ours, pyro5) = (Config::default(), Config::pyro5());
    let different: Vec<&str> = ITEMS
        .iter()
        .filter(|item| item.get(&ours) != item.get(&pyro5))
        .map(|item| item.name)
        .collect();
    assert_eq!(different, ["SOCK_NODELAY", "LOGFILE"]);
    assert_eq!(ours.max_message_size, Some(1024 * 1024 * 1024));
    assert_eq!(ours.threadpool_size, 80);
    assert_eq!(ours.prefer_ip_version, IpVersion::Any);
}

#[test]
fn names_its_fields_like_its_items() {
    let shown = format!("{:?}", Config::default());
    for item in ITEMS {
        assert!(
            shown.contains(&format!("{}: ", item.name.to_lowercase())),
            "{}",
            item.name
        );
        assert!(!item.doc.is_empty(), "{}", item.name);
    }
    let names: BTreeSet<&str> = ITEMS.iter().map(|item| item.name).collect();
    assert_eq!(names.len(), ITEMS.len());
}

/// A value for an item that is not its default.
fn other_value(item: &Item) -> &'static str {
    match item.get(&Config::default()).as_str() {
        "True" => "False",
        "False" => "True",
        _ => match item.name {
            "SERVERTYPE" => "multiplex",
            "SERIALIZER" => "json",
            "SERIALIZERS_ACCEPTED" => "json,pickle",
            "PREFER_IP_VERSION" => "6",
            "LOGLEVEL" => "DEBUG",
            "BROADCAST_ADDRS" => "10.0.0.255, ''",
            "PICKLE_PROTOCOL_VERSION" | "DILL_PROTOCOL_VERSION" => "2",
            "NS_AUTOCLEAN"
            | "NS_LOOKUP_DELAY"
            | "COMMTIMEOUT"
            | "POLLTIMEOUT"
            | "ITER_STREAM_LIFETIME"
            | "ITER_STREAM_LINGER"
            | "HANDSHAKE_TIMEOUT"
            | "WRITE_TIMEOUT"
            | "ACCEPT_PAUSE"
            | "TLS_HANDSHAKE_TIMEOUT"
            | "TCP_KEEPALIVE"
            | "SHUTDOWN_TIMEOUT"
            | "GREETING_DELAY" => "7.25",
            "PROTOCOLS" => "47,48",
            _ => "77",
        },
    }
}

// Conformance: CFG-02
#[test]
fn sets_every_item_by_its_variable_and_shows_it_in_the_dump() {
    let default = Config::default().dump();
    for item in ITEMS {
        let value = other_value(item);
        let config = with(&format!("PYRO_{}", item.name), value).expect(item.name);
        let dump = config.dump();
        let is_secret = item.name.ends_with("PASSWD");
        let expected = if is_secret { "<not shown>" } else { value };
        assert_eq!(dumped(&dump, item.name), expected);
        assert_ne!(dumped(&default, item.name), expected);
        let changed = dump
            .lines()
            .zip(default.lines())
            .filter(|(ours, before)| ours != before)
            .count();
        assert_eq!(changed, 1, "{} changes nothing else", item.name);
    }
}

#[test]
fn reads_back_what_it_dumps() {
    for config in [Config::default(), Config::pyro4(), Config::pyro5()] {
        let dump = config.dump();
        let variables = dump
            .lines()
            .map(|line| line.split_once(" = ").expect("a line of the dump"));
        let variables = variables.map(|(name, value)| (format!("PYRO_{name}"), value));
        assert_eq!(Config::from_vars(variables), Ok(config));
    }
}

// Conformance: CFG-02
#[test]
fn takes_pyros_eight_words_for_on_and_off_and_refuses_others_with_pyros_text() {
    for (word, expected) in [("0", false), ("off", false), ("no", false), ("false", false)] {
        assert_eq!(with("PYRO_SOCK_REUSE", word).expect(word).sock_reuse, expected);
        assert_eq!(
            with("PYRO_SOCK_REUSE", &word.to_uppercase()).expect(word).sock_reuse,
            expected
        );
    }
    for word in ["1", "on", "yes", "true", "Yes", "TRUE"] {
        assert!(with("PYRO_SSL", word).expect(word).ssl);
    }
    for word in ["", "2", "y", "enable", " 1"] {
        assert_eq!(
            refusal("PYRO_SSL", word),
            format!("invalid boolean value: PYRO_SSL={word}")
        );
    }
    assert_eq!(refusal("PYRO_SSL", "Maybe"), "invalid boolean value: PYRO_SSL=maybe");
}

// Conformance: CFG-02
#[test]
fn refuses_a_bad_value_and_says_what_would_be_allowed() {
    let table = [
        ("PYRO_NS_PORT", "abc", "a whole number from 0 to 65535"),
        ("PYRO_NS_PORT", "65536", "a whole number from 0 to 65535"),
        ("PYRO_NATPORT", "-1", "a whole number from 0 to 65535"),
        ("PYRO_PROTOCOLS", "48, 45", "'45' is no protocol: 46, 47, 48 or 502"),
        ("PYRO_PROTOCOLS", "", "'' is no protocol: 46, 47, 48 or 502"),
        (
            "PYRO_PROTOCOLS",
            "46,47,48",
            "46 and 47 exclude each other: the server speaks first there, and names its protocol",
        ),
        ("PYRO_MAX_RETRIES", "1.5", "a whole number from 0 to 4294967295"),
        ("PYRO_COMMTIMEOUT", "soon", "a number of seconds, zero or more"),
        ("PYRO_COMMTIMEOUT", "-1", "a number of seconds, zero or more"),
        ("PYRO_COMMTIMEOUT", "nan", "a number of seconds, zero or more"),
        ("PYRO_COMMTIMEOUT", "inf", "a number of seconds, zero or more"),
        ("PYRO_POLLTIMEOUT", "1e300", "a number of seconds, zero or more"),
        (
            "PYRO_THREADPOOL_SIZE",
            "0",
            "threadpool sizes must be greater than zero",
        ),
        ("PYRO_MAX_MESSAGE_SIZE", "1k", "a whole number, or 0 for no limit"),
        (
            "PYRO_PREFER_IP_VERSION",
            "5",
            "4, 6, or 0 to let the operating system choose",
        ),
        (
            "PYRO_SERVERTYPE",
            "fork",
            "invalid server type 'fork': thread or multiplex",
        ),
        (
            "PYRO_LOGLEVEL",
            "LOUD",
            "unknown log level 'LOUD': DEBUG, INFO, WARNING, ERROR or CRITICAL",
        ),
    ];
    for (variable, value, allowed) in table {
        assert_eq!(
            refusal(variable, value),
            format!("invalid Pyro environment config value: {variable}={value} ({allowed})")
        );
    }
}

#[test]
fn leaves_a_configuration_as_it_was_when_a_variable_is_refused() {
    let mut config = Config::default();
    let vars = [("PYRO_HOST", "example"), ("PYRO_NS_PORT", "abc")];
    assert!(config.apply_vars(vars, UnknownItems::Refuse).is_err());
    assert_eq!(config, Config::default());
}

#[test]
fn reads_zero_as_no_timeout_and_no_limit() {
    let vars = [
        ("PYRO_COMMTIMEOUT", "0"),
        ("PYRO_HANDSHAKE_TIMEOUT", "0.0"),
        ("PYRO_MAX_MESSAGE_SIZE", " 0 "),
    ];
    let config = Config::from_vars(vars).expect("valid");
    assert_eq!(
        (config.commtimeout, config.handshake_timeout, config.max_message_size),
        (None, None, None)
    );
    let config = Config::default().commtimeout(Duration::ZERO).max_message_size(0);
    assert_eq!((config.commtimeout, config.max_message_size), (None, None));
    assert_eq!(
        with("PYRO_COMMTIMEOUT", " 1.5 ").expect("valid").commtimeout,
        Some(Duration::from_millis(1500))
    );
}

#[test]
fn refuses_an_unknown_variable_with_pyros_text_or_ignores_it_as_told() {
    assert_eq!(
        refusal("PYRO_X", "1"),
        "invalid Pyro environment config variable: PYRO_X"
    );
    assert_eq!(
        refusal("PYRO_COMTIMEOUT", "1"),
        "invalid Pyro environment config variable: PYRO_COMTIMEOUT (did you mean PYRO_COMMTIMEOUT?)"
    );
    assert_eq!(refusal("PYRO_", ""), "invalid Pyro environment config variable: PYRO_");
    let mut config = Config::default();
    config
        .apply_vars([("PYRO_X", "1"), ("PYRO_HOST", "example")], UnknownItems::Ignore)
        .expect("PYRO_X is ignored");
    assert_eq!(config, Config::default().host("example"));
    assert_eq!(with("PATH", "x"), Ok(Config::default()));
    assert_eq!(with("pyro_x", "x"), Ok(Config::default()));
}

// Conformance: CFG-02
#[test]
fn never_refuses_the_key_variables_and_never_shows_a_secret() {
    let secrets = [
        "PYRO_HMAC_KEY",
        "PYRO_HTTPGATEWAY_KEY",
        "PYRO_SSL_SERVERKEYPASSWD",
        "PYRO_SSL_CLIENTKEYPASSWD",
    ];
    let config = Config::from_vars(secrets.map(|name| (name, "swordfish"))).expect("all four are taken");
    assert_eq!(config.ssl_serverkeypasswd.reveal(), "swordfish");
    let dumps = [
        config.dump(),
        config.dump_as(Generation::Pyro4),
        config.dump_as(Generation::Pyro5),
        format!("{config:?}"),
    ];
    for dump in dumps {
        assert!(dump.contains("<not shown>"), "{dump}");
        assert!(
            !dump.contains("swordfish") && !dump.contains("HMAC_KEY") && !dump.contains("HTTPGATEWAY_KEY"),
            "{dump}"
        );
    }
}

// Conformance: CFG-03
#[test]
fn lets_code_win_over_the_environment() {
    let config = with("PYRO_MAX_RETRIES", "1").expect("valid").max_retries(2u32);
    assert_eq!(config.max_retries, 2);
    let config = config
        .commtimeout(Duration::from_secs(5))
        .servertype(ServerType::Multiplex)
        .nathost("example".to_owned());
    assert_eq!(dumped(&config.dump(), "COMMTIMEOUT"), "5.0");
    assert_eq!(dumped(&config.dump(), "SERVERTYPE"), "multiplex");
    assert_eq!(dumped(&config.dump(), "NATHOST"), "example");
    assert_eq!(config.commtimeout(None).commtimeout, None);
}

// Conformance: SER-10
#[test]
fn knows_the_names_of_pyros_serializers_and_no_others() {
    for name in ["serpent", "json", "marshal", "msgpack", "pickle", "dill", "cloudpickle"] {
        assert_eq!(with("PYRO_SERIALIZER", name).expect(name).serializer.name(), name);
        let accepted = with("PYRO_SERIALIZERS_ACCEPTED", &format!("{name}, serpent"))
            .expect(name)
            .serializers_accepted;
        assert_eq!(
            accepted,
            BTreeSet::from([Serializer::from_name(name).expect(name), Serializer::Serpent])
        );
    }
    for name in ["x", "", "Serpent", "yaml"] {
        let error = format!("serializer '{name}' is unknown or not available");
        assert_eq!(
            refusal("PYRO_SERIALIZER", name),
            format!("invalid Pyro environment config value: PYRO_SERIALIZER={name} ({error})")
        );
        assert!(with("PYRO_SERIALIZERS_ACCEPTED", &format!("json,{name}")).is_err());
    }
}

#[test]
#[ignore = "started by the next test, as a program of its own"]
fn child_that_reads_its_environment() {
    let text = Config::from_env().map_or_else(|error| error.to_string(), |config| config.dump());
    write!(std::io::stdout(), "{{{{{text}}}}}").expect("standard output is open");
}

/// What a program with this one variable in its environment makes of it: the dump, or the error.
fn in_environment(name: &str, value: impl AsRef<OsStr>) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([
        "--exact",
        "child_that_reads_its_environment",
        "--ignored",
        "--nocapture",
    ]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PYRO_")) {
        command.env_remove(name);
    }
    let output = command.env(name, value).output().expect("the child runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = text.split_once("{{").expect("an answer");
    rest.split_once("}}").expect("an answer").0.to_owned()
}

// Conformance: CFG-02
#[test]
fn reads_the_environment_of_the_process() {
    let dump = in_environment("PYRO_SERIALIZERS_ACCEPTED", "json,pickle");
    assert_eq!(dumped(&dump, "SERIALIZERS_ACCEPTED"), "json,pickle");
    assert_eq!(dumped(&dump, "NS_PORT"), "9090");
    assert_eq!(
        in_environment("PYRO_X", "1"),
        "invalid Pyro environment config variable: PYRO_X"
    );
    assert_eq!(in_environment("PYRO_HMAC_KEY", "swordfish"), Config::default().dump());
}

#[cfg(unix)]
#[test]
fn refuses_text_that_is_not_unicode_and_does_not_show_it() {
    use std::os::unix::ffi::OsStrExt;
    let error = in_environment("PYRO_HOST", OsStr::from_bytes(b"swordfish\xff"));
    assert_eq!(
        error,
        "invalid Pyro environment config value: PYRO_HOST=<not shown> (it is not valid UTF-8)"
    );
}

#[test]
fn keeps_the_items_of_ferropyro_out_of_pyros_dumps() {
    let ours: Vec<&Item> = ITEMS.iter().filter(|item| item.origin == Origin::Ferropyro).collect();
    assert!(!ours.is_empty());
    let config = Config::default();
    for item in ours {
        assert!(config.dump().contains(item.name));
        for generation in [Generation::Pyro4, Generation::Pyro5] {
            assert!(!config.dump_as(generation).contains(item.name), "{}", item.name);
        }
    }
}

// Conformance: SER-10
#[test]
fn serializers_are_known_by_their_names() {
    for name in ["serpent", "json", "marshal", "msgpack", "pickle", "dill", "cloudpickle"] {
        assert_eq!(name.parse::<Serializer>().expect(name).name(), name);
    }
    for name in ["yaml", "Pickle", ""] {
        let error = name.parse::<Serializer>().expect_err(name);
        assert_eq!(
            error.to_string(),
            format!("serializer '{name}' is unknown or not available; use serpent, json, marshal or msgpack")
        );
    }
}
