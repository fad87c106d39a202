//! Clients of Pyro4's protocols 46 and 47: they say nothing until the server has greeted them.

use std::sync::Arc;
use std::time::Duration;

use ferropyro_wire::Dialect;
use uuid::Uuid;

use super::handshake;
use super::server::{ServerSession, Step, deframer};
use crate::ErrorKind;
use crate::peer::Peer;

impl ServerSession {
    /// How long a client may be silent before it is taken for one that waits to be greeted; then [`speak_first`](ServerSession::speak_first) does that.
    /// `None`: there are no such clients here. Where there are no others nobody is waited for.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let dialect = self.core.silent_dialect()?;
        let others = !self.core.dialects().contains(&dialect);
        Some(if others {
            self.core.config.greeting_delay
        } else {
            Duration::ZERO
        })
    }

    /// What stands for this session while it is elsewhere.
    pub(crate) fn placeholder(&self) -> ServerSession {
        ServerSession::new(Arc::clone(&self.core), Peer::Nobody)
    }

    /// Greets a client that has said nothing so far. It is connected then, unless the program's hook has refused it.
    pub(crate) fn speak_first(&mut self) -> Step {
        let Some(dialect) = self.core.silent_dialect() else {
            return Step::Close;
        };
        let peer = self.connection.peer();
        match handshake::speak_first(&self.core, &self.connection, dialect, Uuid::new_v4(), &mut self.out) {
            Ok(()) => {
                self.core.log_connection(format_args!("{peer} greeted, {dialect}"));
                self.deframer = deframer(&self.core, &[dialect]);
                self.begin();
                Step::Continue(0)
            }
            Err(refusal) => {
                self.log_refusal(&refusal.text);
                refusal.write(&self.core, 1, None, &mut self.out);
                Step::Close
            }
        }
    }
}

/// The class of an error of a serializer. Pyro4 had none of its own in the days of protocol 46, and fails on a name that it does not know.
pub(super) fn serialize_error(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::V46 => ErrorKind::Protocol.class(),
        _ => ErrorKind::Serialize.class(),
    }
}
