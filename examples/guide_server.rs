//! The server of the guide's page docs/servers.md.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferropyro::{Config, Context, Daemon, Raise, expose};

#[derive(Default)]
struct Warehouse {
    stock: Mutex<BTreeMap<String, u32>>,
    owner: Mutex<String>,
}

#[expose]
impl Warehouse {
    /// Puts things in; gives how many there are now.
    pub fn store(&self, item: String, #[default(1)] count: u32) -> u32 {
        let mut stock = lock(&self.stock);
        let total = stock.entry(item).or_default();
        *total += count;
        *total
    }

    /// Takes things out; gives how many are left.
    pub fn take(&self, item: &str, count: u32) -> Result<u32, Raise> {
        match lock(&self.stock).get_mut(item) {
            Some(total) if *total >= count => {
                *total -= count;
                Ok(*total)
            }
            Some(total) => Err(Raise::new("ValueError", format!("only {total} left"))),
            None => Err(Raise::new("KeyError", item)),
        }
    }

    pub fn list(&self) -> BTreeMap<String, u32> {
        lock(&self.stock).clone()
    }

    #[expose(oneway)]
    pub fn forget(&self, item: String) {
        lock(&self.stock).remove(&item);
    }

    #[expose(get)]
    pub fn owner(&self) -> String {
        lock(&self.owner).clone()
    }

    #[expose(set)]
    pub fn set_owner(&self, value: String) {
        *lock(&self.owner) = value;
    }

    pub fn who_am_i(&self, cx: &Context) -> String {
        format!("a {} client", cx.dialect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::builder().config(Config::from_env()?).bind()?;
    let uri = daemon.register("warehouse", Warehouse::default())?;
    println!("URI = {uri}");
    daemon.run();
    Ok(())
}
