//! A dispatcher that knows nothing of what it passes on, and a listener that does.

use std::sync::{Mutex, PoisonError};

use ferropyro::{Config, Proxy, PyroClass, Raise, SerializedBlob, Value, expose};

/// Gets blobs, and passes them on.
pub(super) struct Blobs {
    config: Config,
    next: Mutex<Option<Proxy>>,
}

/// What a listener knows. A dispatcher needs no such thing.
#[derive(Debug, PyroClass)]
#[pyro(class = "shop.Parcel")]
struct Parcel {
    number: i64,
    words: Vec<String>,
}

impl Blobs {
    pub(super) fn new(config: Config) -> Blobs {
        Blobs {
            config,
            next: Mutex::default(),
        }
    }
}

#[expose]
impl Blobs {
    /// Where blobs are passed on to; None is nowhere.
    pub fn connect(&self, uri: Option<&str>) -> Result<(), Raise> {
        let next = uri.map(|uri| Proxy::builder().config(self.config.clone()).build(uri));
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next.transpose()?;
        Ok(())
    }

    /// Passes the blob on; the last one opens it.
    pub fn dispatch(&self, blob: SerializedBlob) -> Result<Value, Raise> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match next {
            Some(next) => Ok(next.call("dispatch", &blob)?),
            None => receive(&blob),
        }
    }

    /// What can be said without a look into the blob.
    pub fn label(&self, blob: SerializedBlob) -> Value {
        blob.info().clone()
    }

    /// The contents, whatever they are.
    pub fn open(&self, blob: SerializedBlob) -> Result<Value, Raise> {
        Ok(blob.deserialized()?)
    }
}

/// The label, and what is in parcels.
fn receive(blob: &SerializedBlob) -> Result<Value, Raise> {
    let parcels: Vec<Parcel> = blob.deserialized()?;
    let contents = parcels
        .into_iter()
        .map(|parcel| Value::List(vec![parcel.number.into(), parcel.words.join(" ").into()]));
    Ok(Value::List(vec![blob.info().clone(), Value::List(contents.collect())]))
}
