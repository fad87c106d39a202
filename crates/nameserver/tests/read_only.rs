//! A name server that may be looked at only, and what it counts.

use std::collections::BTreeSet;

use ferropyro::naming::{self, Filter, Settings};
use ferropyro::{Error, NameServer};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};

fn start(builder: NameServerBuilder) -> (RunningNameServer, NameServer) {
    let running = builder.host("127.0.0.1").port(0).bind().unwrap().start();
    let client = naming::locate_ns_with(running.uri().location(), &Settings::default()).unwrap();
    (running, client)
}

fn raised<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    error.as_remote().expect("an exception of the server").to_string()
}

#[test]
fn a_read_only_name_server_keeps_the_file_as_it_is_and_has_its_own_entry_all_the_same() {
    for form in ["sql", "dbm"] {
        let folder = tempfile::tempdir().unwrap();
        let builder = || NameServerBuilder::new().storage(format!("{form}:{}", folder.path().join("names").display()));
        let thing = "PYRO:thing@h:1".parse().unwrap();
        let first = {
            let (running, client) = start(builder());
            client.register("thing", &thing).unwrap();
            running.uri().clone()
        };
        let own = {
            let (running, client) = start(builder().read_only(true));
            let tags = BTreeSet::new();
            for refused in [
                raised(client.register("other", &thing)),
                raised(client.register_with("thing", &thing, true, &tags)),
                raised(client.remove("thing")),
                raised(client.remove("nobody")),
                raised(client.remove_matching(&Filter::Prefix("nobody".to_owned()))),
                raised(client.set_metadata("thing", &tags)),
            ] {
                assert_eq!(refused, "NamingError: this name server is read-only", "{form}");
            }
            assert_eq!(client.lookup("thing").unwrap(), thing);
            assert_eq!(&client.lookup("Pyro.NameServer").unwrap(), running.uri());
            assert_ne!(running.uri(), &first);
            let listed = client.list(&Filter::All).unwrap();
            assert_eq!(listed["Pyro.NameServer"].uri, running.uri().to_string());
            assert_eq!(listed.len(), 2);
            assert!(running.object().statistics().is_read_only);
            running.uri().clone()
        };
        let (running, client) = start(builder().read_only(true));
        assert_ne!(running.uri(), &own);
        running.object().set_read_only(false).unwrap();
        client.register("other", &thing).unwrap();
        assert_eq!(&client.lookup("Pyro.NameServer").unwrap(), running.uri());
        running.object().set_read_only(true).unwrap();
        assert!(client.remove("thing").is_err());
    }
}

#[test]
fn calls_are_counted_by_method_and_by_what_came_of_them() {
    let (running, client) = start(NameServerBuilder::new());
    let before = running.object().statistics();
    client.register("thing", &"PYRO:thing@h:1".parse().unwrap()).unwrap();
    client.lookup("thing").unwrap();
    client.lookup("thing").unwrap();
    client.lookup("nothing").unwrap_err();
    let after = running.object().statistics();
    let number = |method| {
        let calls = after.calls.iter().find(|calls| calls.method == method).unwrap();
        (calls.succeeded, calls.failed)
    };
    assert_eq!(number("lookup"), (2, 1));
    assert_eq!(number("register"), (1, 0));
    assert_eq!(number("remove"), (0, 0));
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!((after.watchers, after.is_read_only), (0, false));
    assert_eq!(running.check_store().unwrap(), 2);
}
