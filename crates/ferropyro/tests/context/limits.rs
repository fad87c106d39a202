//! How much annotations may take.

use ferropyro::wire::Dialect;
use ferropyro::{ErrorKind, Proxy, Result, context};
use uuid::Uuid;

use super::support::{Report, Server, answered, key, numbered};
use crate::server;

const KEY: &str = "the key of both";
/// What the header of a Pyro4 message can say; 6 bytes of it are the header of the annotation.
const MOST: usize = 65535 - 6;
/// What the correlation id takes of it.
const CORR: usize = 22;
/// What the signature takes of it.
const HMAC: usize = 26;
const MEGABYTE: usize = 1 << 20;

// Conformance: ANN-03
#[test]
fn annotations_of_a_pyro4_request_fill_its_header_and_no_more() -> Result<()> {
    for (hmac_key, signature) in [("", 0), (KEY, HMAC)] {
        let server = Server::start(server::daemon().hmac_key(hmac_key))?;
        for (id, room) in [
            (None, MOST - signature),
            (Some(Uuid::new_v4()), MOST - signature - CORR),
        ] {
            let proxy = Proxy::builder().dialect(Dialect::V48).hmac_key(hmac_key);
            let proxy = proxy.build(server.uri.clone())?;
            context::set_correlation_id(id);
            let with = |length: usize| {
                context::annotate(key("BULK"), vec![b'x'; length]);
                proxy.call::<Report>("report", ())
            };
            let before = with(room)?;
            assert_eq!(before.annotations["BULK"].len(), room);
            for too_much in [room + 1, room + 2, 65535, 65536, 100_000, MEGABYTE] {
                let error = with(too_much).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Protocol);
                let size = too_much + 65535 - room;
                assert_eq!(
                    error.message(),
                    format!("the annotations take {size} bytes, a Pyro4 message has room for 65535")
                );
                assert!(proxy.is_connected() && error.as_remote().is_none());
            }
            let after = proxy.call::<Report>("report", ())?;
            assert_eq!(
                (after.connection, after.seq),
                (before.connection, before.seq + 1),
                "nothing was sent in between"
            );
            assert!(!after.annotations.contains_key("BULK"));
        }
    }
    Ok(())
}

// Conformance: ANN-03
#[test]
fn annotations_of_a_pyro4_answer_fill_its_header_and_no_more() -> Result<()> {
    for (hmac_key, signature) in [("", 0), (KEY, HMAC)] {
        let server = Server::start(server::daemon().hmac_key(hmac_key))?;
        let room = MOST - CORR - signature;
        let proxy = Proxy::builder().dialect(Dialect::V48).hmac_key(hmac_key);
        let proxy = proxy.build(server.uri.clone())?;
        proxy.call::<()>("answer_bulk", (1, room))?;
        assert_eq!(answered()[numbered(0).as_str()].len(), room);
        for too_much in [room + 1, 65536, MEGABYTE] {
            let error = proxy.call::<()>("answer_bulk", (1, too_much)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            let remote = error.as_remote().expect("the server says so");
            assert_eq!(remote.class(), "Pyro4.errors.ProtocolError");
            let size = too_much + 65535 - room;
            assert_eq!(
                error.message(),
                format!("the annotations take {size} bytes, a Pyro4 message has room for 65535")
            );
            assert_eq!(answered(), [].into());
            proxy.call::<Report>("report", ())?;
        }
    }
    Ok(())
}

// Conformance: ANN-03
#[test]
fn many_small_annotations_are_as_good_as_a_few() -> Result<()> {
    let server = Server::start(server::daemon())?;
    context::set_correlation_id(None);
    // Each takes 6 bytes in Pyro4, and 8 in Pyro5.
    for (dialect, count, length) in [
        (Dialect::V48, 65, 1),
        (Dialect::V48, 10_922, 0),
        (Dialect::V48, 9362, 1),
        (Dialect::V502, 65, 1),
        (Dialect::V502, 30_000, 100),
    ] {
        for is_bound in [false, true] {
            let proxy = server.proxy(dialect)?;
            if is_bound {
                proxy.bind()?;
            }
            for number in 0..count {
                context::annotate(numbered(number), vec![b'x'; length]);
            }
            proxy.call::<()>("keep", ())?;
            assert_eq!(server.witness.take().annotations().len(), count);
        }
        let proxy = server.proxy(dialect)?;
        // The correlation id needs room in Pyro4.
        let count = count - 4;
        proxy.call::<()>("answer_bulk", (count, length))?;
        assert_eq!(answered().len(), count);
    }
    let proxy = server.proxy(Dialect::V48)?;
    for number in 0..10_923 {
        context::annotate(numbered(number), []);
    }
    let error = proxy.call::<()>("keep", ()).unwrap_err();
    assert!(
        error.message().starts_with("the annotations take 65538 bytes"),
        "{error}"
    );
    assert!(server.witness.has_kept_nothing());
    Ok(())
}

// Conformance: ANN-03
#[test]
fn a_pyro5_annotation_may_have_a_megabyte() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for is_bound in [false, true] {
        let proxy = server.proxy(Dialect::V502)?;
        if is_bound {
            proxy.bind()?;
        }
        context::annotate(key("BULK"), vec![b'x'; MEGABYTE]);
        proxy.call::<()>("keep", ())?;
        let seen = server.witness.take();
        assert_eq!(seen.annotations().get(key("BULK")).map(<[u8]>::len), Some(MEGABYTE));
        proxy.call::<()>("answer_bulk", (3, MEGABYTE))?;
        assert_eq!(answered().values().map(Vec::len).collect::<Vec<_>>(), [MEGABYTE; 3]);
    }
    Ok(())
}
