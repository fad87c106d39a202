//! Files to the server.

use std::fs;
use std::time::Duration;

use ferropyro::{Bytes, Daemon, Dialect, Proxy, Raise, Value, expose};
use ferropyro_transfer::{Access, By, FileClient, Offer, Options, RawSockets};

use crate::support::{PART, Scene, Unusual, WAYS, bytes, wait_until};

#[test]
fn every_way_takes_every_size() {
    let scene = Scene::new(Access::Replace);
    let source = scene.here("source");
    for size in [0, 1, 64_999, 65_000, 65_001, 500_000, 3_000_001] {
        let content = bytes(size);
        fs::write(&source, &content).unwrap();
        for by in WAYS {
            let done = scene.client().put(&source, "file", Options::new().by(by)).unwrap();
            assert_eq!((done.size, done.resumed_at), (size as u64, 0), "{by}");
            assert!(
                fs::read(scene.served.path().join("file")).unwrap() == content,
                "{size} bytes by {by}"
            );
        }
    }
    assert_eq!(scene.names_served(), ["file"]);
}

#[test]
fn both_dialects_put_files() {
    let scene = Scene::new(Access::Replace);
    let source = scene.here("source");
    let content = bytes(300_000);
    fs::write(&source, &content).unwrap();
    for dialect in [Dialect::V48, Dialect::V502] {
        for by in WAYS {
            let proxy = Proxy::builder().dialect(dialect).build(&scene.uri).unwrap();
            FileClient::new(proxy)
                .put(&source, "file", Options::new().by(by))
                .unwrap();
            assert!(
                fs::read(scene.served.path().join("file")).unwrap() == content,
                "{dialect} by {by}"
            );
            fs::remove_file(scene.served.path().join("file")).unwrap();
        }
    }
}

