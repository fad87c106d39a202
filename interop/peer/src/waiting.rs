//! The object `obj.waiting`: async methods, which wait for a moment, for each other, or for another program.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::time::Duration;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Context, Dict, ItemStream, Raise, Uri, Value, aio, context, expose};
use tokio::sync::{Barrier, watch};
use tokio::time::sleep;

/// See its methods.
pub(crate) struct Waiting {
    pair: Barrier,
    noted: watch::Sender<Vec<String>>,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting {
            pair: Barrier::new(2),
            noted: watch::Sender::default(),
        }
    }
}

async fn moment() {
    sleep(Duration::from_millis(1)).await;
}

#[expose]
impl Waiting {
    pub async fn add(&self, a: i64, #[default(10)] b: i64) -> i64 {
        moment().await;
        a + b
    }

    pub fn add_at_once(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    pub async fn echo(&self, value: Value) -> Value {
        moment().await;
        value
    }

    #[expose(args)]
    pub async fn anything(&self, args: Vec<Value>, kwargs: Dict) -> (Vec<Value>, Dict) {
        moment().await;
        (args, kwargs)
    }

    pub async fn fail(&self, text: &str) -> Result<(), Raise> {
        moment().await;
        Err(Raise::new("ValueError", text))
    }

    pub async fn panic(&self) {
        moment().await;
        panic!("of an async method")
    }

    pub async fn numbers(&self, count: u32) -> ItemStream {
        moment().await;
        ItemStream::new(0..count)
    }

    #[expose(oneway)]
    pub async fn note(&self, text: String) {
        moment().await;
        self.noted.send_modify(|noted| noted.push(text));
    }

    /// What was noted, as soon as that is so much. Takes it away.
    pub async fn noted(&self, least: usize) -> Result<Vec<String>, Raise> {
        let mut noted = self.noted.subscribe();
        let enough = noted.wait_for(|noted| noted.len() >= least).await;
        drop(enough.map_err(|_| Raise::new("RuntimeError", "nobody can note anything any more"))?);
        Ok(self.noted.send_replace(Vec::new()))
    }

    /// Waits for another caller, twice, and tells the correlation id that goes along with calls before, between and after.
    pub async fn meet(&self) -> Vec<String> {
        let before = own_id();
        self.pair.wait().await;
        let between = own_id();
        self.pair.wait().await;
        vec![before, between, own_id()]
    }

    pub async fn answer_with(&self, cx: &Context, first: String, second: String) -> Result<(), Raise> {
        let key =
            |name: &str| AnnotationKey::try_from(name).map_err(|error| Raise::new("ValueError", error.to_string()));
        cx.annotate(key("FRST")?, first);
        moment().await;
        cx.annotate(key("SCND")?, second);
        Ok(())
    }

    /// Calls a method of another program.
    pub async fn hand_on(&self, uri: Uri, method: &str, args: Vec<Value>) -> Result<Value, Raise> {
        let proxy = aio::Proxy::new(uri)?;
        Ok(proxy.call(method, &args).await?)
    }
}

fn own_id() -> String {
    context::correlation_id().map(|id| id.to_string()).unwrap_or_default()
}
