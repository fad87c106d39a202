//! The object `Pyro.NameServer` as clients call it.

use std::fmt;
use std::sync::Arc;

use ferropyro::{BoxFuture, Call, Members, Method, Object, Param, Raise, Reply, Uri};
use tokio::task::spawn_blocking;

use crate::answer::{self, Outcome};
use crate::book::Book;
use crate::read_only::ReadOnly;
use crate::request::Request;
use crate::statistics::{Counters, Statistics};
use crate::store::{Entry, History, Store, Waits};

/// Answers the calls of Pyro4's and Pyro5's name server clients.
///
/// There is one set of methods, the union of both generations'. What they do where the two differ is what the caller's generation does. `unregister` is
/// another name of `remove`, as in Pyro's manual. What Pyro's name servers lack: `register` takes a `ttl`, the seconds after which the name goes unless `renew(name, uri)`
/// has been called; `changes(since, prefix, wait)` gives a revision and the changes behind `since`, each with revision, name, and URI and tags or None,
/// and waits so many seconds if there are none yet.
#[derive(Clone)]
pub struct NameServerObject {
    book: Arc<Book>,
    calls: Arc<Counters>,
    members: &'static Members,
}

/// How a method is run.
#[derive(Clone, Copy)]
enum Run {
    Plain,
    Quick,
    Awaited,
}

/// The methods that look at one name or none, and the others, run in these ways.
const fn methods(look_ups: Run, others: Run) -> [Method; 11] {
    [
        // It waits, on either server.
        Method::new("changes", CHANGES).returns("tuple[int, list[Any]]").doc("The changes behind a revision, or the revision to begin with; waits so many seconds for some.").asynchronous(),
        run(Method::new("count", &[]).returns("int").doc("How many names there are."), look_ups),
        run(Method::new("list", LIST).returns("dict[str, Any]").doc("The names and their URIs, of all or of those that match; with their tags on demand."), others),
        run(Method::new("lookup", LOOKUP).returns("Any").doc("The URI of a name; with its tags on demand."), look_ups),
        run(Method::new("ping", &[]).returns("None").doc("Does nothing: the name server is there."), look_ups),
        run(Method::new("register", REGISTER).returns("None").doc("Gives a URI a name; one that is taken already, unless it shall be safe. With a time to live in seconds it goes if nobody renews it."), others),
        run(Method::new("remove", REMOVE).returns("int").doc("Removes a name, or all names that match, and tells how many."), others),
        run(Method::new("renew", RENEW).returns("bool").doc("Keeps a name that has a time to live; False if it is gone."), others),
        run(Method::new("set_metadata", SET_METADATA).returns("None").doc("Gives a name these tags in place of those that it has."), others),
        run(Method::new("unregister", REMOVE).returns("int").doc("As remove."), others),
        run(Method::new("yplookup", YPLOOKUP).returns("dict[str, Any]").doc("The names with all or any of these tags."), others),
    ]
}

const fn run(method: Method, how: Run) -> Method {
    match how {
        Run::Plain => method,
        Run::Quick => method.quick(),
        Run::Awaited => method.asynchronous(),
    }
}

static MEMBERS: Members = Members::new("NameServer", const { &methods(Run::Plain, Run::Plain) }).doc(DOC);
/// The same for an event loop, with a store that keeps its names in memory.
static QUICK: Members = Members::new("NameServer", const { &methods(Run::Quick, Run::Awaited) }).doc(DOC);
/// The same for an event loop, with a store that asks for them.
static AWAITED: Members = Members::new("NameServer", const { &methods(Run::Awaited, Run::Awaited) }).doc(DOC);

const DOC: &str = "Finds objects by name.";

const CHANGES: &[Param] = &[
    optional("since", "int | None", "None"),
    optional("prefix", "str | None", "None"),
    optional("wait", "float", "0"),
];
const RENEW: &[Param] = &[NAME, URI];
const LOOKUP: &[Param] = &[NAME, RETURN_METADATA];
const REGISTER: &[Param] = &[
    NAME,
    URI,
    optional("safe", "bool", "False"),
    optional("metadata", "set[str] | None", "None"),
    optional("ttl", "float | None", "None"),
];
const SET_METADATA: &[Param] = &[NAME, Param::required("metadata").type_name("set[str]")];
const REMOVE: &[Param] = &[optional("name", "str | None", "None"), PREFIX, REGEX];
/// Pyro4's; Pyro5 lacks the third and the fourth.
const LIST: &[Param] = &[
    PREFIX,
    REGEX,
    optional("metadata_all", "set[str] | None", "None"),
    optional("metadata_any", "set[str] | None", "None"),
    RETURN_METADATA,
];
const YPLOOKUP: &[Param] = &[
    optional("meta_all", "set[str] | None", "None"),
    optional("meta_any", "set[str] | None", "None"),
    optional("return_metadata", "bool", "True"),
];

