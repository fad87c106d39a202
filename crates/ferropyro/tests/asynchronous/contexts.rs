//! What is known of a call stays known in an async method, whatever runs in between.

use std::thread;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Proxy, Result, context};
use uuid::Uuid;

use super::objects::Workshop;
use super::support::{CONCURRENT, KINDS};

#[test]
fn the_context_is_current_before_and_after_each_await() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        for _ in 0..2 {
            assert_eq!(proxy.call::<Vec<bool>>("watch", ())?, [true; 4], "{kind:?}");
        }
        let mut batch = proxy.batch();
        batch.call("watch", ()).call("watch", ());
        assert_eq!(batch.run()?.all::<Vec<bool>>()?, [[true; 4], [true; 4]], "{kind:?}");
    }
    Ok(())
}

/// What a caller with a correlation id of its own gets from `meet_and_tell`.
fn tell(proxy: &Proxy) -> Result<(Uuid, String, Vec<String>)> {
    let own = Uuid::new_v4();
    context::set_correlation_id(Some(own));
    let (id, seen) = proxy.call::<(String, Vec<String>)>("meet_and_tell", ())?;
    Ok((own, id, seen))
}

#[test]
fn calls_that_wait_for_each_other_keep_their_correlation_ids_apart() -> Result<()> {
    for kind in CONCURRENT {
        let server = kind.serve(Workshop::unheard())?;
        let callers: Vec<_> = [server.proxy()?, server.proxy()?]
            .into_iter()
            .map(|proxy| thread::spawn(move || tell(&proxy)))
            .collect();
        for caller in callers {
            let (own, id, seen) = caller.join().expect("no panic")?;
            assert_eq!(id, own.to_string(), "{kind:?}");
            assert_eq!(seen, [&*id; 3], "{kind:?}");
        }
    }
    Ok(())
}

#[test]
fn what_an_async_method_sets_is_its_own() -> Result<()> {
    for kind in CONCURRENT {
        let server = kind.serve(Workshop::unheard())?;
        let callers: Vec<_> = [server.proxy()?, server.proxy()?]
            .into_iter()
            .map(|proxy| thread::spawn(move || proxy.call::<bool>("sets_an_id", (Uuid::new_v4().to_string(),))))
            .collect();
        for caller in callers {
            assert!(caller.join().expect("no panic")?, "{kind:?}");
        }
        // Nothing of it is left for the next call, which brings its own.
        let (first, second) = (server.proxy()?, server.proxy()?);
        let waiting = thread::spawn(move || tell(&first));
        let (own, _, seen) = tell(&second)?;
        context::set_correlation_id(None);
        assert_eq!(seen, [own.to_string(), own.to_string(), own.to_string()], "{kind:?}");
        waiting.join().expect("no panic")?;
    }
    Ok(())
}

#[test]
fn annotations_of_before_and_after_an_await_go_with_the_answer() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        proxy.call::<()>("annotate", ("one", "two"))?;
        let annotations = context::response_annotations();
        let annotation = |key: &str| {
            let key = AnnotationKey::try_from(key).expect("four ASCII characters");
            annotations
                .iter()
                .find(|(other, _)| *other == key)
                .map(|(_, value)| value.to_vec())
        };
        assert_eq!(annotation("FRST").as_deref(), Some(&b"one"[..]), "{kind:?}");
        assert_eq!(annotation("SCND").as_deref(), Some(&b"two"[..]), "{kind:?}");
        proxy.call::<()>("nothing", ())?;
        let left = context::response_annotations();
        assert!(left.iter().all(|(key, _)| key.is_reserved()), "{kind:?}: {left:?}");
    }
    Ok(())
}
