//! The one list of config items. Everything else (fields, setters, table, presets) is made from it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ferropyro_wire::{Dialect, Serializer};

use super::setting::{self, IpVersion, Secret, ServerType, Setting};
use super::{Item, Origin};
use crate::logging::Levels;
use crate::uri::DEFAULT_NS_PORT;

/// The defaults of one item.
struct Defaults<T> {
    pyro4: T,
    pyro5: T,
    ferropyro: T,
}

/// One default for all.
fn all<T: Clone>(value: impl Into<T>) -> Defaults<T> {
    let value = value.into();
    Defaults {
        pyro4: value.clone(),
        pyro5: value.clone(),
        ferropyro: value,
    }
}

/// An item that is off, or has no value, by default.
fn none<T>() -> Defaults<Option<T>> {
    Defaults {
        pyro4: None,
        pyro5: None,
        ferropyro: None,
    }
}

/// A default for Pyro4, one for Pyro5, and ours.
fn each<T>(pyro4: T, pyro5: T, ferropyro: T) -> Defaults<T> {
    Defaults {
        pyro4,
        pyro5,
        ferropyro,
    }
}

/// Turns rows `NAME field: type, origin, defaults;` into the struct `Config` and the table `ITEMS`.
macro_rules! config_items {
    ($($(#[doc = $doc:literal])+ $name:ident $field:ident: $type:ty, $origin:ident, $defaults:expr;)*) => {
        /// A configuration: one field an item, named like Pyro's item in small letters.
        ///
        /// For each field there is a method of the same name that sets it and gives the configuration back, so that settings
        /// can be chained. Durations stand for Pyro's seconds; an absent one is Pyro's 0, "no timeout",
        /// as an absent number is Pyro's 0, "no limit"; the methods take a zero for either as absent.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $type,)*
        }

        impl Config {
            /// The defaults of Pyro4 4.82.
            pub fn pyro4() -> Config {
                Config::preset(Preset::Pyro4)
            }

            /// The defaults of Pyro5 5.17.
            pub fn pyro5() -> Config {
                Config::preset(Preset::Pyro5)
            }

            fn preset(preset: Preset) -> Config {
                Config { $($field: preset.pick::<$type>($defaults),)* }
            }

            $(
                #[doc = concat!("Sets `", stringify!($name), "`, see the field [`Config::", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, value: impl Into<$type>) -> Config {
                    self.$field = Setting::normal(value.into());
                    self
                }
            )*
        }

        /// All config items, in the order of the fields of [`Config`].
        pub static ITEMS: &[Item] = &[
            $(Item {
                name: stringify!($name),
                doc: concat!($($doc,)+).trim_ascii(),
                origin: Origin::$origin,
                get: |config, style| setting::write(&config.$field, style),
                set: |config, text| {
                    config.$field = Setting::from_text(text)?;
                    Ok(())
                },
            },)*
        ];
    };
}

