//! Calls the warehouse, written in Rust (examples/warehouse_server.rs) or in Python, at the URI that it printed.
#![allow(clippy::print_stdout, missing_docs)] // the house's lints are not those of an example

use std::collections::BTreeMap;

use ferropyro::{Proxy, Result, remote};

#[remote]
trait Warehouse {
    fn list(&self) -> Result<BTreeMap<String, u32>>;
    fn take(&self, item: &str, count: u32) -> Result<u32>;
}

fn main() -> Result<()> {
    let uri = std::env::args().nth(1).unwrap_or("PYRONAME:warehouse".to_owned());
    let warehouse = WarehouseClient::new(Proxy::new(uri)?);
    println!("{:?}", warehouse.list()?);
    println!("{} chairs left", warehouse.take("chair", 2)?);
    if let Err(error) = warehouse.take("table", 3) {
        println!("{error}");
    }
    Ok(())
}
