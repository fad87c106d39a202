//! `#[expose]` and `#[remote]`: what they make, called over a real connection, and what they refuse.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use ferropyro::{
    Bytes, Call, Class, Context, Daemon, Dict, Error, ErrorKind, InstanceMode, Members, Method, Object, Param, Proxy,
    Raise, Reply, RunningDaemon, Value, expose, remote,
};

struct Warehouse {
    level: Mutex<i64>,
    logged: Mutex<Sender<String>>,
}

#[expose]
impl Warehouse {
    fn new() -> (Warehouse, std::sync::mpsc::Receiver<String>) {
        let (sender, receiver) = channel();
        (
            Warehouse {
                level: Mutex::new(3),
                logged: Mutex::new(sender),
            },
            receiver,
        )
    }

    /// Takes things out.
    pub fn take(&self, item: &str, count: u32) -> Result<u32, Raise> {
        match item {
            "egg" => Ok(count * 12),
            _ => Err(Raise::new("LookupError", item)),
        }
    }

    #[expose(oneway)]
    pub fn log(&self, text: String) {
        self.logged.lock().unwrap().send(text).unwrap();
    }

    #[expose(name = "list")]
    pub fn list_all(&self) -> Vec<String> {
        vec!["egg".into(), "ham".into()]
    }

    #[expose(get)]
    pub fn level(&self) -> i64 {
        *self.level.lock().unwrap()
    }

    #[expose(set)]
    pub fn set_level(&self, value: i64) -> Result<(), String> {
        if value < 0 {
            return Err(format!("{value} is below the floor"));
        }
        *self.level.lock().unwrap() = value;
        Ok(())
    }

    #[expose(get, name = "owner")]
    pub fn who_owns_this(&self) -> &'static str {
        "nobody"
    }

    pub fn scale(&self, value: f64, #[default(2.0)] factor: f64) -> f64 {
        value * factor
    }

    pub fn greet(
        &self,
        #[default("you")] name: &str,
        #[default(b"!")] end: &[u8],
        #[default(&[])] more: &[i64],
    ) -> String {
        format!("{name}{}{more:?}", String::from_utf8_lossy(end))
    }

    pub fn serializer(&self, cx: &Context, suffix: &str) -> String {
        format!("{:?}{suffix}", cx.serializer())
    }

    #[expose(args)]
    pub fn anything(&self, args: Vec<Value>, kwargs: Dict) -> (usize, usize) {
        (args.len(), kwargs.len())
    }

    pub fn nothing(&self) {}

    pub fn fails(&self) -> std::io::Result<()> {
        Err(std::io::Error::other("full"))
    }

    /// Parameters whose names are those of the expansion, or of Python.
    pub fn names(&self, call: i64, result: i64, r#type: i64, mut members: i64) -> i64 {
        members += call - result;
        members * r#type
    }

    pub fn same<'a>(&self, first: &'a str, counts: &BTreeMap<String, i64>) -> (&'a str, i64) {
        (first, counts.values().sum())
    }

    #[deprecated]
    pub fn old(&self) -> i64 {
        1
    }

    #[cfg(any())]
    pub fn compiled_nowhere(&self, thing: Thing) {}

    #[cfg(not(any()))]
    pub fn compiled(&self) -> bool {
        true
    }

    #[cfg(any())]
    pub fn compiled(&self) -> bool {
        false
    }

    #[expose(skip)]
    pub fn internal(&self) -> i64 {
        self.helper()
    }

    fn helper(&self) -> i64 {
        7
    }
}

/// A server of one object, and a proxy for it.
fn serve(object: impl Object) -> (RunningDaemon, Proxy) {
    let daemon = Daemon::new().unwrap();
    let uri = daemon.register("object", object).unwrap();
    (daemon.start(), Proxy::new(uri).unwrap())
}

fn warehouse() -> (RunningDaemon, Proxy) {
    serve(Warehouse::new().0)
}

/// The class name and text of the exception that a call raises.
fn raised(result: Result<Value, Error>) -> (String, String) {
    let error = result.unwrap_err();
    let remote = error.as_remote().expect("an exception of the other side");
    (remote.class_name().to_owned(), remote.message().to_owned())
}

