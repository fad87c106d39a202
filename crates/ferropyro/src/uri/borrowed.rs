//! URIs that borrow their texts: the one reader of URIs, and the form in which they are sent.

use super::{DEFAULT_NS_PORT, InvalidUri, Location, Protocol, Target, UNIX_PREFIX, Uri};

/// A [`Uri`] whose texts stay where they are.
///
/// For who reads a URI only to send it on, as a name server does with what it has in its store. It takes the same texts, and travels as the same class `URI`.
///
/// ```
/// use ferropyro::uri::{Uri, UriRef};
///
/// let uri = UriRef::parse("PYRO:echo@localhost:4711")?;
/// assert_eq!(Uri::from(uri), "PYRO:echo@localhost:4711".parse()?);
/// # Ok::<(), ferropyro::uri::InvalidUri>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriRef<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) object: ObjectRef<'a>,
    pub(crate) location: Option<LocationRef<'a>>,
}

/// The object of a [`UriRef`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ObjectRef<'a> {
    Text(&'a str),
    /// Ascending, and each of them once.
    Tags(Vec<&'a str>),
}

/// The location of a [`UriRef`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocationRef<'a> {
    Tcp { host: &'a str, port: u16 },
    Unix(&'a str),
}

impl<'a> UriRef<'a> {
    /// Reads a URI as [`str::parse`] does for a [`Uri`].
    ///
    /// # Errors
    /// With Pyro's texts, see [`InvalidUri`].
    pub fn parse(text: &'a str) -> Result<UriRef<'a>, InvalidUri> {
        UriRef::parse_with(text, DEFAULT_NS_PORT)
    }

    /// The same with the port of a name server that is named without one, see [`Uri::parse_with`].
    ///
    /// # Errors
    /// With Pyro's texts, see [`InvalidUri`].
    pub fn parse_with(text: &'a str, ns_port: u16) -> Result<UriRef<'a>, InvalidUri> {
        let (protocol, object, location) = split(text).ok_or(InvalidUri::Form)?;
        let protocol = protocol_of(protocol)?;
        let (object, default_port) = match protocol {
            Protocol::Pyro if location.is_none() => return Err(InvalidUri::Form),
            Protocol::Pyro => (ObjectRef::Text(object), None),
            Protocol::PyroName => (ObjectRef::Text(object), Some(ns_port)),
            Protocol::PyroMeta => (ObjectRef::Tags(parse_tags(object)?), Some(ns_port)),
        };
        let location = location
            .map(|text| LocationRef::parse(text, default_port))
            .transpose()?;
        Ok(UriRef {
            protocol,
            object,
            location,
        })
    }
}

impl<'a> LocationRef<'a> {
    pub(super) fn parse(text: &'a str, default_port: Option<u16>) -> Result<LocationRef<'a>, InvalidUri> {
        if let Some(path) = text.strip_prefix(UNIX_PREFIX) {
            let valid = !path.is_empty() && !path.contains(':');
            return match valid {
                true => Ok(LocationRef::Unix(path)),
                false => Err(InvalidUri::Location),
            };
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => split_ipv6(rest)?,
            None => split_at(text, b':').unwrap_or((text, "")),
        };
        let port = parse_port(port, default_port)?;
        let readable = !host.is_empty() && host != "./u";
        match readable {
            true => Ok(LocationRef::Tcp { host, port }),
            false => Err(InvalidUri::Location),
        }
    }
}

impl<'a> From<&'a Uri> for UriRef<'a> {
    fn from(uri: &'a Uri) -> UriRef<'a> {
        UriRef {
            protocol: uri.protocol(),
            object: match &uri.target {
                Target::Object(text) | Target::Name(text) => ObjectRef::Text(text),
                Target::Tags(tags) => ObjectRef::Tags(tags.iter().map(String::as_str).collect()),
            },
            location: uri.location.as_ref().map(|location| match location {
                Location::Tcp { host, port } => LocationRef::Tcp { host, port: *port },
                Location::Unix(path) => LocationRef::Unix(path),
            }),
        }
    }
}

impl From<UriRef<'_>> for Uri {
    fn from(uri: UriRef<'_>) -> Uri {
        Uri {
            target: match (uri.protocol, uri.object) {
                (Protocol::PyroName, ObjectRef::Text(text)) => Target::Name(text.to_owned()),
                (_, ObjectRef::Text(text)) => Target::Object(text.to_owned()),
                (_, ObjectRef::Tags(tags)) => Target::Tags(tags.into_iter().map(str::to_owned).collect()),
            },
            location: uri.location.map(Location::from),
        }
    }
}

impl From<LocationRef<'_>> for Location {
    fn from(location: LocationRef<'_>) -> Location {
        match location {
            LocationRef::Tcp { host, port } => Location::tcp(host, port),
            LocationRef::Unix(path) => Location::unix(path),
        }
    }
}

fn protocol_of(word: &str) -> Result<Protocol, InvalidUri> {
    match word {
        _ if word.eq_ignore_ascii_case("PYRO") => Ok(Protocol::Pyro),
        _ if word.eq_ignore_ascii_case("PYRONAME") => Ok(Protocol::PyroName),
        _ if word.eq_ignore_ascii_case("PYROMETA") => Ok(Protocol::PyroMeta),
        _ => Err(InvalidUri::Protocol),
    }
}

/// Takes a URI apart into protocol, object and location as the regular expression of Python's class does:
/// `([Pp][Yy][Rr][Oo][a-zA-Z]*):(\S+?)(@(.+))?$`.
fn split(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let text = text.strip_suffix('\n').unwrap_or(text); // `$` also matches in front of a last newline
    let (protocol, rest) = split_at(text, b':')?;
    let is_word = protocol.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_pyro = protocol
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("pyro"));
    if !is_word || !is_pyro || rest.bytes().any(|byte| byte == b'\n') {
        return None;
    }
    let (object, location) = match find_location(rest.as_bytes()) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let valid = !object.is_empty() && !object.chars().any(is_blank);
    valid.then_some((protocol, object, location))
}

/// What stands before and behind the first of these signs. For texts as short as these, cheaper than the search of the standard library.
fn split_at(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == sign)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The position of the `@` that ends the object: the first one with something before it and something behind it.
fn find_location(text: &[u8]) -> Option<usize> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    inner.iter().position(|byte| *byte == b'@').map(|at| at + 1)
}

/// What Python's `\s` matches: White_Space and the four separators of ASCII.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn parse_tags(text: &str) -> Result<Vec<&str>, InvalidUri> {
    let mut tags: Vec<&str> = text.split(',').collect();
    tags.sort_unstable();
    tags.dedup();
    let readable = !text.contains('@') && tags.iter().any(|tag| !tag.is_empty());
    if readable { Ok(tags) } else { Err(InvalidUri::Form) }
}

/// Takes `address]:port` apart; what follows is ignored, as Python does.
fn split_ipv6(text: &str) -> Result<(&str, &str), InvalidUri> {
    if text.starts_with('[') {
        return Err(InvalidUri::TooManyBrackets);
    }
    let is_numeric = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '%';
    let (address, rest) = text.split_once(']').ok_or(InvalidUri::NotNumericIpv6)?;
    if address.is_empty() || !address.chars().all(is_numeric) {
        return Err(InvalidUri::NotNumericIpv6);
    }
    let port = rest.strip_prefix(':').unwrap_or("");
    let digits = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
    Ok((address, &port[..digits]))
}

fn parse_port(text: &str, default: Option<u16>) -> Result<u16, InvalidUri> {
    if text.is_empty() {
        return default.ok_or(InvalidUri::Port(None));
    }
    text.trim().parse().map_err(|_| InvalidUri::Port(Some(text.to_owned())))
}
