//! The mode of a client whose connection is its standard input: calls the objects of the server mode, and prints what it gets, a JSON line each.

use std::error::Error;
use std::io::stdin;
use std::os::fd::AsFd;

use ferropyro::{Dialect, Proxy, Result};
use serde_json::json;

pub(crate) fn main(options: &[String]) -> Result<(), Box<dyn Error>> {
    let [version] = options else {
        return Err("connected PROTOCOL".into());
    };
    let dialect = Dialect::from_version(version.parse()?).ok_or("no such protocol")?;
    let proxy = |object| {
        let builder = Proxy::builder().dialect(dialect);
        builder.connected_socket(object, stdin().as_fd())
    };
    let test = proxy("obj.test")?;
    println!("{}", json!(test.uri().to_string()));
    println!("{}", json!(test.call::<String>("echo", ("hello",))?));
    println!("{}", json!(test.call::<i64>("add", (30, 12))?));
    let error = test
        .call::<()>("raise_value", ("it was me",))
        .expect_err("it always raises");
    println!("{}", json!(error.as_remote().map(|error| error.class_name())));
    drop(test);
    // Another object over the same socket.
    println!("{}", json!(proxy("helper")?.call::<String>("name", ())?));
    Ok(())
}
