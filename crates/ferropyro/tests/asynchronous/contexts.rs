//! What is known of a call stays known in an async method, whatever runs in between.

use std::thread;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Proxy, Result, aio, context, expose};
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

/// Asks another daemon, and tells whom it served.
struct Between(aio::Proxy);

#[expose]
impl Between {
    pub async fn ask(&self) -> ferropyro::Result<(String, String)> {
        let before = own_id();
        let asked = self.0.call::<String>("whom_do_you_serve", ()).await?;
        assert_eq!(own_id(), before, "the context is current after the call");
        Ok((before, asked))
    }
}

fn own_id() -> String {
    let served = context::current().map(|cx| cx.correlation_id().to_string());
    served.unwrap_or_default()
}

#[test]
fn the_correlation_id_follows_a_chain_of_async_calls() -> Result<()> {
    for kind in KINDS {
        let end = kind.serve(Workshop::unheard())?;
        let between = kind.serve(Between(aio::Proxy::new(end.uri.clone())?))?;
        let proxy = between.proxy()?;
        for _ in 0..3 {
            let own = Uuid::new_v4();
            context::set_correlation_id(Some(own));
            let ids = proxy.call::<(String, String)>("ask", ())?;
            assert_eq!(ids, (own.to_string(), own.to_string()), "{kind:?}");
        }
        context::set_correlation_id(None);
    }
    Ok(())
}

#[test]
fn concurrent_chains_of_async_calls_keep_their_correlation_ids() -> Result<()> {
    for kind in KINDS {
        let end = kind.serve(Workshop::unheard())?;
        let between = kind.serve(Between(aio::Proxy::new(end.uri.clone())?))?;
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let proxy = between.proxy()?;
                Ok(thread::spawn(move || -> Result<_> {
                    let own = Uuid::new_v4();
                    context::set_correlation_id(Some(own));
                    let calls = (0..5).map(|_| proxy.call::<(String, String)>("ask", ()));
                    Ok((own.to_string(), calls.collect::<Result<Vec<_>>>()?))
                }))
            })
            .collect::<Result<_>>()?;
        for caller in callers {
            let (own, ids): (String, Vec<(String, String)>) = caller.join().expect("no panic")?;
            assert!(
                ids.iter().all(|(served, asked)| *served == own && *asked == own),
                "{kind:?}"
            );
        }
    }
    Ok(())
}
