//! ferropyro as server and as client.

use std::time::Duration;

use ferropyro::{Call, Daemon, Members, Method, Object, Param, Proxy, Raise, Reply, Serializer};

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

/// The server's process.
pub(crate) fn serve() -> Result<(), Problem> {
    end_with_input();
    let daemon = Daemon::builder().host("127.0.0.1").bind()?;
    println!("{}", daemon.register("echo", Echo)?);
    daemon.run();
    Ok(())
}

/// Starts the server's process, and gives its URI.
pub(crate) fn start_server() -> Result<(Helper, String), Problem> {
    let mut server = Helper::start_self(&["serve", "rust"])?;
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
