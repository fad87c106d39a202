//! What the name server's program has beside what Pyro's has: a configuration file, metrics, signals, and a service manager that it talks to.
#![cfg(unix)]

mod metrics;
mod running;
mod service;
mod settings;
mod signals;
