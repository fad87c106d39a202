//! Pyro URIs: the addresses of objects.

mod borrowed;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub use borrowed::UriRef;
pub(crate) use borrowed::{LocationRef, ObjectRef};

/// The port where a name server listens when a URI names only its host: Pyro's default for `NS_PORT`.
pub const DEFAULT_NS_PORT: u16 = 9090;

/// What the location of a Unix domain socket starts with.
const UNIX_PREFIX: &str = "./u:";

/// The address of a Pyro object: where it is, or how a name server finds it.
///
/// The text forms are those of Pyro's manual (chapters "Name Server" and "IPV6 support"):
///
/// ```text
/// PYRO:objectid@host:port      PYRO:objectid@[ipv6]:port      PYRO:objectid@./u:socketpath
/// PYRONAME:name[@nshost[:nsport]]             PYROMETA:tag1,tag2[@nshost[:nsport]]
/// ```
///
/// The protocol word may be written in any case. URIs compare, sort and hash by content; the order of tags does not matter.
/// Every `Uri` that exists has a text form that reads back as the same `Uri`.
///
/// ```
/// use ferropyro::Uri;
///
/// let uri: Uri = "pyro:echo@[::1]:4711".parse()?;
/// assert_eq!(uri.object(), "echo");
/// assert_eq!(uri.host(), Some("::1"));
/// assert_eq!(uri.port(), Some(4711));
/// assert_eq!(uri.to_string(), "PYRO:echo@[::1]:4711");
/// # Ok::<(), ferropyro::uri::InvalidUri>(())
/// ```
///
/// Where this is stricter than Python's class: a port is a number from 0 to 65535 in ASCII digits (Python takes everything
/// that `int()` takes, also `-5`, `5_5` and `99999`); and what Python's own text form would not read back is refused: an empty host
/// (`PYRO:x@:55`), the host `./u`, an empty tag list (`PYROMETA:,`), a tag with an `@` in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uri {
    target: Target,
    location: Option<Location>,
}

/// What a URI points at. The variants are the three protocols.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Target {
    /// `PYRO`: an object id; such a URI always has a location.
    Object(String),
    /// `PYRONAME`: a name in the name server.
    Name(String),
    /// `PYROMETA`: metadata tags in the name server.
    Tags(BTreeSet<String>),
}

/// The protocol word of a [`Uri`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `PYRO`: the location of the object itself.
    Pyro,
    /// `PYRONAME`: a name that a name server knows.
    PyroName,
    /// `PYROMETA`: metadata tags; a name server picks one of the objects that have them all.
    PyroMeta,
}

/// Where a daemon (of a `PYRO` URI) or a name server (of the other two) listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// A TCP port.
    Tcp {
        /// A host name, an IPv4 address, or a numeric IPv6 address without brackets.
        host: String,
        /// The port number.
        port: u16,
    },
    /// The path of a Unix domain socket; it may contain blanks but no colon.
    Unix(String),
}

/// The five fields in which a URI travels inside a message: the state of Python's `URI` class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriState {
    /// `PYRO`, `PYRONAME` or `PYROMETA`.
    pub protocol: String,
    /// The object id, the name, or the set of tags.
    pub object: UriObject,
    /// The path of the Unix domain socket, when the location is one.
    pub sockname: Option<String>,
    /// The host, when the location is a TCP port; an IPv6 address stands without brackets.
    pub host: Option<String>,
    /// The port that belongs to the host; Python does not limit it.
    pub port: Option<i64>,
}

/// The `object` field of a [`UriState`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriObject {
    /// The object id of a `PYRO` URI, or the name of a `PYRONAME` URI.
    Text(String),
    /// The tags of a `PYROMETA` URI: a Python `set`.
    Tags(BTreeSet<String>),
}

/// Why a text or a state is not a URI. The texts are those of Pyro's `PyroError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidUri {
    /// It has not the form of a URI at all, or a `PYRO` URI has no location.
    Form,
    /// The protocol word is unknown.
    Protocol,
    /// The socket path is empty or contains a colon, or the host is empty or `./u`.
    Location,
    /// A numeric IPv6 address stands in more than one pair of brackets.
    TooManyBrackets,
    /// What stands in brackets is not a numeric IPv6 address.
    NotNumericIpv6,
    /// The port, given here, is not a port number; `None` when there is none.
    Port(Option<String>),
}

