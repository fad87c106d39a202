//! Annotations of single calls and their answers.

use ferropyro::wire::{AnnotationKey, Dialect, MessageKind};
use ferropyro::{Bytes, Items, Proxy, Result, context};
use uuid::Uuid;

use super::support::{DIALECTS, Report, Server, answered, chunks, fake_server, key};
use crate::server;

const KEY: &str = "the key of both";

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

// Conformance: ANN-01, ANN-04, ANN-08
#[test]
fn annotations_travel_both_ways_as_they_are() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        for value in [
            Vec::new(),
            vec![0],
            b"CORR".to_vec(),
            all_bytes(),
            all_bytes().repeat(100),
        ] {
            context::annotate(key("XYZZ"), value.clone());
            context::annotate(key("\0 \x7f\n"), value.clone());
            proxy.call::<()>("answer_with", ("BACK", Bytes::from(value.clone())))?;
            assert_eq!(answered(), [("BACK".to_owned(), value.clone())].into());

            context::annotate(key("XYZZ"), value.clone());
            context::annotate(key("\0 \x7f\n"), value.clone());
            proxy.call::<()>("keep", ())?;
            let seen = server.witness.take();
            assert_eq!(seen.annotations().get(key("XYZZ")), Some(value.as_slice()));
            assert_eq!(seen.annotations().get(key("\0 \x7f\n")), Some(value.as_slice()));
            assert_eq!(seen.annotations().len(), 2);
        }
    }
    Ok(())
}

// Conformance: ANN-01
#[test]
fn a_key_has_four_ascii_characters() {
    for text in ["", "XYZ", "XYZZY", "\u{e9}ab", "\u{e9}abc", "\u{20ac}"] {
        let error = AnnotationKey::try_from(text).unwrap_err();
        assert_eq!(error.text(Dialect::V48), "annotation key must be of length 4", "{text}");
        assert_eq!(
            error.text(Dialect::V502),
            "annotation identifier must be 4 ascii characters",
            "{text}"
        );
    }
}

// Conformance: ANN-02
#[test]
fn the_keys_of_pyro_itself_are_not_for_programs() -> Result<()> {
    for hmac_key in ["", KEY] {
        let server = Server::start(server::daemon().hmac_key(hmac_key))?;
        for dialect in DIALECTS
            .into_iter()
            .filter(|dialect| hmac_key.is_empty() || !dialect.is_pyro5())
        {
            let builder = Proxy::builder().dialect(dialect).hmac_key(hmac_key);
            let proxy = builder.build(server.uri.clone())?;
            let id = Uuid::new_v4();
            context::set_correlation_id(Some(id));
            for reserved in ["CORR", "HMAC", "STRM", "BLBI"] {
                context::annotate(key(reserved), *b"of the program");
                context::annotate(key("MINE"), *b"of the program");
                let seen: Report = proxy.call("report", ())?;
                assert_eq!(seen.correlation_id, id.to_string());
                assert_eq!(seen.annotations["MINE"], b"of the program");
                assert_ne!(
                    seen.annotations.get(reserved).map(Vec::as_slice),
                    Some(&b"of the program"[..])
                );
                proxy.call::<()>("answer_with", (reserved, Bytes::from(&b"of the program"[..])))?;
                let answered = context::response_annotations();
                assert_ne!(answered.get(key(reserved)), Some(&b"of the program"[..]));
            }
        }
    }
    Ok(())
}

// Conformance: ANN-04
#[test]
fn every_item_of_a_stream_has_annotations_of_its_own() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        let mut items: Items<u8> = proxy.call("items", (3,))?;
        assert_eq!(answered(), [].into(), "the iterator has not run yet");
        for number in 0..3 {
            assert_eq!(items.next().transpose()?, Some(number));
            assert_eq!(answered(), [("ITEM".to_owned(), vec![number])].into());
        }
        assert!(items.next().is_none());
        assert_eq!(answered(), [].into());
    }
    Ok(())
}

// Conformance: ANN-05
#[test]
fn annotations_go_with_one_call() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        for _ in 0..2 {
            context::annotate(key("ONCE"), *b"1");
            let [first, second]: [Report; 2] = [proxy.call("report", ())?, proxy.call("report", ())?];
            assert_eq!(first.annotations, [("ONCE".to_owned(), b"1".to_vec())].into());
            assert_eq!(second.annotations, [].into());
            proxy.release();
        }
        context::annotate(key("ONCE"), *b"1");
        proxy.call_oneway("keep", ())?;
        proxy.call_oneway("keep", ())?;
        let [first, second] = [server.witness.take(), server.witness.take()];
        assert_eq!(
            chunks(first.annotations().iter()).len() + chunks(second.annotations().iter()).len(),
            1
        );
    }
    Ok(())
}

