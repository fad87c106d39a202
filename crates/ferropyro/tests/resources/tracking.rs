use std::any::Any;
use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};

use ferropyro::{Context, Daemon, ErrorKind, Proxy, Raise, Resource, Result, context, expose};

use super::support::{DIALECTS, Events, Teller, Thing, events, proxy};
use crate::server;

/// Holds things for clients.
struct Shelf {
    things: Mutex<Vec<Arc<dyn Resource>>>,
    teller: Teller,
    kept: Mutex<Vec<Context>>,
}

#[expose]
impl Shelf {
    pub fn hold(&self, context: &Context, name: String) -> Result<(), Raise> {
        let thing = Arc::new(Thing::new(name, &self.teller));
        context.track_resource(&thing)?;
        self.keep(thing);
        Ok(())
    }

    /// Nobody holds it when the call is over.
    pub fn hold_for_a_moment(&self, context: &Context, name: String) -> Result<(), Raise> {
        context.track_resource(&Arc::new(Thing::new(name, &self.teller)))?;
        Ok(())
    }

    /// What closes this asks the connection for things that wait for nothing.
    pub fn hold_something_curious(&self, context: &Context) -> Result<(), Raise> {
        let curious = Arc::new(Curious(context.clone(), self.teller.clone()));
        context.track_resource(&curious)?;
        self.keep(curious);
        Ok(())
    }

    /// Sorted, as they are tracked in no particular order.
    pub fn names(&self, context: &Context) -> BTreeSet<String> {
        let tracked = context.connection().tracked_resources().into_iter();
        tracked
            .filter_map(|resource| (resource as Arc<dyn Any + Send + Sync>).downcast::<Thing>().ok())
            .map(|thing| thing.name.clone())
            .collect()
    }

    pub fn keep_context(&self, context: &Context) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(context.clone());
    }

    pub fn is_closed(&self) -> Vec<bool> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|context| context.connection().is_closed()).collect()
    }

    /// The text of the error, if tracking with the context that was kept is one.
    pub fn track_for_the_one_who_left(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let thing = Arc::new(Thing::new("late", &self.teller));
        let error = kept.first()?.track_resource(&thing).err()?;
        Some(format!("{:?}: {error}", error.kind()))
    }
}

impl Shelf {
    fn new(teller: Teller) -> Shelf {
        Shelf {
            things: Mutex::default(),
            teller,
            kept: Mutex::default(),
        }
    }

    fn keep(&self, thing: Arc<dyn Resource>) {
        self.things.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
    }
}

struct Curious(Context, Teller);

impl Resource for Curious {
    fn close(&self) {
        let connection = self.0.connection();
        let count = connection.tracked_resources().len();
        self.1
            .tell(format!("closed: {}, {count} tracked", connection.is_closed()));
    }
}

/// A daemon with a shelf, whose hook tells of clients that have gone; it panics for those that have nothing.
fn shelf() -> Result<(Daemon, ferropyro::Uri, Events)> {
    let (teller, hears) = events();
    let told = teller.clone();
    let daemon = server::daemon()
        .client_disconnect(move |connection| {
            told.tell(format!("gone with {}", connection.tracked_resources().len()));
            assert!(!connection.tracked_resources().is_empty(), "nothing to free");
        })
        .bind()?;
    let uri = daemon.register("shelf", Shelf::new(teller))?;
    Ok((daemon, uri, hears))
}

// Conformance: RES-01, RES-03, RES-05
#[test]
fn what_a_client_holds_is_closed_when_it_goes_after_the_hook() -> Result<()> {
    let (daemon, uri, hears) = shelf()?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let client = proxy(&uri, dialect)?;
        client.call::<()>("hold", ("one",))?;
        client.call::<()>("hold", ("two",))?;
        assert_eq!(client.call::<Vec<String>>("names", ())?, ["one", "two"]);
        client.release();
        assert_eq!(hears.next(), "gone with 2");
        let mut closed = [hears.next(), hears.next()];
        closed.sort();
        assert_eq!(closed, ["closed one", "closed two"]);
        // A new connection has nothing of the old one.
        assert!(client.call::<Vec<String>>("names", ())?.is_empty());
        drop(client);
        assert_eq!(hears.next(), "gone with 0");
    }
    assert!(hears.so_far().is_empty());
    Ok(())
}