/// Makes a new object id as daemons do for objects that are registered without one: `obj_` and 32 hexadecimal digits, random.
///
/// ```
/// let id = ferropyro::uri::generate_object_id();
/// assert!(id.starts_with("obj_") && id.len() == 36);
/// ```
pub fn generate_object_id() -> String {
    format!("obj_{}", uuid::Uuid::new_v4().simple())
}

impl Uri {
    /// The URI of an object: its id and the location of its daemon.
    ///
    /// # Errors
    /// When the URI would have no readable text form: an empty id or one with blanks, an empty host, a colon in a socket path.
    ///
    /// ```
    /// use ferropyro::uri::{Location, Uri};
    ///
    /// let uri = Uri::pyro("echo", Location::tcp("localhost", 4711))?;
    /// assert_eq!(uri.to_string(), "PYRO:echo@localhost:4711");
    /// # Ok::<(), ferropyro::uri::InvalidUri>(())
    /// ```
    pub fn pyro(object: impl Into<String>, location: Location) -> Result<Uri, InvalidUri> {
        Uri {
            target: Target::Object(object.into()),
            location: Some(location),
        }
        .readable()
    }

    /// The URI of a name in a name server; without a location the name server is searched for.
    ///
    /// # Errors
    /// As for [`Uri::pyro`].
    pub fn pyroname(name: impl Into<String>, nameserver: Option<Location>) -> Result<Uri, InvalidUri> {
        Uri {
            target: Target::Name(name.into()),
            location: nameserver,
        }
        .readable()
    }

    /// The URI of whatever has all of the metadata tags; without a location the name server is searched for.
    ///
    /// # Errors
    /// As for [`Uri::pyro`]; a tag may contain no blank, no comma and no `@`, and there must be one that is not empty.
    pub fn pyrometa<T: Into<String>>(
        tags: impl IntoIterator<Item = T>,
        nameserver: Option<Location>,
    ) -> Result<Uri, InvalidUri> {
        let tags = tags.into_iter().map(Into::into).collect();
        Uri {
            target: Target::Tags(tags),
            location: nameserver,
        }
        .readable()
    }

    /// Reads a URI. `ns_port` is the port of a name server that is named without one (the configured `NS_PORT`);
    /// [`str::parse`] takes [`DEFAULT_NS_PORT`].
    ///
    /// # Errors
    /// With Pyro's texts, see [`InvalidUri`].
    pub fn parse_with(text: &str, ns_port: u16) -> Result<Uri, InvalidUri> {
        UriRef::parse_with(text, ns_port).map(Uri::from)
    }

    /// The protocol word.
    pub fn protocol(&self) -> Protocol {
        match self.target {
            Target::Object(_) => Protocol::Pyro,
            Target::Name(_) => Protocol::PyroName,
            Target::Tags(_) => Protocol::PyroMeta,
        }
    }

    /// What stands between the protocol and the location: the object id, the name, or the tags joined by commas.
    pub fn object(&self) -> std::borrow::Cow<'_, str> {
        match &self.target {
            Target::Object(text) | Target::Name(text) => text.into(),
            Target::Tags(tags) => join(tags).into(),
        }
    }

    /// The tags of a `PYROMETA` URI.
    pub fn tags(&self) -> Option<&BTreeSet<String>> {
        match &self.target {
            Target::Tags(tags) => Some(tags),
            Target::Object(_) | Target::Name(_) => None,
        }
    }

    /// The location; a `PYRO` URI always has one.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// The host of a TCP location; an IPv6 address stands without brackets.
    pub fn host(&self) -> Option<&str> {
        match &self.location {
            Some(Location::Tcp { host, .. }) => Some(host),
            _ => None,
        }
    }

    /// The port of a TCP location.
    pub fn port(&self) -> Option<u16> {
        match &self.location {
            Some(Location::Tcp { port, .. }) => Some(*port),
            _ => None,
        }
    }

    /// The path of a Unix domain socket.
    pub fn socket_path(&self) -> Option<&str> {
        match &self.location {
            Some(Location::Unix(path)) => Some(path),
            _ => None,
        }
    }

    /// The five fields in which the URI travels inside a message.
    pub fn to_state(&self) -> UriState {
        let object = match &self.target {
            Target::Object(text) | Target::Name(text) => UriObject::Text(text.clone()),
            Target::Tags(tags) => UriObject::Tags(tags.clone()),
        };
        UriState {
            protocol: self.protocol().to_string(),
            object,
            sockname: self.socket_path().map(str::to_owned),
            host: self.host().map(str::to_owned),
            port: self.port().map(i64::from),
        }
    }

    /// The URI that arrived as five fields.
    ///
    /// # Errors
    /// When no URI has this state. Python takes any state unseen; here it comes from the network, so it is checked like a text.
    pub fn from_state(state: UriState) -> Result<Uri, InvalidUri> {
        let target = match (state.protocol.as_str(), state.object) {
            ("PYRO", UriObject::Text(object)) => Target::Object(object),
            ("PYRONAME", UriObject::Text(name)) => Target::Name(name),
            ("PYROMETA", UriObject::Tags(tags)) => Target::Tags(tags),
            ("PYRO" | "PYRONAME" | "PYROMETA", _) => return Err(InvalidUri::Form),
            _ => return Err(InvalidUri::Protocol),
        };
        let location = match (state.sockname, state.host, state.port) {
            (None, None, None) => None,
            (Some(path), None, None) => Some(Location::Unix(path)),
            (None, Some(host), port) => Some(Location::Tcp {
                host,
                port: port_from_state(port)?,
            }),
            _ => return Err(InvalidUri::Location),
        };
        Uri { target, location }.readable()
    }

    /// The URI itself if its text form reads back as the same URI: the one rule that every way to make a URI keeps.
    fn readable(self) -> Result<Uri, InvalidUri> {
        if self.to_string().parse::<Uri>()? == self {
            Ok(self)
        } else {
            Err(InvalidUri::Form)
        }
    }
}

