//! Compressed messages on both ends, and that what they become is limited as what they are.

#![allow(unreachable_pub)] // #[expose] goes by `pub`

use ferropyro::config::ServerType;
use ferropyro::{Config, Daemon, Dialect, ErrorKind, Proxy, Result, RunningDaemon, Uri, expose};

const ALL: [Dialect; 4] = Dialect::ALL;
const SERVERS: [ServerType; 2] = [ServerType::Thread, ServerType::Multiplex];
const LIMIT: usize = 64 << 10;
/// Compressed it is a thousandth of that.
const LONG: usize = 4 << 20;

struct Desk;

#[expose]
impl Desk {
    pub fn length(&self, text: String) -> usize {
        text.len()
    }

    pub fn zeros(&self, count: usize) -> String {
        "0".repeat(count)
    }
}

fn desk(config: Config, dialect: Dialect) -> Result<(RunningDaemon, Uri)> {
    let config = config.protocols([dialect]).compression(true);
    let daemon = Daemon::builder().config(config).bind()?;
    let uri = daemon.register("desk", Desk)?;
    Ok((daemon.start(), uri))
}

fn client(uri: &Uri, dialect: Dialect, config: Config) -> Result<Proxy> {
    let builder = Proxy::builder().config(config.compression(true));
    builder.dialect(dialect).build(uri.clone())
}

#[test]
fn long_messages_travel_compressed_in_every_dialect_to_and_from_both_servers() -> Result<()> {
    for dialect in ALL {
        for server in SERVERS {
            let limited = Config::default().servertype(server).max_message_size(LONG + 1000);
            let (_running, uri) = desk(limited, dialect)?;
            let proxy = client(&uri, dialect, Config::default())?;
            assert_eq!(proxy.call::<usize>("length", ("0".repeat(LONG),))?, LONG);
            assert_eq!(proxy.call::<String>("zeros", (LONG,))?.len(), LONG);
        }
    }
    Ok(())
}

#[test]
fn a_server_inflates_no_more_than_its_limit() -> Result<()> {
    for dialect in ALL {
        for server in SERVERS {
            let (_running, uri) = desk(Config::default().servertype(server).max_message_size(LIMIT), dialect)?;
            let proxy = client(&uri, dialect, Config::default())?;
            let error = proxy.call::<usize>("length", ("0".repeat(LONG),)).unwrap_err();
            // Pyro5 looks at the payload while it reads the message, and closes the connection; Pyro4 when it reads the call, and answers.
            match dialect.is_pyro5() {
                true => assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{error}"),
                false => {
                    let remote = error.as_remote().expect("an exception of the server's");
                    assert_eq!(remote.class(), "builtins.ValueError", "{error}");
                }
            }
            assert_eq!(
                proxy.call::<usize>("length", ("0".repeat(LIMIT - 1000),))?,
                LIMIT - 1000
            );
        }
    }
    Ok(())
}

#[test]
fn a_client_inflates_no_more_than_its_limit() -> Result<()> {
    for dialect in ALL {
        let (_running, uri) = desk(Config::default(), dialect)?;
        let proxy = client(&uri, dialect, Config::default().max_message_size(LIMIT))?;
        let error = proxy.call::<String>("zeros", (LONG,)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(proxy.call::<String>("zeros", (1000,))?.len(), 1000);
    }
    Ok(())
}
