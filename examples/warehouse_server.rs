//! A Rust object for Python and Rust programs. Then run examples/warehouse_client.rs, or examples/python/warehouse_client.py.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ferropyro::{Daemon, Raise, expose};

struct Warehouse(Mutex<BTreeMap<&'static str, u32>>);

#[expose]
impl Warehouse {
    pub fn list(&self) -> BTreeMap<&'static str, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn take(&self, item: &str, count: u32) -> Result<u32, Raise> {
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = stock.get_mut(item).ok_or_else(|| Raise::new("KeyError", item))?;
        *left = left
            .checked_sub(count)
            .ok_or_else(|| Raise::new("ValueError", format!("only {left} left")))?;
        Ok(*left)
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::new()?;
    let stock = BTreeMap::from([("chair", 6), ("table", 2)]);
    println!("URI = {}", daemon.register("warehouse", Warehouse(Mutex::new(stock)))?);
    daemon.run();
    Ok(())
}
