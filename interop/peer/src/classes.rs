//! A class of which the daemon makes instances, and an object that exposes nothing.

use std::sync::atomic::{AtomicI64, Ordering};

use ferropyro::{Call, Class, Members, Method, Object, Raise, Reply};

/// Counts its own calls; instances know how many of them there are.
pub(crate) struct Counter {
    calls: AtomicI64,
}

static LIVE: AtomicI64 = AtomicI64::new(0);

static COUNTER: Members = Members::new(
    "Counter",
    const { &[Method::new("inc", &[]), Method::new("live", &[])] },
);

impl Counter {
    pub(crate) fn new() -> Counter {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Counter {
            calls: AtomicI64::new(0),
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Class for Counter {
    fn class_members() -> &'static Members {
        &COUNTER
    }
}

impl Object for Counter {
    fn members(&self) -> &Members {
        &COUNTER
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.args::<()>()?;
        match call.method() {
            "inc" => call.reply(&(self.calls.fetch_add(1, Ordering::SeqCst) + 1)),
            "live" => call.reply(&LIVE.load(Ordering::SeqCst)),
            _ => call.refuse(),
        }
    }
}

/// Has a method, but exposes none.
pub(crate) struct Secret {
    members: Members,
}

impl Secret {
    pub(crate) fn new() -> Secret {
        let mut members = Members::new("Secret", &[]);
        members.unexposed = vec!["hidden".into()].into();
        Secret { members }
    }
}

impl Object for Secret {
    fn members(&self) -> &Members {
        &self.members
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.refuse()
    }
}
