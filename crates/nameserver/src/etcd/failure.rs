//! Requests that failed: whether they may have been carried out all the same, and how that is said.

use std::error::Error as _;
use std::fmt;

use etcd_client::Error as EtcdError;
use ferropyro::{Error, ErrorKind};
use tonic::{Code, ConnectError, Status};

/// What etcd says when it has not even begun.
const NOT_BEGUN: [&str; 5] = [
    "etcdserver: no leader",
    "etcdserver: not leader",
    "etcdserver: too many requests",
    "etcdserver: not capable",
    "raft proposal dropped",
];

/// Why one attempt at one endpoint failed.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) text: String,
    pub(super) outcome: Outcome,
}

/// What is known of a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was refused, and would be again.
    Refused,
    /// It was not carried out; another attempt may succeed.
    NotDone,
    /// Nothing: it may have been carried out.
    Unknown,
}

impl Trouble {
    pub(super) fn silence(seconds: f64) -> Trouble {
        Trouble {
            text: format!("no answer within {seconds:.1} s"),
            outcome: Outcome::Unknown,
        }
    }
}

impl From<EtcdError> for Trouble {
    fn from(error: EtcdError) -> Trouble {
        match error {
            EtcdError::GRpcStatus(status) => Trouble {
                outcome: outcome(&status),
                text: text(&status),
            },
            // Keeping a lease alive is the only thing that ends so.
            EtcdError::LeaseKeepAliveError(text) => Trouble {
                text: format!("{LEASE_GONE}: {text}"),
                outcome: Outcome::Refused,
            },
            other => Trouble {
                text: other.to_string(),
                outcome: Outcome::Unknown,
            },
        }
    }
}

const LEASE_GONE: &str = "etcdserver: requested lease not found";

fn outcome(status: &Status) -> Outcome {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<ConnectError>() {
            return Outcome::NotDone;
        }
        source = error.source();
    }
    let message = status.message();
    if NOT_BEGUN.contains(&message) {
        return Outcome::NotDone;
    }
    let is_refusal = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unauthenticated
    );
    // Broken connections can have these codes too, but not etcd's words.
    match is_refusal && message.starts_with("etcdserver: ") {
        true => Outcome::Refused,
        false => Outcome::Unknown,
    }
}

/// What etcd says; of a broken connection the innermost reason, which is the one that tells something.
fn text(status: &Status) -> String {
    let mut innermost = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        innermost = error.to_string();
        source = error.source();
    }
    match innermost.is_empty() {
        true => status.code().to_string(),
        false => innermost,
    }
}

/// Why a request failed, with every endpoint that was tried.
#[derive(Debug, Default)]
pub(super) struct Failure {
    /// Endpoints and reasons.
    tried: Vec<(String, String)>,
    /// What went wrong without any endpoint.
    text: String,
    /// Whether it may have been carried out all the same.
    pub(super) is_unknown: bool,
}

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Failure {
        Failure {
            text: text.into(),
            ..Failure::default()
        }
    }

    /// Notes an attempt; of several at one endpoint the last one counts.
    pub(super) fn add(&mut self, endpoint: &str, text: String) {
        self.tried.retain(|(tried, _)| tried != endpoint);
        self.tried.push((endpoint.to_owned(), text));
    }

    /// Puts a text before the reasons.
    pub(super) fn prepend(&mut self, text: &str) {
        self.text.insert_str(0, text);
    }

    /// Whether the lease was not there any more. Nothing has changed then.
    pub(super) fn is_lease_gone(&self) -> bool {
        self.says(LEASE_GONE)
    }

    /// Whether the revision that was asked for is not there any more.
    pub(super) fn is_compacted(&self) -> bool {
        self.says("required revision has been compacted")
    }

    /// Whether the answer was longer than a message may be.
    pub(super) fn is_too_long(&self) -> bool {
        self.says("message length too large")
    }

    fn says(&self, text: &str) -> bool {
        self.tried.last().is_some_and(|(_, reason)| reason.contains(text))
    }

    /// The error of an operation, by Pyro's word for it.
    pub(super) fn in_operation(self, operation: &str) -> Error {
        let unknown = match self.is_unknown {
            true => ": it is not known whether the change was made",
            false => "",
        };
        Error::new(ErrorKind::Naming, format!("etcd error in {operation}: {self}{unknown}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        for (index, (endpoint, reason)) in self.tried.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{endpoint}: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Code, message: &str) -> Outcome {
        Trouble::from(EtcdError::GRpcStatus(Status::new(code, message))).outcome
    }

    #[test]
    fn only_what_is_known_not_to_have_happened_counts_as_not_done() {
        assert_eq!(of(Code::Unavailable, "etcdserver: no leader"), Outcome::NotDone);
        assert_eq!(of(Code::Unavailable, "etcdserver: leader changed"), Outcome::Unknown);
        assert_eq!(of(Code::Unavailable, "etcdserver: request timed out"), Outcome::Unknown);
        assert_eq!(of(Code::Unavailable, "transport error"), Outcome::Unknown);
        assert_eq!(of(Code::Cancelled, "connection closed"), Outcome::Unknown);
        assert_eq!(
            of(Code::NotFound, "etcdserver: requested lease not found"),
            Outcome::Refused
        );
        assert_eq!(
            of(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
            Outcome::Refused
        );
        assert_eq!(of(Code::ResourceExhausted, "h2 protocol error"), Outcome::Unknown);
        assert_eq!(
            of(Code::OutOfRange, "decoded message length too large"),
            Outcome::Unknown
        );
    }

    #[test]
    fn names_each_endpoint_once_and_says_what_is_not_known() {
        let mut failure = Failure::default();
        failure.add("a:1", "refused".to_owned());
        failure.add("b:2", "silent".to_owned());
        failure.add("a:1", "gone".to_owned());
        failure.is_unknown = true;
        assert_eq!(
            failure.in_operation("setitem").message(),
            "etcd error in setitem: b:2: silent; a:1: gone: it is not known whether the change was made"
        );
    }
}
