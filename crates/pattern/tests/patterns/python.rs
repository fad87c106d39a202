//! Python's answers.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What is said to each of the names, None where nothing is, or what is wrong with the pattern.
pub(crate) type Answer = Result<Vec<Option<bool>>, String>;

/// Characters that Python 3.11 does not know yet are no question for it. It has a bug in possessive repeats of groups, which it reports itself.
const PROGRAM: &str = r"
import json, re, sys, unicodedata

def answer(pattern, names):
    try:
        pattern = re.compile(pattern)
    except Exception as error:
        return {'Err': str(error)}
    return {'Ok': [matches(pattern, name) for name in names]}

def matches(pattern, name):
    if any(unicodedata.category(c) == 'Cn' for c in name):
        return None
    try:
        return pattern.match(name) is not None
    except SystemError:
        return None

if (3, 11, 5) <= sys.version_info < (3, 12):
    json.dump([answer(*case) for case in json.load(sys.stdin)], sys.stdout)
";

/// Asks Python 3.11 (from its fifth release on, for bugs before), from which other versions differ here and there. None if there is no such Python.
pub(crate) fn answers(cases: &[(String, Vec<String>)]) -> Option<Vec<Answer>> {
    let named = std::env::var("FERROPYRO_PYTHON_VENV");
    let child = Command::new(named.as_deref().unwrap_or("python3"))
        .args(["-W", "ignore", "-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if named.is_ok() => panic!("{named:?}: {error}"),
        Err(_) => return None,
    };
    let mut input = child.stdin.take()?;
    let cases = serde_json::to_vec(cases).expect("texts can be written as JSON");
    let writer = std::thread::spawn(move || input.write_all(&cases));
    let output = child.wait_with_output().expect("Python's output");
    let written = writer.join().expect("the thread that writes");
    assert!(output.status.success(), "{}", output.status);
    if output.stdout.is_empty() {
        // Another version, which has read nothing.
        return None;
    }
    written.expect("Python reads the cases");
    Some(serde_json::from_slice(&output.stdout).expect("answers in JSON"))
}
