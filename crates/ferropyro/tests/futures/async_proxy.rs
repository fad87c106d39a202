//! Calls in the background.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use ferropyro::futures::{AsyncProxy, FutureResult};
use ferropyro::wire::{AnnotationKey, Dialect};
use ferropyro::{
    Config, Context, Daemon, Dict, ErrorKind, ItemStream, Items, Proxy, Raise, Result, RunningDaemon, Uri, Value,
    context, expose,
};
use uuid::Uuid;

const DIALECTS: [Dialect; 2] = [Dialect::V48, Dialect::V502];
const NO_FREE_WORKERS: &str = "no free workers, increase server threadpool size";

/// An object whose calls can wait for each other.
#[derive(Default)]
struct Desk {
    gate: Mutex<Gate>,
    changed: Condvar,
    owner: Mutex<String>,
    door: Arc<Door>,
}

#[derive(Default)]
struct Gate {
    waiting: usize,
    opened: usize,
}

/// Closed until it is opened for good.
#[derive(Default)]
struct Door {
    /// Whether somebody stands before it, and whether it is open.
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Door {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, is_open)| !*is_open).unwrap());
    }

    fn await_knock(&self) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |(knocked, _)| !*knocked).unwrap());
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

#[expose]
impl Desk {
    pub fn divide(&self, a: i64, #[default(1)] b: i64) -> std::result::Result<i64, Raise> {
        a.checked_div(b)
            .ok_or_else(|| Raise::new("ZeroDivisionError", "integer division or modulo by zero"))
    }

    /// Comes back when so many calls are here at once; tells over which connection it came.
    pub fn meet(&self, cx: &Context, count: usize) -> String {
        let mut gate = self.gate.lock().unwrap();
        let opened = gate.opened;
        gate.waiting += 1;
        if gate.waiting == count {
            gate.waiting = 0;
            gate.opened += 1;
        }
        self.changed.notify_all();
        drop(self.changed.wait_while(gate, |gate| gate.opened == opened).unwrap());
        cx.peer().to_string()
    }

    /// Comes back when somebody waits in `meet`.
    pub fn await_company(&self) {
        let gate = self.gate.lock().unwrap();
        drop(self.changed.wait_while(gate, |gate| gate.waiting == 0).unwrap());
    }

    #[expose(get)]
    pub fn owner(&self) -> String {
        self.owner.lock().unwrap().clone()
    }

    #[expose(set)]
    pub fn set_owner(&self, value: String) {
        *self.owner.lock().unwrap() = value;
    }

    /// Items that come when the door is open.
    pub fn items(&self) -> ItemStream {
        let door = Arc::clone(&self.door);
        ItemStream::new((1..=3).inspect(move |_| door.pass()))
    }

    /// Comes back when somebody stands before the door.
    pub fn await_knock(&self) {
        self.door.await_knock();
    }

    pub fn open_door(&self) {
        self.door.open();
    }

    /// The correlation id, and an annotation.
    pub fn what_came_along(&self, cx: &Context) -> (String, Option<String>) {
        let magic = cx.annotations().get(key());
        let magic = magic.map(|value| String::from_utf8_lossy(value).into_owned());
        (cx.correlation_id().to_string(), magic)
    }
}

fn key() -> AnnotationKey {
    AnnotationKey::try_from("XYZZ").unwrap()
}

fn desk(config: Config) -> Result<(RunningDaemon, Uri)> {
    let daemon = Daemon::builder().config(config).bind()?;
    let uri = daemon.register("desk", Desk::default())?;
    Ok((daemon.start(), uri))
}

fn calling(uri: &Uri, dialect: Dialect) -> Result<AsyncProxy> {
    let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
    Ok(AsyncProxy::new(proxy))
}

/// The connections of so many calls at once.
fn connections(desk: &AsyncProxy, count: usize) -> BTreeSet<String> {
    let calls: Vec<FutureResult<String>> = (0..count).map(|_| desk.call("meet", (count,))).collect();
    let connections: Result<_> = calls.into_iter().map(FutureResult::into_value).collect();
    connections.unwrap()
}

// Conformance: FUT-07
#[test]
fn ten_calls_are_under_way_at_once() {
    for dialect in DIALECTS {
        let (_running, uri) = desk(Config::default()).unwrap();
        let desk = calling(&uri, dialect).unwrap();
        assert_eq!(connections(&desk, 10).len(), 10);
    }
}

// Conformance: FUT-02, FUT-07
#[test]
fn values_and_errors_come_through_the_result() {
    for dialect in DIALECTS {
        let (_running, uri) = desk(Config::default()).unwrap();
        let desk = calling(&uri, dialect).unwrap();
        let result: FutureResult<i64> = desk.call("divide", (100, 5));
        assert_eq!(result.value().unwrap(), 20);
        let result: FutureResult<i64> = desk.call_with("divide", (100,), Dict::from([("b", 4)]));
        assert_eq!(result.value().unwrap(), 25);

        let error = desk.call::<i64>("divide", (100, 0)).value().unwrap_err();
        assert_eq!(error.as_remote().unwrap().class(), "builtins.ZeroDivisionError");
        let error = desk.call::<i64>("multiply", (100, 0)).value().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Attribute);
        let error = desk.call::<String>("divide", (100, 5)).value().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize);
    }
}

