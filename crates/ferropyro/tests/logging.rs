//! The log. A process has one log, so each test runs this test program once more, with the environment that it is about: the
//! test `child_that_logs` is the program that then uses the log.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ferropyro::Config;
use ferropyro::logging::{self, Level, Levels, logger};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

/// What the child is to do besides logging one message a level and logger.
const MODE: &str = "LOGGING_TEST_MODE";

#[test]
#[ignore = "started by the other tests, as a program of its own"]
fn child_that_logs() {
    let mode = std::env::var(MODE).unwrap_or_default();
    if mode == "own subscriber" {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("the first one");
    }
    if mode == "own levels" {
        return call_with_own_levels();
    }
    if mode == "reload" {
        return reload();
    }
    if mode == "messages" {
        return call_with_long_arguments();
    }
    let answer = match logging::init_from_env() {
        Ok(is_on) => is_on.to_string(),
        Err(error) => error.to_string(),
    };
    write!(std::io::stdout(), "<{answer}>").expect("standard output is open");
    for round in 0..if mode == "many" { 200 } else { 1 } {
        tracing::debug!(target: logger::CORE, round, "core debug");
        tracing::info!(target: logger::CORE, "core info");
        tracing::warn!(target: logger::NAMING, "naming warning");
        tracing::debug!(target: logger::NAMING, "naming debug");
        tracing::debug!(target: logger::NAMING_STORAGE, "storage debug");
        tracing::error!(target: "my_program::part", "two\r\nlines");
        tracing::trace!(target: logger::PROTOCOL, peer = "x", "wire");
    }
}

/// Logs with nothing but tracing's own means: a level for the library's loggers, and a layer that prints what passes.
fn call_with_own_levels() {
    let levels = tracing_subscriber::filter::Targets::new().with_target("Pyro", tracing::Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(PrintsLoggers.with_filter(levels));
    tracing::subscriber::set_global_default(subscriber).expect("the first one");
    let daemon = ferropyro::Daemon::new().expect("a free port").start();
    let uri = daemon.uri_for(ferropyro::DAEMON_ID).expect("an id");
    ferropyro::Proxy::new(uri)
        .expect("a URI")
        .call::<()>("ping", ())
        .expect("an answer");
}

/// Calls with the setting LOGWIRE, a key, and messages that are long enough to be compressed.
fn call_with_long_arguments() {
    assert_eq!(logging::init_from_env(), Ok(true));
    let config = Config::default().logwire(true).compression(true);
    let daemon = ferropyro::Daemon::builder().config(config.clone()).hmac_key("secret");
    let daemon = daemon.bind().expect("a free port").start();
    let uri = daemon.uri_for(ferropyro::DAEMON_ID).expect("an id");
    let proxy = ferropyro::Proxy::builder().config(config).hmac_key("secret");
    let proxy = proxy.build(uri).expect("a URI");
    let id = "x".repeat(5000);
    assert!(
        proxy.call::<()>("get_metadata", (id,)).is_err(),
        "there is no such object"
    );
}

/// Logs, then after somebody has moved the file away and asked for more.
fn reload() {
    let config = Config::default().logfile("pyro.log".to_owned());
    assert!(logging::reload_from_config(&config.clone().loglevel("INFO".parse::<Levels>().expect("a level"))).is_ok());
    say("at first");
    std::fs::rename("pyro.log", "old.log").expect("the log");
    say("moved");
    let more = config.clone().loglevel("DEBUG".parse::<Levels>().expect("a level"));
    assert!(logging::reload_from_config(&more).expect("a file"));
    say("reloaded");
    let nowhere = more.logfile("no-such-folder/pyro.log".to_owned()).loglevel(None);
    assert!(logging::reload_from_config(&nowhere).is_err());
    say("refused");
    assert!(logging::reload_from_config(&config).expect("a file"));
    say("silent");
}

fn say(text: &str) {
    tracing::debug!(target: logger::CORE, "{text}: detail");
    tracing::info!(target: logger::CORE, "{text}");
}

#[test]
fn a_reload_opens_the_file_anew_and_takes_over_the_level() {
    let place = Place::new("reload");
    place.run(&[(MODE, "reload")]);
    let begin = "Pyro,INFO] Pyro log configured using built-in defaults, level=INFO";
    assert_eq!(
        place.messages("old.log"),
        [begin, "Pyro.core,INFO] at first", "Pyro.core,INFO] moved"]
    );
    assert_eq!(
        place.messages("pyro.log"),
        [
            "Pyro.core,DEBUG] reloaded: detail",
            "Pyro.core,INFO] reloaded",
            "Pyro.core,DEBUG] refused: detail",
            "Pyro.core,INFO] refused"
        ]
    );
}

struct PrintsLoggers;

impl<S: tracing::Subscriber> Layer<S> for PrintsLoggers {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let metadata = event.metadata();
        writeln!(std::io::stdout(), "{},{}", metadata.target(), metadata.level()).expect("standard output is open");
    }
}

