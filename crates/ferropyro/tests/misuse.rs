//! What `#[expose]`, `#[remote]` and `#[derive(PyroClass)]` refuse, and where they say so: each program in ui/ has the compiler's words beside it.
//!
//! `UPDATE_UI=1` writes these anew. (The crate trybuild does the same, but builds everything that the library stands on a second time, for minutes.)

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

// Conformance: CTX-10
#[test]
fn misuse_is_reported_at_the_token_that_is_wrong() {
    let programs = files(Path::new("tests/ui"), |path| {
        path.extension().is_some_and(|ending| ending == "rs")
    });
    assert!(!programs.is_empty());
    let mut wrong = String::new();
    for program in programs {
        let said = compile(&program);
        let expected = program.with_extension("stderr");
        if env::var_os("UPDATE_UI").is_some() {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong += &format!("{}:\n{said}\n", program.display());
        }
    }
    assert!(wrong.is_empty(), "not as in the files beside the programs:\n{wrong}");
}

/// The compiler's errors, with what is not of this machine or of the compiler's count of them.
fn compile(program: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let deps = deps();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let done = Command::new(rustc)
        .args(["--edition=2024", "--emit=metadata", "--color=never"])
        .arg("-o")
        .arg(folder.path().join("program"))
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        .arg("--extern")
        .arg(format!("ferropyro={}", library(&deps).display()))
        .arg(program)
        .output()
        .expect("rustc is there");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(!done.status.success(), "{} compiles", program.display());
    assert!(
        !said.contains("error[E0463]") && !said.contains("error[E0460]"),
        "{said}"
    );
    let of_every_run = [
        "error: aborting due to",
        "For more information about",
        "Some errors have detailed",
    ];
    let lines: Vec<String> = said
        .lines()
        .filter(|line| !of_every_run.iter().any(|start| line.starts_with(start)))
        .map(shortened)
        .collect();
    format!("{}\n", lines.join("\n").trim_end())
}

/// The line without what changes when nothing is wrong: where in the sources of Rust or of ours something stands, how many types there are, and whether
/// there is another `Result` from which this one has to be told.
fn shortened(line: &str) -> String {
    if let Some((before, place)) = line.split_once("--> ")
        && !place.starts_with("tests/ui/")
    {
        let path = place.split(':').next().unwrap_or_default();
        let path = path
            .split_once("/library/")
            .map_or(path.to_owned(), |(_, path)| format!("$RUST/{path}"));
        return format!("{before}--> {path}");
    }
    let line = line.replace("std::result::Result", "Result");
    let count = line.trim_start().strip_prefix("and ");
    match count.and_then(|rest| rest.strip_suffix(" others")) {
        Some(count) => line.replace(count, "$N"),
        None => line,
    }
}

/// Where this test and what it stands on were built.
fn deps() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The library as it was built last, which is the one that was built for this test, or one from the same sources.
fn library(deps: &Path) -> PathBuf {
    let built = files(deps, |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("libferropyro-") && name.ends_with(".rlib")
    });
    let time = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified()).unwrap();
    built.into_iter().max_by_key(time).expect("the library is built")
}

fn files(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| is_wanted(path)).collect();
    paths.sort();
    paths
}
