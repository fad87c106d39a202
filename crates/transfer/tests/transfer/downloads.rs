//! Files from the server.

use std::cell::RefCell;
use std::fs;
use std::io::Write;
#[cfg(unix)]
use std::os::unix::fs::symlink;
use std::time::Duration;

use ferropyro::{Daemon, Dialect, ErrorKind, ItemStream, Proxy, Raise, Value, context, expose};
use ferropyro_transfer::{Access, By, Error, FDAT, FileClient, Offer, Options, PIECE, RawSockets};

use crate::support::{PART, Scene, Unusual, WAYS, bytes, wait_until};

#[test]
fn every_way_brings_every_size() {
    let scene = Scene::new(Access::Read);
    for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 500_000, 3_000_001] {
        let content = bytes(size);
        scene.serve("file", &content);
        for by in WAYS {
            let local = scene.here("copy");
            let done = scene.client().get("file", &local, Options::new().by(by)).unwrap();
            assert_eq!((done.size, done.resumed_at), (size as u64, 0), "{by}");
            assert!(fs::read(&local).unwrap() == content, "{size} bytes by {by}");
        }
    }
    assert_eq!(scene.names_here(), ["copy"]);
}

#[test]
fn both_dialects_get_files() {
    let scene = Scene::new(Access::Read);
    let content = bytes(300_000);
    scene.serve("file", &content);
    for dialect in [Dialect::V48, Dialect::V502] {
        for by in WAYS {
            let proxy = Proxy::builder().dialect(dialect).build(&scene.uri).unwrap();
            let local = scene.here("copy");
            FileClient::new(proxy)
                .get("file", &local, Options::new().by(by))
                .unwrap();
            assert!(fs::read(&local).unwrap() == content, "{dialect} by {by}");
        }
    }
}

#[test]
fn progress_is_told_from_the_beginning_to_the_end() {
    let scene = Scene::new(Access::Read);
    scene.serve("file", &bytes(2_500_000));
    for by in WAYS {
        let told = RefCell::new(Vec::new());
        let options = Options::new()
            .by(by)
            .on_progress(|progress| told.borrow_mut().push((progress.done, progress.size)));
        scene.client().get("file", scene.here("copy"), options).unwrap();
        let told = told.into_inner();
        assert_eq!(told.first(), Some(&(0, 2_500_000)), "{by}");
        assert_eq!(told.last(), Some(&(2_500_000, 2_500_000)), "{by}");
        assert!(told.is_sorted() && told.len() > 2, "{by}: {told:?}");
    }
}

#[test]
fn a_download_goes_on_where_another_one_was_cut_off() {
    let scene = Scene::new(Access::Read);
    let content = bytes(1_000_000);
    scene.serve("file", &content);
    for by in WAYS {
        for there in [0, 1, 400_000, 1_000_000] {
            let local = scene.here("copy");
            fs::write(scene.here(&format!("copy{PART}")), &content[..there]).unwrap();
            let options = Options::new().by(by).resume(true);
            let done = scene.client().get("file", &local, options).unwrap();
            assert_eq!(done.resumed_at, there as u64, "{by}");
            assert!(fs::read(&local).unwrap() == content, "{by} from {there}");
        }
    }
}

#[test]
fn what_is_not_the_beginning_of_the_file_is_of_no_use() {
    let scene = Scene::new(Access::Read);
    let content = bytes(200_000);
    scene.serve("file", &content);
    let mut flipped = content[..100_000].to_vec();
    flipped[50_000] ^= 1;
    let longer = bytes(200_001);
    for (there, resume) in [(&flipped[..], true), (&longer, true), (&content[..100_000], false)] {
        fs::write(scene.here(&format!("copy{PART}")), there).unwrap();
        let options = Options::new().resume(resume);
        let done = scene.client().get("file", scene.here("copy"), options).unwrap();
        assert_eq!(done.resumed_at, 0);
        assert!(fs::read(scene.here("copy")).unwrap() == content);
    }
}