/// A directory for one test, with what the child left in it.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn new(name: &str) -> Place {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a new directory");
        Place { directory }
    }

    fn child(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "child_that_logs", "--ignored", "--nocapture"])
            .current_dir(&self.directory);
        command
            .env_remove("PYRO_LOGLEVEL")
            .env_remove("PYRO_LOGFILE")
            .envs(variables.iter().copied());
        command
    }

    fn run(&self, variables: &[(&str, &str)]) -> Output {
        let output = self.child(variables).output().expect("the child runs");
        assert!(output.status.success(), "{output:?}");
        output
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.directory).expect("the directory");
        entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.join(file)).expect(file);
        text.lines().map(str::to_owned).collect()
    }

    /// Logger, level and text of every line of a file.
    fn messages(&self, file: &str) -> Vec<String> {
        self.lines(file).iter().map(|line| message(line)).collect()
    }
}

/// `LOGGER,LEVEL] text` of a line, whose time stamp is checked.
fn message(line: &str) -> String {
    let (stamp, rest) = line
        .split_once(',')
        .unwrap_or_else(|| panic!("no line of the log: {line:?}"));
    let shape: String = stamp
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(shape, "[9999-99-99 99:99:99.999", "{line:?}");
    rest.to_owned()
}

/// What `init_from_env` gave in the child.
fn answer(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, rest) = text.split_once('<').expect("an answer");
    rest.split_once('>').expect("an answer").0.to_owned()
}

// Conformance: LOG-01, LOG-02
#[test]
fn logs_nothing_without_a_level_even_if_a_file_is_named() {
    let cases: [&[(&str, &str)]; 4] = [
        &[],
        &[("PYRO_LOGFILE", "named.log")],
        &[("PYRO_LOGLEVEL", "")],
        &[("PYRO_LOGLEVEL", ""), ("PYRO_LOGFILE", "{stderr}")],
    ];
    for variables in cases {
        let place = Place::new("nothing");
        let output = place.run(variables);
        assert_eq!(answer(&output), "false", "{variables:?}");
        assert_eq!(place.files(), [""; 0], "{variables:?}");
        assert_eq!(output.stderr, b"", "{variables:?}");
    }
}

// Conformance: LOG-02, LOG-03
#[test]
fn logs_into_pyro_log_in_pyros_format() {
    let place = Place::new("default_file");
    let output = place.run(&[("PYRO_LOGLEVEL", "INFO")]);
    assert_eq!(answer(&output), "true");
    assert_eq!(output.stderr, b"");
    assert_eq!(place.files(), ["pyro.log"]);
    let expected = [
        "Pyro,INFO] Pyro log configured using built-in defaults, level=INFO",
        "Pyro.core,INFO] core info",
        "Pyro.naming,WARNING] naming warning",
        r"my_program::part,ERROR] two\r\nlines",
    ];
    assert_eq!(place.messages("pyro.log"), expected);
}