// Conformance: FUT-03, FUT-07
#[test]
fn calls_are_chained_to_remote_calls() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let plain = Proxy::new(uri.clone()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    let result = desk
        .call("divide", (100, 5))
        .then(|value: i64| Ok(value + 3))
        .then(move |value| plain.call("divide", (value * 2, 2)))
        .then(|value: i64| Ok(format!("{value}")));
    assert_eq!(result.value().unwrap(), "23");
}

// Conformance: FUT-04, FUT-07
#[test]
fn the_handler_hears_of_a_remote_error_once() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    let (heard, errors) = channel();
    let result = desk
        .call("divide", (100, 0))
        .iferror(move |error| heard.send(error.as_remote().cloned()).unwrap())
        .then(|_: i64| -> Result<()> { panic!("must not be called") });
    assert!(result.value().unwrap_err().as_remote().is_some());
    let errors: Vec<_> = errors
        .iter()
        .map(|error| error.unwrap().class_name().to_owned())
        .collect();
    assert_eq!(errors, ["ZeroDivisionError"]);
}

#[test]
fn attributes_are_read_and_set() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    desk.set("owner", "anna".to_owned()).value().unwrap();
    assert_eq!(desk.get::<String>("owner").value().unwrap(), "anna");
    assert_eq!(
        desk.get::<Value>("secret").value().unwrap_err().kind(),
        ErrorKind::Attribute
    );
}

#[test]
fn several_calls_go_over_one_connection() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    let meet = |proxy: &Proxy| proxy.call::<String>("meet", (1,));
    let (first, second) = desk.run(move |proxy| Ok((meet(proxy)?, meet(proxy)?))).value().unwrap();
    assert_eq!(first, second);
}

#[test]
fn eight_connections_are_kept_for_later_calls() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    let first = connections(&desk, 12);
    let second = connections(&desk, 12);
    assert_eq!(first.intersection(&second).count(), 8);
    let alone = connections(&desk, 1);
    assert!(alone.is_subset(&second));
}

#[test]
fn the_connection_of_the_given_proxy_is_used() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let proxy = Proxy::new(uri).unwrap();
    let its_own: String = proxy.call("meet", (1,)).unwrap();
    assert_eq!(connections(&AsyncProxy::new(proxy), 1), BTreeSet::from([its_own]));
}

#[test]
fn releasing_closes_idle_connections_and_those_in_use_after_their_calls() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri.clone()).unwrap());
    let before = connections(&desk, 3);
    desk.release();
    let after = connections(&desk, 3);
    assert!(before.is_disjoint(&after));

    let under_way: FutureResult<String> = desk.call("meet", (2,));
    let other = Proxy::new(uri).unwrap();
    other.call::<()>("await_company", ()).unwrap();
    desk.release();
    other.call::<String>("meet", (2,)).unwrap();
    let released = under_way.value().unwrap();
    assert!(!connections(&desk, 3).contains(&released));
}

