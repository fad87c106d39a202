//! Types in Python's words, as a daemon tells them: read with care, since they may be any text.

/// What is longer or deeper than any type that people write is none.
const LONGEST: usize = 500;
const DEEPEST: usize = 12;

/// A type. What is not understood is `Any`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    /// One that Python has, or Pyro: a name of [`KNOWN`].
    Known(&'static str),
    /// A class of the server's program.
    Class(String),
    List(Box<Type>),
    Set(Box<Type>),
    Dict(Box<Type>, Box<Type>),
    Tuple(Vec<Type>),
    /// A tuple of any length.
    Tuples(Box<Type>),
    Iterator(Box<Type>),
    Optional(Box<Type>),
}

/// The types without anything within that a server may speak of.
const KNOWN: [&str; 17] = [
    "None",
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "bytearray",
    "datetime",
    "date",
    "time",
    "timedelta",
    "Decimal",
    "UUID",
    "URI",
    "Proxy",
    "Exception",
];

/// Names that mean something else in a stub than a class of the server's program.
const TAKEN: [&str; 40] = [
    "Any",
    "AsyncClient",
    "Box",
    "ByteArray",
    "Bytes",
    "Client",
    "Complex",
    "Copy",
    "Date",
    "DateTime",
    "Debug",
    "Dict",
    "Err",
    "Error",
    "False",
    "From",
    "HashMap",
    "Into",
    "Items",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Protocol",
    "Result",
    "Self",
    "Send",
    "Set",
    "Some",
    "String",
    "Sync",
    "Time",
    "TimeDelta",
    "True",
    "Uri",
    "Value",
    "Vec",
    "Clone",
    "Default",
    "Drop",
];

impl Type {
    /// Reads a type; `Any` when it is none.
    pub(super) fn parse(text: &str) -> Type {
        let parsed = (text.len() <= LONGEST).then(|| {
            let mut parser = Parser { rest: text };
            parser.union(0).filter(|_| parser.rest.is_empty())
        });
        parsed.flatten().unwrap_or(Type::Any)
    }

    /// Calls `see` with this type and with each one within.
    pub(super) fn visit<'t>(&'t self, see: &mut impl FnMut(&'t Type)) {
        see(self);
        match self {
            Type::Any | Type::Known(_) | Type::Class(_) => {}
            Type::List(inner)
            | Type::Set(inner)
            | Type::Tuples(inner)
            | Type::Iterator(inner)
            | Type::Optional(inner) => {
                inner.visit(see);
            }
            Type::Dict(key, value) => {
                key.visit(see);
                value.visit(see);
            }
            Type::Tuple(items) => items.iter().for_each(|item| item.visit(see)),
        }
    }

    fn of_name(name: &str) -> Type {
        match KNOWN.iter().find(|known| **known == name) {
            Some(known) => Type::Known(known),
            None if is_class_name(name) => Type::Class(name.to_owned()),
            None => Type::Any,
        }
    }

    fn of_generic(name: &str, arguments: Vec<Argument>) -> Type {
        let mut arguments = arguments.into_iter();
        let mut next = || arguments.next();
        match (name, next(), next(), next()) {
            ("list", Some(Argument::Type(item)), None, _) => Type::List(item.into()),
            ("set" | "frozenset", Some(Argument::Type(item)), None, _) => Type::Set(item.into()),
            ("Iterator", Some(Argument::Type(item)), None, _) => Type::Iterator(item.into()),
            ("dict", Some(Argument::Type(key)), Some(Argument::Type(value)), None) => {
                Type::Dict(key.into(), value.into())
            }
            ("tuple", Some(Argument::Type(item)), Some(Argument::Ellipsis), None) => Type::Tuples(item.into()),
            ("tuple", first, second, third) => {
                let all = [first, second, third].into_iter().flatten().chain(arguments);
                let items: Option<Vec<Type>> = all.map(Argument::into_type).collect();
                items.map_or(Type::Any, Type::Tuple)
            }
            _ => Type::Any,
        }
    }

