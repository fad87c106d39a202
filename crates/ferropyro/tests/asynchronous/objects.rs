//! The objects of these tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferropyro::wire::AnnotationKey;
use ferropyro::{
    Call, Context, Dict, ItemStream, Members, Method, Object, Param, Raise, Reply, SerializedBlob, Value, context,
    expose,
};
use tokio::sync::{Barrier, Notify};
use tokio::time::sleep;

/// Waits where a method could have something to wait for.
pub(crate) async fn pause() {
    sleep(Duration::from_millis(1)).await;
}

/// Methods of all sorts, half of them async.
pub(crate) struct Workshop {
    level: Mutex<i64>,
    logged: Mutex<Sender<String>>,
    inside: AtomicUsize,
    pair: Barrier,
    pub(crate) gate: Arc<Notify>,
}

impl Workshop {
    /// With what it is going to log.
    pub(crate) fn new() -> (Workshop, Receiver<String>) {
        let (sender, receiver) = channel();
        let workshop = Workshop {
            level: Mutex::new(3),
            logged: Mutex::new(sender),
            inside: AtomicUsize::new(0),
            pair: Barrier::new(2),
            gate: Arc::default(),
        };
        (workshop, receiver)
    }

    pub(crate) fn unheard() -> Workshop {
        Workshop::new().0
    }

    fn note(&self, text: impl Into<String>) {
        let logged = self.logged.lock().unwrap();
        // Not every test listens.
        let _ = logged.send(text.into());
    }
}

#[expose]
impl Workshop {
    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    pub async fn add_later(&self, a: i64, b: i64) -> i64 {
        pause().await;
        a + b
    }

    pub async fn nothing(&self) {
        pause().await;
    }

    pub async fn at_once(&self) -> i64 {
        1
    }

    pub async fn divide(&self, a: i64, #[default(2)] b: i64) -> Result<i64, Raise> {
        pause().await;
        if b == 0 {
            return Err(Raise::new("ZeroDivisionError", "division by zero"));
        }
        pause().await;
        Ok(a / b)
    }

    pub async fn greet(&self, #[default("you")] name: &str, #[default(&[])] more: &[i64]) -> String {
        pause().await;
        format!("hello {name} {more:?}")
    }

    pub async fn longest<'a>(&self, texts: &'a BTreeMap<String, String>, other: &'a str) -> &'a str {
        pause().await;
        let texts = texts.values().map(String::as_str).chain([other]);
        texts.max_by_key(|text| text.len()).unwrap_or_default()
    }

    #[expose(name = "bytes")]
    pub async fn length(&self, bytes: &[u8]) -> usize {
        pause().await;
        bytes.len()
    }

    #[expose(args)]
    pub async fn anything(&self, args: Vec<Value>, kwargs: Dict) -> (usize, usize) {
        pause().await;
        (args.len(), kwargs.len())
    }

    /// Parameters whose names are those of the expansion.
    pub async fn names(&self, call: i64, result: i64, r#type: i64, mut a: i64) -> i64 {
        a += call - result;
        pause().await;
        a * r#type
    }

    #[expose(oneway)]
    pub async fn log(&self, text: String) {
        pause().await;
        self.note(text);
    }

    #[expose(oneway)]
    pub async fn fail_unheard(&self, text: &str) -> Result<(), Raise> {
        pause().await;
        Err(Raise::new("ValueError", text))
    }

    #[expose(callback)]
    pub async fn call_back(&self, fails: bool) -> Result<i64, Raise> {
        pause().await;
        match fails {
            true => Err(Raise::new("ValueError", "nobody at home")),
            false => Ok(1),
        }
    }

    pub async fn panic_at_once(&self) -> i64 {
        panic!("before any await")
    }

    pub async fn panic_later(&self) -> i64 {
        pause().await;
        panic!("after an await")
    }

    pub async fn numbers(&self, count: u32) -> ItemStream {
        pause().await;
        ItemStream::new(1..=count)
    }

    pub async fn fallible_numbers(&self, count: u32) -> Result<ItemStream, Raise> {
        pause().await;
        match count {
            0 => Err(Raise::new("ValueError", "none")),
            count => Ok(ItemStream::new(1..=count)),
        }
    }

    /// Waits until the program opens the gate.
    pub async fn pass(&self) {
        self.gate.notified().await;
        self.note("passed");
    }

    pub async fn unpack(&self, blob: &SerializedBlob) -> Result<(Value, i64), Raise> {
        pause().await;
        let number = blob.deserialized()?;
        Ok((blob.info().clone(), number))
    }

    /// Waits for another call.
    pub async fn meet(&self, name: String) -> String {
        self.pair.wait().await;
        name
    }