// Conformance: FUT-07
#[test]
fn calls_wait_for_a_server_that_has_no_free_worker() {
    for dialect in DIALECTS {
        let config = Config::default().threadpool_size(2_usize).threadpool_size_min(1_usize);
        let (_running, uri) = desk(config).unwrap();
        let desk = calling(&uri, dialect).unwrap();
        let calls: Vec<FutureResult<i64>> = (0..20).map(|n| desk.call("divide", (n,))).collect();
        let values: Result<Vec<i64>> = calls.iter().map(FutureResult::value).collect();
        assert_eq!(values.unwrap(), (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn the_waiting_for_a_free_worker_ends_with_the_time_limit() {
    let config = Config::default().threadpool_size(1_usize).threadpool_size_min(1_usize);
    let (_running, uri) = desk(config).unwrap();
    let occupant = Proxy::new(uri.clone()).unwrap();
    occupant.bind().unwrap();
    let hurried = Proxy::builder().timeout(Duration::from_secs(1)).build(uri).unwrap();
    let error = AsyncProxy::new(hurried)
        .call::<i64>("divide", (1,))
        .value()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Communication);
    assert!(error.message().ends_with(NO_FREE_WORKERS), "{error}");
    assert!(occupant.is_connected());
}

#[test]
fn when_nobody_is_there_the_result_says_so() {
    let (running, uri) = desk(Config::default()).unwrap();
    let kept = AsyncProxy::new(Proxy::new(uri.clone()).unwrap());
    assert_eq!(connections(&kept, 2).len(), 2);
    running.stop();
    for desk in [kept, AsyncProxy::new(Proxy::new(uri).unwrap())] {
        let error = desk.call::<i64>("divide", (1,)).value().unwrap_err();
        assert!(error.is_a(ErrorKind::Communication), "{error:?}");
    }
}

// Conformance: CTX-08, FUT-07
#[test]
fn what_the_calling_thread_has_set_goes_along_with_its_call() {
    for dialect in DIALECTS {
        let (_running, uri) = desk(Config::default()).unwrap();
        let desk = calling(&uri, dialect).unwrap();
        let id = Uuid::new_v4();
        context::set_correlation_id(Some(id));
        context::annotate(key(), *b"magic");
        let first: FutureResult<(String, Option<String>)> = desk.call("what_came_along", ());
        let second: FutureResult<(String, Option<String>)> = desk.call("what_came_along", ());
        context::set_correlation_id(None);
        assert_eq!(first.value().unwrap(), (id.to_string(), Some("magic".to_owned())));
        assert_eq!(second.value().unwrap(), (id.to_string(), None));
    }
}

// Conformance: CTX-08
#[test]
fn what_the_calling_thread_has_set_goes_along_with_its_batch() {
    type CameAlong = (String, Option<String>);
    for dialect in DIALECTS {
        let (_running, uri) = desk(Config::default()).unwrap();
        let desk = Proxy::builder().dialect(dialect).build(uri).unwrap();
        let id = Uuid::new_v4();
        context::set_correlation_id(Some(id));
        context::annotate(key(), *b"magic");
        let batch = desk.batch().call("what_came_along", ()).run_in_background().unwrap();
        let next: CameAlong = desk.call("what_came_along", ()).unwrap();
        context::set_correlation_id(None);
        let results: Vec<CameAlong> = batch.into_value().unwrap().all().unwrap();
        assert_eq!(results, [(id.to_string(), Some("magic".to_owned()))]);
        assert_eq!(next, (id.to_string(), None));
    }
}

#[test]
fn work_that_panics_loses_its_connection_and_nothing_else() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    let before = connections(&desk, 1);
    let error = desk
        .run(|_| -> Result<()> { panic!("on purpose") })
        .value()
        .unwrap_err();
    assert_eq!(error.message(), "the call panicked: on purpose");
    assert!(connections(&desk, 1).is_disjoint(&before));
}

#[test]
fn connections_that_the_server_has_closed_meanwhile_are_not_used_again() {
    let (running, uri) = desk(Config::default()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    assert_eq!(connections(&desk, 3).len(), 3);
    let port = running.address().unwrap().port();
    running.stop();
    let daemon = Daemon::builder().port(port).bind().unwrap();
    daemon.register("desk", Desk::default()).unwrap();
    let _running = daemon.start();
    assert_eq!(connections(&desk, 3).len(), 3);
}

/// The first of the items, and what the desk does while it is waited for.
fn while_an_item_is_waited_for(uri: &Uri, items: Items<i64>, busy: impl FnOnce()) -> Option<Result<i64>> {
    let other = Proxy::new(uri.clone()).unwrap();
    let mut items = items;
    thread::scope(|scope| {
        let waiting = scope.spawn(move || items.next());
        other.call::<()>("await_knock", ()).unwrap();
        busy();
        other.call::<()>("open_door", ()).unwrap();
        waiting.join().unwrap()
    })
}

#[test]
fn nothing_waits_for_an_item_that_takes_its_time() {
    let patient = |uri: &Uri| {
        Proxy::builder()
            .timeout(Duration::from_secs(10))
            .build(uri.clone())
            .unwrap()
    };
    let work = |desk: &AsyncProxy| {
        let calls: Vec<FutureResult<i64>> = (0..5).map(|n| desk.call("divide", (n,))).collect();
        desk.release();
        assert_eq!(calls.iter().map(FutureResult::value).sum::<Result<i64>>().unwrap(), 10);
    };
    // Items that came from a call in the background, and items of the proxy that the calls begin with.
    let (_running, uri) = desk(Config::default()).unwrap();
    let desk_of_items = AsyncProxy::new(patient(&uri));
    let items = desk_of_items.call::<Items<i64>>("items", ()).into_value().unwrap();
    let item = while_an_item_is_waited_for(&uri, items, || work(&desk_of_items));
    assert_eq!(item.unwrap().unwrap(), 1);

    let (_running, uri) = desk(Config::default()).unwrap();
    let proxy = patient(&uri);
    let items = proxy.call::<Items<i64>>("items", ()).unwrap();
    let item = while_an_item_is_waited_for(&uri, items, || work(&AsyncProxy::new(proxy)));
    assert_eq!(item.unwrap().unwrap(), 1);
}

#[test]
fn a_connection_over_which_items_come_is_theirs() {
    let (_running, uri) = desk(Config::default()).unwrap();
    let plain = Proxy::new(uri.clone()).unwrap();
    plain.call::<()>("open_door", ()).unwrap();
    let desk = AsyncProxy::new(Proxy::new(uri).unwrap());
    let both = desk.run(|proxy| {
        Ok((
            proxy.call::<Items<i64>>("items", ())?,
            proxy.call::<String>("meet", (1,))?,
        ))
    });
    let (items, connection) = both.into_value().unwrap();
    assert!(!connections(&desk, 3).contains(&connection));
    assert_eq!(items.sum::<Result<i64>>().unwrap(), 6);
}
