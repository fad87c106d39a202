//! What is known of an object, as a stub needs it.

use std::collections::HashSet;

use ferropyro::formats::serpent;
use ferropyro::{
    AttributeDescription, Description, Metadata, MethodDescription, ParameterDescription, SignatureDescription, Value,
};

use super::text;
use super::types::Type;

/// An object. The names of members are different ones, and may be any texts.
pub(super) struct Interface {
    /// Where it is: the URI that was asked for.
    pub(super) uri: String,
    /// A name for a class, in either language.
    pub(super) class: String,
    pub(super) doc: Option<String>,
    /// Whether the server tells types.
    pub(super) is_told: bool,
    pub(super) attributes: Vec<Attribute>,
    pub(super) methods: Vec<Method>,
}

pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) doc: Option<String>,
    pub(super) writable: bool,
}

pub(super) struct Method {
    pub(super) name: String,
    pub(super) oneway: bool,
    pub(super) doc: Option<String>,
    /// `None` where it is not told.
    pub(super) signature: Option<Signature>,
}

pub(super) struct Signature {
    pub(super) parameters: Vec<Parameter>,
    pub(super) returns: Type,
}

pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) default: Option<Default>,
}

/// What a parameter is where a call leaves it out.
pub(super) enum Default {
    /// This literal of Python.
    Literal(String),
    /// Only the server knows.
    Untold,
}

impl Interface {
    pub(super) fn told(uri: String, description: Description) -> Interface {
        let mut seen = HashSet::new();
        let attributes = description.attributes.into_iter().map(Attribute::of);
        let attributes = attributes
            .filter(|attribute| seen.insert(attribute.name.clone()))
            .collect();
        let methods = description.methods.into_iter().map(Method::of);
        let methods = methods.filter(|method| seen.insert(method.name.clone())).collect();
        Interface {
            uri,
            class: text::class_name(&description.class),
            doc: description.doc,
            is_told: true,
            attributes,
            methods,
        }
    }

    /// Of an object of which only names are known; `id` has to be the name of its class.
    pub(super) fn named(uri: String, id: &str, metadata: Metadata) -> Interface {
        let mut seen = HashSet::new();
        let mut unseen = |names: Vec<String>| -> Vec<String> {
            let mut names: Vec<String> = names.into_iter().filter(|name| seen.insert(name.clone())).collect();
            names.sort();
            names
        };
        let oneway = metadata.oneway;
        let attributes = unseen(metadata.attributes).into_iter().map(|name| Attribute {
            name,
            ty: Type::Any,
            doc: None,
            // Nobody knows: the server will say.
            writable: true,
        });
        let attributes = attributes.collect();
        let methods = unseen(metadata.methods).into_iter().map(|name| Method {
            oneway: oneway.contains(&name),
            name,
            doc: None,
            signature: None,
        });
        Interface {
            uri,
            class: text::class_name(id),
            doc: None,
            is_told: false,
            attributes,
            methods: methods.collect(),
        }
    }

    /// All types that are named anywhere.
    pub(super) fn visit_types<'t>(&'t self, see: &mut impl FnMut(&'t Type)) {
        self.attributes.iter().for_each(|attribute| attribute.ty.visit(see));
        for signature in self.methods.iter().filter_map(|method| method.signature.as_ref()) {
            signature
                .parameters
                .iter()
                .for_each(|parameter| parameter.ty.visit(see));
            signature.returns.visit(see);
        }
    }

    /// The classes of the server's program, each once.
    pub(super) fn classes(&self) -> Vec<&str> {
        let mut classes = Vec::new();
        self.visit_types(&mut |ty| match ty {
            Type::Class(name) if *name != self.class && !classes.contains(&name.as_str()) => classes.push(name),
            _ => {}
        });
        classes
    }
}

impl Attribute {
    fn of(attribute: AttributeDescription) -> Attribute {
        Attribute {
            ty: attribute.type_name.as_deref().map_or(Type::Any, Type::parse),
            name: attribute.name,
            doc: attribute.doc,
            writable: attribute.writable,
        }
    }
}

impl Method {
    fn of(method: MethodDescription) -> Method {
        Method {
            name: method.name,
            oneway: method.oneway,
            doc: method.doc,
            signature: method.signature.and_then(Signature::of),
        }
    }
}

impl Signature {
    /// `None` for what cannot be one: names that come twice, or a parameter without a default behind one that has one.
    fn of(signature: SignatureDescription) -> Option<Signature> {
        let parameters: Vec<Parameter> = signature.parameters.into_iter().map(Parameter::of).collect();
        let mut names = HashSet::new();
        let are_different = parameters.iter().all(|parameter| names.insert(parameter.name.as_str()));
        let are_in_order = parameters.is_sorted_by_key(|parameter| parameter.default.is_some());
        (are_different && are_in_order).then(|| Signature {
            returns: Type::parse(&signature.returns),
            parameters,
        })
    }
}

impl Parameter {
    fn of(parameter: ParameterDescription) -> Parameter {
        Parameter {
            ty: Type::parse(&parameter.type_name),
            default: parameter.default.as_deref().map(Default::of),
            name: parameter.name,
        }
    }
}

/// A literal that is longer says nothing to people. (Python refuses those that are deeply nested, and ints of thousands of digits.)
const LONGEST: usize = 150;

impl Default {
    /// What is no literal could be any code. What is one is written anew.
    fn of(text: &str) -> Default {
        let value = serpent::from_slice::<Value>(text.as_bytes());
        match value.ok().filter(is_literal).map(|value| value.to_string()) {
            Some(literal) if literal.len() <= LONGEST => Default::Literal(literal),
            _ => Default::Untold,
        }
    }
}

/// Whether Python reads the text of a value as that value.
fn is_literal(value: &Value) -> bool {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Str(_) | Value::Bytes(_) => true,
        Value::Float(number) => number.is_finite(),
        Value::List(items) | Value::Tuple(items) => items.iter().all(is_literal),
        Value::Dict(dict) => dict.iter().all(|(key, value)| is_literal(key) && is_literal(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_literals_or_untold() {
        let literal = |text: &str| match Default::of(text) {
            Default::Literal(literal) => Some(literal),
            Default::Untold => None,
        };
        for text in [
            "None",
            "True",
            "-1",
            "0.5",
            "'it\\'s'",
            "b'x'",
            "[1, 'a']",
            "{'a': (1,)}",
            "\"\"",
            "1e3",
        ] {
            let read: Value = serpent::from_slice(text.as_bytes()).unwrap();
            assert_eq!(literal(text), Some(read.to_string()), "{text}");
        }
        assert_eq!(literal("'\u{202e}\u{2028}'").as_deref(), Some(r"'\u202e\u2028'"));
        let long = "1".repeat(5000);
        for text in ["...", "f()", "1; f()", "1\nf()", "nan", "LIMIT", "", &long] {
            assert_eq!(literal(text), None, "{text}");
        }
    }
}
