//! Changes on their way into the journal. Whoever finds it idle writes his own; those who come meanwhile wait, and one of them writes for all of them next,
//! so that one wait for the disk serves as many as there are.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use ferropyro::{Error, ErrorKind, Result};

use super::draft::Draft;
use super::table::Table;
use super::{Change, Journal, Trouble};

pub(super) struct Queue<J> {
    waiting: Mutex<Waiting>,
    /// Something has been written.
    written: Condvar,
    journal: Mutex<J>,
}

#[derive(Default)]
struct Waiting {
    changes: Vec<(Change, Ticket)>,
    is_writing: bool,
}

/// Where the one who waits finds what became of his change.
type Ticket = Arc<OnceLock<Result<usize>>>;

/// Whoever writes. Others take over when he is done, in whatever way.
struct Writer<'q, J>(&'q Queue<J>);

impl<J: Journal> Queue<J> {
    pub(super) fn new(journal: J) -> Queue<J> {
        Queue {
            waiting: Mutex::default(),
            written: Condvar::new(),
            journal: Mutex::new(journal),
        }
    }

    /// Makes a change; gives how many names it concerned.
    pub(super) fn change(&self, table: &Table, change: Change) -> Result<usize> {
        let ticket = Ticket::default();
        let mut waiting = self.waiting();
        waiting.changes.push((change, Arc::clone(&ticket)));
        while waiting.is_writing && ticket.get().is_none() {
            waiting = self.written.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if ticket.get().is_none() {
            waiting.is_writing = true;
            let changes = std::mem::take(&mut waiting.changes);
            drop(waiting);
            let writer = Writer(self);
            self.write(table, changes);
            drop(writer);
        } else {
            drop(waiting);
        }
        // Whoever wrote it may still have his hands on the ticket. Without a result he has failed in the middle of it.
        ticket
            .get()
            .cloned()
            .unwrap_or_else(|| Err(trouble("the change was not written".to_owned())))
    }

    fn write(&self, table: &Table, changes: Vec<(Change, Ticket)>) {
        let mut journal = self.journal();
        let mut draft = Draft::new(table);
        match journal.begin() {
            Ok(None) => {}
            Ok(Some(contents)) => {
                table.replace(contents);
                draft = Draft::new(table);
            }
            Err(text) => return all_fail(changes.into_iter().map(|(_, ticket)| ticket), &text),
        }
        let made: Vec<(Ticket, Result<usize>)> = changes
            .into_iter()
            .map(|(change, ticket)| (ticket, draft.make(change)))
            .collect();
        let changes = draft.changes;
        if changes.is_empty() {
            journal.abandon();
        } else if let Err(text) = journal.commit(&changes) {
            return all_fail(made.into_iter().map(|(ticket, _)| ticket), &text);
        }
        table.apply(changes);
        for (ticket, result) in made {
            // Nobody else has it to set.
            let _ = ticket.set(result);
        }
    }

    /// Takes over what others have changed.
    pub(super) fn refresh(&self, table: &Table) -> Result<()> {
        let mut journal = self.journal();
        if let Some(contents) = journal.refresh().map_err(trouble)? {
            table.replace(contents);
        }
        Ok(())
    }

    pub(super) fn close(&self) -> Result<()> {
        self.journal().close().map_err(trouble)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, J> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Drop for Writer<'_, J> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_writing = false;
        drop(waiting);
        self.0.written.notify_all();
    }
}

fn all_fail(tickets: impl Iterator<Item = Ticket>, text: &str) {
    for ticket in tickets {
        let _ = ticket.set(Err(trouble(text.to_owned())));
    }
}

fn trouble(text: Trouble) -> Error {
    Error::new(ErrorKind::Naming, text)
}
