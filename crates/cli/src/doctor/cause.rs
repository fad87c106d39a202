//! Why a connection did not come about, and what to do about it.

use ferropyro::{Error, ErrorKind};

/// The reason behind an error, in the order in which they are looked for: one that only a server can give comes before the silence at other addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// One side has a key and the other has none or another one.
    Key,
    /// The server does not take the serializer.
    Serializer,
    /// One side wants TLS, or does not trust the other.
    Tls,
    /// All threads of the server have a connection.
    Busy,
    /// The server has no object of that id.
    UnknownObject,
    /// The name server has no such name.
    UnknownName,
    /// There is no such host.
    NoHost,
    /// The machine is there, and nothing listens at that port.
    Refused,
    /// Nobody answers at that address.
    Unanswered,
    /// There is no way to that address.
    NoRoute,
    /// Something takes the connection, and says nothing.
    Silent,
    /// Something answers that is no Pyro, or of a version that is not spoken here.
    Stranger,
    /// A setting here that cannot be used.
    Settings,
    /// Something else.
    Other,
}

/// What stands in the texts of errors. Refusals arrive as texts only, from servers of several kinds.
const TEXTS: [(&str, Cause); 22] = [
    ("hmac key config not symmetric", Cause::Key),
    ("message hmac mismatch", Cause::Key),
    ("signed with its key only", Cause::Key),
    ("serializer that is not accepted", Cause::Serializer),
    ("is unknown or not available", Cause::Serializer),
    ("which lets others run code", Cause::Serializer),
    ("invalid serializer in response", Cause::Serializer),
    ("the certificate of the other side is refused", Cause::Tls),
    ("the other side refuses the connection", Cause::Tls),
    ("the other side does not speak TLS", Cause::Tls),
    ("accepts encrypted connections only", Cause::Tls),
    ("in the TLS handshake", Cause::Tls),
    ("no free workers", Cause::Busy),
    ("unknown object", Cause::UnknownObject),
    ("unknown name", Cause::UnknownName),
    ("no registrations available", Cause::UnknownName),
    ("failed to lookup address", Cause::NoHost),
    ("the name has no address", Cause::NoHost),
    ("no answer in time", Cause::Unanswered),
    ("timed out", Cause::Unanswered),
    ("unreachable", Cause::NoRoute),
    ("No route to host", Cause::NoRoute),
];

