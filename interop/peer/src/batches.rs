//! A command of the client mode for batches: `batch` (`calls`: `[METHOD, [DESCRIPTION, ...]]` each; `oneway`) gives a list of `[RESULT]` for each call that
//! was made and `["error", TEXT]` for the one that failed.

use ferropyro::Value;
use serde_json::Value as Json;

use crate::caller::Caller;
use crate::client::Failure;
use crate::describe::values;

/// Performs the command, if it is this one.
pub(crate) fn perform(proxy: &Caller, command: &Json) -> Option<Result<Value, Failure>> {
    (command["op"] == "batch").then(|| run(proxy, command))
}

fn run(proxy: &Caller, command: &Json) -> Result<Value, Failure> {
    let mut calls = Vec::new();
    for call in command["calls"].as_array().into_iter().flatten() {
        let args = values(&call[1]).map_err(Failure::Command)?;
        calls.push((call[0].as_str().unwrap_or_default(), args));
    }
    let Some(results) = proxy.batch(calls, command["oneway"] == true)? else {
        return Ok(Value::None);
    };
    let results = results.map(|result| match result {
        Ok(result) => Value::List(vec![result]),
        Err(error) => Value::List(vec!["error".into(), error.to_string().into()]),
    });
    Ok(Value::List(results.collect()))
}