#[test]
fn a_failed_download_leaves_the_file_as_it_was() {
    let scene = Scene::new(Access::Read);
    fs::write(scene.here("copy"), "precious").unwrap();
    for by in WAYS {
        let error = scene
            .client()
            .get("missing", scene.here("copy"), Options::new().by(by))
            .unwrap_err();
        assert_eq!(error.to_string(), "FileNotFoundError: there is no file 'missing'");
    }
    assert_eq!(fs::read(scene.here("copy")).unwrap(), b"precious");
    assert_eq!(scene.names_here(), ["copy"]);
}

/// A server that does not do what it should: its file has 10 bytes, and it sends others.
struct Liar(&'static [u8]);

#[expose]
impl Liar {
    pub fn size(&self, _path: &str) -> u64 {
        10
    }

    pub fn checksum(&self, _path: &str) -> &'static str {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }

    pub fn stream(&self, _path: &str, _offset: u64, _piece: usize) -> ItemStream {
        let bytes = self.0;
        ItemStream::new(Some(bytes.len()).into_iter().inspect(move |_| {
            context::current().unwrap().annotate(FDAT, bytes);
        }))
    }
}

#[test]
fn bytes_that_are_not_those_of_the_file_do_not_become_the_file() {
    let here = tempfile::tempdir().unwrap();
    let local = here.path().join("copy");
    fs::write(&local, "precious").unwrap();
    for (sent, complaint) in [
        (&b"0123456789"[..], "the checksum is 84d8"),
        (b"012345678", "9 of 10 bytes have come"),
        (b"0123456789x", "more than the 10 bytes of the file have come"),
    ] {
        let daemon = Daemon::new().unwrap();
        let uri = daemon.register("liar", Liar(sent)).unwrap();
        let _running = daemon.start();
        let client = FileClient::new(Proxy::new(uri).unwrap());
        let error = client.get("file", &local, Options::new()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }));
        assert!(error.to_string().contains(complaint), "{error}");
        assert_eq!(fs::read(&local).unwrap(), b"precious");
    }
}

#[test]
fn two_downloads_do_not_write_the_same_file() {
    let scene = Scene::new(Access::Read);
    scene.serve("file", &bytes(2_000_000));
    let second = RefCell::new(None);
    let options = Options::new().on_progress(|_| {
        let again = || scene.client().get("file", scene.here("copy"), Options::new());
        second.borrow_mut().get_or_insert_with(again);
    });
    scene.client().get("file", scene.here("copy"), options).unwrap();
    let refusal = second.into_inner().unwrap().unwrap_err().to_string();
    assert!(
        refusal.ends_with("another transfer writes this file just now"),
        "{refusal}"
    );
}

#[test]
fn a_server_that_is_gone_in_the_midst_leaves_what_has_come() {
    let content = bytes(8_000_000);
    for by in [By::Calls, By::Annotations] {
        let scene = Scene::new(Access::Read);
        scene.serve("file", &content);
        let options = Options::new().by(by).on_progress(|progress| {
            if progress.done > 1_000_000 {
                scene.daemon.shutdown();
            }
        });
        let error = scene.client().get("file", scene.here("copy"), options).unwrap_err();
        assert!(matches!(error, Error::Call(_)), "{by}: {error}");
        let there = fs::read(scene.here(&format!("copy{PART}"))).unwrap();
        assert!(there.len() > 1_000_000 && content.starts_with(&there), "{by}: {error}");
        assert_eq!(scene.names_here().len(), 1);
    }
}

/// A server whose raw sockets end early.
struct Short(RawSockets, Vec<u8>);

#[expose]
impl Short {
    pub fn size(&self, _path: &str) -> usize {
        2 * self.1.len()
    }

    pub fn open_socket(&self, _path: &str, _offset: u64) -> Result<Offer, Raise> {
        let bytes = self.1.clone();
        self.0.offer(move |mut stream| stream.write_all(&bytes))
    }
}