#[test]
fn methods_get_their_arguments_and_their_results_go_back() {
    let (_daemon, proxy) = warehouse();
    assert_eq!(proxy.call::<u32>("take", ("egg", 2)).unwrap(), 24);
    assert_eq!(proxy.call::<Vec<String>>("list", ()).unwrap(), ["egg", "ham"]);
    assert_eq!(proxy.call::<Value>("nothing", ()).unwrap(), Value::None);
    assert_eq!(proxy.call::<i64>("names", (5, 2, 10, 1)).unwrap(), 40);
    assert_eq!(proxy.call::<i64>("old", ()).unwrap(), 1);
    let counts = BTreeMap::from([("a", 1), ("b", 2)]);
    assert_eq!(
        proxy.call::<(String, i64)>("same", ("x", counts)).unwrap(),
        ("x".into(), 3)
    );
}

#[test]
fn errors_are_raised() {
    let (_daemon, proxy) = warehouse();
    assert_eq!(
        raised(proxy.call("take", ("ham", 2))),
        ("LookupError".into(), "ham".into())
    );
    assert_eq!(raised(proxy.call("fails", ())), ("OSError".into(), "full".into()));
}

#[test]
fn arguments_that_do_not_fit_are_named_as_python_names_them() {
    let (_daemon, proxy) = warehouse();
    let (class, text) = raised(proxy.call("take", ("egg",)));
    assert_eq!(
        (&*class, &*text),
        (
            "TypeError",
            "Warehouse.take() missing 1 required positional argument: 'count'"
        )
    );
    let (_, text) = raised(proxy.call("scale", (1, 2, 3)));
    assert_eq!(
        text,
        "Warehouse.scale() takes from 2 to 3 positional arguments but 4 were given"
    );
    let (_, text) = raised(proxy.call("nothing", (1,)));
    assert_eq!(text, "Warehouse.nothing() takes 1 positional argument but 2 were given");
}

#[test]
fn keyword_arguments_find_their_parameters() {
    let (_daemon, proxy) = warehouse();
    let call = |method: &str, kwargs: &[(&str, Value)]| {
        let kwargs = kwargs
            .iter()
            .map(|(name, value)| (Value::from(*name), value.clone()))
            .collect();
        proxy.call_with::<Value>(method, (), &kwargs)
    };
    assert_eq!(
        call("take", &[("count", 1.into()), ("item", "egg".into())]).unwrap(),
        Value::from(12)
    );
    let kwargs = [
        ("type", 3.into()),
        ("call", 0.into()),
        ("result", 0.into()),
        ("members", 4.into()),
    ];
    assert_eq!(call("names", &kwargs).unwrap(), Value::from(12));
}

#[test]
fn left_out_arguments_have_their_defaults() {
    let (_daemon, proxy) = warehouse();
    assert_eq!(proxy.call::<f64>("scale", (4.0,)).unwrap(), 8.0);
    assert_eq!(proxy.call::<f64>("scale", (4.0, 0.5)).unwrap(), 2.0);
    assert_eq!(proxy.call::<String>("greet", ()).unwrap(), "you![]");
    let arguments = ("me", Bytes::from(&b"?"[..]), [1, 2]);
    assert_eq!(proxy.call::<String>("greet", arguments).unwrap(), "me?[1, 2]");
}

#[test]
fn the_context_is_no_argument_of_the_caller() {
    let (_daemon, proxy) = warehouse();
    let name = proxy.call::<String>("serializer", ("!",)).unwrap();
    assert_eq!(name, "Serpent!");
}

#[test]
fn a_method_of_all_arguments_gets_them_all() {
    let (_daemon, proxy) = warehouse();
    let kwargs = [(Value::from("a"), Value::from(1))].into_iter().collect();
    assert_eq!(
        proxy
            .call_with::<(i64, i64)>("anything", (1, "two", 3.0), &kwargs)
            .unwrap(),
        (3, 1)
    );
    assert_eq!(proxy.call::<(i64, i64)>("anything", ()).unwrap(), (0, 0));
}

#[test]
fn attributes_are_read_and_set() {
    let (_daemon, proxy) = warehouse();
    assert_eq!(proxy.get::<i64>("level").unwrap(), 3);
    proxy.set("level", 5).unwrap();
    assert_eq!(proxy.get::<i64>("level").unwrap(), 5);
    assert_eq!(proxy.get::<String>("owner").unwrap(), "nobody");
    let error = proxy.set("level", -1).unwrap_err();
    assert_eq!(error.as_remote().unwrap().message(), "-1 is below the floor");
    assert_eq!(proxy.set("owner", "me").unwrap_err().kind(), ErrorKind::Remote);
}

