//! A command of the client mode for blobs: `send_blob` (`method`, `info`, `data`) sends the data as a blob.

use ferropyro::{SerializedBlob, Value};
use serde_json::Value as Json;

use crate::caller::Caller;
use crate::client::{Failure, text};
use crate::describe::value;

/// Performs the command, if it is this one.
pub(crate) fn perform(proxy: &Caller, command: &Json) -> Option<Result<Value, Failure>> {
    (command["op"] == "send_blob").then(|| send(proxy, command))
}

fn send(proxy: &Caller, command: &Json) -> Result<Value, Failure> {
    let info = value(&command["info"]).map_err(Failure::Command)?;
    let data = value(&command["data"]).map_err(Failure::Command)?;
    let blob = SerializedBlob::new(info, &data)?;
    Ok(proxy.call(text(command, "method")?, &blob)?)
}
