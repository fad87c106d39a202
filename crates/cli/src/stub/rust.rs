//! A typed client in Rust: a trait for the library's `#[remote]`.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::interface::{Attribute, Default, Interface, Method, Parameter, Signature};
use super::text::{is_identifier, is_seen, lines, literal, one_line};
use super::types::Type;

const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
];

/// What the clients have themselves.
const OWN: [&str; 2] = ["new", "proxy"];

/// The most parameters that a call of the library has.
const MOST_PARAMETERS: usize = 12;

/// Writes the trait, and what it needs.
pub(super) fn write(interface: &Interface) -> String {
    let mut stub = Stub {
        interface,
        uses: BTreeSet::from(["Result", "remote"]),
        has_maps: false,
        names: OWN.map(str::to_owned).into(),
    };
    let body = stub.body();
    let Interface { uri, class, .. } = interface;
    let mut out = format!("// What {} has to offer. Written by `ferropyro stub`.\n", one_line(uri));
    out += match interface.is_told {
        true => {
            "// Types are those that the server tells: an `int` may have another size, and what is `Value` may be given the type that you know.\n//\n"
        }
        false => "// The server does not tell parameters and types: put them in.\n//\n",
    };
    let _ = writeln!(
        out,
        "//     let proxy = {class}Client::new(ferropyro::Proxy::new({})?);\n",
        literal(uri)
    );
    if stub.has_maps {
        out += "use std::collections::HashMap;\n\n";
    }
    let uses: Vec<&str> = stub.uses.iter().copied().collect();
    let _ = writeln!(out, "use ferropyro::{{{}}};\n", uses.join(", "));
    for class in stub.classes() {
        let _ = write!(
            out,
            "/// A class of the server's program: put a struct of your own in its place, with `PyroClass`.\npub type {class} = Value;\n\n"
        );
    }
    out += &documentation("", &interface.doc.as_deref().map(lines).unwrap_or_default());
    let _ = write!(out, "#[remote]\npub trait {class} {{\n{body}}}\n");
    out
}

struct Stub<'i> {
    interface: &'i Interface,
    /// What is used of the library.
    uses: BTreeSet<&'static str>,
    has_maps: bool,
    /// The names of the trait that are taken.
    names: BTreeSet<String>,
}

const INDENT: &str = "    ";

