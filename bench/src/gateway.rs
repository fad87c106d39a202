//! `bench gateway`: small calls over HTTP, beside Pyro's own gateways and beside a handler that does nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use ferropyro::{Config, NameServer, Proxy, Uri};
use ferropyro_gateway::{Gateway, Reuse, Server as GatewayServer};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use tokio::runtime;

use crate::core::{Cores, Seat};
use crate::load::measure;
use crate::peer::{Helper, Peer, Sample, end_with_input, repeat_in_batches};
use crate::process::{Process, raise_file_limit};
use crate::python_peers::Python;
use crate::report::{Bound, Goal, Report};
use crate::rounds::Field;
use crate::rust_echo::{self, MESSAGE};
use crate::table::Summary;
use crate::{Options, Problem};

const CLIENTS: [usize; 2] = [1, 64];
const QUICK: [usize; 2] = [1, 4];
const TITLE: &str = "parts of an empty axum handler's speed";
const NAME: &str = "http.echo";

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    raise_file_limit();
    let cores = if options.unpinned { Cores::free() } else { Cores::two()? };
    let counts = match (options.connections, options.quick) {
        (Some(count), _) => vec![count],
        (None, true) => QUICK.to_vec(),
        (None, false) => CLIENTS.to_vec(),
    };
    let mut summary = Summary::new(TITLE);
    let mut report = Report::new("The gateway");
    report.text(format!(
        "A call over HTTP that gives back a text, the next one as soon as the last one is answered. Gateways, the name server and the object's server (both of \
         this library, for all gateways) are processes of their own, on loopback, {cores}. Pyro's gateways close each \
         connection, and are asked by one client at a time."
    ));
    for &count in &counts {
        let mut scene = Scene::start(&cores, options.python)?;
        cores.sit(Seat::Clients)?;
        let mut field = Field::default();
        for (name, helper, address) in &scene.servers {
            let clients = Clients::connect(*address, count, Process(helper.id()));
            field.enter(*name, clients.map_err(|problem| format!("{name}: {problem}"))?);
        }
        let table = measure(field, count, "HTTP", TITLE, options)?;
        summary.add(format!("{count}"), table);
        for reason in scene.left_out.drain(..) {
            report.leave_out(reason);
        }
    }
    let most = counts.last().map(ToString::to_string).unwrap_or_default();
    report.summary(&summary, &most);
    let times = |name: &str| Some(summary.median(&most, name)? / summary.median(&most, "Pyro5")?);
    report.goal(Goal::new(
        "HTTP calls of 64 clients over kept connections, parts of an empty axum handler's",
        Bound::AtLeast(0.3),
        summary.median(&most, "ferropyro, kept"),
    ));
    report.goal(Goal::new(
        "HTTP calls with a fresh connection for each, times Pyro5's gateway",
        Bound::AtLeast(5.0),
        times("ferropyro, fresh"),
    ));
    report.goal(Goal::new(
        "HTTP calls over kept connections, times Pyro5's gateway",
        Bound::AtLeast(20.0),
        times("ferropyro, kept"),
    ));
    if let Some(part) = summary.column(&most).and_then(|table| table.server("ferropyro, kept")) {
        report.finding(format!(
            "Over kept connections the gateway has {part:.2} of the empty handler's speed by its own processor time: the name server and \
             the object take the rest of the core."
        ));
    }
    Ok(report)
}

/// The gateway's process, for the names of the name server on this port.
pub(crate) fn serve(reuse: &str, port: &str) -> Result<(), Problem> {
    end_with_input();
    let reuse = match reuse {
        "always" => Reuse::Always,
        "known" => Reuse::WhereKnown,
        _ => Reuse::Never,
    };
    let config = Config::from_vars([("PYRO_NS_HOST", "127.0.0.1"), ("PYRO_NS_PORT", port)])?;
    let gateway = Gateway::builder()
        .config(config)
        .reuse(reuse)
        .idle_connections(64)
        .build();
    let server = GatewayServer::bind(gateway, "127.0.0.1", 0)?;
    println!("{}", server.local_addr());
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(server.run())?)
}

/// The yardstick's process: axum, with a handler that has the answer already.
pub(crate) fn serve_axum() -> Result<(), Problem> {
    end_with_input();
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let handler = || async {
            let kind = [("content-type", "application/json; charset=utf-8")];
            (kind, format!("\"{MESSAGE}\""))
        };
        let router = axum::Router::new().route("/pyro/{object}/{method}", axum::routing::get(handler));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        Ok(axum::serve(listener, router).await?)
    })
}

