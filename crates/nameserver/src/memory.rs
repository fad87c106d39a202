//! The store that forgets everything when the process ends: Pyro's `memory`.

use crate::local::{Changes, Contents, Journal, Trouble};
use crate::store::{Capabilities, Waits};

/// Writes nothing down.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Journal for Nothing {
    const CAPABILITIES: Capabilities = Capabilities {
        class: "MemoryStorage",
        metadata: true,
        leases: true,
        waits: Waits::Never,
    };

    fn begin(&mut self) -> Result<Option<Contents>, Trouble> {
        Ok(None)
    }

    fn commit(&mut self, _: &Changes) -> Result<(), Trouble> {
        Ok(())
    }

    fn abandon(&mut self) {}

    fn refresh(&mut self) -> Result<Option<Contents>, Trouble> {
        Ok(None)
    }

    fn close(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}
