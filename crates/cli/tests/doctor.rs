//! `ferropyro doctor` beside servers of our own that are well, ill, or gone.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, process, thread};

use ferropyro::Value;
use ferropyro::formats::json;
use rcgen::{CertificateParams, KeyPair};

const BINARY: &str = env!("CARGO_BIN_EXE_ferropyro");

/// The binary without the settings of whoever runs the tests.
fn command(args: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("PYRO_")) {
        command.env_remove(name);
    }
    command.args(args).envs(settings.iter().copied());
    command
}

/// A server of ours, which ends with the test.
struct Server {
    process: Child,
    /// Where it listens: `127.0.0.1:PORT`.
    address: String,
}

impl Server {
    fn start(args: &[&str], settings: &[(&str, &str)]) -> Server {
        let mut process = command(args, settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .find_map(|line| Some(line.unwrap().split_once("PYRO:")?.1.rsplit_once('@')?.1.to_owned()));
        let address = address.expect("it prints a URI");
        // What else it prints must go somewhere.
        thread::spawn(move || lines.for_each(drop));
        Server { process, address }
    }

    fn name_server(settings: &[(&str, &str)]) -> Server {
        Server::start(&["ns", "-n", "127.0.0.1", "-p", "0", "-x"], settings)
    }

    /// The echo server, registered with a name server.
    fn echo(names: &Server) -> Server {
        Server::start(&["echo", "-n", "-H", "127.0.0.1"], &names.settings())
    }

    /// The settings of programs that use this name server.
    fn settings(&self) -> [(&str, &str); 2] {
        [("PYRO_NS_HOST", "127.0.0.1"), ("PYRO_NS_PORT", self.port())]
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    fn register(&self, name: &str, uri: &str) {
        let done = command(&["nsc", "register", name, uri], &self.settings())
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn stop(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.address.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the doctor says.
struct Diagnosis {
    output: Output,
    document: Value,
}

fn doctor(args: &[&str], settings: &[(&str, &str)]) -> Diagnosis {
    let args = [&["doctor", "-o", "json"], args].concat();
    let output = command(&args, settings).output().unwrap();
    let document = json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    Diagnosis { output, document }
}

fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    match value {
        Value::Dict(dict) => dict
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name} in {dict:?}")),
        other => panic!("{other} is no object"),
    }
}

impl Diagnosis {
    fn checks(&self) -> &[Value] {
        field(&self.document, "checks").as_sequence().unwrap()
    }

    fn check(&self, id: &str) -> &Value {
        let found = self
            .checks()
            .iter()
            .find(|check| field(check, "id").as_str() == Some(id));
        found.unwrap_or_else(|| panic!("there is no {id}: {self}"))
    }

    fn verdict(&self, id: &str) -> &str {
        field(self.check(id), "verdict").as_str().unwrap()
    }

    /// The ids of those that came out so.
    fn all(&self, verdict: &str) -> Vec<&str> {
        let checks = self.checks().iter();
        let chosen = checks.filter(|check| field(check, "verdict").as_str() == Some(verdict));
        chosen.map(|check| field(check, "id").as_str().unwrap()).collect()
    }

    /// Exactly these have failed, and the exit status says so.
    fn failed(&self, ids: &[&str]) {
        assert_eq!(self.all("failed"), ids, "{self}");
        assert_eq!(self.output.status.code(), Some(i32::from(!ids.is_empty())), "{self}");
    }

    fn says(&self, id: &str, text: &str) {
        assert!(self.check(id).to_string().contains(text), "{text}: {self}");
    }
}

impl std::fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.checks().iter().try_for_each(|check| writeln!(f, "{check}"))
    }
}

// Conformance: LOC-15
#[test]
fn what_is_well_has_no_failed_check_and_exit_status_0() {
    let names = Server::name_server(&[]);
    let _echo = Server::echo(&names);
    let diagnosis = doctor(&[], &names.settings());
    diagnosis.failed(&[]);
    for id in [
        "settings.environment",
        "nameserver.found",
        "nameserver.connect",
        "nameserver.protocol",
        "nameserver.key",
        "nameserver.serializer",
        "nameserver.handshake",
        "nameserver.ping",
        "nameserver.published",
        "registrations.listed",
        "registrations.addresses",
        "registrations.servers",
        "registrations.objects",
    ] {
        assert_eq!(diagnosis.verdict(id), "ok", "{id}: {diagnosis}");
    }
    diagnosis.says("nameserver.protocol", "502 (Pyro5)");
    diagnosis.says("nameserver.found", &names.address);
}

// Conformance: LOC-15
#[test]
fn the_whole_way_to_an_object_is_checked_by_name_and_by_uri() {
    let names = Server::name_server(&[]);
    let echo = Server::echo(&names);
    let uri = format!("PYRO:test.echoserver@{}", echo.address);
    let place = format!("PYRONAME:test.echoserver@{}", names.address);
    for (target, settings) in [
        ("test.echoserver", &names.settings()[..]),
        (place.as_str(), &[]),
        (uri.as_str(), &[]),
    ] {
        let diagnosis = doctor(&[target], settings);
        diagnosis.failed(&[]);
        for id in [
            "server.connect",
            "server.protocol",
            "server.handshake",
            "object.known",
            "object.metadata",
        ] {
            assert_eq!(diagnosis.verdict(id), "ok", "{id}: {diagnosis}");
        }
        diagnosis.says("object.metadata", "methods: 9, oneway: 2, attributes: 1");
    }
    let unknown = doctor(&["test.ecoserver"], &names.settings());
    unknown.failed(&["object.name"]);
    unknown.says("object.name", "unknown name: test.ecoserver");
    unknown.says("object.name", "'test.echoserver'");
    let gone = doctor(&[&format!("PYRO:gone@{}", echo.address)], &[]);
    gone.failed(&["object.known"]);
    gone.says("object.known", "unknown object");
}

// Conformance: LOC-14, LOC-15
#[test]
fn a_name_server_that_has_stopped_is_a_failure_with_every_address_and_reason() {
    let names = Server::name_server(&[]);
    let port = names.port().to_owned();
    let address = names.stop();
    let diagnosis = doctor(&[], &[("PYRO_NS_HOST", "127.0.0.1"), ("PYRO_NS_PORT", &port)]);
    diagnosis.failed(&["nameserver.found", "nameserver.connect"]);
    diagnosis.says("nameserver.found", "Failed to locate the nameserver");
    diagnosis.says("nameserver.found", &format!("{address}: Connection refused"));
    diagnosis.says("nameserver.found", "ferropyro ns");
    assert_eq!(diagnosis.verdict("registrations.listed"), "skipped");
    let object = doctor(&["PYRONAME:x"], &[("PYRO_NS_PORT", &port)]);
    object.failed(&["nameserver.found", "nameserver.connect"]);
    assert_eq!(object.verdict("object.name"), "skipped");
}

// Conformance: LOC-15
#[test]
fn a_missing_key_and_a_wrong_one_are_named() {
    let names = Server::name_server(&[("PYRO_HMAC_KEY", "the-key")]);
    let with = |key: &'static str| [&names.settings()[..], &[("PYRO_HMAC_KEY", key)]].concat();
    let right = doctor(&[], &with("the-key"));
    right.failed(&[]);
    right.says("nameserver.key", "the right one");
    let wrong = doctor(&[], &with("another-key"));
    wrong.failed(&["nameserver.found", "nameserver.key"]);
    wrong.says("nameserver.found", "the key does not fit");
    wrong.says("nameserver.key", "does not fit");
    let missing = doctor(&[], &names.settings());
    missing.failed(&["nameserver.found", "nameserver.key"]);
    missing.says("nameserver.key", "the server wants a key");
    let text = String::from_utf8_lossy(&right.output.stdout).into_owned();
    assert!(!text.contains("the-key"), "{text}");
}

// Conformance: LOC-15
#[test]
fn a_refused_serializer_is_named_as_the_cause_and_the_rest_is_checked_with_another() {
    let names = Server::name_server(&[("PYRO_SERIALIZERS_ACCEPTED", "json,marshal")]);
    let diagnosis = doctor(&[], &names.settings());
    diagnosis.failed(&["nameserver.found", "nameserver.serializer"]);
    diagnosis.says("nameserver.found", "it refuses the serializer");
    diagnosis.says("nameserver.serializer", "PYRO_SERIALIZER=json");
    assert_eq!(diagnosis.verdict("nameserver.ping"), "ok");
    assert_eq!(diagnosis.verdict("registrations.listed"), "ok");
    let accepted = [&names.settings()[..], &[("PYRO_SERIALIZER", "marshal")]].concat();
    doctor(&[], &accepted).failed(&[]);
}

// Conformance: LOC-15
#[test]
fn registrations_that_lead_nowhere_are_told_one_by_one() {
    let names = Server::name_server(&[]);
    let echo = Server::echo(&names);
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    names.register("dead", &format!("PYRO:x@{free}"));
    names.register("everywhere", "PYRO:x@0.0.0.0:4711");
    names.register("nowhere", "PYRO:x@no-such-host.invalid:4711");
    names.register("old", &format!("PYRO:x@{}", echo.address));
    let diagnosis = doctor(&[], &names.settings());
    diagnosis.failed(&[
        "registrations.addresses",
        "registrations.servers",
        "registrations.objects",
    ]);
    diagnosis.says("registrations.addresses", "everywhere -> PYRO:x@0.0.0.0:4711");
    diagnosis.says("registrations.addresses", "nowhere -> PYRO:x@no-such-host.invalid:4711");
    diagnosis.says("registrations.servers", &format!("dead -> PYRO:x@{free}"));
    diagnosis.says("registrations.servers", "ferropyro nsc remove dead");
    diagnosis.says("registrations.objects", "old -> ");
    let object = doctor(&["everywhere"], &names.settings());
    assert_eq!(object.verdict("object.name"), "failed", "{object}");
}

/// A folder for certificates, which is removed in the end.
struct Lab(PathBuf);

impl Lab {
    fn new() -> Lab {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ferropyro-doctor-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Lab(folder)
    }

