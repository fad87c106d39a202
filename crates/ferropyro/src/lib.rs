//! To be written.

pub mod config;
pub mod logging;
pub mod uri;

pub use config::Config;
pub use uri::Uri;
