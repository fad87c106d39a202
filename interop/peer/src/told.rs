//! Objects of which a daemon tells much: `told.thermometer`, and `told.hostile`, whose texts are written to become code in what is made of them. For the tests of
//! `ferropyro stub`, here and in crates/cli.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use ferropyro::{
    Attribute, Bytes, Call, Daemon, DateTime, Decimal, Dict, ItemStream, Members, Method, Object, Param, Raise, Reply,
    Result, Set, Value, expose,
};
use serde::Serialize;

pub(crate) fn register(daemon: &Daemon) -> Result<()> {
    daemon.register("told.thermometer", Thermometer::default())?;
    daemon.register("told.hostile", Hostile::new())?;
    Ok(())
}

#[derive(Default)]
pub(crate) struct Thermometer {
    unit: Mutex<Option<String>>,
}

#[derive(Serialize)]
pub(crate) struct Reading {
    place: String,
    degrees: f64,
}

/// Tells how warm it is.
#[expose]
impl Thermometer {
    /// The degrees at a place, rounded.
    ///
    ///     read("roof") == 31.5
    pub fn read(&self, place: &str, #[default(1)] digits: u32) -> Result<f64, Raise> {
        let degrees: f64 = match place {
            "roof" => 31.52,
            "cellar" => 11.25,
            _ => return Err(Raise::new("LookupError", place)),
        };
        let factor = 10f64.powi(i32::try_from(digits).unwrap_or(0));
        Ok((degrees * factor).round() / factor)
    }

    pub fn history(&self, #[default(None)] place: Option<String>, #[default("day")] by: &str) -> Vec<(String, f64)> {
        vec![(place.unwrap_or_else(|| by.to_owned()), 11.0)]
    }

    pub fn stream(&self, from: i64) -> ItemStream {
        ItemStream::new(from..from + 3)
    }

    pub async fn limits(&self, factors: BTreeMap<String, f64>) -> BTreeMap<String, Option<f64>> {
        factors
            .into_iter()
            .map(|(name, factor)| (name, Some(factor * 10.0)))
            .collect()
    }

    pub fn latest(&self, places: HashSet<String>) -> Reading {
        Reading {
            place: places.into_iter().collect(),
            degrees: 1.5,
        }
    }

    pub fn calibrate(&self, table: &[u8], _at: Option<DateTime>, _by: Set<i64>) -> Bytes {
        table.to_vec().into()
    }

    pub fn price(&self) -> Result<Decimal, Raise> {
        "1.50".parse().map_err(|_| Raise::new("ValueError", "no price"))
    }

    /// Python's `*args`.
    #[expose(args)]
    pub fn anything(&self, args: Vec<Value>, kwargs: Dict) -> usize {
        args.len() + kwargs.len()
    }

    /// Back to celsius.
    #[expose(oneway)]
    pub fn reset(&self) {
        self.set_unit("celsius".to_owned());
    }

    #[expose(name = "class")]
    pub fn kind(&self, r#type: i64) -> i64 {
        r#type
    }

    #[expose(name = "new")]
    pub fn another(&self) -> bool {
        true
    }

    #[expose(name = "getLevel")]
    pub fn level(&self) -> i64 {
        3
    }

    /// The unit of all degrees.
    #[expose(get)]
    pub fn unit(&self) -> String {
        let unit = self.unit.lock().unwrap_or_else(PoisonError::into_inner);
        unit.clone().unwrap_or("celsius".to_owned())
    }

    #[expose(set)]
    pub fn set_unit(&self, unit: String) {
        *self.unit.lock().unwrap_or_else(PoisonError::into_inner) = Some(unit);
    }

    #[expose(get)]
    pub fn serial(&self) -> u64 {
        7
    }
}

/// Texts that would end a comment, a string or a line.
const TEXTS: [&str; 14] = [
    "\"\"\"\nimport os; os.abort()\n\"\"\"",
    "ends with a quote \"",
    "ends with a backslash \\",
    "\\\"\"\"",
    "*/ compile_error!(\"out\"); /*",
    "one\nfn two() { compile_error!() }",
    "one\r#[allow(x)] fn two() {}",
    "```\nstd::process::abort();\n```",
    "- a list\n\n      std::process::abort();",
    "````text\n```\n````",
    "\u{202e}turned\u{2066} \u{0}\u{1b}[2J\u{2028}\u{85}next",
    "int = 1): import os; os.abort() #",
    "__import__('os').abort()",
    "<script>alert(1)</script> [link](javascript:alert)",
];

/// Each text as each thing that a daemon tells.
pub(crate) struct Hostile(Members);

impl Hostile {
    fn new() -> Hostile {
        let mut members = Members::new("Evil\"\"\"(object): import os #", &[]).doc(TEXTS[0]);
        let mut methods = Vec::new();
        let mut attributes = Vec::new();
        for text in TEXTS {
            methods.push(Method::new(text, PLAIN).returns(text).doc(text));
            attributes.push(Attribute::writable(text).type_name(text).doc(text));
        }
        for (index, text) in TEXTS.into_iter().enumerate() {
            let parameter = Param::required(text).type_name(text);
            let optional = Param::optional("name").type_name(text).default(text);
            let mut method = Method::new("", &[]).returns(text).doc(text);
            method.name = Cow::Owned(format!("method{index}"));
            method.params = Cow::Owned(vec![parameter, optional]);
            methods.push(method);
            let mut attribute = Attribute::readable("")
                .type_name(text)
                .doc(text)
                .writable_if(index % 2 == 0);
            attribute.name = Cow::Owned(format!("attribute{index}"));
            attributes.push(attribute);
        }
        for name in NAMES {
            methods.push(Method::new(name, PLAIN).returns("Value").doc("Plain."));
        }
        methods.push(Method::new("twice", TWICE).returns("Protocol"));
        methods.push(Method::new("unordered", UNORDERED).returns("list[Result | None]"));
        methods.push(Method::new("method0", &[]).returns("int"));
        members.methods = Cow::Owned(methods);
        members.attributes = Cow::Owned(attributes);
        Hostile(members)
    }
}

const PLAIN: &[Param] = &[Param::required("self"), Param::required("proxy").type_name("Evil")];
const TWICE: &[Param] = &[Param::required("a"), Param::required("a")];
const UNORDERED: &[Param] = &[Param::optional("a").default("f()"), Param::required("b")];

/// Names with a meaning of their own.
const NAMES: [&str; 16] = [
    "class",
    "def",
    "fn",
    "type",
    "self",
    "property",
    "proxy",
    "new",
    "set_attribute0",
    "__init__",
    "__exit__",
    "__class_getitem__",
    "__mangled",
    "größe",
    "Any",
    "method0_with",
];

impl Object for Hostile {
    fn members(&self) -> &Members {
        &self.0
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.reply(&())
    }
}
