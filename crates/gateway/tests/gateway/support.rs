//! What every test here has: a name server, an object, a gateway, and a client that sends bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferropyro::{Config, Context, Daemon, Exception, ItemStream, Raise, RunningDaemon, Uri, Value, expose, naming};
use ferropyro_gateway::{Gateway, GatewayBuilder, Limits, Server};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};
use tokio::runtime::Runtime;

/// How long something that has to happen is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The object that the captured answers are from, and some methods more.
pub(crate) struct Thing {
    /// The methods that were called.
    pub(crate) calls: Arc<AtomicUsize>,
    level: Mutex<f64>,
    /// Says when `wait` begins.
    begun: Mutex<Sender<()>>,
    /// What `wait` waits for.
    go_on: Mutex<Receiver<()>>,
}

#[expose]
impl Thing {
    pub fn echo(&self, x: Value) -> Value {
        self.calls.fetch_add(1, Ordering::SeqCst);
        x
    }

    pub fn add(&self, a: Value, #[default(Value::from("10"))] b: Value) -> Vec<Value> {
        vec![a, b]
    }

    pub fn nothing(&self) {}

    pub fn error(&self) -> Result<(), Raise> {
        let mut exception = Exception::new("ValueError", "boom");
        exception.args.push(Value::from(1));
        Err(exception.into())
    }

    pub fn custom(&self) -> Result<(), Raise> {
        Err(Raise::new("sample.CustomError", "custom"))
    }

    #[expose(name = "gen")]
    pub fn items(&self) -> ItemStream {
        ItemStream::new([1])
    }

    #[expose(oneway)]
    pub fn ow(&self, #[default(Value::None)] x: Value) {
        drop(x);
    }

    #[expose(get)]
    pub fn value(&self) -> i64 {
        5
    }

    /// The correlation id of the call.
    pub fn id(&self, cx: &Context) -> String {
        cx.correlation_id().to_string()
    }

    #[expose(get)]
    pub fn level(&self) -> f64 {
        *self.level.lock().unwrap()
    }

    /// How bright it is.
    #[expose(set)]
    pub fn set_level(&self, level: f64) {
        *self.level.lock().unwrap() = level;
    }

    /// Gives numbers, and then fails.
    pub fn two_and_fail(&self) -> ItemStream {
        ItemStream::fallible([Ok(1), Ok(2), Err(Raise::new("ValueError", "that is all"))])
    }

    /// Never ends. Whether it was let go of is what `wait` says by its beginning.
    pub fn endless(&self) -> ItemStream {
        struct Endless(Sender<()>);
        impl Iterator for Endless {
            type Item = i64;
            fn next(&mut self) -> Option<i64> {
                Some(1)
            }
        }
        impl Drop for Endless {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        ItemStream::new(Endless(self.begun.lock().unwrap().clone()))
    }

    /// A text of so many bytes.
    pub fn long(&self, length: usize) -> String {
        "x".repeat(length)
    }

    /// Says that it has begun, and waits until the test lets it go on.
    pub fn wait(&self) {
        let _ = self.begun.lock().unwrap().send(());
        let _ = self.go_on.lock().unwrap().recv_timeout(PATIENCE);
    }
}

pub(crate) struct Scene {
    pub(crate) names: RunningNameServer,
    pub(crate) daemon: RunningDaemon,
    pub(crate) uri: Uri,
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) has_begun: Receiver<()>,
    pub(crate) let_go: Sender<()>,
    runtime: Runtime,
}

impl Scene {
    /// `http.test` and `other.test` are the object, and `http.gone` leads nowhere.
    pub(crate) fn new() -> Scene {
        let names = NameServerBuilder::new()
            .host("127.0.0.1")
            .port(0)
            .broadcast(false)
            .bind()
            .unwrap();
        let (begun, has_begun) = mpsc::channel();
        let (let_go, go_on) = mpsc::channel();
        let calls = Arc::<AtomicUsize>::default();
        let thing = Thing {
            calls: Arc::clone(&calls),
            level: Mutex::new(0.5),
            begun: Mutex::new(begun),
            go_on: Mutex::new(go_on),
        };
        let daemon = Daemon::builder().host("127.0.0.1").bind().unwrap();
        let uri = daemon.register("http-object", thing).unwrap();
        let scene = Scene {
            names: names.start(),
            daemon: daemon.start(),
            uri,
            calls,
            has_begun,
            let_go,
            runtime: Runtime::new().unwrap(),
        };
        for name in ["http.test", "other.test"] {
            scene.register(name, &scene.uri);
        }
        scene.register("http.gone", &"PYRO:gone@127.0.0.1:1".parse().unwrap());
        scene
    }

    pub(crate) fn register(&self, name: &str, uri: &Uri) {
        let settings = naming::Settings::new(self.config());
        let names = naming::locate_ns_with(None, &settings).unwrap();
        names.register(name, uri).unwrap();
    }

    /// Leads to the name server, and asks nobody else.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.ns_host = "127.0.0.1".to_owned();
        config.ns_port = self.names.uri().port().unwrap();
        config.broadcast_addrs = Vec::new();
        config
    }

    pub(crate) fn builder(&self) -> GatewayBuilder {
        Gateway::builder().config(self.config())
    }

    pub(crate) fn serve(&self, gateway: GatewayBuilder) -> SocketAddr {
        self.serve_with(gateway, Limits::default())
    }

    pub(crate) fn serve_with(&self, gateway: GatewayBuilder, limits: Limits) -> SocketAddr {
        let server = Server::bind(gateway.build(), "127.0.0.1", 0).unwrap().limits(limits);
        let address = server.local_addr();
        self.runtime.spawn(server.run());
        address
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends a request as it stands, and reads the response to its end.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> Reply {
    let mut client = connect(address);
    client.write_all(request.as_bytes()).unwrap();
    read_reply(&mut client)
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Reply {
    get_with(address, path, "")
}

/// With further headers, each ending with a line break.
pub(crate) fn get_with(address: SocketAddr, path: &str, headers: &str) -> Reply {
    exchange(
        address,
        &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n"),
    )
}

/// A request of our own routes, with a body of JSON.
pub(crate) fn send(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}");
    exchange(address, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

pub(crate) fn read_reply(client: &mut TcpStream) -> Reply {
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no response: {text:?}"));
    Reply {
        status: head[9..12].parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Of an exception as JSON.
pub(crate) fn class(reply: &Reply) -> String {
    reply.json()["__class__"].as_str().unwrap_or_default().to_owned()
}
