//! The attribute macros of ferropyro.
