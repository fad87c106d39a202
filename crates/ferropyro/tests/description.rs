//! What daemons tell of their objects: signatures and documentation.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use ferropyro::{
    Bytes, Call, Context, DAEMON_ID, Daemon, Description, Dialect, Dict, ErrorKind, InstanceMode, ItemStream, Members,
    Method, Object, Param, Proxy, Raise, Reply, Result, RunningDaemon, Serializer, Uri, Value, aio, expose,
};

struct Thermometer {
    unit: Mutex<String>,
}

/// Tells how warm it is.
///
/// Indented:
///     so much
#[expose]
impl Thermometer {
    /** A reading.
     *
     * In degrees.
     */
    pub fn read(&self, place: &str, #[default(1)] digits: u32) -> Result<f64, Raise> {
        Err(Raise::new("LookupError", format!("{place} {digits}")))
    }

    pub async fn average(&self, cx: &Context, days: Vec<Option<i64>>, #[default(None)] of: Option<Bytes>) -> f32 {
        assert!(of.is_none() && cx.serializer() == Serializer::Serpent);
        days.len() as f32
    }

    /// Back to none.
    #[expose(oneway)]
    pub fn reset(&self) {}

    #[expose(name = "history")]
    pub fn days(&self, #[default("all of it's".to_owned())] of: String) -> ItemStream {
        ItemStream::new([of])
    }

    #[expose(args)]
    pub fn anything(&self, args: Vec<Value>, kwargs: Dict) -> usize {
        args.len() + kwargs.len()
    }

    pub fn places(&self, #[default(default_tags())] tags: BTreeSet<String>) -> HashMap<String, (f64, Option<bool>)> {
        tags.into_iter().map(|tag| (tag, (0.0, None))).collect()
    }

    /// `celsius` or `kelvin`.
    #[expose(get)]
    pub fn unit(&self) -> String {
        self.unit.lock().unwrap().clone()
    }

    #[expose(set)]
    pub fn set_unit(&self, unit: &str) {
        *self.unit.lock().unwrap() = unit.to_owned();
    }

    #[expose(get)]
    pub fn serial(&self) -> u64 {
        7
    }

    pub(crate) fn new() -> Thermometer {
        Thermometer {
            unit: Mutex::new("celsius".to_owned()),
        }
    }
}

fn default_tags() -> BTreeSet<String> {
    BTreeSet::new()
}

/// An object whose author says what must be said, and no more.
struct Terse;

static TERSE: Members = Members::new(
    "Terse",
    const {
        &[
            Method::new("add", const { &[Param::required("a"), Param::optional("b")] }),
            Method::new("anything", &[]),
        ]
    },
);

impl Object for Terse {
    fn members(&self) -> &Members {
        &TERSE
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.reply(&())
    }
}

/// A daemon with a thermometer.
fn serve() -> Result<(RunningDaemon, Uri)> {
    let daemon = Daemon::builder().multiplex().bind()?;
    let uri = daemon.register("thermometer", Thermometer::new())?;
    Ok((daemon.start(), uri))
}

fn told(proxy: &Proxy) -> Description {
    proxy.describe().unwrap().expect("this daemon tells")
}

#[test]
fn a_daemon_tells_signatures_and_documentation() -> Result<()> {
    let (_daemon, uri) = serve()?;
    let told = told(&Proxy::new(uri)?);
    assert_eq!(told.class, "Thermometer");
    assert_eq!(
        told.doc.as_deref(),
        Some("Tells how warm it is.\n\nIndented:\n    so much")
    );
    assert_eq!(told.instance_mode, InstanceMode::Single);
    let methods: Vec<String> = told.methods.iter().map(ToString::to_string).collect();
    assert_eq!(
        methods,
        [
            "read(place: str, digits: int = 1) -> float",
            "average(days: list[int | None], of: bytes | None = None) -> float",
            "reset() -> None",
            r"history(of: str = 'all of it\'s') -> Iterator[Any]",
            "anything(...)",
            "places(tags: set[str] = ...) -> dict[str, tuple[float, bool | None]]",
        ]
    );
    let docs: Vec<Option<&str>> = told.methods.iter().map(|method| method.doc.as_deref()).collect();
    assert_eq!(
        docs,
        [
            Some("A reading.\n\nIn degrees."),
            None,
            Some("Back to none."),
            None,
            None,
            None
        ]
    );
    let oneway: Vec<bool> = told.methods.iter().map(|method| method.oneway).collect();
    assert_eq!(oneway, [false, false, true, false, false, false]);
    let [unit, serial] = told.attributes.as_slice() else {
        panic!("{:?}", told.attributes);
    };
    assert_eq!((unit.to_string(), unit.writable), ("unit: str".to_owned(), true));
    assert_eq!(unit.doc.as_deref(), Some("`celsius` or `kelvin`."));
    assert_eq!((serial.to_string(), serial.writable), ("serial: int".to_owned(), false));
    assert_eq!(serial.doc, None);
    Ok(())
}