config_items! {
    /// The host name or address that a daemon binds when it is not given one.
    HOST host: String, Both, all("localhost");
    /// The host where a name server is looked for. If that is another one than this machine, there is no broadcast.
    NS_HOST ns_host: String, Both, all("localhost");
    /// The TCP port of the name server.
    NS_PORT ns_port: u16, Both, all(DEFAULT_NS_PORT);
    /// The UDP port of the name server's broadcast responder.
    NS_BCPORT ns_bcport: u16, Both, all(9091u16);
    /// The host name or address that the name server's broadcast responder binds; absent: all interfaces.
    NS_BCHOST ns_bchost: Option<String>, Both, none();
    /// How often the name server removes registrations that cannot be reached; absent: never. Pyro takes no less than 3 seconds.
    NS_AUTOCLEAN ns_autoclean: Option<Duration>, Both, none();
    /// How long `resolve` and name server look-ups wait for a name to appear.
    NS_LOOKUP_DELAY ns_lookup_delay: Duration, Pyro5, all(Duration::ZERO);
    /// The addresses of IPv4 to which the search for a name server is broadcast; `<broadcast>` stands for 255.255.255.255, `''` for 0.0.0.0, which is this machine.
    BROADCAST_ADDRS broadcast_addrs: Vec<String>, Both, all(["<broadcast>".to_owned(), "0.0.0.0".to_owned()]);
    /// The host name that a daemon puts into its URIs when it stands behind network address translation; absent: its own.
    NATHOST nathost: Option<String>, Both, none();
    /// The port that goes with NATHOST; 0: the daemon's own.
    NATPORT natport: u16, Both, all(0u16);
    /// Which version of IP host names are resolved to.
    PREFER_IP_VERSION prefer_ip_version: IpVersion, Both, each(IpVersion::V4, IpVersion::Any, IpVersion::Any);
    /// How a daemon serves its connections: `thread` or `multiplex`.
    SERVERTYPE servertype: ServerType, Both, all(ServerType::Thread);
    /// The most threads of the thread server, so the most connections that it serves at a time.
    THREADPOOL_SIZE threadpool_size: usize, Both, each(40, 80, 80);
    /// The threads that the thread server keeps when they are idle.
    THREADPOOL_SIZE_MIN threadpool_size_min: usize, Both, all(4usize);
    /// How long a connection may keep silent, on the client and on the server, also between two calls; absent: for ever.
    COMMTIMEOUT commtimeout: Option<Duration>, Both, none();
    /// How long a server waits for something to happen before it looks after its housekeeping.
    POLLTIMEOUT polltimeout: Duration, Both, all(Duration::from_secs(2));
    /// How often a call is repeated on a new connection after the connection broke or timed out; the server may then execute it twice.
    MAX_RETRIES max_retries: u32, Both, all(0u32);
    /// Whether a one-way call runs in a thread of its own.
    ONEWAY_THREADED oneway_threaded: bool, Pyro4, all(true);
    /// Whether a listening socket takes an address that was in use a moment ago.
    SOCK_REUSE sock_reuse: bool, Both, all(true);
    /// Whether small packets are sent at once (TCP_NODELAY). Ours is on: a call that follows a one-way call must not wait for an acknowledgement.
    SOCK_NODELAY sock_nodelay: bool, Both, each(false, false, true);
    /// Whether the system is asked to wait for a long message, instead of giving it piece by piece as it arrives (MSG_WAITALL). Never done with TLS, under a
    /// time limit (COMMTIMEOUT), nor by the multiplex server.
    USE_MSG_WAITALL use_msg_waitall: bool, Pyro4, all(cfg!(unix));
    /// How long a TCP connection may be silent before the system asks the other side whether it is still there; absent: never. A connection whose other side has
    /// vanished ends after twice as long or a little more, on a server not before WRITE_TIMEOUT.
    TCP_KEEPALIVE tcp_keepalive: Option<Duration>, Ferropyro, all(Duration::from_secs(300));
    /// The most bytes of a message that are sent or accepted; absent: no limit.
    MAX_MESSAGE_SIZE max_message_size: Option<usize>, Both, each(None, Some(GIB), Some(GIB));
    /// Whether messages are compressed when that makes them shorter.
    COMPRESSION compression: bool, Both, all(false);
    /// The serializer that clients use.
    SERIALIZER serializer: Serializer, Both, all(Serializer::Serpent);
    /// The serializers that a daemon accepts. Pyro5 has no such item and accepts its four.
    SERIALIZERS_ACCEPTED serializers_accepted: BTreeSet<Serializer>, Pyro4, each(safe_serializers(), data_serializers(), data_serializers());
    /// Whether bytes travel through serpent as Python literals, not as base-64 text in a dict.
    SERPENT_BYTES_REPR serpent_bytes_repr: bool, Pyro5, all(false);
    /// The highest protocol of pickle that is written; to a Python that reads no more, lower ones.
    PICKLE_PROTOCOL_VERSION pickle_protocol_version: i8, Pyro4, all(5i8);
    /// The same for dill; -1: the highest.
    DILL_PROTOCOL_VERSION dill_protocol_version: i8, Pyro4, all(-1i8);
    /// Whether Python programs read pickles as data, and execute nothing that is in them. Rust programs always do.
    PICKLE_SAFE pickle_safe: bool, Ferropyro, all(false);
    /// The Python module that reads and writes JSON; without meaning here.
    JSON_MODULE json_module: String, Pyro4, all("json");
    /// Whether objects of the daemon's that a method returns travel as proxies.
    AUTOPROXY autoproxy: bool, Pyro4, all(true);
    /// Whether a proxy asks for the names of an object's methods when it connects.
    METADATA metadata: bool, Pyro4, all(true);
    /// Whether only exposed members can be called.
    REQUIRE_EXPOSE require_expose: bool, Pyro4, all(true);
    /// Whether Pyro4's Flame server may run. In Python that executes any code; here it has files only.
    FLAME_ENABLED flame_enabled: bool, Pyro4, all(false);
    /// Whether a traceback sent to the client shows the variables of each function.
    DETAILED_TRACEBACK detailed_traceback: bool, Both, all(false);
    /// Whether exceptions carry a traceback to the client. It tells names of classes and methods, and those of servers behind this one.
    SEND_TRACEBACK send_traceback: bool, Ferropyro, all(true);
    /// Whether iterators and generators that a method returns are streamed.
    ITER_STREAMING iter_streaming: bool, Both, all(true);
    /// How long an item stream may live; absent: for ever.
    ITER_STREAM_LIFETIME iter_stream_lifetime: Option<Duration>, Both, none();
    /// How long an item stream is kept after its connection was lost; zero: it ends with the connection.
    ITER_STREAM_LINGER iter_stream_linger: Duration, Both, all(Duration::from_secs(30));
    /// The file of the log, or `{stderr}`; absent: `pyro.log` in the current directory.
    LOGFILE logfile: Option<String>, Both, each(None, Some("pyro5.log".to_owned()), None);
    /// The levels of the log, see [`Levels`](crate::logging::Levels); absent: nothing is logged.
    LOGLEVEL loglevel: Option<Levels>, Both, none();
    /// Whether the log shows every message, with the first 1000 bytes of its data, at level DEBUG.
    LOGWIRE logwire: bool, Both, all(false);
    /// Whether connections are encrypted (TLS). Clients and servers need the same setting.
    SSL ssl: bool, Both, all(false);
    /// The file of the server's certificate (PEM), and of those that lead from it to an authority. A server needs one with SSL.
    SSL_SERVERCERT ssl_servercert: Option<PathBuf>, Both, none();
    /// The file of the server's private key; absent: it is in the file of the certificate.
    SSL_SERVERKEY ssl_serverkey: Option<PathBuf>, Both, none();
    /// The password of the server's private key.
    SSL_SERVERKEYPASSWD ssl_serverkeypasswd: Secret, Both, all("");
    /// Whether a server demands a certificate of its clients, one that SSL_CACERTS trusts.
    SSL_REQUIRECLIENTCERT ssl_requireclientcert: bool, Both, all(false);
    /// The file of the client's certificate, which it shows to servers that demand one.
    SSL_CLIENTCERT ssl_clientcert: Option<PathBuf>, Both, none();
    /// The file of the client's private key; absent: it is in the file of the certificate.
    SSL_CLIENTKEY ssl_clientkey: Option<PathBuf>, Both, none();
    /// The password of the client's private key.
    SSL_CLIENTKEYPASSWD ssl_clientkeypasswd: Secret, Both, all("");
    /// A file, or a directory of files, of certificates to trust: of authorities, or of single clients and servers. Clients trust the authorities of
    /// the system as well.
    SSL_CACERTS ssl_cacerts: Option<PathBuf>, Both, none();
    /// How long a new connection may take for the TLS part of its handshake on a server; absent: as HANDSHAKE_TIMEOUT.
    TLS_HANDSHAKE_TIMEOUT tls_handshake_timeout: Option<Duration>, Ferropyro, all(Duration::from_secs(5));
    /// How long a new connection may take until its handshake is complete; absent: for ever.
    HANDSHAKE_TIMEOUT handshake_timeout: Option<Duration>, Ferropyro, all(Duration::from_secs(10));
    /// The most bytes of a message before the handshake is complete; absent: as MAX_MESSAGE_SIZE. The first message of a Python client has the
    /// annotations of its first call too.
    MAX_HANDSHAKE_SIZE max_handshake_size: Option<usize>, Ferropyro, all(128 * 1024usize);
    /// How long a server's client may take no byte of a message that is sent to it before it is given up; absent: for ever. Where the system has taken the message and
    /// hears nothing from the client (Linux), that is noticed after twice TCP_KEEPALIVE if that is longer.
    WRITE_TIMEOUT write_timeout: Option<Duration>, Ferropyro, all(Duration::from_secs(30));
    /// How long a daemon that shuts down waits for the calls that still run; zero: not at all.
    SHUTDOWN_TIMEOUT shutdown_timeout: Duration, Ferropyro, all(Duration::from_secs(10));
    /// How many calls a multiplex server runs at the same time. With 1, as in Pyro, they run in the thread of the loop one after the other; with more, plain
    /// methods run in threads beside it, and never block it. A call counts until it has ended, that of an async method that waits too: with 1, the calls of all
    /// other clients wait along. One-way calls that run in threads of their own do not count.
    WORKERS workers: usize, Ferropyro, all(1usize);
    /// The most connections that have not sent their first message; when one more comes, the oldest is closed; absent: no limit.
    MAX_UNFINISHED_HANDSHAKES max_unfinished_handshakes: Option<usize>, Ferropyro, all(1024usize);
    /// The most connections of a multiplex server; absent: no limit. The system's limit of open files may allow fewer: 64 of them are left for the rest
    /// of the program.
    MAX_CONNECTIONS max_connections: Option<usize>, Ferropyro, all(10_000usize);
    /// The most connections that a server accepts before others get their turn. With TLS it is always one, because their handshakes are work.
    ACCEPTS_PER_TURN accepts_per_turn: usize, Ferropyro, all(10usize);
    /// The longest pause of a server that cannot accept connections, because no more files may be open, before it tries again. The first is 10 milliseconds, and
    /// each is twice as long as the one before.
    ACCEPT_PAUSE accept_pause: Duration, Ferropyro, all(Duration::from_secs(1));
    /// The most oneway calls of a daemon that run at the same time; who sends more has to wait for them.
    MAX_ONEWAYS max_oneways: usize, Ferropyro, all(1024usize);
    /// The most bytes of arguments that the oneway calls of a daemon hold while they run; who sends more has to wait for them.
    MAX_ONEWAY_BYTES max_oneway_bytes: usize, Ferropyro, all(64 * MIB);
    /// The most calls in one batch; absent: no limit.
    MAX_BATCH_CALLS max_batch_calls: Option<usize>, Ferropyro, all(10_000usize);
    /// The most leased objects that one connection may have; absent: no limit.
    MAX_LEASES max_leases: Option<usize>, Ferropyro, all(10_000usize);
    /// The most item streams that one connection may have open; absent: no limit.
    MAX_STREAMS max_streams: Option<usize>, Ferropyro, all(64usize);
    /// The protocols that a daemon serves: `502` is Pyro5, `48` is Pyro4 from 4.38 on. One of `47` (Pyro4 4.26 to 4.37) and `46` (4.22 to 4.25) may join them, or
    /// stand alone.
    PROTOCOLS protocols: BTreeSet<Dialect>, Ferropyro, all([Dialect::V48, Dialect::V502]);
    /// How long a daemon that serves 46 or 47 beside other protocols waits for a client to speak. Clients of the old protocols never do, so it greets who is silent.
    GREETING_DELAY greeting_delay: Duration, Ferropyro, all(Duration::from_millis(200));
}

const GIB: usize = 1 << 30;
const MIB: usize = 1 << 20;

/// Which column of defaults a configuration takes.
#[derive(Clone, Copy)]
enum Preset {
    Pyro4,
    Pyro5,
    Ferropyro,
}

impl Preset {
    fn pick<T>(self, defaults: Defaults<T>) -> T {
        match self {
            Preset::Pyro4 => defaults.pyro4,
            Preset::Pyro5 => defaults.pyro5,
            Preset::Ferropyro => defaults.ferropyro,
        }
    }
}

impl Default for Config {
    /// The defaults of ferropyro: those of Pyro5, which has the safe limits, with what Pyro4 alone has, and TCP_NODELAY.
    fn default() -> Config {
        Config::preset(Preset::Ferropyro)
    }
}

/// What Pyro4 accepts by default: the serializers that cannot execute code and need no package.
fn safe_serializers() -> BTreeSet<Serializer> {
    BTreeSet::from([Serializer::Serpent, Serializer::Json, Serializer::Marshal])
}

/// What Pyro5 accepts: the serializers of pure data.
fn data_serializers() -> BTreeSet<Serializer> {
    let mut names = safe_serializers();
    names.insert(Serializer::Msgpack);
    names
}