// Conformance: RES-03
#[test]
fn what_clients_hold_is_closed_when_the_daemon_stops() -> Result<()> {
    let (daemon, uri, hears) = shelf()?;
    let running = daemon.start();
    let client = Proxy::new(uri)?;
    client.call::<()>("hold", ("one",))?;
    running.stop();
    assert_eq!(hears.next(), "gone with 1");
    assert_eq!(hears.next(), "closed one");
    Ok(())
}

// Conformance: RES-04
#[test]
fn a_thing_that_nobody_holds_any_more_is_dropped_and_not_closed() -> Result<()> {
    let (daemon, uri, hears) = shelf()?;
    let _running = daemon.start();
    let client = Proxy::new(uri)?;
    client.call::<()>("hold_for_a_moment", ("one",))?;
    assert_eq!(hears.next(), "dropped one");
    assert!(client.call::<Vec<String>>("names", ())?.is_empty());
    client.release();
    assert_eq!(hears.next(), "gone with 0");
    Ok(())
}

#[test]
fn a_resource_may_look_at_its_connection_while_it_is_closed() -> Result<()> {
    let (daemon, uri, hears) = shelf()?;
    let _running = daemon.start();
    let client = Proxy::new(uri)?;
    client.call::<()>("hold_something_curious", ())?;
    client.release();
    assert_eq!(hears.next(), "gone with 1");
    assert_eq!(hears.next(), "closed: true, 0 tracked");
    Ok(())
}

// Conformance: RES-06
#[test]
fn nothing_is_tracked_for_a_client_that_has_gone() -> Result<()> {
    let (daemon, uri, hears) = shelf()?;
    let _running = daemon.start();
    let (leaving, staying) = (Proxy::new(&uri)?, Proxy::new(&uri)?);
    leaving.call::<()>("keep_context", ())?;
    assert_eq!(staying.call::<Vec<bool>>("is_closed", ())?, [false]);
    leaving.release();
    assert_eq!(hears.next(), "gone with 0");
    while staying.call::<Vec<bool>>("is_closed", ())? == [false] {}
    let error: Option<String> = staying.call("track_for_the_one_who_left", ())?;
    let text = "Pyro: cannot track a resource: the client's connection has ended already";
    assert_eq!(error.as_deref(), Some(text));
    assert_eq!(hears.next(), "dropped late");
    Ok(())
}

// Conformance: RES-06
#[test]
fn outside_of_a_call_there_is_nothing_to_track_for() {
    let (teller, hears) = events();
    let thing = Arc::new(Thing::new("one", &teller));
    let error = context::track_resource(&thing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pyro);
    assert_eq!(error.to_string(), "cannot track resource on a connectionless call");
    context::untrack_resource(&thing);
    assert!(hears.so_far().is_empty());
}

#[test]
fn the_hook_is_not_told_of_clients_that_were_refused() -> Result<()> {
    let (sender, hears) = channel();
    let daemon = server::daemon()
        .validate_handshake(|data, _| match data.as_str() {
            Some("sesame") => Ok(data.clone()),
            _ => Err(Raise::new("ValueError", "say the word")),
        })
        .client_disconnect(move |connection| sender.send(connection.number()).unwrap_or_default())
        .bind()?;
    let (teller, _) = events();
    let uri = daemon.register("shelf", Shelf::new(teller))?;
    let running = daemon.start();
    assert!(Proxy::new(&uri)?.bind().is_err());
    Proxy::builder().handshake("sesame").build(&uri)?.bind()?;
    running.stop();
    assert_eq!(hears.iter().count(), 1);
    Ok(())
}