impl Cause {
    pub(super) fn of(error: &Error) -> Cause {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text += "\n";
            text += &cause.to_string();
            source = cause.source();
        }
        match Cause::of_text(&text) {
            Some(cause) => cause,
            None => match error.kind() {
                ErrorKind::Timeout => Cause::Silent,
                ErrorKind::Security => Cause::Key,
                ErrorKind::Value => Cause::Settings,
                ErrorKind::Protocol | ErrorKind::ConnectionClosed => Cause::Stranger,
                _ => Cause::Other,
            },
        }
    }

    pub(super) fn of_text(text: &str) -> Option<Cause> {
        let found = TEXTS
            .iter()
            .find(|(part, _)| text.contains(part))
            .map(|(_, cause)| *cause);
        let refused = || {
            let parts = ["refused (os error", "actively refused"];
            parts.iter().any(|part| text.contains(part)).then_some(Cause::Refused)
        };
        let silent = || text.contains("receiving: timeout").then_some(Cause::Silent);
        let stranger = || {
            let parts = [
                "protocol version",
                "connection lost",
                "not enough data",
                "Connection reset",
            ];
            parts.iter().any(|part| text.contains(part)).then_some(Cause::Stranger)
        };
        found.or_else(silent).or_else(stranger).or_else(refused)
    }

    /// What to do, for somebody who wanted to connect to this place.
    pub(super) fn remedy(self, place: &str) -> String {
        match self {
            Cause::Key => "Give both sides the same key: PYRO_HMAC_KEY here and there, or `_pyroHmacKey` in Python. Pyro5 has no keys.".to_owned(),
            Cause::Serializer => "Choose another one with PYRO_SERIALIZER, or add it to the server's PYRO_SERIALIZERS_ACCEPTED.".to_owned(),
            Cause::Tls => "Both sides need PYRO_SSL=1, or neither; the client's PYRO_SSL_CACERTS must have the server's authority, and the certificate the host of the URI (chapter \"Encrypted connections\").".to_owned(),
            Cause::Busy => "Raise the server's PYRO_THREADPOOL_SIZE, or let clients release their proxies.".to_owned(),
            Cause::UnknownObject => format!("The server is there, the object is not: it was started anew, or the URI is old. `ferropyro inspect {place}` shows what it has."),
            Cause::UnknownName => "`ferropyro nsc list` shows the names that there are; the server of the object must register it.".to_owned(),
            Cause::NoHost => "Is the name spelt right, and known to this machine (DNS, /etc/hosts)? Try the number of the address in its place.".to_owned(),
            Cause::Refused => format!("That machine is there, and nothing listens at {place}. Start the server; if it runs, it is bound to another address (often localhost) or port: look at the URI that it printed."),
            Cause::Unanswered => format!("Either a firewall drops the packets or no machine has that address. Try `ferropyro probe {place}` on the server's own machine: if it works there, open the port on the way."),
            Cause::NoRoute => "This machine has no way to that network. Is it the right address of the server, of the right version of IP (PYRO_PREFER_IP_VERSION), and from outside (PYRO_NATHOST)?".to_owned(),
            Cause::Silent => format!("Something takes connections at {place} and does not answer: a program that hangs or has all its threads in use, or no Pyro. Look at the server's log."),
            Cause::Stranger => format!("`ferropyro probe {place}` tells what is there. Is it the right port?"),
            Cause::Settings => "This is about the settings here, and not about the server: see settings.environment and tls.files.".to_owned(),
            Cause::Other => "The text is what the other side, or the system, has said. The log of the server may say more.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_from_the_texts_of_every_generation() {
        for (text, cause) in [
            (
                "cannot connect to ('box', 9090): Connection refused (os error 111)",
                Cause::Refused,
            ),
            (
                "cannot connect to ('box', 9090): no answer in time; tried: 192.0.2.7:9090: timed out",
                Cause::Unanswered,
            ),
            (
                "cannot connect to ('box', 9090): failed to lookup address information: Name or service not known",
                Cause::NoHost,
            ),
            (
                "cannot connect to ('box', 9090): hmac key config not symmetric",
                Cause::Key,
            ),
            (
                "connection to ('box', 9090) rejected: message hmac mismatch",
                Cause::Key,
            ),
            (
                "connection to ('box', 9090) rejected: message used serializer that is not accepted: 2",
                Cause::Serializer,
            ),
            (
                "connection to ('box', 9090) rejected: no free workers, increase server threadpool size",
                Cause::Busy,
            ),
            (
                "connection to ('box', 9090) rejected: unknown object",
                Cause::UnknownObject,
            ),
            (
                "cannot connect to ('box', 1): the certificate of the other side is refused: it has expired",
                Cause::Tls,
            ),
            ("receiving: timeout", Cause::Silent),
            ("invalid protocol version: 46", Cause::Stranger),
            (
                "cannot connect to ('box', 9090): Network is unreachable (os error 101)",
                Cause::NoRoute,
            ),
            (
                "cannot connect to ('box', 9090): No route to host (os error 113)",
                Cause::NoRoute,
            ),
        ] {
            assert_eq!(Cause::of_text(text), Some(cause), "{text}");
        }
        assert_eq!(Cause::of_text("something else"), None);
    }

    #[test]
    fn what_a_server_said_outweighs_that_nobody_was_at_another_address() {
        let text = "Failed to locate the nameserver; tried: connection to ('localhost', 9090) rejected: message used serializer that is not accepted: 2; \
                    tried: 127.0.1.1:9090: Connection refused (os error 111)";
        assert_eq!(Cause::of_text(text), Some(Cause::Serializer));
    }

    #[test]
    fn an_error_without_such_a_text_is_judged_by_its_kind() {
        for (kind, cause) in [
            (ErrorKind::Timeout, Cause::Silent),
            (ErrorKind::Security, Cause::Key),
            (ErrorKind::Protocol, Cause::Stranger),
            (ErrorKind::Value, Cause::Settings),
            (ErrorKind::Pyro, Cause::Other),
        ] {
            assert_eq!(Cause::of(&Error::new(kind, "a text")), cause);
        }
        let inner = Error::new(ErrorKind::Communication, "message hmac mismatch");
        let outer = Error::new(ErrorKind::Naming, "Failed to locate the nameserver").caused_by(inner);
        assert_eq!(Cause::of(&outer), Cause::Key);
    }
}
