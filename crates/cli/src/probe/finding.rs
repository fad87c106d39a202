//! What a probe can find.

/// What is behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A Pyro server that speaks these protocol versions.
    Pyro {
        /// The numbers behind `PYRO` in what it sent.
        versions: Vec<u16>,
        /// Why it refused us, if it did.
        remark: Option<String>,
    },
    /// Something else: what it seems to be, and the start of what it sent.
    Other { kind: &'static str, greeting: String },
    /// It takes connections and says nothing.
    Silent,
    /// It takes connections and closes them without a word.
    HangsUp,
    /// Nobody is there; the reason.
    Closed(String),
}

impl Finding {
    /// In words.
    pub(crate) fn peer(&self) -> String {
        match self {
            Finding::Pyro { versions, .. } => pyro(versions),
            Finding::Other { kind, .. } => format!("no Pyro: {kind}"),
            Finding::Silent => "no answer: it takes connections and says nothing".to_owned(),
            Finding::HangsUp => "no Pyro: it takes connections and closes them without a word".to_owned(),
            Finding::Closed(reason) => format!("nobody there: {reason}"),
        }
    }

    pub(crate) fn versions(&self) -> &[u16] {
        match self {
            Finding::Pyro { versions, .. } => versions,
            _ => &[],
        }
    }

    /// Whether it wants encrypted connections: it answers as a TLS server does, or a Pyro server that says so.
    pub(crate) fn is_tls(&self) -> bool {
        match self {
            Finding::Other { kind, .. } => *kind == TLS_SERVER,
            Finding::Pyro { remark, .. } => remark
                .as_ref()
                .is_some_and(|text| text.contains("encrypted connections only")),
            _ => false,
        }
    }

    /// The peer's own words.
    pub(crate) fn remark(&self) -> Option<&str> {
        match self {
            Finding::Pyro { remark, .. } => remark.as_deref(),
            Finding::Other { greeting, .. } => Some(greeting).filter(|text| !text.is_empty()).map(String::as_str),
            _ => None,
        }
    }
}

const TLS_SERVER: &str = "a TLS server; that may be Pyro with SSL switched on";

fn pyro(versions: &[u16]) -> String {
    match versions {
        [one] if *one >= 100 => "Pyro5".to_owned(),
        [one] if *one >= 40 => "Pyro4".to_owned(),
        [5] => "Pyro 3".to_owned(),
        [_] => "Pyro of an unknown version".to_owned(),
        _ => "ferropyro, which speaks to Pyro4 and Pyro5".to_owned(),
    }
}

/// The releases of Pyro that speak a protocol version.
pub(crate) fn release(version: u16) -> &'static str {
    match version {
        5 => "Pyro 3.x",
        40 => "the first Pyro4",
        41..=45 => "Pyro4 up to 4.21",
        46 => "Pyro4 4.22 to 4.25",
        47 => "Pyro4 4.26 to 4.37",
        48 => "Pyro4 4.38 and later",
        502 => "Pyro5",
        _ => "not a version that is known here",
    }
}

/// What the first bytes of a stranger look like; `None` for a Pyro server.
pub(super) fn stranger(bytes: &[u8]) -> Finding {
    let starts = |prefix: &[u8]| bytes.starts_with(prefix);
    let kind = if starts(b"HTTP/") {
        "an HTTP server"
    } else if starts(b"SSH-") {
        "an SSH server"
    } else if matches!(bytes, [0x15 | 0x16, 0x03, ..]) {
        TLS_SERVER
    } else if bytes.get(4..).is_some_and(|rest| rest.starts_with(b"#CHALLENGE#")) {
        "a listener of Python's multiprocessing, which wants a key"
    } else if starts(b"220") {
        "a mail or FTP server"
    } else if starts(b"-ERR") {
        "a Redis server, or one like it"
    } else {
        "a server of another protocol"
    };
    let is_text = !matches!(bytes, [0x15 | 0x16, 0x03, ..]);
    Finding::Other {
        kind,
        greeting: if is_text { first_line(bytes) } else { String::new() },
    }
}

/// The first line, shortened, with what is not printable escaped: it goes to a terminal.
pub(super) fn first_line(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let line = &bytes[..end.unwrap_or(bytes.len()).min(120)];
    line.escape_ascii().to_string()
}
