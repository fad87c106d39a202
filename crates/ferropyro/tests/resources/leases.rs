use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ferropyro::{Config, Context, ErrorKind, Proxy, Raise, Registered, Result, RunningDaemon, Uri, expose};

use super::support::{DIALECTS, Events, Teller, Thing, events, proxy};
use crate::server;

struct Book(Thing);

#[expose]
impl Book {
    pub fn title(&self) -> String {
        self.0.name.clone()
    }
}

struct Library {
    teller: Teller,
    kept: Mutex<Vec<(Context, Registered<Book>)>>,
}

#[expose]
impl Library {
    pub fn lend(&self, context: &Context, title: String) -> Result<Registered<Book>, Raise> {
        Ok(context.lease(Book(Thing::new(title, &self.teller)))?)
    }

    pub fn lend_for(&self, context: &Context, milliseconds: u64, title: String) -> Result<Registered<Book>, Raise> {
        let time = Duration::from_millis(milliseconds);
        Ok(context.lease_for(time, Book(Thing::new(title, &self.teller)))?)
    }

    /// As long as this holds it, the object lives; clients do not get at it any more when the lease is over.
    pub fn lend_and_keep(&self, context: &Context, title: String) -> Result<Registered<Book>, Raise> {
        let book = self.lend(context, title)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((context.clone(), book.clone()));
        Ok(book)
    }

    pub fn is_registered(&self) -> Vec<bool> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|(_, book)| book.is_registered()).collect()
    }

    /// The error of lending something to somebody who has gone.
    pub fn lend_to_the_one_who_left(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (context, _) = kept.first()?;
        let error = context.lease(Book(Thing::new("late", &self.teller))).err()?;
        Some(format!("{:?}: {error}", error.kind()))
    }

    /// Gives back what is not registered any more.
    pub fn give_kept(&self) -> Option<Registered<Book>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.first().map(|(_, book)| book.clone())
    }
}

/// The daemon's own object, and the library.
const LASTING: usize = 2;

fn library() -> Result<(RunningDaemon, Uri, Events)> {
    let (teller, hears) = events();
    let daemon = server::daemon()
        .config(Config::default().polltimeout(Duration::from_millis(50)))
        .bind()?;
    let library = Library {
        teller,
        kept: Mutex::default(),
    };
    let uri = daemon.register("library", library)?;
    Ok((daemon.start(), uri, hears))
}

#[test]
fn a_leased_object_goes_with_the_connection_that_got_it() -> Result<()> {
    let (daemon, uri, hears) = library()?;
    for dialect in DIALECTS {
        let (one, other) = (proxy(&uri, dialect)?, proxy(&uri, dialect)?);
        let book: Proxy = one.call("lend", ("Emma",))?;
        let others: Proxy = other.call("lend", ("Ulysses",))?;
        assert_eq!(book.call::<String>("title", ())?, "Emma");
        assert_eq!(daemon.statistics().objects, LASTING + 2);
        one.release();
        assert_eq!(hears.next(), "dropped Emma");
        let error = book.call::<String>("title", ()).unwrap_err();
        assert_eq!(
            error.as_remote().map(|remote| remote.args().to_vec()),
            Some(vec!["unknown object".into()])
        );
        assert_eq!(others.call::<String>("title", ())?, "Ulysses");
        drop(other);
        assert_eq!(hears.next(), "dropped Ulysses");
        assert_eq!(daemon.statistics().objects, LASTING);
    }
    Ok(())
}

#[test]
fn a_lease_ends_after_its_time_at_the_latest() -> Result<()> {
    let (daemon, uri, hears) = library()?;
    let client = Proxy::new(uri)?;
    let book: Proxy = client.call("lend_for", (300, "Emma"))?;
    assert_eq!(hears.next(), "dropped Emma");
    assert!(book.call::<String>("title", ()).is_err());
    let book: Proxy = client.call("lend_for", (1_000_000, "Ulysses"))?;
    assert_eq!(book.call::<String>("title", ())?, "Ulysses");
    client.release();
    assert_eq!(hears.next(), "dropped Ulysses");
    assert_eq!(daemon.statistics().objects, LASTING);
    Ok(())
}

#[test]
fn a_handle_keeps_the_object_and_not_its_registration() -> Result<()> {
    let (daemon, uri, hears) = library()?;
    let (leaving, staying) = (Proxy::new(&uri)?, Proxy::new(&uri)?);
    let book: Proxy = leaving.call("lend_and_keep", ("Emma",))?;
    assert_eq!(staying.call::<Vec<bool>>("is_registered", ())?, [true]);
    leaving.release();
    while staying.call::<Vec<bool>>("is_registered", ())? == [true] {}
    assert_eq!(daemon.statistics().objects, LASTING);
    assert!(book.call::<String>("title", ()).is_err());
    assert!(hears.so_far().is_empty());
    let error = staying.call::<Option<Proxy>>("give_kept", ()).unwrap_err();
    assert!(error.to_string().contains("is not registered any more"), "{error}");
    Ok(())
}

#[test]
fn nothing_is_lent_to_a_client_that_has_gone() -> Result<()> {
    let (daemon, uri, hears) = library()?;
    let (leaving, staying) = (Proxy::new(&uri)?, Proxy::new(&uri)?);
    leaving.call::<Proxy>("lend_and_keep", ("Emma",))?;
    leaving.release();
    while staying.call::<Vec<bool>>("is_registered", ())? == [true] {}
    let error: Option<String> = staying.call("lend_to_the_one_who_left", ())?;
    let text = "Pyro: cannot lease an object to a client whose connection has ended already";
    assert_eq!(error.as_deref(), Some(text));
    assert_eq!(hears.next(), "dropped late");
    assert_eq!(daemon.statistics().objects, LASTING);
    Ok(())
}

#[test]
fn a_shared_object_stays_until_it_is_unregistered() -> Result<()> {
    let (daemon, _, hears) = library()?;
    let (teller, heard) = events();
    let book = daemon.share_as("book", Book(Thing::new("Emma", &teller)))?;
    let client = Proxy::new(book.uri()?)?;
    assert_eq!(client.call::<String>("title", ())?, "Emma");
    client.release();
    assert_eq!(client.call::<String>("title", ())?, "Emma");
    assert!(book.is_registered());
    book.unregister();
    book.unregister();
    assert!(!book.is_registered());
    assert_eq!(book.object().title(), "Emma");
    client.release();
    let error = client.call::<String>("title", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Communication);
    assert!(heard.so_far().is_empty());
    drop(book);
    assert_eq!(heard.next(), "dropped Emma");
    assert!(hears.so_far().is_empty());
    Ok(())
}