impl Stub<'_> {
    fn body(&mut self) -> String {
        let Interface {
            attributes, methods, ..
        } = self.interface;
        if !self.classes().is_empty() {
            self.uses.insert("Value");
        }
        let mut members: Vec<String> = attributes.iter().map(|attribute| self.attribute(attribute)).collect();
        members.extend(methods.iter().map(|method| self.method(method)));
        members.join("\n")
    }

    /// The classes of the server's program that need a name here.
    fn classes(&self) -> Vec<&str> {
        let classes = self.interface.classes().into_iter();
        classes.filter(|class| !self.is_own_name(class)).collect()
    }

    /// Whether the trait or one of its clients has this name.
    fn is_own_name(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.interface.class);
        matches!(rest, Some("" | "Client" | "AsyncClient"))
    }

    fn attribute(&mut self, attribute: &Attribute) -> String {
        let Attribute {
            name,
            ty,
            doc,
            writable,
        } = attribute;
        if !is_python_name(name) {
            return unnamed(name);
        }
        let ident = self.ident(name);
        let mut out = documentation(INDENT, &doc.as_deref().map(lines).unwrap_or_default());
        let _ = write!(
            out,
            "{INDENT}#[remote({})]\n{INDENT}fn {ident}(&self) -> Result<{}>;\n",
            options("get", name, &ident),
            self.owned(ty)
        );
        if *writable {
            let ident = self.ident(&format!("set_{name}"));
            let _ = write!(
                out,
                "\n{INDENT}#[remote(set, name = {})]\n{INDENT}fn {ident}(&self, value: {}) -> Result<()>;\n",
                literal(name),
                self.parameter_type(ty)
            );
        }
        out
    }

    fn method(&mut self, method: &Method) -> String {
        let name = &method.name;
        let parameters = method
            .signature
            .as_ref()
            .map_or(&[][..], |signature| &signature.parameters);
        if !is_python_name(name) {
            return unnamed(name);
        }
        if parameters.len() > MOST_PARAMETERS {
            return format!("{INDENT}// {name} has more parameters than a typed call can have.\n");
        }
        let doc = method.doc.as_deref().map(lines).unwrap_or_default();
        let mut out = documentation(INDENT, &doc);
        if method.signature.is_none() && self.interface.is_told {
            let _ = writeln!(out, "{INDENT}// Its parameters are not told: put them in.");
        }
        let ident = self.ident(name);
        let required = parameters
            .iter()
            .filter(|parameter| parameter.default.is_none())
            .count();
        out += &self.function(method, &ident, &parameters[..required]);
        if required < parameters.len() {
            let with = self.ident(&format!("{name}_with"));
            out += "\n";
            out += &documentation(INDENT, &[defaults(&ident, &parameters[required..])]);
            out += &self.function(method, &with, parameters);
        }
        out
    }

    fn function(&mut self, method: &Method, ident: &str, parameters: &[Parameter]) -> String {
        let role = if method.oneway { "oneway" } else { "" };
        let returns = match &method.signature {
            _ if method.oneway => "()".to_owned(),
            None => self.value(),
            Some(Signature {
                returns: Type::Iterator(item),
                ..
            }) => {
                self.uses.insert("Items");
                format!("Items<{}>", self.owned(item))
            }
            Some(signature) => self.owned(&signature.returns),
        };
        let mut out = match options(role, &method.name, ident) {
            options if options.is_empty() => String::new(),
            options => format!("{INDENT}#[remote({options})]\n"),
        };
        let mut used = BTreeSet::new();
        let parameters: Vec<String> = parameters
            .iter()
            .map(|parameter| {
                let name = unused(snake_case(&parameter.name).unwrap_or("arg".to_owned()), &mut used);
                format!(", {name}: {}", self.parameter_type(&parameter.ty))
            })
            .collect();
        let _ = writeln!(
            out,
            "{INDENT}fn {ident}(&self{}) -> Result<{returns}>;",
            parameters.concat()
        );
        out
    }

    /// A name of the trait for a member of this name.
    fn ident(&mut self, name: &str) -> String {
        let ident = snake_case(name).unwrap_or("member".to_owned());
        unused(ident, &mut self.names)
    }

    fn parameter_type(&mut self, ty: &Type) -> String {
        match ty {
            Type::Known("str") => "&str".to_owned(),
            Type::Known("bytes") => "&[u8]".to_owned(),
            Type::List(item) | Type::Tuples(item) => format!("&[{}]", self.owned(item)),
            Type::Optional(inner) if **inner == Type::Known("str") => "Option<&str>".to_owned(),
            Type::Set(_) | Type::Dict(..) => format!("&{}", self.owned(ty)),
            _ => self.owned(ty),
        }
    }

    fn owned(&mut self, ty: &Type) -> String {
        match ty {
            Type::Any | Type::Iterator(_) => self.value(),
            Type::Known(name) => self.known(name),
            Type::Class(name) if self.is_own_name(name) => self.value(),
            Type::Class(name) => name.clone(),
            Type::List(item) | Type::Tuples(item) => format!("Vec<{}>", self.owned(item)),
            Type::Set(item) => {
                self.uses.insert("Set");
                let item = if can_be_key(item) {
                    self.owned(item)
                } else {
                    self.value()
                };
                format!("Set<{item}>")
            }
            Type::Dict(key, value) if can_be_key(key) => {
                self.has_maps = true;
                format!("HashMap<{}, {}>", self.owned(key), self.owned(value))
            }
            Type::Dict(..) => self.library("Dict"),
            Type::Tuple(items) if items.len() > MOST_PARAMETERS => self.value(),
            Type::Tuple(items) => {
                let items: Vec<String> = items.iter().map(|item| format!("{},", self.owned(item))).collect();
                match items.as_slice() {
                    [one] => format!("({one})"),
                    items => format!("({})", items.join(" ").trim_end_matches(',')),
                }
            }
            Type::Optional(inner) => format!("Option<{}>", self.owned(inner)),
        }
    }

    fn known(&mut self, name: &str) -> String {
        let plain = match name {
            "None" => "()",
            "bool" => "bool",
            "int" => "i64",
            "float" => "f64",
            // A UUID travels as its text.
            "str" | "UUID" => "String",
            "bytes" => return self.library("Bytes"),
            "bytearray" => return self.library("ByteArray"),
            "complex" => return self.library("Complex"),
            "datetime" => return self.library("DateTime"),
            "date" => return self.library("Date"),
            "time" => return self.library("Time"),
            "timedelta" => return self.library("TimeDelta"),
            "Decimal" => return self.library("Decimal"),
            "URI" => return self.library("Uri"),
            "Exception" => return self.library("Exception"),
            _ => return self.value(),
        };
        plain.to_owned()
    }

    fn value(&mut self) -> String {
        self.library("Value")
    }

    fn library(&mut self, name: &'static str) -> String {
        self.uses.insert(name);
        name.to_owned()
    }
}

