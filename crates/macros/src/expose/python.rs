//! What an object tells of itself to Python programs: Rust's types, and the literals of defaults, in Python's words. Found by how they are written, since a macro knows
//! no more.

use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{
    Expr, ExprCall, ExprMacro, ExprMethodCall, ExprUnary, GenericArgument, Lit, Path, PathArguments, Token, Type, UnOp,
};

use crate::signature::is_bytes;

/// What is said of a type that cannot be told.
const ANY: &str = "Any";

/// What is said of a default that is no literal.
pub(super) const NO_LITERAL: &str = "...";

/// Where a value goes: some types go out as others than those that are read as them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the method.
    In,
    /// To the caller.
    Out,
}

/// Names types.
pub(super) struct Types<'a> {
    pub(super) way: Way,
    /// The names of the types that are left open.
    pub(super) generics: &'a [String],
}

impl Types<'_> {
    /// A type in Python's words.
    pub(super) fn name(&self, ty: &Type) -> String {
        match ty {
            Type::Group(group) => self.name(&group.elem),
            Type::Paren(paren) => self.name(&paren.elem),
            Type::Reference(reference) if self.way == Way::In && is_bytes(&reference.elem) => "bytes".to_owned(),
            Type::Reference(reference) => self.name(&reference.elem),
            Type::Slice(slice) => format!("list[{}]", self.name(&slice.elem)),
            Type::Array(array) => format!("tuple[{}, ...]", self.name(&array.elem)),
            Type::Tuple(tuple) if tuple.elems.is_empty() => "None".to_owned(),
            Type::Tuple(tuple) => {
                let names: Vec<String> = tuple.elems.iter().map(|ty| self.name(ty)).collect();
                format!("tuple[{}]", names.join(", "))
            }
            Type::Path(path) if path.qself.is_none() => self.path(&path.path),
            _ => ANY.to_owned(),
        }
    }

    fn path(&self, path: &Path) -> String {
        let Some(last) = path.segments.last() else {
            return ANY.to_owned();
        };
        let first = path.segments[0].ident.to_string();
        if first == "Self" || self.generics.contains(&first) {
            return ANY.to_owned();
        }
        let arguments = type_arguments(&last.arguments);
        let argument = |index: usize| arguments.get(index).map_or(ANY.to_owned(), |ty| self.name(ty));
        let name = last.ident.unraw().to_string();
        match name.as_str() {
            "Vec" | "VecDeque" | "LinkedList" | "BinaryHeap" => format!("list[{}]", argument(0)),
            "Set" => format!("set[{}]", argument(0)),
            "HashSet" | "BTreeSet" | "IndexSet" if self.way == Way::In => format!("set[{}]", argument(0)),
            "HashSet" | "BTreeSet" | "IndexSet" => format!("list[{}]", argument(0)),
            "HashMap" | "BTreeMap" | "IndexMap" => format!("dict[{}, {}]", argument(0), argument(1)),
            "Option" => optional(argument(0)),
            "Result" | "Box" | "Arc" | "Rc" | "Cow" => argument(0),
            "Items" => format!("Iterator[{}]", argument(0)),
            _ => plain(&name).map_or(name, str::to_owned),
        }
    }
}

/// Types that have nothing within. `None` is a type of the user's, which keeps its name.
fn plain(name: &str) -> Option<&'static str> {
    Some(match name {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize"
        | "BigInt" => "int",
        "f32" | "f64" => "float",
        "bool" => "bool",
        "str" | "String" | "char" | "Text" | "Path" | "PathBuf" => "str",
        "Bytes" | "BytesRef" => "bytes",
        "ByteArray" => "bytearray",
        "Complex" => "complex",
        "Dict" => "dict[Any, Any]",
        "DateTime" => "datetime",
        "Date" => "date",
        "Time" => "time",
        "TimeDelta" => "timedelta",
        "Uuid" => "UUID",
        "Uri" => "URI",
        "Registered" => "Proxy",
        "ItemStream" => "Iterator[Any]",
        "Value" | "Instance" | "AnyReply" | "SerializedBlob" => ANY,
        _ => return None,
    })
}

fn type_arguments(arguments: &PathArguments) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

fn optional(name: String) -> String {
    match name.as_str() {
        ANY | "None" => name,
        optional if optional.ends_with(" | None") => name,
        _ => format!("{name} | None"),
    }
}