    fn of_union(mut alternatives: Vec<Type>) -> Type {
        let none = Type::Known("None");
        let count = alternatives.len();
        alternatives.retain(|alternative| *alternative != none);
        let has_none = alternatives.len() < count;
        match (alternatives.pop(), has_none) {
            (None, _) => none,
            (Some(only), false) if alternatives.is_empty() => only,
            (Some(Type::Any), _) => Type::Any,
            (Some(only), true) if alternatives.is_empty() => Type::Optional(only.into()),
            _ => Type::Any,
        }
    }
}

/// Whether a class of the server's program may have this name in a stub: in Rust and in Python alike it stands for nothing else.
pub(super) fn is_class_name(name: &str) -> bool {
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric());
    is_word && name.starts_with(|c: char| c.is_ascii_uppercase()) && !TAKEN.contains(&name) && !KNOWN.contains(&name)
}

/// What stands between brackets.
enum Argument {
    Type(Type),
    Ellipsis,
}

impl Argument {
    fn into_type(self) -> Option<Type> {
        match self {
            Argument::Type(ty) => Some(ty),
            Argument::Ellipsis => None,
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Types with `|` in between.
    fn union(&mut self, depth: usize) -> Option<Type> {
        let mut alternatives = vec![self.single(depth)?];
        while self.eat("|") {
            alternatives.push(self.single(depth)?);
        }
        Some(Type::of_union(alternatives))
    }

    fn single(&mut self, depth: usize) -> Option<Type> {
        if depth > DEEPEST {
            return None;
        }
        let name = self.word()?;
        if !self.eat("[") {
            return Some(Type::of_name(&name));
        }
        let mut arguments = vec![self.argument(depth)?];
        while self.eat(",") {
            arguments.push(self.argument(depth)?);
        }
        self.eat("]").then(|| Type::of_generic(&name, arguments))
    }

    fn argument(&mut self, depth: usize) -> Option<Argument> {
        if self.eat("...") {
            return Some(Argument::Ellipsis);
        }
        self.union(depth + 1).map(Argument::Type)
    }

    fn word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start_matches(' ');
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let rest = self.rest.trim_start_matches(' ').strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &'static str) -> Type {
        Type::Known(name)
    }

    #[test]
    fn types_are_read() {
        for (text, expected) in [
            ("int", known("int")),
            ("Any", Type::Any),
            ("Order", Type::Class("Order".to_owned())),
            (
                "list[str | None]",
                Type::List(Type::Optional(known("str").into()).into()),
            ),
            ("None | int", Type::Optional(known("int").into())),
            ("None", known("None")),
            (
                "dict[str,list[float]]",
                Type::Dict(known("str").into(), Type::List(known("float").into()).into()),
            ),
            ("tuple[int]", Type::Tuple(vec![known("int")])),
            (
                "tuple[int, str, bool, Any]",
                Type::Tuple(vec![known("int"), known("str"), known("bool"), Type::Any]),
            ),
            ("tuple[float, ...]", Type::Tuples(known("float").into())),
            ("Iterator[Any]", Type::Iterator(Type::Any.into())),
        ] {
            assert_eq!(Type::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_type_is_any() {
        let deep = format!("{}int{}", "list[".repeat(40), "]".repeat(40));
        let long = format!("tuple[{}int]", "int, ".repeat(200));
        for text in [
            "",
            "int str",
            "list[",
            "list[]",
            "int]",
            "int | str",
            "int\n",
            "int # x",
            "a.b",
            "list[int, int]",
            "tuple[..., int]",
            "print",
            "__import__",
            "Protocol",
            "Value",
            "Class[int]",
            "list['x']",
            "f()",
            "Größe",
            &deep,
            &long,
        ] {
            assert_eq!(Type::parse(text), Type::Any, "{text}");
        }
    }
}
