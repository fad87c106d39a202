//! The ferropyro command.
fn main() {}
