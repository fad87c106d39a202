//! Commands of the client mode for item streams: `items` (with `stream`: its name; `method`, `args`) begins one, `next` gives `[ITEM]` or, at
//! the end, `[]`, `returned` what the iterator gave back at its end, `drop` gives it up. `drain` (`method`, `args`)
//! reads bytes to their end, keeps none, and says how many there were.

use std::collections::HashMap;

use ferropyro::{Bytes, Value};
use serde_json::Value as Json;

use crate::caller::{AnyItems, Caller};
use crate::client::{Failure, text};
use crate::describe::values;

/// The streams that are open, by their names.
#[derive(Default)]
pub(crate) struct Streams(HashMap<String, AnyItems<Value>>);

impl Streams {
    /// Performs a command, if it is one of these.
    pub(crate) fn perform(&mut self, proxy: &Caller, command: &Json) -> Option<Result<Value, Failure>> {
        let done = match command["op"].as_str()? {
            "items" => self.begin(proxy, command),
            "next" => self.with(command, |items| {
                Ok(Value::List(items.next().transpose()?.into_iter().collect()))
            }),
            "returned" => self.with(command, |items| Ok(items.return_value().clone())),
            "drop" => text(command, "stream").map(|name| {
                self.0.remove(name);
                Value::None
            }),
            "drain" => drain(proxy, command),
            _ => return None,
        };
        Some(done)
    }

    fn begin(&mut self, proxy: &Caller, command: &Json) -> Result<Value, Failure> {
        let args = values(&command["args"]).map_err(Failure::Command)?;
        let items = proxy.items(text(command, "method")?, args)?;
        self.0.insert(text(command, "stream")?.to_owned(), items);
        Ok(Value::None)
    }

    fn with(
        &mut self,
        command: &Json,
        act: impl FnOnce(&mut AnyItems<Value>) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        let name = text(command, "stream")?;
        let items = self.0.get_mut(name);
        act(items.ok_or_else(|| Failure::Command(format!("no stream {name}")))?)
    }
}

fn drain(proxy: &Caller, command: &Json) -> Result<Value, Failure> {
    let args = values(&command["args"]).map_err(Failure::Command)?;
    let mut total = 0;
    for chunk in proxy.items::<Bytes>(text(command, "method")?, args)? {
        total += chunk?.len() as u64;
    }
    Ok(Value::from(total))
}
