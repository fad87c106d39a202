//! ferropyro as server and as client.

use std::time::Duration;

use ferropyro::{Call, Config, Daemon, Dialect, Members, Method, Object, Param, Proxy, Raise, Reply, Serializer};

use crate::Problem;
use crate::peer::{Helper, Peer, Sample, end_with_input, repeat};

/// What is sent and comes back.
pub(crate) const MESSAGE: &str = "Hello there, what is your name?";

struct Echo;

static MEMBERS: Members = Members::new(
    "Echo",
    const { &[Method::new("echo", const { &[Param::required("message")] })] },
);

impl Object for Echo {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "echo" => {
                let (message,) = call.args::<(String,)>()?;
                call.reply(&message)
            }
            _ => call.refuse(),
        }
    }
}

/// The id of one of many objects.
pub(crate) fn object_id(number: usize) -> String {
    format!("object{number:07}")
}

/// The server's process, with settings `NAME=value` of Pyro, `unixsocket=PATH`, and `objects=N` for so many more objects.
pub(crate) fn serve(settings: &[&str]) -> Result<(), Problem> {
    end_with_input();
    let (own, settings): (Vec<&str>, Vec<&str>) = settings.iter().partition(|setting| setting.starts_with("objects="));
    let daemon = daemon(&settings)?;
    for count in own.iter().filter_map(|setting| setting.strip_prefix("objects=")) {
        for number in 0..count.parse()? {
            daemon.register(&object_id(number), Echo)?;
        }
    }
    println!("{}", daemon.register("echo", Echo)?);
    daemon.run();
    Ok(())
}

/// A daemon on loopback, with settings as for [`serve`].
pub(crate) fn daemon(settings: &[&str]) -> Result<Daemon, Problem> {
    let pairs: Vec<(&str, &str)> = settings.iter().filter_map(|setting| setting.split_once('=')).collect();
    let unix_socket = pairs.iter().find(|(name, _)| *name == "unixsocket");
    let items = pairs.iter().filter(|(name, _)| *name != "unixsocket");
    let config = Config::from_vars(items.map(|(name, value)| (format!("PYRO_{name}"), *value)))?;
    let builder = Daemon::builder().config(config);
    Ok(match unix_socket {
        Some((_, path)) => builder.unix_socket(*path).bind()?,
        None => builder.host("127.0.0.1").bind()?,
    })
}

/// Starts the server's process, and gives its URI.
pub(crate) fn start_server(settings: &[&str]) -> Result<(Helper, String), Problem> {
    let args = [&["serve", "rust"], settings].concat();
    let mut server = Helper::start_self(&args)?;
    let uri = server.line()?;
    Ok((server, uri))
}

pub(crate) struct Client(Proxy);

impl Client {
    pub(crate) fn connect(uri: &str, serializer: Serializer) -> Result<Client, Problem> {
        let client = Client(Proxy::builder().serializer(serializer).build(uri)?);
        client.call()?;
        Ok(client)
    }

    pub(crate) fn connect_in(uri: &str, serializer: Serializer, dialect: Dialect) -> Result<Client, Problem> {
        let client = Client(Proxy::builder().dialect(dialect).serializer(serializer).build(uri)?);
        client.call()?;
        Ok(client)
    }

    pub(crate) fn call(&self) -> Result<(), Problem> {
        let answer: String = self.0.call("echo", (MESSAGE,))?;
        match answer == MESSAGE {
            true => Ok(()),
            false => Err(format!("the echo of {MESSAGE:?} is {answer:?}").into()),
        }
    }
}

impl Peer for Client {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat(time, || self.call())
    }
}
