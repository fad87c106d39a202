//! ferropyro as server and as client.

use std::time::Duration;

use ferropyro::{Bytes, Daemon, Proxy, Serializer, expose};

use super::Direction;
use crate::Problem;
use crate::peer::{Peer, Sample, end_with_input, repeat_in_batches};

/// Takes bytes, and gives some.
struct Store(Bytes);

#[expose]
#[allow(unreachable_pub)] // methods are exposed by being pub
impl Store {
    pub fn take(&self, data: &[u8]) -> usize {
        data.len()
    }

    pub fn give(&self) -> &Bytes {
        &self.0
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

/// What a client does with bytes that come back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Looks at them where they have arrived.
    Seen,
    /// Has them copied into memory of its own.
    Kept,
}

pub(super) struct Client {
    proxy: Proxy,
    direction: Direction,
    usage: Use,
    data: Bytes,
}

impl Client {
    pub(super) fn connect(
        uri: &str,
        serializer: Serializer,
        direction: Direction,
        usage: Use,
        size: usize,
    ) -> Result<Client, Problem> {
        let (_, address) = uri.split_once('@').ok_or("a URI without an address")?;
        let uri = format!("PYRO:store{size}@{address}");
        Ok(Client {
            proxy: Proxy::builder().serializer(serializer).build(uri)?,
            direction,
            usage,
            data: Bytes(vec![b'.'; size]),
        })
    }
}

impl Peer for Client {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        let size = self.data.len();
        repeat_in_batches(1, time, || {
            let moved = match (self.direction, self.usage) {
                (Direction::There, _) => self.proxy.call::<usize>("take", (&self.data,))?,
                (Direction::Back, Use::Seen) => self.proxy.call_bytes("give", (), <[u8]>::len)?,
                (Direction::Back, Use::Kept) => self.proxy.call::<Bytes>("give", ())?.len(),
            };
            match moved == size {
                true => Ok(()),
                false => Err(format!("{moved} bytes of {size} have arrived").into()),
            }
        })
    }
}