/// All that is asked, and what stands behind it.
struct Scene {
    servers: Vec<(&'static str, Helper, SocketAddr)>,
    left_out: Vec<String>,
    _behind: [Helper; 2],
}

impl Scene {
    fn start(cores: &Cores, has_python: bool) -> Result<Scene, Problem> {
        cores.sit(Seat::Servers)?;
        let mut names = Helper::start_self(&["serve", "names", "SERVERTYPE=multiplex"])?;
        let uri: Uri = names.line()?.parse()?;
        let port = uri.port().ok_or("a name server without a port")?.to_string();
        let (echo, object) = rust_echo::start_server(&["SERVERTYPE=multiplex"])?;
        NameServer::new(Proxy::new(uri)?).register(NAME, &object.parse()?)?;
        let mut servers = Vec::new();
        let mut start = |name, args: &[&str]| -> Result<(), Problem> {
            let mut helper = Helper::start_self(&[&["serve"], args].concat())?;
            let address = helper.line()?.parse()?;
            servers.push((name, helper, address));
            Ok(())
        };
        start("axum, empty", &["axum"])?;
        start("ferropyro, kept", &["gateway", "always", &port])?;
        start("ferropyro, as usual", &["gateway", "known", &port])?;
        start("ferropyro, fresh", &["gateway", "never", &port])?;
        let mut left_out = Vec::new();
        match Python::find() {
            Ok(python) if has_python => {
                for (name, generation) in [("Pyro5", "pyro5"), ("Pyro4", "pyro4")] {
                    let (helper, address) = python.start_gateway(generation, &port)?;
                    servers.push((name, helper, address));
                }
            }
            Ok(_) => {}
            Err(reason) => left_out.push(format!("the real Pyro: {reason}")),
        }
        Ok(Scene {
            servers,
            left_out,
            _behind: [names, echo],
        })
    }
}

/// Browsers, so to say: each sends the next request as soon as the last one is answered.
struct Clients {
    poll: Poll,
    events: Events,
    address: SocketAddr,
    streams: Vec<(TcpStream, usize)>,
    request: Vec<u8>,
    /// The length of an answer: all have the same.
    length: usize,
    /// Whether the server closes the connection after each answer.
    closes: bool,
    buffer: Vec<u8>,
    server: Process,
}

impl Clients {
    /// Makes a first request, and opens the connections.
    fn connect(address: SocketAddr, count: usize, server: Process) -> Result<Clients, Problem> {
        let query = MESSAGE.replace(' ', "+").replace(',', "%2C").replace('?', "%3F");
        let head = format!("GET /pyro/{NAME}/echo?message={query} HTTP/1.1\r\nHost: {address}\r\n");
        let mut first = TcpStream::connect(address)?;
        first.write_all(format!("{head}\r\n").as_bytes())?;
        let mut text = Vec::new();
        let (length, closes) = loop {
            let mut some = [0; 4096];
            match first.read(&mut some)? {
                0 => break (text.len(), true),
                count => text.extend_from_slice(&some[..count]),
            }
            let is_old = text.starts_with(b"HTTP/1.0");
            let is_whole = text.ends_with(format!("\r\n\r\n\"{MESSAGE}\"").as_bytes());
            if is_whole && !is_old {
                break (text.len(), false);
            }
        };
        if !text.ends_with(format!("\"{MESSAGE}\"").as_bytes()) {
            return Err(format!("an answer is {:?}", String::from_utf8_lossy(&text)).into());
        }
        let mut clients = Clients {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            address,
            streams: Vec::with_capacity(count),
            request: format!("{head}\r\n").into_bytes(),
            length,
            closes,
            buffer: vec![0; 64 << 10],
            server,
        };
        if !closes {
            for index in 0..count {
                let stream = clients.open(index)?;
                clients.streams.push((stream, 0));
            }
        }
        Ok(clients)
    }

    fn open(&self, index: usize) -> Result<TcpStream, Problem> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut source = SourceFd(&stream.as_raw_fd());
        self.poll
            .registry()
            .register(&mut source, Token(index), Interest::READABLE)?;
        Ok(stream)
    }

    /// One request, over a connection of its own that the server closes.
    fn ask_alone(&mut self) -> Result<(), Problem> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(&self.request)?;
        let mut answer = Vec::with_capacity(self.length);
        stream.read_to_end(&mut answer)?;
        match answer.len() == self.length && answer.get(8..13) == Some(b" 200 ") {
            true => Ok(()),
            false => Err(format!("an answer is {:?}", String::from_utf8_lossy(&answer)).into()),
        }
    }

    fn send(&mut self, index: usize) -> Result<(), Problem> {
        Ok((&self.streams[index].0).write_all(&self.request)?)
    }

    /// Receives what has arrived. True when the answer is there.
    fn receive(&mut self, index: usize) -> Result<bool, Problem> {
        let (stream, arrived) = &mut self.streams[index];
        loop {
            let count = match stream.read(&mut self.buffer) {
                Ok(0) => return Err("a connection was closed before the answer".into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            if *arrived == 0 && self.buffer[..count].get(8..13) != Some(b" 200 ") {
                return Err(format!("an answer is {:?}", String::from_utf8_lossy(&self.buffer[..count])).into());
            }
            *arrived += count;
            if *arrived > self.length {
                return Err("an answer is longer than the first one".into());
            }
            if *arrived == self.length {
                *arrived = 0;
                return Ok(true);
            }
        }
    }
}

impl Peer for Clients {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        // Those that close connections serve one at a time anyway, and have no room for more than a few that wait.
        if self.closes {
            return repeat_in_batches(1, time, || self.ask_alone());
        }
        let start = Instant::now();
        for index in 0..self.streams.len() {
            self.send(index)?;
        }
        let (mut under_way, mut calls, mut goes_on) = (self.streams.len(), 0, true);
        let mut ready = Vec::with_capacity(under_way);
        while under_way > 0 {
            self.poll.poll(&mut self.events, None)?;
            ready.extend(self.events.iter().map(|event| event.token()));
            for Token(index) in ready.drain(..) {
                if self.receive(index)? {
                    calls += 1;
                    match goes_on {
                        true => self.send(index)?,
                        false => under_way -= 1,
                    }
                }
            }
            goes_on = start.elapsed() < time;
        }
        Ok(Sample {
            calls,
            time: start.elapsed(),
        })
    }

    fn server_time(&self) -> Option<Duration> {
        self.server.processor_time()
    }
}
