//! Calls that make calls: the correlation id goes on, and nothing else does.

use ferropyro::wire::Dialect;
use ferropyro::{Proxy, Result, Uri, context, expose};
use uuid::Uuid;

use super::support::{DIALECTS, Server, chunks, key};
use crate::server;

/// Hands on what it is asked for.
struct Relay {
    next: Uri,
    dialect: Dialect,
}

#[expose]
impl Relay {
    pub fn hand_on(&self, method: &str) -> Result<()> {
        let next = Proxy::builder().dialect(self.dialect).build(self.next.clone())?;
        next.call(method, ())
    }

    #[expose(oneway)]
    pub fn hand_on_unanswered(&self, method: &str) -> Result<()> {
        self.hand_on(method)
    }

    /// From a thread that the call has started.
    pub fn hand_on_from_a_thread(&self, method: &str) -> Result<()> {
        let call = context::current().expect("a call");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _entered = call.enter();
                self.hand_on(method)
            });
            thread.join().expect("no panic")
        })
    }
}

// Conformance: CTX-09
#[test]
fn the_correlation_id_follows_a_chain_of_calls() -> Result<()> {
    let last = Server::start(server::daemon())?;
    for first_dialect in DIALECTS {
        for second_dialect in DIALECTS {
            let middle = server::daemon().bind()?;
            let relay = Relay {
                next: last.uri.clone(),
                dialect: second_dialect,
            };
            let uri = middle.register("relay", relay)?;
            let _running = middle.start();
            let proxy = Proxy::builder().dialect(first_dialect).build(uri)?;
            for method in ["hand_on", "hand_on_unanswered", "hand_on_from_a_thread"] {
                for last_method in ["keep", "keep_unanswered"] {
                    let id = Uuid::new_v4();
                    context::set_correlation_id(Some(id));
                    context::annotate(key("MINE"), *b"for the first server");
                    proxy.call::<()>(method, (last_method,))?;
                    let seen = last.witness.take();
                    assert_eq!(seen.correlation_id(), id, "{method} {last_method}");
                    assert_eq!(seen.dialect(), second_dialect);
                    assert!(!chunks(seen.annotations().iter()).contains_key("MINE"));
                    assert_eq!(context::correlation_id(), Some(id));
                }
            }
        }
    }
    Ok(())
}

// Conformance: CTX-09
#[test]
fn the_id_that_a_server_makes_up_goes_on_as_well() -> Result<()> {
    let last = Server::start(server::daemon())?;
    let middle = server::daemon().bind()?;
    let relay = Relay {
        next: last.uri.clone(),
        dialect: Dialect::V502,
    };
    let uri = middle.register("relay", relay)?;
    let _running = middle.start();
    for dialect in DIALECTS {
        context::set_correlation_id(None);
        let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
        proxy.call::<()>("hand_on", ("keep",))?;
        let answered = context::response_annotations();
        let seen = last.witness.take().correlation_id();
        if dialect == Dialect::V48 {
            let told = answered.get(ferropyro::wire::AnnotationKey::CORR);
            assert_eq!(
                told,
                Some(&seen.as_bytes()[..]),
                "the first server tells which one it made"
            );
        }
        assert_eq!(context::correlation_id(), None);
    }
    Ok(())
}
