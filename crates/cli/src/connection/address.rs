//! Addresses as they stand on a command line.

use std::fmt::{self, Display};

use ferropyro_connection::Address;

/// A text with a colon and a number at its end is a host and a port, if there is no slash in it; anything else is as in Python.
pub(super) fn parse(text: &str) -> Result<Address, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !text.contains(['/', '\\']) && port.bytes().all(|digit| digit.is_ascii_digit()) => {
            let host = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .unwrap_or(host);
            match (host, port.parse()) {
                ("", _) | (_, Err(_)) => Err("it should look like HOST:PORT or /the/path/of/a/socket".to_owned()),
                (host, Ok(port)) => Ok(Address::from((host, port))),
            }
        }
        _ if text.is_empty() => Err("it should look like HOST:PORT or /the/path/of/a/socket".to_owned()),
        _ => Ok(Address::from(text)),
    }
}

/// As [`parse`] reads it.
pub(super) struct Shown<'a>(pub(super) &'a Address);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Address::Inet(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Inet(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => path.display().fmt(f),
            Address::Pipe(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_makes_a_host_and_anything_else_is_a_path() {
        for (text, address) in [
            ("localhost:6000", Address::from(("localhost", 6000))),
            ("127.0.0.1:0", Address::from(("127.0.0.1", 0))),
            ("[::1]:6000", Address::from(("::1", 6000))),
            ("/run/jobs.sock", Address::from("/run/jobs.sock")),
            ("jobs.sock", Address::from("jobs.sock")),
            ("./jobs:6000", Address::from("./jobs:6000")),
            ("jobs:x", Address::from("jobs:x")),
            (r"\\.\pipe\jobs", Address::from(r"\\.\pipe\jobs")),
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!(parsed, address);
            assert_eq!(Shown(&parsed).to_string(), text);
        }
        for text in ["", ":6000", "localhost:65536", "localhost:"] {
            assert!(parse(text).unwrap_err().contains("should look like"), "{text}");
        }
    }
}
