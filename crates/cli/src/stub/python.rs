//! A typed client in Python: a protocol class that says what the object has, and a function that makes a proxy of that type.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::interface::{Attribute, Default, Interface, Method, Parameter, Signature};
use super::text::{is_identifier, lines, literal, one_line};
use super::types::Type;

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What Python itself asks a class for, and proxies have for themselves.
const OWN: [&str; 14] = [
    "__init__",
    "__new__",
    "__del__",
    "__class__",
    "__slots__",
    "__dict__",
    "__doc__",
    "__module__",
    "__init_subclass__",
    "__class_getitem__",
    "__subclasshook__",
    "__getattr__",
    "__enter__",
    "__exit__",
];

/// Writes the module. `package` is that of the proxy: `Pyro5.api` or `Pyro4`.
pub(super) fn write(interface: &Interface, package: &str) -> String {
    let Interface { uri, class, .. } = interface;
    let mut out = docstring("", &about(interface));
    out += "\nfrom __future__ import annotations\n\n";
    out += &imports(interface);
    let proxy = match has_known(interface, &["URI"]) {
        true => "Proxy, URI",
        false => "Proxy",
    };
    let _ = writeln!(out, "\nfrom {package} import {proxy}");
    for class in interface.classes() {
        let _ = write!(
            out,
            "\n{class} = Any  # a class of the server's program: put your own in its place"
        );
    }
    if !interface.classes().is_empty() {
        out += "\n";
    }
    let _ = writeln!(out, "\n\nclass {class}(Protocol):");
    if let Some(doc) = &interface.doc {
        out += &docstring(INDENT, &lines(doc));
        out += "\n";
    }
    for attribute in &interface.attributes {
        out += &write_attribute(attribute);
        out += "\n";
    }
    for method in &interface.methods {
        out += &write_method(method);
        out += "\n";
    }
    let _ = write!(
        out,
        "{INDENT}def __enter__(self) -> {class}: ...\n\n{INDENT}def __exit__(self, *exc_info: Any) -> None: ...\n\n\n\
         def connect(uri: str = {}) -> {class}:\n",
        literal(uri)
    );
    out += &docstring(
        INDENT,
        &[
            "A proxy. It connects at its first call; `with connect() as proxy:` closes the connection in the end."
                .to_owned(),
        ],
    );
    let _ = writeln!(out, "{INDENT}return cast({class}, Proxy(uri))");
    out
}

const INDENT: &str = "    ";

fn about(interface: &Interface) -> Vec<String> {
    let mut about = vec![
        format!("What {} has to offer.", one_line(&interface.uri)),
        String::new(),
        "Written by `ferropyro stub`. Types are those that the server tells; nothing here checks them.".to_owned(),
    ];
    if !interface.is_told {
        about[2] =
            "Written by `ferropyro stub`. The server does not tell parameters and types: put them in.".to_owned();
    }
    about
}

/// What the types need, in the order that tools for imports like.
fn imports(interface: &Interface) -> String {
    let mut out = String::new();
    let mut has_iterators = false;
    interface.visit_types(&mut |ty| has_iterators |= matches!(ty, Type::Iterator(_)));
    if has_iterators {
        out += "from collections.abc import Iterator\n";
    }
    for (module, names) in [
        ("datetime", &["date", "datetime", "time", "timedelta"][..]),
        ("decimal", &["Decimal"]),
    ] {
        out += &import(interface, module, names);
    }
    out += "from typing import Any, Protocol, cast\n";
    out += &import(interface, "uuid", &["UUID"]);
    out
}

fn import(interface: &Interface, module: &str, names: &[&str]) -> String {
    let used: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| has_known(interface, &[name]))
        .collect();
    match used.is_empty() {
        true => String::new(),
        false => format!("from {module} import {}\n", used.join(", ")),
    }
}

fn has_known(interface: &Interface, names: &[&str]) -> bool {
    let mut found = false;
    interface.visit_types(&mut |ty| found |= matches!(ty, Type::Known(name) if names.contains(name)));
    found
}

fn write_attribute(attribute: &Attribute) -> String {
    let Attribute {
        name,
        ty,
        doc,
        writable,
    } = attribute;
    let type_name = type_name(ty);
    if !is_name(name) {
        return format!(
            "{INDENT}# No name in Python: getattr(proxy, {}), of type {type_name}\n",
            literal(name)
        );
    }
    let doc = doc.as_deref().map(lines).unwrap_or_default();
    // A property of that name would hide the decorator.
    if *writable || name == "property" {
        let mut out = format!("{INDENT}{name}: {type_name}\n");
        if !doc.is_empty() {
            out += &docstring(INDENT, &doc);
        }
        return out;
    }
    function(&format!("@property\n{INDENT}def {name}(self) -> {type_name}"), &doc)
}