impl Location {
    /// A TCP port on a host (a name, an IPv4 address, or a numeric IPv6 address without brackets).
    pub fn tcp(host: impl Into<String>, port: u16) -> Location {
        Location::Tcp {
            host: host.into(),
            port,
        }
    }

    /// The Unix domain socket at a path.
    pub fn unix(path: impl Into<String>) -> Location {
        Location::Unix(path.into())
    }

    /// Reads what stands after the `@` of a URI: `host:port`, `[ipv6]:port` or `./u:path`. `default_port` is taken when there
    /// is no port.
    ///
    /// # Errors
    /// With Pyro's texts, see [`InvalidUri`].
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Location, InvalidUri> {
        LocationRef::parse(text, default_port).map(Location::from)
    }
}

fn port_from_state(port: Option<i64>) -> Result<u16, InvalidUri> {
    let number = port.ok_or(InvalidUri::Port(None))?;
    u16::try_from(number).map_err(|_| InvalidUri::Port(Some(number.to_string())))
}

fn join(tags: &BTreeSet<String>) -> String {
    tags.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

impl FromStr for Uri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Uri, InvalidUri> {
        Uri::parse_with(text, DEFAULT_NS_PORT)
    }
}

impl TryFrom<&str> for Uri {
    type Error = InvalidUri;

    fn try_from(text: &str) -> Result<Uri, InvalidUri> {
        text.parse()
    }
}

impl TryFrom<String> for Uri {
    type Error = InvalidUri;

    fn try_from(text: String) -> Result<Uri, InvalidUri> {
        text.parse()
    }
}

impl From<&Uri> for Uri {
    fn from(uri: &Uri) -> Uri {
        uri.clone()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.protocol(), self.object())?;
        match &self.location {
            Some(location) => write!(f, "@{location}"),
            None => Ok(()),
        }
    }
}

impl Protocol {
    /// The word itself, in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Pyro => "PYRO",
            Protocol::PyroName => "PYRONAME",
            Protocol::PyroMeta => "PYROMETA",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Location::Tcp { host, port } => write!(f, "{host}:{port}"),
            Location::Unix(path) => write!(f, "{UNIX_PREFIX}{path}"),
        }
    }
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidUri::Form => f.write_str("invalid uri"),
            InvalidUri::Protocol => f.write_str("invalid uri (protocol)"),
            InvalidUri::Location => f.write_str("invalid uri (location)"),
            InvalidUri::TooManyBrackets => f.write_str("invalid ipv6 address: enclosed in too many brackets"),
            InvalidUri::NotNumericIpv6 => {
                f.write_str("invalid ipv6 address: the part between brackets must be a numeric ipv6 address")
            }
            InvalidUri::Port(port) => write!(f, "invalid port in uri, port={}", port.as_deref().unwrap_or("None")),
        }
    }
}

impl std::error::Error for InvalidUri {}