const NAME: Param = Param::required("name").type_name("str");
const URI: Param = Param::required("uri").type_name("str");
const PREFIX: Param = optional("prefix", "str | None", "None");
const REGEX: Param = optional("regex", "str | None", "None");
const RETURN_METADATA: Param = optional("return_metadata", "bool", "False");

const fn optional(name: &'static str, type_name: &'static str, default: &'static str) -> Param {
    Param::optional(name).type_name(type_name).default(default)
}

impl NameServerObject {
    /// A name server with the names of this store.
    pub fn new(store: Arc<dyn Store>) -> NameServerObject {
        NameServerObject {
            book: Arc::new(Book::new(store)),
            calls: Arc::new(Counters::new(&MEMBERS.methods)),
            members: &MEMBERS,
        }
    }

    /// The same for the event loop: what waits for a disk or a network is done beside it.
    pub(crate) fn awaited(store: Arc<dyn Store>) -> NameServerObject {
        let members = match store.capabilities().waits {
            Waits::Never | Waits::ForChanges => &QUICK,
            Waits::Always => &AWAITED,
        };
        NameServerObject {
            members,
            ..NameServerObject::new(store)
        }
    }

    /// What it has done so far. This costs hardly anything.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            calls: self.calls.read(),
            revision: self.book.history.latest(),
            watchers: self.book.watchers(),
            is_read_only: self.book.read_only.is_on(),
        }
    }

    /// Lets clients change nothing (`NamingError: this name server is read-only`), or everything again. The calls that run already are not concerned.
    ///
    /// Meanwhile nothing is written to the store, and NS_AUTOCLEAN rests; the name server's own entry is right all the same. Names that are kept for a
    /// while only can still be renewed, and go when they are not.
    ///
    /// # Errors
    /// `Naming` when the store does not take the name server's own entry, which it should have from now on; it stays read-only then.
    pub fn set_read_only(&self, is_read_only: bool) -> ferropyro::Result<()> {
        self.book.read_only.set(is_read_only)
    }

    /// The store, which may be read-only.
    pub(crate) fn guarded_store(&self) -> &Arc<ReadOnly> {
        &self.book.read_only
    }

    /// Where the names are kept. What is [read-only](NameServerObject::set_read_only) for clients is read-only in here, too.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.book.store
    }

    /// What has changed in the store lately.
    pub fn history(&self) -> &History {
        &self.book.history
    }

    /// Registers the name server itself, as it does when it starts.
    pub(crate) fn register_itself(&self, uri: &Uri) -> ferropyro::Result<()> {
        let entry = Entry::new(uri.to_string(), answer::own_tags());
        self.book.put_own(entry)
    }

    /// Counts a call, and tells the caller what came of it.
    fn reply(&self, method: Option<usize>, outcome: Result<Outcome, Raise>, call: Call<'_>) -> Result<Reply, Raise> {
        let reply = outcome.and_then(|outcome| outcome.reply(call));
        self.calls.count(method, reply.is_ok());
        reply
    }

    async fn run(&self, request: Request) -> Result<Outcome, Raise> {
        if let Request::Changes {
            since: Some(since),
            prefix,
            wait,
        } = request
        {
            let (latest, events) = self.book.changes(since, &prefix, wait).await?;
            return Ok(Outcome::Changes { latest, events });
        }
        if !request.waits(self.book.capabilities) {
            return request.run(&self.book);
        }
        let book = Arc::clone(&self.book);
        match spawn_blocking(move || request.run(&book)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Raise::new("RuntimeError", format!("the store failed: {error}"))),
        }
    }
}

impl Object for NameServerObject {
    fn members(&self) -> &Members {
        self.members
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let method = self.calls.place(call.method());
        let outcome = Request::read(&call).and_then(|request| request.run(&self.book));
        self.reply(method, outcome, call)
    }

    fn call_async<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply, Raise>> {
        Box::pin(async move {
            let method = self.calls.place(call.method());
            let outcome = match Request::read(&call) {
                Ok(request) => self.run(request).await,
                Err(error) => Err(error),
            };
            self.reply(method, outcome, call)
        })
    }
}

impl fmt::Debug for NameServerObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameServerObject")
    }
}