    fn cert(&self, what: &str, options: &[&str]) {
        let mut command = command(&["cert", what], &[]);
        let done = command.arg(&self.0).args(options).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// A certificate that has been valid and is not any more, which `ferropyro cert` does not make.
    fn expired(&self) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let day = Duration::from_secs(24 * 3600);
        params.not_before = (SystemTime::now() - day * 30).into();
        params.not_after = (SystemTime::now() - day).into();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(self.0.join("127.0.0.1.pem"), certificate.pem()).unwrap();
        fs::write(self.0.join("127.0.0.1-key.pem"), key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> String {
        Path::new(&self.0).join(name).display().to_string()
    }

    fn name_server(&self) -> Server {
        let (certificate, key) = (self.path("127.0.0.1.pem"), self.path("127.0.0.1-key.pem"));
        Server::name_server(&[
            ("PYRO_SSL", "1"),
            ("PYRO_SSL_SERVERCERT", &certificate),
            ("PYRO_SSL_SERVERKEY", &key),
        ])
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

// Conformance: LOC-15
#[test]
fn what_is_wrong_with_encryption_is_told_in_words() {
    let lab = Lab::new();
    lab.cert("ca", &[]);
    lab.cert("server", &["127.0.0.1", "--days", "9"]);
    let names = lab.name_server();
    let authority = lab.path("ca.pem");
    let ssl = [&names.settings()[..], &[("PYRO_SSL", "1")]].concat();
    let trusting = [&ssl[..], &[("PYRO_SSL_CACERTS", &authority)]].concat();
    let soon = doctor(&[], &trusting);
    soon.failed(&[]);
    assert_eq!(soon.verdict("nameserver.tls"), "warning", "{soon}");
    soon.says("nameserver.tls", "valid for another 8 days");
    let stranger = doctor(&[], &ssl);
    stranger.failed(&["nameserver.found", "nameserver.tls"]);
    stranger.says("nameserver.tls", "PYRO_SSL_CACERTS");
    let in_the_clear = doctor(&[], &names.settings());
    in_the_clear.failed(&["nameserver.found", "nameserver.tls"]);
    in_the_clear.says("nameserver.tls", "SSL is off here");
    let other_name = format!("localhost:{}", names.port());
    let misnamed = doctor(&[&other_name], &trusting);
    misnamed.says("nameserver.tls", "it is not for localhost, but for");
    assert_eq!(misnamed.output.status.code(), Some(1));
}

// Conformance: LOC-15
#[test]
fn an_expired_certificate_is_named() {
    let lab = Lab::new();
    lab.expired();
    let names = lab.name_server();
    let trusted = lab.path("127.0.0.1.pem");
    let settings = [
        &names.settings()[..],
        &[("PYRO_SSL", "1"), ("PYRO_SSL_CACERTS", &trusted)],
    ]
    .concat();
    let diagnosis = doctor(&[], &settings);
    diagnosis.failed(&["tls.files", "nameserver.found", "nameserver.tls"]);
    diagnosis.says("tls.files", "expired");
    diagnosis.says("nameserver.tls", "it has expired");
}

#[test]
fn settings_that_make_no_sense_are_findings_and_not_the_end() {
    let names = Server::name_server(&[]);
    let settings = [
        &names.settings()[..],
        &[("PYRO_NS_PROT", "1"), ("PYRO_COMPRESSION", "perhaps")],
    ]
    .concat();
    let diagnosis = doctor(&[], &settings);
    diagnosis.failed(&["settings.environment"]);
    diagnosis.says("settings.environment", "did you mean PYRO_NS_PORT?");
    diagnosis.says(
        "settings.environment",
        "invalid boolean value: PYRO_COMPRESSION=perhaps",
    );
    assert_eq!(diagnosis.verdict("registrations.listed"), "ok");
}

// Conformance: LOC-15
#[test]
fn a_server_that_says_nothing_does_not_hold_it_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    thread::spawn(move || {
        let streams: Vec<_> = listener.incoming().flatten().collect();
        drop(streams);
    });
    let start = Instant::now();
    let settings = [("PYRO_NS_HOST", "127.0.0.1"), ("PYRO_NS_PORT", port.as_str())];
    let diagnosis = doctor(&["--timeout", "0.2"], &settings);
    diagnosis.failed(&["nameserver.found", "nameserver.protocol"]);
    diagnosis.says("nameserver.protocol", "says nothing");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn another_program_at_the_port_is_no_name_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let diagnosis = doctor(&[&address], &[]);
    diagnosis.failed(&["server.protocol"]);
    diagnosis.says("server.protocol", "an SSH server");
}

#[test]
fn people_read_lines_with_remedies_and_a_summary_without_colours() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = command(&["doctor", &format!("PYRO:x@{free}")], &[]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!(
            "failed   Connection to the server: {free}: Connection refused"
        )),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "\n         -> That machine is there, and nothing listens at {free}."
        )),
        "{text}"
    );
    let summary = text.lines().last().unwrap();
    assert!(
        summary.contains(" 1 failed, ") && summary.ends_with("begin with server.connect"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn misuse_has_exit_status_2() {
    for args in [
        &["PYRO:x"][..],
        &["two words"],
        &["--timeout", "0"],
        &["--timeout", "1e19"],
        &["--no-such-option"],
    ] {
        let output = command(&[&["doctor"], args].concat(), &[]).output().unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.is_empty()),
            (Some(2), true),
            "{args:?}"
        );
    }
}

#[test]
fn the_json_document_has_the_form_that_the_guide_shows() {
    let document = doctor(&["PYRO:x@127.0.0.1:1"], &[]).document;
    let names = |value: &Value| match value {
        Value::Dict(dict) => dict
            .iter()
            .map(|(name, _)| name.to_string())
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    };
    assert_eq!(
        names(&document),
        "'schema' 'ferropyro' 'target' 'ok' 'warnings' 'failed' 'skipped' 'checks'"
    );
    assert_eq!(field(&document, "schema").to_string(), "1");
    for check in field(&document, "checks").as_sequence().unwrap() {
        assert_eq!(names(check), "'id' 'title' 'verdict' 'found' 'facts' 'remedy'");
        for fact in field(check, "facts").as_sequence().unwrap() {
            assert_eq!(names(fact), "'name' 'value'");
        }
        let is_bad = matches!(field(check, "verdict").as_str(), Some("failed" | "warning"));
        assert_eq!(is_bad, *field(check, "remedy") != Value::None, "{check}");
    }
}

/// The ids of all checks that are in the program.
fn ids_in_the_program() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let mut ids = BTreeSet::new();
    for text in files {
        let program = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let subjects = program.split("Subject::new(").skip(1);
        ids.extend(subjects.filter_map(|rest| Some(rest.split('"').nth(1)?.to_owned())));
    }
    ids
}

/// What stands in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    fs::read_to_string(path).unwrap()
}

#[test]
fn every_check_is_in_the_guide_and_no_other() {
    let text = page("doctor.md");
    let (_, rest) = text.split_once("\n## The checks\n").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<String> = rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect();
    assert_eq!(told, ids_in_the_program());
}

// Conformance: LOC-15
#[test]
fn every_number_of_the_troubleshooting_list_has_checks_that_look_at_it() {
    let ids = ids_in_the_program();
    let text = page("troubleshooting.md");
    let numbers: Vec<&str> = text.split("\n### ").skip(1).collect();
    assert_eq!(numbers.len(), 14);
    for (index, number) in numbers.iter().enumerate() {
        assert!(number.starts_with(&format!("{}. ", index + 1)), "{number}");
        let line = number.lines().find(|line| line.contains("(doctor.md)"));
        let named = quoted(line.unwrap_or_else(|| panic!("no check looks at {number}")));
        assert!(!named.is_empty() && named.is_subset(&ids), "{number}");
    }
}
