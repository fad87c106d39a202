//! The server's process, and the object that it has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferropyro::{Bytes, Config, Daemon, Value, expose, logging};

use crate::Problem;
use crate::process::limit_files;

/// Something to call.
#[derive(Default)]
struct Yard {
    noted: AtomicUsize,
}

#[expose]
impl Yard {
    pub fn echo(&self, value: Value) -> Value {
        value
    }

    /// So many bytes.
    pub fn parcel(&self, size: usize) -> Bytes {
        vec![b'x'; size].into()
    }

    pub fn panic(&self) {
        panic!("as it was asked to");
    }

    pub async fn panic_async(&self) {
        panic!("as it was asked to");
    }

    /// Comes back after so many milliseconds.
    pub fn sleep(&self, milliseconds: u64) -> bool {
        std::thread::sleep(Duration::from_millis(milliseconds));
        true
    }

    #[expose(oneway)]
    pub fn note(&self) {
        self.noted.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something was noted.
    pub fn noted(&self) -> usize {
        self.noted.load(Ordering::Relaxed)
    }
}

/// Serves until the process is ended, with settings `NAME=value` of Pyro; `files=N` lets it have no more open.
pub(crate) fn serve(settings: &[&str]) -> Result<(), Problem> {
    let (own, pyros): (Vec<&str>, Vec<&str>) = settings.iter().partition(|setting| setting.starts_with("files="));
    let pairs = pyros.iter().filter_map(|setting| setting.split_once('='));
    let config = Config::from_vars(pairs.map(|(name, value)| (format!("PYRO_{name}"), value)))?;
    logging::init_from_config(&config);
    if let Some(count) = own.first().and_then(|setting| setting.strip_prefix("files=")) {
        limit_files(Some(count.parse()?))?;
    }
    let daemon = Daemon::builder().config(config).host("127.0.0.1").bind()?;
    println!("{}", daemon.register("yard", Yard::default())?);
    daemon.run();
    Ok(())
}
