//! A command of the client mode for batches: `batch` (`calls`: `[METHOD, [DESCRIPTION, ...]]` each; `oneway`) gives a list of `[RESULT]` for each call that
//! was made and `["error", TEXT]` for the one that failed.

use ferropyro::{Proxy, Value};
use serde_json::Value as Json;

use crate::client::Failure;
use crate::describe::values;

/// Performs the command, if it is this one.
pub(crate) fn perform(proxy: &Proxy, command: &Json) -> Option<Result<Value, Failure>> {
    (command["op"] == "batch").then(|| run(proxy, command))
}

fn run(proxy: &Proxy, command: &Json) -> Result<Value, Failure> {
    let mut batch = proxy.batch();
    for call in command["calls"].as_array().into_iter().flatten() {
        let args = values(&call[1]).map_err(Failure::Command)?;
        batch.call(call[0].as_str().unwrap_or_default(), args);
    }
    if command["oneway"] == true {
        batch.run_oneway()?;
        return Ok(Value::None);
    }
    let results = batch.run()?.map(|result| match result {
        Ok(result) => Value::List(vec![result]),
        Err(error) => Value::List(vec!["error".into(), error.to_string().into()]),
    });
    Ok(Value::List(results.collect()))
}