// Conformance: LOG-02
#[test]
fn logs_into_the_named_file_and_appends_to_it() {
    let place = Place::new("named_file");
    for runs in 1..=2 {
        place.run(&[("PYRO_LOGLEVEL", "ERROR"), ("PYRO_LOGFILE", "named.log")]);
        assert_eq!(place.files(), ["named.log"]);
        assert_eq!(
            place.messages("named.log"),
            vec![r"my_program::part,ERROR] two\r\nlines"; runs]
        );
    }
}

// Conformance: LOG-02
#[test]
fn logs_to_standard_error_when_told() {
    let place = Place::new("stderr");
    let output = place.run(&[("PYRO_LOGLEVEL", "WARNING"), ("PYRO_LOGFILE", "{stderr}")]);
    assert_eq!(place.files(), [""; 0]);
    let lines: Vec<String> = String::from_utf8_lossy(&output.stderr).lines().map(message).collect();
    assert_eq!(
        lines,
        [
            "Pyro.naming,WARNING] naming warning",
            r"my_program::part,ERROR] two\r\nlines"
        ]
    );
}

// Conformance: LOG-02
#[test]
fn logs_by_pythons_level_names_and_refuses_others() {
    for (level, messages) in [
        ("NOTSET", 8),
        ("DEBUG", 7),
        ("INFO", 4),
        ("WARNING", 2),
        ("WARN", 2),
        ("ERROR", 1),
        ("CRITICAL", 0),
    ] {
        let place = Place::new("levels");
        place.run(&[("PYRO_LOGLEVEL", level)]);
        assert_eq!(place.messages("pyro.log").len(), messages, "{level}");
    }
    for level in ["LOUD", "debug", "INFO,", "10", "Pyro.core=", "Pyro.core"] {
        let place = Place::new("levels");
        let unknown = level.trim_start_matches("Pyro.core=").trim_start_matches("INFO,");
        let expected = format!(
            "invalid Pyro environment config value: PYRO_LOGLEVEL={level} \
             (unknown log level '{unknown}': DEBUG, INFO, WARNING, ERROR or CRITICAL)"
        );
        assert_eq!(answer(&place.run(&[("PYRO_LOGLEVEL", level)])), expected);
        assert_eq!(place.files(), [""; 0], "{level}");
    }
}

// Conformance: LOG-03
#[test]
fn adds_the_fields_of_a_message_to_its_line() {
    let place = Place::new("fields");
    place.run(&[("PYRO_LOGLEVEL", "NOTSET")]);
    let messages = place.messages("pyro.log");
    assert!(
        messages.contains(&"Pyro.core,DEBUG] core debug round=0".to_owned()),
        "{messages:?}"
    );
    assert!(
        messages.contains(&"Pyro.protocol,DEBUG] wire peer=x".to_owned()),
        "{messages:?}"
    );
}

// Conformance: LOG-04
#[test]
fn leaves_a_subscriber_of_the_program_alone() {
    let place = Place::new("own_subscriber");
    let output = place.run(&[("PYRO_LOGLEVEL", "DEBUG"), (MODE, "own subscriber")]);
    assert_eq!(answer(&output), "false");
    assert_eq!(place.files(), [""; 0]);
    assert_eq!(output.stderr, b"");
}