#[test]
fn oneway_methods_run_without_an_answer() {
    let (warehouse, logged) = Warehouse::new();
    let (_daemon, proxy) = serve(warehouse);
    proxy.call_oneway("log", ("one",)).unwrap();
    assert_eq!(logged.recv().unwrap(), "one");
    proxy.call::<()>("log", ("two",)).unwrap();
    assert_eq!(logged.recv().unwrap(), "two");
}

#[test]
fn what_is_not_exposed_is_refused() {
    let (_daemon, proxy) = warehouse();
    for name in ["internal", "helper", "new", "list_all", "set_level", "compiled_nowhere"] {
        let error = proxy.call::<Value>(name, ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Attribute, "{name}: {error}");
    }
    assert_eq!(Warehouse::new().0.internal(), 7);
}

#[test]
fn cfg_attributes_of_methods_stand() {
    let (_daemon, proxy) = warehouse();
    assert!(proxy.call::<bool>("compiled", ()).unwrap());
    let names: Vec<&str> = Warehouse::class_members()
        .methods
        .iter()
        .map(|method| &*method.name)
        .collect();
    assert_eq!(names.iter().filter(|name| **name == "compiled").count(), 1);
    assert!(!names.contains(&"compiled_nowhere"));
}

#[test]
fn the_table_of_members_is_as_the_impl_block_says() {
    let members = Warehouse::class_members();
    assert_eq!(members.class, "Warehouse");
    assert!(members.method("log").unwrap().oneway);
    assert!(!members.method("take").unwrap().oneway);
    let params = &members.method("scale").unwrap().params;
    let params: Vec<(&str, bool)> = params.iter().map(|param| (&*param.name, param.optional)).collect();
    assert_eq!(params, [("value", false), ("factor", true)]);
    assert_eq!(members.method("serializer").unwrap().params.len(), 1);
    let attributes: Vec<(&str, bool)> = members.attributes.iter().map(|a| (&*a.name, a.writable)).collect();
    assert_eq!(attributes, [("level", true), ("owner", false)]);
    assert_eq!(*members.unexposed, ["new", "internal", "helper"]);
}

struct Shelf<T>(Mutex<Vec<T>>);

/// What `expose` takes from here is named by the option `crate`.
mod elsewhere {
    pub use ferropyro as pyro;
}

#[expose(name = "inventory.Shelf", crate = elsewhere::pyro)]
impl<T> Shelf<T>
where
    T: Display + Clone + Send + serde::Serialize + for<'de> serde::Deserialize<'de> + 'static,
{
    pub fn put(&self, thing: T) -> usize {
        let mut things = self.0.lock().unwrap();
        things.push(thing);
        things.len()
    }

    pub fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf(Mutex::default())
    }
}

#[test]
fn generic_types_are_exposed() {
    let (_daemon, proxy) = serve(Shelf::<String>::default());
    assert_eq!(proxy.call::<usize>("put", ("cup",)).unwrap(), 1);
    assert_eq!(proxy.call::<Vec<String>>("all", ()).unwrap(), ["cup"]);
    let (_, text) = raised(proxy.call("put", ()));
    assert_eq!(
        text,
        "inventory.Shelf.put() missing 1 required positional argument: 'thing'"
    );
}

#[test]
fn exposed_types_are_classes() {
    let daemon = Daemon::new().unwrap();
    let uri = daemon
        .register_class("shelf", InstanceMode::Single, || Ok(Shelf::<i64>::default()))
        .unwrap();
    let _daemon = daemon.start();
    let proxy = Proxy::new(uri).unwrap();
    assert_eq!(proxy.call::<usize>("put", (1,)).unwrap(), 1);
    assert_eq!(proxy.call::<usize>("put", (2,)).unwrap(), 2);
}

struct Empty;

#[expose]
impl Empty {}

#[test]
fn an_empty_impl_block_exposes_nothing() {
    let members = Empty.members();
    assert!(members.methods.is_empty() && members.attributes.is_empty() && members.unexposed.is_empty());
    // Clients refuse to use it, as Pyro's do.
    let (_daemon, proxy) = serve(Empty);
    let error = proxy.call::<Value>("anything", ()).unwrap_err();
    assert!(
        error.message().contains("doesn't expose any methods or attributes"),
        "{error}"
    );
}

macro_rules! echo {
    ($name:ident, $method:ident, $param:ident: $ty:ty, $answer:ty) => {
        struct $name;

        #[expose]
        impl $name {
            pub fn $method(&self, $param: $ty, call: i64) -> $answer {
                Ok::<_, Raise>(format!("{}{call}", $param))
            }
        }
    };
}

echo!(Echo, echo, text: &str, Result<String, Raise>);

