//! Calls that take as long as somebody wants them to, and answers of any size.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferropyro::{Raise, expose};

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    /// How often the gate was opened.
    opened: u64,
}

#[expose]
impl Gate {
    /// Comes back when the gate is opened after this.
    pub fn wait(&self) -> &'static str {
        self.pass();
        "through"
    }

    #[expose(oneway)]
    pub fn wait_unanswered(&self) {
        self.pass();
    }

    /// Comes back when there is a file at this path; makes one of its own beside it when it begins to wait. For a server that serves nobody else meanwhile.
    pub fn wait_for_file(&self, path: PathBuf) -> Result<&'static str, Raise> {
        std::fs::write(path.with_extension("waiting"), "")?;
        while !path.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok("through")
    }

    /// Never comes back.
    pub fn never(&self) {
        let mut state = self.state();
        state.waiting += 1;
        self.changed.notify_all();
        loop {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn waiting(&self) -> usize {
        self.state().waiting
    }

    /// Comes back when so many wait.
    pub fn await_waiting(&self, count: usize) {
        let few = |state: &mut State| state.waiting < count;
        drop(self.changed.wait_while(self.state(), few));
    }

    pub fn open(&self) {
        self.state().opened += 1;
        self.changed.notify_all();
    }

    pub fn big(&self, size: usize) -> String {
        "x".repeat(size)
    }

    pub fn echo(&self, value: ferropyro::Value) -> ferropyro::Value {
        value
    }
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state();
        state.waiting += 1;
        self.changed.notify_all();
        let opened = state.opened;
        let passed = self.changed.wait_while(state, |state| state.opened == opened);
        passed.unwrap_or_else(PoisonError::into_inner).waiting -= 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