#[test]
fn an_upload_goes_on_where_another_one_was_cut_off() {
    let scene = Scene::new(Access::Create);
    let source = scene.here("source");
    let content = bytes(1_000_000);
    fs::write(&source, &content).unwrap();
    for by in WAYS {
        for there in [0, 1, 400_000, 1_000_000] {
            scene.serve(&format!("file{PART}"), &content[..there]);
            let options = Options::new().by(by).resume(true);
            let done = scene.client().put(&source, "file", options).unwrap();
            assert_eq!(done.resumed_at, there as u64, "{by}");
            let file = scene.served.path().join("file");
            assert!(fs::read(&file).unwrap() == content, "{by} from {there}");
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn what_is_not_the_beginning_of_the_file_is_of_no_use() {
    let scene = Scene::new(Access::Create);
    let source = scene.here("source");
    let content = bytes(200_000);
    fs::write(&source, &content).unwrap();
    let mut flipped = content[..100_000].to_vec();
    flipped[50_000] ^= 1;
    scene.serve(&format!("file{PART}"), &flipped);
    let done = scene
        .client()
        .put(&source, "file", Options::new().resume(true))
        .unwrap();
    assert_eq!(done.resumed_at, 0);
    assert!(fs::read(scene.served.path().join("file")).unwrap() == content);
}

#[test]
fn clients_may_do_what_the_server_allows() {
    let put = |scene: &Scene, name: &str| {
        let source = scene.here("source");
        fs::write(&source, "new").unwrap();
        scene.serve("old", b"old");
        scene
            .client()
            .put(&source, name, Options::new())
            .map_err(|error| error.to_string())
    };
    let read = Scene::new(Access::Read);
    for name in ["old", "new"] {
        let refusal = put(&read, name).unwrap_err();
        assert_eq!(refusal, "PermissionError: the files of this server can only be read");
    }
    let create = Scene::new(Access::Create);
    put(&create, "new").unwrap();
    let refusal = put(&create, "old").unwrap_err();
    assert_eq!(refusal, "FileExistsError: there is a file 'old' already");
    assert_eq!(fs::read(create.served.path().join("old")).unwrap(), b"old");
    let replace = Scene::new(Access::Replace);
    put(&replace, "new").unwrap();
    put(&replace, "old").unwrap();
    assert_eq!(fs::read(replace.served.path().join("old")).unwrap(), b"new");
}

#[test]
fn a_name_that_is_taken_during_an_upload_is_left_alone() {
    let scene = Scene::new(Access::Create);
    let proxy = scene.proxy();
    let (upload, _, checksum): (String, u64, String) = proxy.call("begin_upload", ("file", 0)).unwrap();
    scene.serve("file", b"quicker");
    let error = proxy.call::<()>("finish_upload", (upload, checksum)).unwrap_err();
    assert_eq!(error.to_string(), "FileExistsError: there is a file 'file' already");
    assert_eq!(fs::read(scene.served.path().join("file")).unwrap(), b"quicker");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_sent() {
    let scene = Scene::unusual(Unusual {
        access: Access::Create,
        server: Some(|server| server.max_size(10)),
        ..Unusual::default()
    });
    let source = scene.here("source");
    fs::write(&source, "0123456789x").unwrap();
    let error = scene.client().put(&source, "file", Options::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ValueError: 'file' has 11 bytes; this server takes files of 10 at most"
    );
    assert!(scene.names_served().is_empty());
}

#[test]
fn a_client_cannot_send_other_bytes_than_it_has_announced() {
    let scene = Scene::new(Access::Create);
    let proxy = scene.proxy();
    let (upload, position, _): (String, u64, String) = proxy.call("begin_upload", ("file", 4)).unwrap();
    assert_eq!(position, 0);
    let write = |position: u64, data: &[u8]| proxy.call::<u64>("write", (&upload, position, Bytes(data.to_vec())));
    assert_eq!(write(0, b"ab").unwrap(), 2);
    for (position, data) in [(0, &b"ab"[..]), (1, b"b"), (3, b"d"), (2, b"cde")] {
        let error = write(position, data).unwrap_err();
        assert_eq!(
            error.as_remote().unwrap().class_name(),
            "ValueError",
            "{position} {error}"
        );
    }
    let early = proxy.call::<()>("finish_upload", (&upload, "")).unwrap_err();
    assert_eq!(early.to_string(), "ValueError: 'file' has 2 of its 4 bytes");
    assert_eq!(write(2, b"cd").unwrap(), 4);
    // What was announced has come, and is something else: nothing of it stays.
    let wrong = proxy.call::<()>("finish_upload", (&upload, "0123")).unwrap_err();
    assert!(
        wrong.to_string().contains(
            "the checksum of 'file' is 88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589, not 0123"
        ),
        "{wrong}"
    );
    assert!(scene.names_served().is_empty());
    let over = write(4, b"").unwrap_err();
    assert!(
        over.to_string().starts_with("ValueError: there is no such upload"),
        "{over}"
    );
}

#[test]
fn an_upload_ends_with_its_connection_and_keeps_what_has_come() {
    let scene = Scene::new(Access::Create);
    let (first, second) = (scene.proxy(), scene.proxy());
    let begin = |proxy: &Proxy| proxy.call::<(String, u64, String)>("begin_upload", ("file", 4, true));
    let (upload, ..) = begin(&first).unwrap();
    first.call::<u64>("write", (&upload, 0, Bytes(b"ab".to_vec()))).unwrap();
    let busy = begin(&second).unwrap_err();
    assert_eq!(busy.as_remote().unwrap().class_name(), "BlockingIOError", "{busy}");
    first.release();
    wait_until("the upload of a client that has gone goes on", || {
        begin(&second).is_ok_and(|upload| upload.1 == 2)
    });
}

#[test]
fn one_connection_does_not_take_all_uploads() {
    let scene = Scene::new(Access::Create);
    let (greedy, other) = (scene.proxy(), scene.proxy());
    let begin = |proxy: &Proxy, name: String| proxy.call::<(String, u64, String)>("begin_upload", (name, 4));
    for number in 0..16 {
        begin(&greedy, format!("file{number}")).unwrap();
    }
    let error = begin(&greedy, "another".to_owned()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RuntimeError: 16 transfers of this connection are under way, and it may not have more: end one first"
    );
    begin(&other, "another".to_owned()).unwrap();
}

#[test]
fn an_upload_that_does_not_go_on_makes_way_and_keeps_what_has_come() {
    let scene = Scene::unusual(Unusual {
        access: Access::Create,
        server: Some(|server| server.max_transfers(1).stall(Duration::from_millis(1))),
        ..Unusual::default()
    });
    let (first, second) = (scene.proxy(), scene.proxy());
    let begin = |proxy: &Proxy| proxy.call::<(String, u64, String)>("begin_upload", ("file", 4, true));
    let (upload, ..) = begin(&first).unwrap();
    // However late: nobody else has wanted the place.
    first.call::<u64>("write", (&upload, 0, Bytes(b"ab".to_vec()))).unwrap();
    wait_until("the other client goes on", || {
        begin(&second).is_ok_and(|upload| upload.1 == 2)
    });
    let error = first
        .call::<u64>("write", (&upload, 2, Bytes(b"cd".to_vec())))
        .unwrap_err();
    assert!(error.message().starts_with("there is no such upload"), "{error}");
}

#[test]
fn an_upload_that_goes_on_keeps_its_place() {
    let scene = Scene::unusual(Unusual {
        access: Access::Create,
        server: Some(|server| server.max_transfers(1).stall(Duration::from_secs(600))),
        ..Unusual::default()
    });
    let (first, second) = (scene.proxy(), scene.proxy());
    let begin = |proxy: &Proxy, name| proxy.call::<(String, u64, String)>("begin_upload", (name, 2));
    let (upload, ..) = begin(&first, "file").unwrap();
    for position in 0..2 {
        let error = begin(&second, "other").unwrap_err();
        assert!(error.message().starts_with("1 transfers are under way"), "{error}");
        first
            .call::<u64>("write", (&upload, position, Bytes(b"x".to_vec())))
            .unwrap();
    }
}

#[test]
fn an_aborted_upload_leaves_nothing() {
    let scene = Scene::new(Access::Create);
    let proxy = scene.proxy();
    let (upload, ..): (String, u64, String) = proxy.call("begin_upload", ("file", 4)).unwrap();
    proxy.call::<u64>("write", (&upload, 0, Bytes(b"ab".to_vec()))).unwrap();
    proxy.call::<()>("abort_upload", (&upload,)).unwrap();
    assert!(scene.names_served().is_empty());
    assert!(proxy.call::<Value>("abort_upload", (&upload,)).is_err());
}

/// A server whose disk is full.
struct Full(RawSockets);

#[expose]
impl Full {
    pub fn begin_upload(&self, _path: &str, _size: u64, _resume: bool) -> (&'static str, u64, &'static str) {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        ("upload", 0, nothing)
    }

    pub fn upload_socket(&self, _upload: &str) -> Result<Offer, Raise> {
        self.0.offer(|_closed| Ok(()))
    }

    pub fn finish_upload(&self, _upload: &str, _checksum: &str) -> Result<(), Raise> {
        Err(Raise::new("ValueError", "the disk is full"))
    }
}

#[test]
fn the_reason_why_a_server_ends_a_raw_socket_is_told() {
    let daemon = Daemon::new().unwrap();
    let uri = daemon
        .register("full", Full(RawSockets::beside(&daemon).unwrap()))
        .unwrap();
    let _running = daemon.start();
    let here = tempfile::tempdir().unwrap();
    let source = here.path().join("source");
    // More than the buffers of the system take.
    fs::File::create(&source).unwrap().set_len(64 << 20).unwrap();
    let client = FileClient::new(Proxy::new(uri).unwrap());
    let error = client.put(&source, "file", Options::new().by(By::Socket)).unwrap_err();
    assert_eq!(error.to_string(), "ValueError: the disk is full");
}
