//! Pyro's two functions that start a name server within a program: `startNS` and `startNSloop` (`start_ns` and `start_ns_loop` in Pyro5, manual chapter "Name
//! Server", starting the name server from within your own code).

use std::net::SocketAddr;

use ferropyro::config::Generation;
use ferropyro::{Result, Uri};

use crate::{NameServerBuilder, NameServerDaemon};

/// Makes a name server that listens, and serves nobody until [`NameServerDaemon::run`] or an [`EventLoop`](ferropyro::EventLoop) with its
/// [daemon](NameServerDaemon::daemon) runs. Gives its URI, itself, and the UDP address on which it will answer broadcasts, if it will.
///
/// # Errors
/// As for [`NameServerBuilder::bind`].
pub fn start_ns(builder: NameServerBuilder) -> Result<(Uri, NameServerDaemon, Option<SocketAddr>)> {
    let nameserver = builder.bind()?;
    let (uri, broadcast) = (nameserver.uri().clone(), nameserver.broadcast_address());
    Ok((uri, nameserver, broadcast))
}

/// Makes a name server, and serves until it is shut down; then it closes its socket, what answers broadcasts, and the store. `say` gets the lines that Pyro prints, the
/// last of them at the end, and `started` the name server before it serves: a clone of it can be kept to [shut it down](NameServerDaemon::shutdown).
///
/// ```
/// use std::thread;
/// use ferropyro_nameserver::{NameServerBuilder, start_ns_loop};
///
/// let mut lines = Vec::new();
/// start_ns_loop(
///     NameServerBuilder::new().port(0),
///     |line| lines.push(line.to_owned()),
///     |nameserver| {
///         let nameserver = nameserver.clone();
///         thread::spawn(move || nameserver.shutdown());
///     },
/// )?;
/// assert_eq!(lines.last().map(String::as_str), Some("NS shut down."));
/// # Ok::<(), ferropyro::Error>(())
/// ```
///
/// # Errors
/// As for [`NameServerBuilder::bind`]; when the store cannot be read.
pub fn start_ns_loop(
    builder: NameServerBuilder,
    mut say: impl FnMut(&str),
    started: impl FnOnce(&NameServerDaemon),
) -> Result<()> {
    let nameserver = builder.bind()?;
    for line in nameserver.start_lines(Generation::Pyro5)? {
        say(&line);
    }
    started(&nameserver);
    nameserver.run();
    say("NS shut down.");
    Ok(())
}