fn write_method(method: &Method) -> String {
    let Method {
        name,
        oneway,
        doc,
        signature,
    } = method;
    let signature = match signature {
        Some(signature) => write_signature(signature),
        None if *oneway => "(self, *args: Any, **kwargs: Any) -> None".to_owned(),
        None => "(self, *args: Any, **kwargs: Any) -> Any".to_owned(),
    };
    if !is_name(name) {
        return format!(
            "{INDENT}# No name in Python: getattr(proxy, {}) is called as {signature}\n",
            literal(name)
        );
    }
    let mut doc = doc.as_deref().map(lines).unwrap_or_default();
    if *oneway {
        doc.extend((!doc.is_empty()).then(String::new));
        doc.push("Returns at once: there is no answer.".to_owned());
    }
    function(&format!("def {name}{signature}"), &doc)
}

fn function(head: &str, doc: &[String]) -> String {
    match doc.is_empty() {
        true => format!("{INDENT}{head}: ...\n"),
        false => format!(
            "{INDENT}{head}:\n{}{INDENT}{INDENT}...\n",
            docstring(&INDENT.repeat(2), doc)
        ),
    }
}

fn write_signature(signature: &Signature) -> String {
    let mut used = BTreeSet::from(["self".to_owned()]);
    let mut parts = vec!["self".to_owned()];
    // Names that Python does not allow cannot be given by name; nor can those before them then.
    let mut positional = None;
    for (index, parameter) in signature.parameters.iter().enumerate() {
        let name = parameter_name(parameter, index, &mut used);
        if name != parameter.name {
            positional = Some(index + 2);
        }
        parts.push(write_parameter(parameter, &name));
    }
    if let Some(place) = positional {
        parts.insert(place, "/".to_owned());
    }
    format!("({}) -> {}", parts.join(", "), type_name(&signature.returns))
}

/// The name, or one that does in its place.
fn parameter_name(parameter: &Parameter, index: usize, used: &mut BTreeSet<String>) -> String {
    let name = match &parameter.name {
        name if is_name(name) && !name.starts_with("__") => name.clone(),
        name if KEYWORDS.contains(&name.as_str()) => format!("{name}_"),
        _ => format!("arg{index}"),
    };
    match used.insert(name.clone()) {
        true => name,
        // It cannot be taken: there are fewer parameters than numbers.
        false => (0..)
            .map(|number| format!("{name}_{number}"))
            .find(|name| used.insert(name.clone()))
            .unwrap_or(name),
    }
}

fn write_parameter(parameter: &Parameter, name: &str) -> String {
    let type_name = type_name(&parameter.ty);
    match &parameter.default {
        None => format!("{name}: {type_name}"),
        Some(Default::Literal(literal)) => format!("{name}: {type_name} = {literal}"),
        Some(Default::Untold) => format!("{name}: {type_name} = ..."),
    }
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Any => "Any".to_owned(),
        Type::Known(name) => (*name).to_owned(),
        Type::Class(name) => name.clone(),
        Type::List(item) => format!("list[{}]", type_name(item)),
        Type::Set(item) => format!("set[{}]", type_name(item)),
        Type::Dict(key, value) => format!("dict[{}, {}]", type_name(key), type_name(value)),
        Type::Tuple(items) => {
            let items: Vec<String> = items.iter().map(type_name).collect();
            format!("tuple[{}]", items.join(", "))
        }
        Type::Tuples(item) => format!("tuple[{}, ...]", type_name(item)),
        Type::Iterator(item) => format!("Iterator[{}]", type_name(item)),
        Type::Optional(inner) => format!("{} | None", type_name(inner)),
    }
}

/// Whether a member can be named so in a class.
fn is_name(name: &str) -> bool {
    let is_mangled = name.starts_with("__") && !name.ends_with("__");
    is_identifier(name) && !is_mangled && !KEYWORDS.contains(&name) && !OWN.contains(&name)
}

/// Lines as a docstring. Nothing in them ends it, and nothing in them is an escape.
fn docstring(indent: &str, lines: &[String]) -> String {
    let escaped = lines.join("\n").replace('\\', "\\\\").replace('"', "\\\"");
    // Only three in a row, and the last one, would be mistaken for the end.
    let text = match escaped.contains("\\\"\\\"") || escaped.ends_with('"') {
        true => escaped,
        false => escaped.replace("\\\"", "\""),
    };
    let end = if lines.len() > 1 {
        format!("\n{indent}")
    } else {
        String::new()
    };
    let text = text.replace('\n', &format!("\n{indent}"));
    let text: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    format!("{indent}\"\"\"{}{end}\"\"\"\n", text.join("\n"))
}
