//! Addresses, and the families that they belong to.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ferropyro_formats::Value;

use crate::{Error, Result};

/// Where a listener is.
///
/// It is made as in Python: `("localhost", 6000)` is an `AF_INET` address, a text is an `AF_UNIX` address (a path; with a NUL in front a name in Linux' abstract
/// name space), or an `AF_PIPE` address if it begins with two backslashes. [`Options::family`](crate::Options::family) can say otherwise.
///
/// ```
/// use ferropyro_connection::{Address, Family};
///
/// assert_eq!(Address::from(("localhost", 6000)).family(), Family::Inet);
/// assert_eq!(Address::from("/run/jobs.sock").family(), Family::Unix);
/// assert_eq!(Address::from(r"\\.\pipe\jobs").family(), Family::Pipe);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host, by name or by address, and a TCP port; 0 is any free one, for listeners.
    Inet(String, u16),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
    /// The name of a Windows named pipe: `\\.\pipe\NAME`, or `\\SERVER\pipe\NAME` on another machine. Recognised everywhere and spoken nowhere: nobody has been
    /// able to try it.
    Pipe(String),
}

/// The families of addresses, by their names in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `AF_INET`: TCP.
    Inet,
    /// `AF_UNIX`: Unix domain sockets.
    Unix,
    /// `AF_PIPE`: named pipes of Windows.
    Pipe,
}

impl Address {
    /// The family that the form of the address belongs to.
    pub fn family(&self) -> Family {
        match self {
            Address::Inet(..) => Family::Inet,
            Address::Unix(_) => Family::Unix,
            Address::Pipe(_) => Family::Pipe,
        }
    }

    /// The same address as one of `family`: texts may be paths or pipes, whatever they begin with.
    pub(crate) fn of_family(self, family: Option<Family>) -> Result<Address> {
        let address = match (self, family) {
            (Address::Pipe(name), Some(Family::Unix)) => Address::Unix(name.into()),
            (Address::Unix(path), Some(Family::Pipe)) => Address::Pipe(path.to_string_lossy().into_owned()),
            (address, _) => address,
        };
        match family {
            Some(family) if family != address.family() => Err(Error::Address(format!(
                "the address {address} is one of {}, not of {family}",
                address.family()
            ))),
            _ => address.usable(),
        }
    }

    fn usable(self) -> Result<Address> {
        match self.family() {
            Family::Pipe => Err(Family::Pipe.unusable()),
            Family::Unix if cfg!(not(unix)) => Err(Family::Unix.unusable()),
            _ => Ok(self),
        }
    }
}

/// As Python shows it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::from(self.clone()).fmt(f)
    }
}

impl From<(&str, u16)> for Address {
    fn from((host, port): (&str, u16)) -> Address {
        Address::Inet(host.to_owned(), port)
    }
}

