//! What the service manager hears.
#![cfg(target_os = "linux")]

use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::running::{PATIENCE, Running, client};

struct Manager(UnixDatagram);

impl Manager {
    /// The next message of this kind.
    fn next(&self, kind: &str) -> String {
        let mut buffer = [0; 4096];
        for _ in 0..1000 {
            let size = self.0.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..size]).into_owned();
            if text.starts_with(kind) {
                return text.trim_end().to_owned();
            }
        }
        panic!("nothing but other messages");
    }
}

#[test]
fn the_service_manager_hears_of_start_names_life_reload_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify.sock");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let env = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let (mut server, uri) = Running::ns(folder.path(), &[], &env);
    assert_eq!(manager.next("READY"), "READY=1");
    assert_eq!(manager.next("STATUS"), "STATUS=1 name");
    for _ in 0..3 {
        assert_eq!(manager.next("WATCHDOG"), "WATCHDOG=1");
    }
    client(&uri)
        .register("thing", &"PYRO:thing@h:1".parse().unwrap())
        .unwrap();
    assert_eq!(manager.next("STATUS"), "STATUS=2 names");
    server.send(Signal::HUP);
    let reloading = manager.next("RELOADING");
    let (_, time) = reloading.split_once("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(time.parse::<u64>().unwrap() > 0);
    assert_eq!(manager.next("READY"), "READY=1");
    server.send(Signal::TERM);
    assert_eq!(manager.next("STOPPING"), "STOPPING=1");
    assert_eq!(server.ended().code(), Some(0));
}