    /// How many calls of this method there were at a time.
    pub async fn crowd(&self) -> usize {
        let mut most = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        for _ in 0..3 {
            pause().await;
            most = most.max(self.inside.load(Ordering::SeqCst));
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
        most
    }

    /// Whether the context is the current one before and after each await.
    pub async fn watch(&self, cx: &Context) -> Vec<bool> {
        let is_current = || context::current().is_some_and(|current| current.seq() == cx.seq());
        let mut seen = vec![is_current()];
        for _ in 0..3 {
            pause().await;
            seen.push(is_current());
        }
        seen
    }

    /// As [`Workshop::meet`], and tells whose correlation id goes along with calls before and after.
    pub async fn meet_and_tell(&self, cx: &Context) -> (String, Vec<String>) {
        let id = || context::correlation_id().map(|id| id.to_string()).unwrap_or_default();
        let before = id();
        self.pair.wait().await;
        let between = id();
        self.pair.wait().await;
        (cx.correlation_id().to_string(), vec![before, between, id()])
    }

    /// Sets a correlation id of its own, and tells whether it stands while others run.
    pub async fn sets_an_id(&self, id: &str) -> Result<bool, Raise> {
        let id = id.parse().map_err(|_| Raise::new("ValueError", "no id"))?;
        context::set_correlation_id(Some(id));
        self.pair.wait().await;
        pause().await;
        Ok(context::correlation_id() == Some(id))
    }

    pub async fn whom_do_you_serve(&self, cx: &Context) -> String {
        pause().await;
        cx.correlation_id().to_string()
    }

    pub async fn annotate(&self, cx: &Context, first: String, second: String) -> Result<(), Raise> {
        let key = |name: &str| AnnotationKey::try_from(name).map_err(|_| Raise::new("ValueError", "no key"));
        cx.annotate(key("FRST")?, first);
        pause().await;
        if let Some(current) = context::current() {
            current.annotate(key("SCND")?, second);
        }
        Ok(())
    }

    /// What needs the runtime: tasks, clocks, and code that blocks.
    pub async fn in_a_runtime(&self) -> Result<i64, Raise> {
        let task = tokio::spawn(async {
            pause().await;
            1
        });
        let blocking = tokio::task::spawn_blocking(|| 2);
        let failed = |_| Raise::new("RuntimeError", "a task has failed");
        Ok(task.await.map_err(failed)? + blocking.await.map_err(failed)?)
    }

    #[expose(get)]
    pub fn level(&self) -> i64 {
        *self.level.lock().unwrap()
    }

    #[expose(set)]
    pub fn set_level(&self, value: i64) {
        *self.level.lock().unwrap() = value;
    }

    #[cfg(any())]
    pub async fn compiled_nowhere(&self, thing: Thing) -> Thing {
        thing
    }

    #[cfg(not(any()))]
    pub async fn compiled(&self) -> bool {
        true
    }

    #[cfg(any())]
    pub async fn compiled(&self) -> bool {
        false
    }

    #[expose(skip)]
    pub async fn internal(&self) -> i64 {
        self.helper().await
    }

    async fn helper(&self) -> i64 {
        pause().await;
        7
    }
}

/// An async method of a type with parameters.
#[derive(Default)]
pub(crate) struct Shelf<T>(Mutex<Vec<T>>);

#[expose]
impl<T> Shelf<T>
where
    T: Clone + Send + Sync + serde::Serialize + for<'de> serde::Deserialize<'de> + 'static,
{
    pub async fn put(&self, thing: T) -> Vec<T> {
        self.0.lock().unwrap().push(thing);
        pause().await;
        self.0.lock().unwrap().clone()
    }
}

/// Knows which instance it is, and counts its calls.
pub(crate) struct Counter {
    pub(crate) number: usize,
    pub(crate) calls: AtomicUsize,
    pub(crate) dropped: Sender<usize>,
}

#[expose]
impl Counter {
    /// The number of the instance, and that of the call.
    pub async fn count(&self) -> (usize, usize) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        pause().await;
        (self.number, call)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        // Not every test listens.
        let _ = self.dropped.send(self.number);
    }
}

/// What `#[expose]` makes of an async method, by hand.
pub(crate) struct ByHand;

static BY_HAND: Members = Members::new(
    "ByHand",
    const {
        &[
            Method::new("add", const { &[Param::required("a"), Param::required("b")] }).asynchronous(),
            Method::new("plain", const { &[] }).asynchronous(),
        ]
    },
);

impl Object for ByHand {
    fn members(&self) -> &Members {
        &BY_HAND
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "add" => call.refuse_sync(),
            "plain" => call.reply("not async at all"),
            _ => call.refuse(),
        }
    }

    fn call_async<'a>(&'a self, call: Call<'a>) -> ferropyro::BoxFuture<'a, Result<Reply, Raise>> {
        match call.method() {
            "add" => Box::pin(async move {
                let (a, b) = call.args::<(i64, i64)>()?;
                pause().await;
                call.reply(&(a + b))
            }),
            _ => Box::pin(std::future::ready(self.call(call))),
        }
    }
}

/// Hands on what it is asked, but forgets that some methods are async.
pub(crate) struct Forgetful(pub(crate) ByHand);

impl Object for Forgetful {
    fn members(&self) -> &Members {
        self.0.members()
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        self.0.call(call)
    }
}