/// A default as a literal of Python, where it is one of Rust.
pub(super) fn default(expr: &Expr, type_name: &str) -> String {
    let literal = literal(expr).unwrap_or(NO_LITERAL.to_owned());
    // An empty slice is a list by its looks.
    match literal.as_str() {
        "[]" if type_name == "bytes" => "b''".to_owned(),
        list if list.starts_with('[') && type_name == "bytes" => NO_LITERAL.to_owned(),
        _ => literal,
    }
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => of_literal(&literal.lit),
        Expr::Group(group) => literal(&group.expr),
        Expr::Paren(paren) => literal(&paren.expr),
        Expr::Reference(reference) => literal(&reference.expr),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_), expr, ..
        }) => literal(expr).map(|number| format!("-{number}")),
        Expr::Path(path) if ends_in(&path.path, &["None"]) => Some("None".to_owned()),
        Expr::Tuple(tuple) if tuple.elems.is_empty() => Some("None".to_owned()),
        Expr::Array(array) => list(&array.elems),
        Expr::Call(call) => of_call(call),
        Expr::MethodCall(call) => of_method(call),
        Expr::Macro(ExprMacro { mac, .. }) if mac.path.is_ident("vec") => {
            let items = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone());
            items.ok().and_then(|items| list(&items))
        }
        _ => None,
    }
}

fn list(items: &Punctuated<Expr, Token![,]>) -> Option<String> {
    let items: Option<Vec<String>> = items.iter().map(literal).collect();
    items.map(|items| format!("[{}]", items.join(", ")))
}

/// `Some(1)`, `String::from("x")`, `String::new()`, `Vec::new()`.
fn of_call(call: &ExprCall) -> Option<String> {
    let Expr::Path(function) = &*call.func else { return None };
    let path = &function.path;
    match call.args.first() {
        Some(argument) if ends_in(path, &["Some"]) || ends_in(path, &["String", "from"]) => literal(argument),
        None if ends_in(path, &["String", "new"]) => Some("''".to_owned()),
        None if ends_in(path, &["Vec", "new"]) => Some("[]".to_owned()),
        None if ends_in(path, &["Dict", "new"]) => Some("{}".to_owned()),
        _ => None,
    }
}

/// `"x".to_owned()` and its like.
fn of_method(call: &ExprMethodCall) -> Option<String> {
    let same = ["into", "to_owned", "to_string", "to_vec"];
    let is_same = call.args.is_empty() && same.iter().any(|name| call.method == name);
    is_same.then(|| literal(&call.receiver)).flatten()
}

fn ends_in(path: &Path, names: &[&str]) -> bool {
    let mut last = path.segments.iter().rev();
    names
        .iter()
        .rev()
        .all(|name| last.next().is_some_and(|segment| segment.ident == name))
}

fn of_literal(literal: &Lit) -> Option<String> {
    Some(match literal {
        Lit::Bool(bool) if bool.value => "True".to_owned(),
        Lit::Bool(_) => "False".to_owned(),
        Lit::Int(float) if float.suffix().starts_with('f') => format!("{}.0", float.base10_digits()),
        Lit::Int(int) => int.base10_digits().to_owned(),
        Lit::Float(float) => float.base10_digits().to_owned(),
        Lit::Str(text) => quoted(text.value().chars()),
        Lit::Char(char) => quoted([char.value()]),
        Lit::Byte(byte) => byte.value().to_string(),
        Lit::ByteStr(bytes) => format!("b{}", quoted_bytes(&bytes.value())),
        _ => return None,
    })
}

/// As Python's `repr()` does it, but that the quotes are always the same.
fn quoted(text: impl IntoIterator<Item = char>) -> String {
    let escaped: String = text.into_iter().map(escaped).collect();
    format!("'{escaped}'")
}

/// Bytes above 127 have no character of their own.
fn quoted_bytes(bytes: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        0..=127 => escaped(char::from(*byte)),
        _ => format!("\\x{byte:02x}"),
    };
    let escaped: String = bytes.iter().map(escape).collect();
    format!("'{escaped}'")
}

