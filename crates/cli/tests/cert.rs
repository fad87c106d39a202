//! `ferropyro cert`, and the files that it must leave alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

/// A folder with an authority and a client, which is removed in the end.
struct Lab(PathBuf);

impl Lab {
    fn new() -> Lab {
        let lab = Lab(env::temp_dir().join(format!("ferropyro-cert-{}", process::id())));
        for args in [&["ca"][..], &["client", "irmen"]] {
            assert!(lab.cert(args).status.success(), "{args:?}");
        }
        lab
    }

    fn cert(&self, args: &[&str]) -> Output {
        let (what, rest) = args.split_first().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferropyro"));
        command.args(["cert", what]).arg(&self.0).args(rest).output().unwrap()
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(&self.0).unwrap();
        let read = |path: &Path| fs::read(path).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), read(&path)))
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn no_name_of_a_certificate_replaces_the_authority_or_a_key() {
    let lab = Lab::new();
    let before = lab.files();
    assert_eq!(before.len(), 4, "{:?}", before.keys());
    for name in ["ca", "CA", "ca-key", "irmen-key", "Irmen-KEY"] {
        for what in ["server", "client"] {
            let output = lab.cert(&[what, name, "--force"]);
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(text.contains(&format!("the files cannot be called '{name}'")), "{text}");
        }
    }
    assert_eq!(lab.files(), before);
    // Further hosts of a server are no names of files.
    let output = lab.cert(&["server", "ca.example.com", "ca"]);
    assert!(output.status.success(), "{output:?}");
}
