//! `ferropyro stub --lang rust`: what it writes is compiled, beside code that uses it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ferropyro::{Daemon, RunningDaemon};

#[path = "../../../interop/peer/src/told.rs"]
mod told;

fn serve() -> RunningDaemon {
    let daemon = Daemon::new().unwrap();
    told::register(&daemon).unwrap();
    daemon.start()
}

/// Runs the command for an object; gives what it has written.
fn stub(daemon: &RunningDaemon, object: &str, language: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stub");
    let uri = daemon.uri_for(object).unwrap().to_string();
    let done = Command::new(env!("CARGO_BIN_EXE_ferropyro"))
        .args(["stub", &uri, "--lang", language, "-o"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    fs::read_to_string(file).unwrap()
}

#[test]
fn a_stub_in_rust_has_the_types_that_the_server_tells() {
    let daemon = serve();
    let stub = stub(&daemon, "told.thermometer", "rust");
    compile(&stub, USE);
    for part in [
        "/// Tells how warm it is.\n#[remote]\npub trait Thermometer {\n",
        "    /// ```text\n    /// The degrees at a place, rounded.\n    ///\n    ///     read(\"roof\") == 31.5\n    /// ```\n    fn read(&self, place: &str) -> Result<f64>;\n",
        "    /// As read, with what may be left out: digits = 1\n    #[remote(name = \"read\")]\n    fn read_with(&self, place: &str, digits: i64) -> Result<f64>;\n",
        "pub type Reading = Value;\n",
        "    /// Python's `*args`.\n    // Its parameters are not told: put them in.\n    fn anything(&self) -> Result<Value>;\n",
    ] {
        assert!(stub.contains(part), "{part}\n{stub}");
    }
}

/// Each line fixes a type of the stub.
const USE: &str = r#"
pub fn all(client: &ThermometerClient) -> ferropyro::Result<()> {
    let _: f64 = client.read("roof")?;
    let _: f64 = client.read_with("roof", 2)?;
    let _: Vec<(String, f64)> = client.history_with(Some("roof"), "day")?;
    for item in client.stream(1)? {
        let _: ferropyro::Value = item?;
    }
    let limits: std::collections::HashMap<String, Option<f64>> = client.limits(&Default::default())?;
    let _: Reading = client.latest(&["roof".to_owned()].into_iter().collect())?;
    let _: ferropyro::Bytes = client.calibrate(b"x", None, &ferropyro::Set::new())?;
    let _: ferropyro::Decimal = client.price()?;
    client.reset()?;
    let _: i64 = client.class(limits.len() as i64)?;
    let _: bool = client.new_2()?;
    let _: i64 = client.get_level()?;
    client.set_unit(&client.unit()?)?;
    let _: i64 = client.serial()?;
    Ok(())
}

pub async fn awaited(client: &ThermometerAsyncClient) -> ferropyro::Result<f64> {
    client.read("roof").await
}
"#;

#[test]
fn hostile_texts_do_not_become_code_in_rust() {
    let daemon = serve();
    let stub = stub(&daemon, "told.hostile", "rust");
    compile(&stub, "");
    let is_member = |line: &&str| line.trim_start().starts_with("fn ");
    let members: Vec<&str> = stub.lines().filter(is_member).collect();
    assert!(
        members
            .iter()
            .all(|line| line.starts_with("    fn ") && line.ends_with(">;")),
        "{members:#?}"
    );
    let hidden = |c: char| c != '\n' && (c.is_control() || ('\u{2028}'..='\u{2069}').contains(&c));
    assert!(!stub.contains(hidden), "{stub}");
}

#[test]
fn every_object_of_a_daemon_has_stubs_that_compile() {
    let daemon = serve();
    compile(&stub(&daemon, "Pyro.Daemon", "rust"), "");
    assert!(stub(&daemon, "Pyro.Daemon", "python").contains("    def registered(self) -> list[str]:\n"));
}

#[test]
fn a_stub_goes_to_standard_output_and_an_unknown_object_has_none() {
    let daemon = serve();
    let run = |object: &str| {
        let uri = daemon.uri_for(object).unwrap().to_string();
        let done = Command::new(env!("CARGO_BIN_EXE_ferropyro"))
            .args(["stub", &uri, "--lang", "rust"])
            .output()
            .unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let (status, text) = run("told.thermometer");
    assert_eq!((status, text), (Some(0), stub(&daemon, "told.thermometer", "rust")));
    assert_eq!(run("told.nobody"), (Some(3), String::new()));
}

/// Compiles a stub as a module, and `code` that uses it, with the library as it was built for this test. Warnings are errors.
fn compile(stub: &str, code: &str) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program.rs");
    fs::write(folder.path().join("stub.rs"), stub).unwrap();
    fs::write(
        &program,
        format!("pub mod stub;\npub use stub::*;\n{code}\nfn main() {{}}\n"),
    )
    .unwrap();
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    let done = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition=2024",
            "--emit=metadata",
            "--color=never",
            "-Dwarnings",
            "-Adead_code",
        ])
        .arg("-o")
        .arg(folder.path().join("program"))
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--extern")
        .arg(format!("ferropyro={}", library(&deps).display()))
        .arg(&program)
        .output()
        .expect("rustc is there");
    assert!(
        done.status.success(),
        "{}\n{stub}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The library as it was built last, which is the one that was built for this test, or one from the same sources.
fn library(deps: &Path) -> PathBuf {
    let built = fs::read_dir(deps).unwrap().map(|entry| entry.unwrap().path());
    let libraries = built.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("libferropyro-") && name.ends_with(".rlib")
    });
    let time = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified()).unwrap();
    libraries.max_by_key(time).expect("the library is built")
}