// Conformance: ANN-05
#[test]
fn the_later_of_two_annotations_with_one_key_holds() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        context::annotate(key("SAME"), *b"earlier");
        context::annotate(key("SAME"), *b"later");
        server.proxy(dialect)?.call::<()>("keep", ())?;
        let seen = server.witness.take();
        assert_eq!(seen.annotations().get(key("SAME")), Some(&b"later"[..]));
    }
    Ok(())
}

// Conformance: ANN-09
#[test]
fn annotations_of_an_answer_are_there_until_the_next_call() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        let answer = || proxy.call::<()>("answer_with", ("BACK", Bytes::from(&b"and forth"[..])));
        let there = [("BACK".to_owned(), b"and forth".to_vec())].into();
        answer()?;
        assert_eq!(answered(), there);
        assert_eq!(answered(), there, "to look at them takes none away");
        proxy.call::<Report>("report", ())?;
        assert_eq!(answered(), [].into());
        let internal = context::response_annotations();
        assert_eq!(internal.get(AnnotationKey::CORR).is_some(), !dialect.is_pyro5());

        answer()?;
        proxy.call_oneway("report", ())?;
        assert!(context::response_annotations().is_empty());
        answer()?;
        proxy.call::<()>("keep_unanswered", ())?;
        assert!(context::response_annotations().is_empty());

        server.proxy(dialect)?.call_oneway("report", ())?;
        assert!(
            context::response_annotations().is_empty(),
            "nor are there those of the handshake"
        );

        answer()?;
        assert!(proxy.call::<()>("no_such_method", ()).is_err());
        assert!(
            context::response_annotations().is_empty(),
            "of a call that was not even sent"
        );
        answer()?;
        assert!(proxy.call::<()>("annotate_and_raise", ()).is_err());
        assert_eq!(answered(), [].into());
    }
    Ok(())
}

// Conformance: ANN-09
#[test]
fn a_program_may_forget_all_annotations() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        let id = Uuid::new_v4();
        context::set_correlation_id(Some(id));
        proxy.call::<()>("answer_with", ("BACK", Bytes::from(all_bytes())))?;
        context::annotate(key("MINE"), all_bytes());
        context::clear();
        assert!(context::response_annotations().is_empty());
        let seen: Report = proxy.call("report", ())?;
        assert!(!seen.annotations.contains_key("MINE"));
        assert_eq!(
            seen.correlation_id,
            id.to_string(),
            "the correlation id is no annotation"
        );
        proxy.call::<()>("answer_with", ("BACK", Bytes::from(all_bytes())))?;
        assert_eq!(answered(), [("BACK".to_owned(), all_bytes())].into());
    }
    Ok(())
}

// Conformance: ANN-04, ANN-05, ANN-08
#[test]
fn a_batch_has_annotations_as_a_call_has() -> Result<()> {
    let server = Server::start(server::daemon())?;
    for dialect in DIALECTS {
        let proxy = server.proxy(dialect)?;
        context::annotate(key("MINE"), *b"of the batch");
        let results = proxy
            .batch()
            .call("answer_with", ("ONE_", Bytes::from(&b"1"[..])))
            .call("report", ())
            .call("answer_with", ("TWO_", Bytes::from(&b"2"[..])))
            .run()?;
        assert_eq!(
            answered(),
            [("ONE_".to_owned(), b"1".to_vec()), ("TWO_".to_owned(), b"2".to_vec())].into()
        );
        assert_eq!(results.count(), 3);
        let after: Report = proxy.call("report", ())?;
        assert!(after.annotations.is_empty() && answered().is_empty());
        context::annotate(key("MINE"), *b"of the batch");
        proxy.batch().call("keep", ()).run_oneway()?;
        assert_eq!(
            server.witness.take().annotations().get(key("MINE")),
            Some(&b"of the batch"[..])
        );
    }
    Ok(())
}

// Conformance: ANN-05
#[test]
fn a_call_that_is_repeated_takes_its_annotations_along_again() -> Result<()> {
    for dialect in DIALECTS {
        let (uri, fake) = fake_server(dialect, 3, |client, number| {
            let request = client.receive();
            assert_eq!(request.annotations["MINE"], b"again and again");
            // The first two clients are hung up on.
            if number == 2 {
                let header = client.header(MessageKind::RESULT, request.header.seq);
                client.send(header, &[], "# serpent utf-8 python3.2\n'at last'");
                assert!(!client.receive().annotations.contains_key("MINE"));
            }
        });
        let proxy = Proxy::builder().dialect(dialect).max_retries(2).build(uri.as_str())?;
        context::annotate(key("MINE"), *b"again and again");
        assert_eq!(proxy.call::<String>("report", ())?, "at last");
        proxy.call_oneway("report", ())?;
        fake.join().expect("it saw what it expected");
    }
    Ok(())
}
