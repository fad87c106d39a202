//! Flame between a client and a server, and as the real one was captured.

mod conversations;
mod files;