/// What stands in `#[remote(...)]`: the role, and the name if Rust has another one.
fn options(role: &str, name: &str, ident: &str) -> String {
    let renamed = (ident != name).then(|| format!("name = {}", literal(name)));
    let role = Some(role).filter(|role| !role.is_empty()).map(str::to_owned);
    let options: Vec<String> = role.into_iter().chain(renamed).collect();
    options.join(", ")
}

/// Whether `#[remote]` takes a name: it must be one of Python's that Pyro does not hide.
fn is_python_name(name: &str) -> bool {
    let is_dunder = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    let is_part = |c: char| (c == '_' || c.is_alphanumeric()) && is_seen(c);
    let starts_well = name.starts_with(|c: char| c == '_' || c.is_alphabetic());
    starts_well && name.chars().all(is_part) && (is_dunder || !name.starts_with('_'))
}

fn unnamed(name: &str) -> String {
    format!("{INDENT}// No name for a typed call: {}\n", literal(name))
}

/// The name as Rust writes it: `getLevel` is `get_level`. `None` if it is no name.
fn snake_case(name: &str) -> Option<String> {
    if !is_identifier(name) {
        return None;
    }
    let mut snake = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        before = c;
    }
    match KEYWORDS.contains(&snake.as_str()) {
        true => Some(snake + "_"),
        false => Some(snake),
    }
}

/// The name, or one with a number if it is taken.
fn unused(name: String, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.clone();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{name}_{number}");
    }
    candidate
}

/// Whether values of a type can be in a set or the keys of a map.
fn can_be_key(ty: &Type) -> bool {
    matches!(ty, Type::Known("bool" | "int" | "str" | "UUID"))
}

fn defaults(ident: &str, parameters: &[Parameter]) -> String {
    let texts: Vec<String> = parameters
        .iter()
        .map(|parameter| match &parameter.default {
            Some(Default::Literal(literal)) => format!("{} = {}", one_line(&parameter.name), literal),
            _ => one_line(&parameter.name),
        })
        .collect();
    format!("As {ident}, with what may be left out: {}", texts.join(", "))
}

/// Lines as a doc comment. None of them is a link or HTML, and none is code, which rustdoc would run as a test.
fn documentation(indent: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let special = ["```", "~~~", "    ", "<", "["];
    let is_plain = |line: &String| !special.iter().any(|special| line.contains(special));
    let mut out = Vec::new();
    if lines.iter().all(is_plain) {
        out.extend(lines.iter().cloned());
    } else {
        let fence = "`".repeat(longest_run(lines).max(2) + 1);
        out.push(format!("{fence}text"));
        out.extend(lines.iter().cloned());
        out.push(fence);
    }
    let comments = out
        .iter()
        .map(|line| format!("{indent}/// {line}").trim_end().to_owned() + "\n");
    comments.collect()
}

/// The length of the longest row of backticks.
fn longest_run(lines: &[String]) -> usize {
    let runs = lines.iter().flat_map(|line| line.split(|c| c != '`'));
    runs.map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_documentation_becomes_code() {
        let lines = |text: &str| documentation("", &text.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(lines("Plain.\n\nText."), "/// Plain.\n///\n/// Text.\n");
        assert_eq!(
            lines("```\nrun();\n```"),
            "/// ````text\n/// ```\n/// run();\n/// ```\n/// ````\n"
        );
        assert_eq!(
            lines("- x\n\n      run();"),
            "/// ```text\n/// - x\n///\n///       run();\n/// ```\n"
        );
        assert_eq!(lines("<script>"), "/// ```text\n/// <script>\n/// ```\n");
        assert_eq!(lines("*/ fn x() {}"), "/// */ fn x() {}\n");
    }

    #[test]
    fn a_name_that_rust_does_not_have_leads_to_a_member_that_it_has() {
        assert!(is_python_name("größe") && is_python_name("__dunder__"));
        assert_eq!(options("", "größe", "member"), "name = \"größe\"");
        for name in ["", "_x", "__x", "7up", "a b", "a\u{202e}b", "x\u{301}"] {
            assert!(!is_python_name(name), "{name}");
        }
    }

    #[test]
    fn names_are_rusts() {
        for (name, ident) in [
            ("getLevel", Some("get_level")),
            ("HTTPServer2Name", Some("httpserver2_name")),
            ("type", Some("type_")),
            ("__dunder__", Some("__dunder__")),
            ("größe", None),
            ("a b", None),
            ("_", None),
        ] {
            assert_eq!(snake_case(name).as_deref(), ident, "{name}");
        }
    }
}