// Conformance: LOG-05
#[test]
fn a_program_that_logs_with_other_means_gets_the_messages_at_the_levels_that_it_set() {
    let place = Place::new("own_levels");
    let output = place.run(&[(MODE, "own levels")]);
    let printed = String::from_utf8_lossy(&output.stdout);
    for line in ["Pyro.server,INFO", "Pyro.server,DEBUG", "Pyro.client,DEBUG"] {
        assert!(printed.contains(line), "{line} is not in {printed}");
    }
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn the_setting_logwire_shows_messages_as_they_are_before_they_are_signed_and_compressed() {
    let place = Place::new("messages");
    place.run(&[("PYRO_LOGLEVEL", "DEBUG"), (MODE, "messages")]);
    let messages = place.messages("pyro.log");
    let of = |what: &str| {
        let is_one = |line: &&String| line.contains(what);
        messages.iter().filter(is_one).collect::<Vec<_>>()
    };
    for (what, logger) in [
        ("proxy wiredata sending to PYRO:Pyro.Daemon@", "Pyro.client,DEBUG]"),
        ("daemon wiredata received from ", "Pyro.server,DEBUG]"),
    ] {
        let [connect, call] = of(what)[..] else {
            panic!("{messages:?}")
        };
        assert!(
            connect.starts_with(logger) && connect.contains(": msgtype=1 "),
            "{connect}"
        );
        assert!(call.contains(": msgtype=4 flags=0x2 ser=1 seq=1 "), "{call}");
        let data = r##" data=b"# serpent utf-8 python3.2\n('Pyro.Daemon','get_metadata',('xxx"##;
        assert!(call.contains(data), "{call}");
        assert!(call.contains("xxx\"... (50") && call.len() < 1300, "{call}");
    }
    assert_eq!(of("daemon wiredata sending to ").len(), 2, "{messages:?}");
    assert_eq!(of("proxy wiredata received from ").len(), 2, "{messages:?}");
}

// Conformance: LOG-06
#[test]
fn applies_a_level_to_the_named_logger_and_its_children_alone() {
    let messages = |levels: &str| {
        let place = Place::new("loggers");
        place.run(&[("PYRO_LOGLEVEL", levels)]);
        place.messages("pyro.log")
    };
    let naming = ["Pyro.naming,WARNING] naming warning", "Pyro.naming,DEBUG] naming debug"];
    assert_eq!(messages("Pyro.naming=DEBUG"), naming);
    assert_eq!(messages("Pyro4.naming=DEBUG"), naming);
    assert_eq!(messages("CRITICAL,Pyro5.naming=DEBUG"), naming);
    assert_eq!(messages("my_program=ERROR"), [r"my_program::part,ERROR] two\r\nlines"]);
    assert_eq!(
        messages("Pyro=DEBUG").len(),
        6,
        "the children of Pyro, but not the program"
    );
    assert_eq!(
        messages("DEBUG,Pyro=ERROR,Pyro.core=INFO"),
        ["Pyro.core,INFO] core info", r"my_program::part,ERROR] two\r\nlines"]
    );
}

#[test]
fn falls_back_to_standard_error_when_the_file_cannot_be_written() {
    let place = Place::new("unwritable");
    let output = place.run(&[
        ("PYRO_LOGLEVEL", "ERROR,Pyro=WARNING"),
        ("PYRO_LOGFILE", "no_such_directory/pyro.log"),
    ]);
    assert_eq!(answer(&output), "true");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let expected =
        "Pyro,WARNING] unable to write to the desired logfile (access rights?), falling back to console logger";
    assert_eq!(message(stderr.lines().next().expect("a line")), expected);
}

#[test]
fn keeps_lines_whole_when_several_programs_share_the_file() {
    let place = Place::new("shared");
    let start = |_| place.child(&[("PYRO_LOGLEVEL", "DEBUG"), (MODE, "many")]).output();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|run| scope.spawn(move || start(run))).collect();
        for run in runs {
            let output = run.join().expect("no panic").expect("the child runs");
            assert!(output.status.success());
        }
    });
    assert_eq!(place.messages("pyro.log").len(), 3 * (1 + 200 * 6));
}

#[test]
fn writes_levels_as_it_reads_them() {
    for text in [
        "DEBUG",
        "INFO,Pyro.naming=DEBUG",
        "Pyro.core=ERROR,my_program=NOTSET",
        "CRITICAL",
    ] {
        assert_eq!(text.parse::<Levels>().expect(text).to_string(), text);
    }
    assert_eq!(Levels::all(Level::Warning).to_string(), "WARNING");
    assert_eq!(
        "FATAL , Pyro4=WARN".parse::<Levels>().expect("valid").to_string(),
        "CRITICAL,Pyro=WARNING"
    );
    assert_eq!(
        "Pyro4x=INFO".parse::<Levels>().expect("valid").to_string(),
        "Pyro4x=INFO"
    );
}