#[test]
fn an_impl_block_may_come_from_a_macro() {
    let (_daemon, proxy) = serve(Echo);
    // A text that is written with a backslash cannot be borrowed from the message.
    assert_eq!(proxy.call::<String>("echo", ("a\n", 1)).unwrap(), "a\n1");
}

/// What `#[remote]` makes a client of.
#[remote(client = "Client")]
trait Remote: Send + Sync {
    /// Takes things out.
    fn take(&self, item: &str, count: u32) -> ferropyro::Result<u32>;
    #[remote(oneway)]
    fn log(&self, text: &str) -> ferropyro::Result<()>;
    #[remote(name = "list")]
    fn list_all(&self) -> ferropyro::Result<Vec<String>>;
    #[remote(get)]
    fn level(&self) -> ferropyro::Result<i64>;
    #[remote(set)]
    fn set_level(&self, value: i64) -> ferropyro::Result<()>;
    fn greet(&self, name: &str, end: &[u8], more: &[i64]) -> ferropyro::Result<String>;
    /// The same method with less arguments.
    #[remote(name = "greet")]
    fn greet_plainly(&self, name: impl AsRef<str> + serde::Serialize) -> ferropyro::Result<String>
    where
        Self: Sized;
    #[cfg(any())]
    fn compiled_nowhere(&self, thing: Thing) -> ferropyro::Result<Thing>;
    /// Not called remotely.
    fn take_dozen(&self, item: &str) -> ferropyro::Result<u32> {
        self.take(item, 12)
    }
}

#[test]
fn a_client_calls_as_its_trait_says() {
    let (warehouse, logged) = Warehouse::new();
    let (_daemon, proxy) = serve(warehouse);
    let client = Client::from(proxy);
    assert_eq!(client.take("egg", 1).unwrap(), 12);
    assert_eq!(client.take_dozen("egg").unwrap(), 144);
    client.log("text").unwrap();
    assert_eq!(logged.recv().unwrap(), "text");
    assert_eq!(client.list_all().unwrap(), ["egg", "ham"]);
    client.set_level(9).unwrap();
    assert_eq!(client.level().unwrap(), 9);
    assert_eq!(client.greet("me", b"?", &[1]).unwrap(), "me?[1]");
    assert_eq!(client.greet_plainly("me").unwrap(), "me![]");
    assert_eq!(
        client.take("ham", 1).unwrap_err().as_remote().unwrap().class_name(),
        "LookupError"
    );
    assert!(client.proxy().is_connected());
    let object: &dyn Remote = &Client::new(Proxy::new(client.proxy().uri()).unwrap());
    assert_eq!(object.level().unwrap(), 9);
}

/// What `#[expose]` makes of [`Exposed`], by hand.
struct ByHand;

static BY_HAND: Members = Members::new(
    "Exposed",
    const {
        &[Method::new(
            "add",
            const {
                &[
                    Param::required("a").type_name("int"),
                    Param::optional("b").type_name("int").default("1"),
                ]
            },
        )
        .returns("int")
        .doc("A sum.")]
    },
)
.doc("What adds.");

impl Class for ByHand {
    fn class_members() -> &'static Members {
        &BY_HAND
    }
}

impl Object for ByHand {
    fn members(&self) -> &Members {
        Self::class_members()
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "add" => {
                let (Some(a), b) = call.given_args::<(i64, i64)>()? else {
                    return call.refuse();
                };
                call.reply(&(a + b.unwrap_or(1)))
            }
            _ => call.refuse(),
        }
    }
}

struct Exposed;

/// What adds.
#[expose]
impl Exposed {
    /// A sum.
    pub fn add(&self, a: i64, #[default(1)] b: i64) -> i64 {
        a + b
    }
}

#[test]
fn the_impl_by_hand_behaves_the_same() {
    assert_eq!(
        format!("{:?}", Exposed::class_members()),
        format!("{:?}", ByHand::class_members())
    );
    let (_first, by_hand) = serve(ByHand);
    let (_second, exposed) = serve(Exposed);
    for proxy in [&by_hand, &exposed] {
        assert_eq!(proxy.call::<i64>("add", (1,)).unwrap(), 2);
        assert_eq!(proxy.call::<i64>("add", (1, 4)).unwrap(), 5);
    }
    for arguments in [vec![], vec![Value::from("x")], vec![Value::from(1); 3]] {
        let both = [&by_hand, &exposed].map(|proxy| raised(proxy.call("add", &arguments)));
        assert_eq!(both[0], both[1]);
    }
}