impl From<(String, u16)> for Address {
    fn from((host, port): (String, u16)) -> Address {
        Address::Inet(host, port)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Inet(address.ip().to_string(), address.port())
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Address {
        match text.starts_with(r"\\") {
            true => Address::Pipe(text.to_owned()),
            false => Address::Unix(text.into()),
        }
    }
}

impl From<String> for Address {
    fn from(text: String) -> Address {
        Address::from(text.as_str())
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Address {
        path.to_str()
            .map_or_else(|| Address::Unix(path.to_owned()), Address::from)
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Address {
        Address::from(path.as_path())
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Address {
        address.clone()
    }
}

/// What Python has for it: programs send each other their addresses.
impl From<Address> for Value {
    fn from(address: Address) -> Value {
        match address {
            Address::Inet(host, port) => Value::Tuple(vec![Value::from(host), Value::Int(i64::from(port))]),
            Address::Unix(path) => Value::from(path.to_string_lossy().into_owned()),
            Address::Pipe(name) => Value::from(name),
        }
    }
}

/// Fails with Python's text for what is no address.
impl TryFrom<&Value> for Address {
    type Error = Error;

    fn try_from(value: &Value) -> Result<Address> {
        match value {
            Value::Str(text) => Ok(Address::from(text.as_str())),
            Value::Bytes(name) if name.first() == Some(&0) => match std::str::from_utf8(name) {
                Ok(name) => Ok(Address::Unix(name.into())),
                Err(_) => Err(unrecognized(value)),
            },
            Value::Tuple(pair) => match pair.as_slice() {
                [Value::Str(host), Value::Int(port)] => match u16::try_from(*port) {
                    Ok(port) => Ok(Address::Inet(host.to_string(), port)),
                    Err(_) => Err(Error::Address(format!("port must be 0-65535, and is {port}"))),
                },
                _ => Err(Error::Address(format!(
                    "AF_INET address must be a pair (host, port), and is {value}"
                ))),
            },
            _ => Err(unrecognized(value)),
        }
    }
}

fn unrecognized(value: &Value) -> Error {
    Error::Address(format!("address type of {value} unrecognized"))
}

impl Family {
    /// The name in Python.
    pub fn name(self) -> &'static str {
        match self {
            Family::Inet => "AF_INET",
            Family::Unix => "AF_UNIX",
            Family::Pipe => "AF_PIPE",
        }
    }

    /// Why there is nothing of this family here, as far as one is missing.
    pub(crate) fn unusable(self) -> Error {
        let why = match self {
            Family::Inet => "there is no network",
            Family::Unix => "this system has no Unix domain sockets; use a host and a port (AF_INET)",
            Family::Pipe => {
                "ferropyro does not speak named pipes of Windows; use a path (AF_UNIX) or a host and a port (AF_INET)"
            }
        };
        Error::Address(format!("Family {self} is not recognized: {why}"))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// From the name in Python; fails for any other text.
impl FromStr for Family {
    type Err = Error;

    fn from_str(name: &str) -> Result<Family> {
        let families = [Family::Inet, Family::Unix, Family::Pipe];
        let found = families.into_iter().find(|family| family.name() == name);
        found.ok_or_else(|| {
            Error::Address(format!(
                "Family {name} is not recognized: there are AF_INET, AF_UNIX and AF_PIPE"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(name: &str) -> Address {
        Address::Pipe(name.to_owned())
    }

    // Conformance: MP-05, MP-13, MP-14, MP-15
    #[test]
    fn the_form_of_an_address_tells_its_family() {
        assert_eq!(Address::from(("localhost", 6000)).family(), Family::Inet);
        assert_eq!(Address::from(("127.0.0.1", 0)).family(), Family::Inet);
        for path in ["/tmp/x", "x", r"\x", "", "\0abstract"] {
            assert_eq!(Address::from(path), Address::Unix(path.into()));
        }
        for name in [r"\\.\pipe\jobs", r"\\SERVER\pipe\jobs", r"\\x", r"\\"] {
            assert_eq!(Address::from(name), pipe(name));
            assert_eq!(Address::from(Path::new(name)), pipe(name));
        }
    }

    // Conformance: MP-04
    #[test]
    fn families_have_the_names_of_python_and_no_others() {
        for family in [Family::Inet, Family::Unix, Family::Pipe] {
            assert_eq!(family.name().parse::<Family>().unwrap(), family);
        }
        for name in ["AF_FOO", "AF_INET6", "af_inet", ""] {
            let error = name.parse::<Family>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("Family {name} is not recognized")),
                "{error}"
            );
        }
    }

    // Conformance: MP-04, MP-05, MP-15
    #[test]
    fn a_family_agrees_with_the_address_or_says_what_the_text_means() {
        let inet = Address::from(("localhost", 1));
        assert_eq!(inet.clone().of_family(Some(Family::Inet)).unwrap(), inet);
        assert_eq!(inet.clone().of_family(None).unwrap(), inet);
        for family in [Family::Unix, Family::Pipe] {
            let error = inet.clone().of_family(Some(family)).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the address ('localhost', 1) is one of AF_INET, not of {family}")
            );
        }
        let error = Address::from("/tmp/x").of_family(Some(Family::Inet)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the address '/tmp/x' is one of AF_UNIX, not of AF_INET"
        );
        if cfg!(unix) {
            assert_eq!(
                pipe(r"\\x").of_family(Some(Family::Unix)).unwrap(),
                Address::Unix(r"\\x".into())
            );
        }
        for address in [
            pipe(r"\\x").of_family(None),
            Address::from("/tmp/x").of_family(Some(Family::Pipe)),
        ] {
            let error = address.unwrap_err().to_string();
            assert!(error.starts_with("Family AF_PIPE is not recognized: "), "{error}");
        }
    }

    // Conformance: MP-05, MP-13
    #[test]
    fn values_of_python_are_addresses_or_an_error_that_shows_them() {
        let tuple = |items: &[Value]| Value::Tuple(items.to_vec());
        for address in [
            Address::from(("localhost", 6000)),
            Address::from("/tmp/x"),
            Address::from("\0abstract"),
            pipe(r"\\.\pipe\x"),
        ] {
            assert_eq!(Address::try_from(&Value::from(address.clone())).unwrap(), address);
        }
        let abstract_name = Address::try_from(&Value::Bytes(b"\0name".to_vec())).unwrap();
        assert_eq!(abstract_name, Address::from("\0name"));
        for (value, text) in [
            (Value::Int(5), "address type of 5 unrecognized"),
            (Value::None, "address type of None unrecognized"),
            (Value::Bytes(b"path".to_vec()), "address type of b'path' unrecognized"),
            (Value::Bytes(vec![0, 255]), r"address type of b'\x00\xff' unrecognized"),
            (
                tuple(&[Value::from("host")]),
                "AF_INET address must be a pair (host, port), and is ('host',)",
            ),
            (
                tuple(&[Value::from("host"), Value::from("80")]),
                "AF_INET address must be a pair (host, port), and is ('host', '80')",
            ),
            (
                tuple(&[Value::from("host"), Value::Int(65_536)]),
                "port must be 0-65535, and is 65536",
            ),
        ] {
            assert_eq!(Address::try_from(&value).unwrap_err().to_string(), text);
        }
    }
}
