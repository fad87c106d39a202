//! ferropyro as server and as client.

use std::time::Duration;

use ferropyro::{Bytes, Call, Daemon, Members, Method, Object, Param, Proxy, Raise, Reply, Serializer};

use super::Direction;
use crate::Problem;
use crate::peer::{Peer, Sample, end_with_input, repeat_in_batches};

/// Takes bytes, and gives some.
struct Store(Bytes);

static MEMBERS: Members = Members::new(
    "Store",
    const {
        &[
            Method::new("take", const { &[Param::required("data")] }),
            Method::new("give", const { &[Param::required("size")] }),
        ]
    },
);

impl Object for Store {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "take" => {
                let (data,) = call.args::<(Bytes,)>()?;
                call.reply(&data.len())
            }
            "give" => {
                let (size,) = call.args::<(usize,)>()?;
                match size == self.0.len() {
                    true => call.reply(&self.0),
                    false => Err(Raise::new("ValueError", "no such size")),
                }
            }
            _ => call.refuse(),
        }
    }
}

/// The server's process.
pub(crate) fn serve() -> Result<(), Problem> {
    end_with_input();
    let daemon = Daemon::builder().host("127.0.0.1").bind()?;
    let mut uri = None;
    for size in super::SIZES {
        uri = Some(daemon.register(&format!("store{size}"), Store(Bytes(vec![b'.'; size])))?);
    }
    println!("{}", uri.ok_or("no sizes")?);
    daemon.run();
    Ok(())
}

pub(super) struct Client {
    proxy: Proxy,
    direction: Direction,
    data: Bytes,
}

impl Client {
    pub(super) fn connect(
        uri: &str,
        serializer: Serializer,
        direction: Direction,
        size: usize,
    ) -> Result<Client, Problem> {
        let (_, address) = uri.split_once('@').ok_or("a URI without an address")?;
        let uri = format!("PYRO:store{size}@{address}");
        Ok(Client {
            proxy: Proxy::builder().serializer(serializer).build(uri)?,
            direction,
            data: Bytes(vec![b'.'; size]),
        })
    }
}

impl Peer for Client {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        let size = self.data.len();
        repeat_in_batches(1, time, || {
            let moved = match self.direction {
                Direction::There => self.proxy.call::<usize>("take", (&self.data,))?,
                Direction::Back => self.proxy.call::<Bytes>("give", (size,))?.len(),
            };
            match moved == size {
                true => Ok(()),
                false => Err(format!("{moved} bytes of {size} have arrived").into()),
            }
        })
    }
}