fn escaped(char: char) -> String {
    let number = u32::from(char);
    match char {
        '\\' | '\'' => format!("\\{char}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        _ if !is_unprintable(char) => char.to_string(),
        '\0'..='\u{ff}' => format!("\\x{number:02x}"),
        '\u{100}'..='\u{ffff}' => format!("\\u{number:04x}"),
        _ => format!("\\U{number:08x}"),
    }
}

/// Rust knows which characters cannot be seen.
fn is_unprintable(char: char) -> bool {
    char != '"' && char.escape_debug().next() == Some('\\')
}

#[cfg(test)]
mod tests {
    use syn::parse_str;

    use super::*;

    fn name(way: Way, ty: &str) -> String {
        let generics = ["T".to_owned()];
        Types {
            way,
            generics: &generics,
        }
        .name(&parse_str(ty).unwrap())
    }

    #[test]
    fn types_have_the_words_of_python() {
        for (ty, expected) in [
            ("i8", "int"),
            ("u128", "int"),
            ("usize", "int"),
            ("BigInt", "int"),
            ("f32", "float"),
            ("f64", "float"),
            ("bool", "bool"),
            ("String", "str"),
            ("&str", "str"),
            ("&'a str", "str"),
            ("std::string::String", "str"),
            ("char", "str"),
            ("ferropyro::Bytes", "bytes"),
            ("ByteArray", "bytearray"),
            ("()", "None"),
            ("Option<i64>", "int | None"),
            ("Option<Option<i64>>", "int | None"),
            ("Option<Value>", "Any"),
            ("Option<()>", "None"),
            ("Vec<Option<String>>", "list[str | None]"),
            ("Vec<u8>", "list[int]"),
            ("&[(String, f64)]", "list[tuple[str, float]]"),
            ("VecDeque<bool>", "list[bool]"),
            ("[f64; 3]", "tuple[float, ...]"),
            ("(i64,)", "tuple[int]"),
            ("Set<i64>", "set[int]"),
            ("HashMap<String, Vec<f64>>", "dict[str, list[float]]"),
            ("indexmap::IndexMap<i64, Uuid>", "dict[int, UUID]"),
            ("&BTreeMap<String, i64>", "dict[str, int]"),
            ("io::Result<Date>", "date"),
            ("Result<(), Raise>", "None"),
            ("Result<ItemStream, Raise>", "Iterator[Any]"),
            ("Box<Arc<Rc<Cow<'static, str>>>>", "str"),
            ("DateTime", "datetime"),
            ("TimeDelta", "timedelta"),
            ("Time", "time"),
            ("Decimal", "Decimal"),
            ("Complex", "complex"),
            ("Uri", "URI"),
            ("Registered<Robot>", "Proxy"),
            ("Exception", "Exception"),
            ("Dict", "dict[Any, Any]"),
            ("shop::Order", "Order"),
            ("Page<Order>", "Page"),
            ("r#type", "type"),
            ("(Vec<T>)", "list[Any]"),
            ("T::Item", "Any"),
            ("<T as Iterator>::Item", "Any"),
            ("Self", "Any"),
            ("impl Serialize", "Any"),
            ("Box<dyn Fn()>", "Any"),
            ("fn(i64) -> i64", "Any"),
            ("Result", "Any"),
            ("some_macro!(x)", "Any"),
        ] {
            assert_eq!(name(Way::Out, ty), expected, "{ty}");
            assert_eq!(name(Way::In, ty), expected, "{ty}");
        }
    }

    #[test]
    fn what_goes_out_otherwise_than_it_comes_in_has_two_names() {
        for (ty, read, written) in [
            ("&[u8]", "bytes", "list[int]"),
            ("HashSet<i64>", "set[int]", "list[int]"),
            ("BTreeSet<String>", "set[str]", "list[str]"),
        ] {
            assert_eq!(
                (name(Way::In, ty).as_str(), name(Way::Out, ty).as_str()),
                (read, written),
                "{ty}"
            );
        }
    }

    #[test]
    fn defaults_are_literals_of_python_where_they_are_some_of_rust() {
        for (expr, expected) in [
            ("2.0", "2.0"),
            ("1f64", "1.0"),
            ("1e3", "1e3"),
            ("-1_000i64", "-1000"),
            ("0xff", "255"),
            ("true", "True"),
            ("false", "False"),
            ("None", "None"),
            ("()", "None"),
            ("Some(3)", "3"),
            ("Option::Some(\"x\".to_owned())", "'x'"),
            (
                "\"it's\\n\\\\ \\u{7} \\u{200b} \\\"\\u{e9}\"",
                r#"'it\'s\n\\ \x07 \u200b "é'"#,
            ),
            ("'x'", "'x'"),
            ("b'x'", "120"),
            ("b\"a'\\xff\"", r"b'a\'\xff'"),
            ("String::new()", "''"),
            ("String::from(\"x\")", "'x'"),
            ("\"x\".into()", "'x'"),
            ("&[]", "[]"),
            ("vec![1, 2]", "[1, 2]"),
            ("Vec::new()", "[]"),
            ("Dict::new()", "{}"),
            ("Default::default()", "..."),
            ("LIMIT", "..."),
            ("1 + 2", "..."),
            ("vec![LIMIT]", "..."),
            ("HashMap::new()", "..."),
            ("f64::NAN", "..."),
        ] {
            assert_eq!(default(&parse_str(expr).unwrap(), ANY), expected, "{expr}");
        }
        let empty = parse_str("&[]").unwrap();
        assert_eq!(default(&empty, "bytes"), "b''");
    }
}