#[test]
fn every_dialect_and_serializer_brings_the_same() -> Result<()> {
    let (_daemon, uri) = serve()?;
    let expected = told(&Proxy::new(uri.clone())?);
    for dialect in [Dialect::V48, Dialect::V502] {
        for serializer in [
            Serializer::Serpent,
            Serializer::Json,
            Serializer::Marshal,
            Serializer::Msgpack,
        ] {
            let builder = Proxy::builder().dialect(dialect).serializer(serializer);
            assert_eq!(
                told(&builder.build(uri.clone())?),
                expected,
                "{dialect:?} {serializer:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn an_object_written_by_hand_tells_what_it_knows() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("terse", Terse)?;
    let _running = daemon.start();
    let told = told(&Proxy::new(uri)?);
    let methods: Vec<String> = told.methods.iter().map(ToString::to_string).collect();
    assert_eq!(methods, ["add(a: Any, b: Any = ...) -> Any", "anything(...)"]);
    assert_eq!((told.doc, told.attributes.len()), (None, 0));
    Ok(())
}

#[test]
fn the_instance_mode_is_that_of_the_registration() -> Result<()> {
    let daemon = Daemon::new()?;
    let modes = [InstanceMode::Session, InstanceMode::Single, InstanceMode::PerCall];
    let mut uris = Vec::new();
    for (id, mode) in ["session", "single", "percall"].into_iter().zip(modes) {
        uris.push(daemon.register_class(id, mode, || Ok(Thermometer::new()))?);
    }
    let _running = daemon.start();
    for (uri, mode) in uris.into_iter().zip(modes) {
        let word = uri.object().into_owned();
        let proxy = Proxy::new(uri)?;
        assert_eq!(told(&proxy).instance_mode, mode);
        let dict: Dict = proxy.beside(DAEMON_ID)?.call("describe", (&word,))?;
        assert_eq!(dict.get("instance_mode"), Some(&Value::from(word)));
    }
    Ok(())
}

/// The dict is what programs in Python see, and other programs than this library's may read it.
#[test]
fn the_daemons_object_gives_it_as_a_dict() -> Result<()> {
    let (_daemon, uri) = serve()?;
    let daemon = Proxy::new(uri)?.beside(DAEMON_ID)?;
    let dict: Dict = daemon.call("describe", ("thermometer",))?;
    let keys: Vec<String> = dict.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(
        keys,
        ["'class'", "'doc'", "'instance_mode'", "'methods'", "'attributes'"]
    );
    let methods = dict.get("methods").and_then(Value::as_sequence).unwrap();
    assert_eq!(
        methods[0].to_string(),
        "{'name': 'read', 'oneway': False, 'doc': 'A reading.\\n\\nIn degrees.', 'signature': {'parameters': \
         [{'name': 'place', 'type': 'str'}, {'name': 'digits', 'type': 'int', 'default': '1'}], 'returns': 'float'}}"
    );
    let attributes = dict.get("attributes").and_then(Value::as_sequence).unwrap();
    assert_eq!(
        attributes[1].to_string(),
        "{'name': 'serial', 'type': 'int', 'doc': None, 'writable': False}"
    );
    Ok(())
}

#[test]
fn an_object_that_is_gone_is_an_error_and_the_connection_goes_on() -> Result<()> {
    let (daemon, uri) = serve()?;
    let proxy = Proxy::new(uri.clone())?;
    assert_eq!(proxy.get::<u64>("serial")?, 7);
    daemon.unregister("thermometer")?;
    let error = proxy.describe().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Daemon, "unknown object"));
    assert!(proxy.is_connected());
    daemon.register("thermometer", Thermometer::new())?;
    assert_eq!(told(&proxy).class, "Thermometer");
    Ok(())
}

#[test]
fn it_is_asked_for_over_the_connection_of_the_calls() -> Result<()> {
    let (daemon, uri) = serve()?;
    let proxy = Proxy::new(uri.clone())?;
    told(&proxy);
    assert_eq!(proxy.get::<u64>("serial")?, 7);
    assert_eq!(daemon.statistics().connections, 1);
    drop(proxy);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let proxy = aio::Proxy::new(uri)?;
        let (told, serial) = tokio::join!(proxy.describe(), proxy.get::<u64>("serial"));
        assert_eq!(serial?, 7);
        let told = told?.expect("this daemon tells");
        assert_eq!(told.methods.len(), 6);
        assert_eq!(told.attribute("unit").map(|unit| unit.writable), Some(true));
        assert!(told.method("read").is_some() && told.method("unit").is_none());
        assert!(proxy.is_connected().await);
        Ok(())
    })
}
