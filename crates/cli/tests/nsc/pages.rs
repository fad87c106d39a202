//! Completions and manual pages.

use crate::programs::{Folder, ferropyro, stdout};

#[test]
fn every_shell_has_completions_that_know_the_commands_of_nsc() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = ferropyro(&["completions", shell]).output().unwrap();
        assert!(output.status.success());
        for word in ["serve-files", "listmatching", "removematching", "dry-run"] {
            assert!(stdout(&output).contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(
        ferropyro(&["completions", "nonsense"]).output().unwrap().status.code(),
        Some(2)
    );
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    let output = ferropyro(&["man", &folder.path("man1")]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for page in [
        "ferropyro",
        "ferropyro-ns",
        "ferropyro-nsc",
        "ferropyro-nsc-watch",
        "ferropyro-cert-ca",
    ] {
        let text = std::fs::read_to_string(folder.path(&format!("man1/{page}.1"))).unwrap();
        assert!(text.contains(&format!(".TH {page} 1")), "{text}");
    }
    let main = stdout(&ferropyro(&["man"]).output().unwrap());
    assert!(main.contains(".TH ferropyro 1"), "{main}");
}
