//! Nothing leads out of the served folder.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use ferropyro::Value;
use ferropyro_transfer::{Access, Options};

use crate::support::{PART, Scene};

/// Paths that are none of a file below the folder, whatever is there.
const OUTSIDE: [&str; 9] = [
    "../secret/file",
    "folder/../../secret/file",
    "/etc/passwd",
    "..",
    "",
    "a\0b",
    "folder/..",
    "..\\secret",
    "C:\\secret",
];

/// A folder beside the served one, and links to it.
fn scene() -> Scene {
    let scene = Scene::new(Access::Replace);
    let root = scene.served.path();
    fs::create_dir(root.join("folder")).unwrap();
    fs::create_dir(scene.here("secret")).unwrap();
    fs::write(scene.here("secret/file"), "secret").unwrap();
    symlink(scene.here("secret/file"), root.join("absolute")).unwrap();
    symlink(scene.here("secret"), root.join("way")).unwrap();
    symlink("../../../../../../../../../etc/passwd", root.join("folder/relative")).unwrap();
    symlink("absolute", root.join("chain")).unwrap();
    scene
}

const LINKS: [&str; 4] = ["absolute", "way/file", "folder/relative", "chain"];

#[test]
fn no_path_leads_out_of_the_folder() {
    let scene = scene();
    let proxy = scene.proxy();
    for path in OUTSIDE.iter().chain(&LINKS) {
        for method in ["size", "checksum", "read", "stream", "open_socket"] {
            let error = proxy.call::<Value>(method, (path,)).unwrap_err();
            let class = error.as_remote().unwrap().class_name().to_owned();
            assert_eq!(class, "PermissionError", "{method}({path:?}): {error}");
        }
    }
}

#[test]
fn nothing_is_listed_outside_of_the_folder() {
    let scene = scene();
    let proxy = scene.proxy();
    for path in ["..", "/", "way", "folder/.."] {
        let error = proxy.call::<Value>("list", (path,)).unwrap_err();
        assert_eq!(
            error.as_remote().unwrap().class_name(),
            "PermissionError",
            "{path}: {error}"
        );
    }
}

#[test]
fn nothing_is_written_outside_of_the_folder() {
    let scene = scene();
    let source = scene.here("source");
    fs::write(&source, "planted").unwrap();
    for path in OUTSIDE.iter().chain(&["way/file", "way/new"]) {
        let error = scene.client().put(&source, path, Options::new()).unwrap_err();
        assert!(error.to_string().starts_with("PermissionError"), "{path:?}: {error}");
    }
    // A link is replaced, not what it leads to.
    scene.client().put(&source, "absolute", Options::new()).unwrap();
    assert_eq!(fs::read(scene.here("secret/file")).unwrap(), b"secret");
    assert_eq!(fs::read(scene.served.path().join("absolute")).unwrap(), b"planted");
    assert_eq!(fs::read_dir(scene.here("secret")).unwrap().count(), 1);
}

#[test]
fn a_planted_link_in_the_place_of_a_file_in_the_making_leads_nowhere() {
    let scene = scene();
    let source = scene.here("source");
    fs::write(&source, "planted").unwrap();
    symlink(
        scene.here("secret/file"),
        scene.served.path().join(format!("new{PART}")),
    )
    .unwrap();
    scene.client().put(&source, "new", Options::new()).unwrap_err();
    assert_eq!(fs::read(scene.here("secret/file")).unwrap(), b"secret");
}

#[test]
fn files_in_the_making_are_nobodys() {
    let scene = scene();
    let name = format!("file{PART}");
    scene.serve(&name, b"half");
    let proxy = scene.proxy();
    let listed: Vec<(String, Option<u64>)> = proxy.call("list", ()).unwrap();
    assert!(listed.iter().all(|(listed, _)| *listed != name), "{listed:?}");
    assert!(proxy.call::<u64>("size", (&name,)).is_err());
    let error = proxy.call::<Value>("begin_upload", (&name, 1)).unwrap_err();
    assert_eq!(error.as_remote().unwrap().class_name(), "PermissionError");
}

#[test]
fn what_is_no_file_is_not_served() {
    let scene = scene();
    let proxy = scene.proxy();
    let error = proxy.call::<Value>("read", ("folder",)).unwrap_err();
    assert_eq!(error.to_string(), "OSError: 'folder' is no file");
    // Nobody ever writes into this pipe.
    let pipe = scene.served.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let error = proxy.call::<Value>("read", ("pipe",)).unwrap_err();
    assert_eq!(error.to_string(), "OSError: 'pipe' is no file");
}

#[test]
fn a_folder_is_listed_with_sizes() {
    let scene = Scene::new(Access::Read);
    scene.serve("b", b"12345");
    fs::create_dir(scene.served.path().join("a")).unwrap();
    fs::write(scene.served.path().join("a/c"), "1").unwrap();
    let list = |path: &str| -> Vec<(String, Option<u64>)> { scene.proxy().call("list", (path,)).unwrap() };
    assert_eq!(list("."), [("a".to_owned(), None), ("b".to_owned(), Some(5))]);
    assert_eq!(list("a"), [("c".to_owned(), Some(1))]);
}