#[test]
fn a_raw_socket_that_ends_in_the_midst_leaves_what_has_come() {
    let content = bytes(1_000_000);
    let daemon = Daemon::new().unwrap();
    let server = Short(RawSockets::beside(&daemon).unwrap(), content.clone());
    let uri = daemon.register("short", server).unwrap();
    let _running = daemon.start();
    let here = tempfile::tempdir().unwrap();
    let client = FileClient::new(Proxy::new(uri).unwrap());
    let options = Options::new().by(By::Socket);
    let error = client.get("file", here.path().join("copy"), options).unwrap_err();
    assert!(
        error.to_string().ends_with("closed after 1000000 of 2000000 bytes"),
        "{error}"
    );
    assert!(fs::read(here.path().join(format!("copy{PART}"))).unwrap() == content);
}

#[test]
fn pieces_have_the_size_that_a_client_wants_within_limits() {
    let scene = Scene::new(Access::Read);
    scene.serve("file", &bytes(100));
    let proxy = scene.proxy();
    let positions = |piece: usize| -> ferropyro::Result<Vec<u64>> {
        let items: ferropyro::Items<u64> = proxy.call("stream", ("file", 40, piece))?;
        items.collect()
    };
    assert_eq!(positions(25).unwrap(), [65, 90, 100]);
    assert_eq!(positions(1 << 20).unwrap(), [100]);
    for piece in [0, (1 << 20) + 1] {
        let error = positions(piece).unwrap_err();
        assert_eq!(error.as_remote().unwrap().class_name(), "ValueError");
    }
    let pyro4 = Proxy::builder().dialect(Dialect::V48).build(&scene.uri).unwrap();
    let error = pyro4
        .call::<ferropyro::Items<u64>>("stream", ("file", 0, PIECE + 1))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ValueError: a piece has at most 65000 bytes, not 65001"
    );
}

#[test]
fn no_more_transfers_go_on_than_the_server_allows() {
    let scene = Scene::unusual(Unusual {
        server: Some(|server| server.max_transfers(2).max_per_connection(2)),
        ..Unusual::default()
    });
    scene.serve("file", &bytes(100));
    let proxy = scene.proxy();
    let stream = || proxy.call::<ferropyro::Items<u64>>("stream", ("file",));
    let (first, _second) = (stream().unwrap(), stream().unwrap());
    let error = stream().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote);
    assert!(error.message().starts_with("2 transfers are under way"), "{error}");
    assert_eq!(first.count(), 1);
    stream().unwrap();
}

#[test]
fn one_connection_does_not_take_all_streams() {
    let scene = Scene::new(Access::Read);
    scene.serve("file", &bytes(100));
    let (greedy, other) = (scene.proxy(), scene.proxy());
    let stream = |proxy: &Proxy| proxy.call::<ferropyro::Items<u64>>("stream", ("file",));
    let _streams: Vec<_> = (0..16).map(|_| stream(&greedy).unwrap()).collect();
    let error = stream(&greedy).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RuntimeError: 16 transfers of this connection are under way, and it may not have more: end one first"
    );
    let error = greedy.call::<Value>("open_socket", ("file",)).unwrap_err();
    assert!(
        error.message().starts_with("16 transfers of this connection"),
        "{error}"
    );
    assert_eq!(stream(&other).unwrap().count(), 1);
    other.call::<Value>("open_socket", ("file",)).unwrap();
}

#[test]
fn a_stream_that_nobody_reads_makes_way() {
    let scene = Scene::unusual(Unusual {
        server: Some(|server| server.max_transfers(1).stall(Duration::from_millis(1))),
        ..Unusual::default()
    });
    scene.serve("file", &bytes(100));
    let (idle, next) = (scene.proxy(), scene.proxy());
    let stream = |proxy: &Proxy| proxy.call::<ferropyro::Items<u64>>("stream", ("file",));
    let mut stalled = stream(&idle).unwrap();
    wait_until("the other client has its place", || stream(&next).is_ok());
    let error = stalled.next().unwrap().unwrap_err();
    assert!(error.message().contains("made way for others"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_within_the_folder_is_followed() {
    let scene = Scene::new(Access::Read);
    scene.serve("file", b"content");
    symlink("file", scene.served.path().join("link")).unwrap();
    scene.client().get("link", scene.here("copy"), Options::new()).unwrap();
    assert_eq!(fs::read(scene.here("copy")).unwrap(), b"content");
}
