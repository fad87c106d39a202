//! Python's words for types, as JSON Schema.

use serde_json::{Value, json};

/// How deep a type may be nested; what is deeper can be anything.
const DEEPEST: u32 = 16;

/// The schema of what Pyro's json makes of a value of this type. What cannot be told, such as a class, can be anything.
pub(super) fn of_type(text: &str) -> Value {
    of_nested(text.trim(), DEEPEST)
}

/// Whether a value of this type is asked for item by item.
pub(super) fn is_iterator(text: &str) -> bool {
    let name = text.split('[').next().unwrap_or_default().trim();
    matches!(name, "Iterator" | "Generator" | "Iterable")
}

fn of_nested(text: &str, depth: u32) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return json!({});
    };
    let choices = split(text, '|');
    if choices.len() > 1 {
        let choices: Vec<Value> = choices.into_iter().map(|choice| of_nested(choice, depth)).collect();
        return json!({ "anyOf": choices });
    }
    let (name, inner) = match text.split_once('[') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(']').map(|inner| split(inner, ','))),
        None => (text, None),
    };
    let inner = inner.unwrap_or_default();
    let of_part = |place: usize| inner.get(place).map(|part| of_nested(part, depth));
    match name {
        "int" => json!({ "type": "integer" }),
        "float" => json!({ "type": "number" }),
        "str" => json!({ "type": "string" }),
        "bool" => json!({ "type": "boolean" }),
        "None" => json!({ "type": "null" }),
        "list" | "set" | "frozenset" => json!({ "type": "array", "items": of_part(0).unwrap_or_else(|| json!({})) }),
        "tuple" if !inner.is_empty() && !inner.contains(&"...") => {
            let parts: Vec<Value> = inner.iter().map(|part| of_nested(part, depth)).collect();
            json!({ "type": "array", "prefixItems": parts, "minItems": parts.len(), "maxItems": parts.len() })
        }
        "tuple" => json!({ "type": "array" }),
        "dict" => json!({ "type": "object", "additionalProperties": of_part(1).unwrap_or_else(|| json!({})) }),
        "Iterator" | "Generator" | "Iterable" => of_part(0).unwrap_or_else(|| json!({})),
        _ => json!({}),
    }
}

/// The parts between separators that are in no brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut begin) = (0i32, 0);
    for (index, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            c if c == separator && depth == 0 => {
                parts.push(text[begin..index].trim());
                begin = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[begin..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_schema_of_their_json() {
        for (text, wanted) in [
            ("int", json!({ "type": "integer" })),
            (
                "str | None",
                json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            ),
            ("list[float]", json!({ "type": "array", "items": { "type": "number" } })),
            (
                "dict[str, list[int | None]]",
                json!({ "type": "object", "additionalProperties": {
                    "type": "array", "items": { "anyOf": [{ "type": "integer" }, { "type": "null" }] } } }),
            ),
            (
                "tuple[int, dict[str, int]]",
                json!({ "type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [
                    { "type": "integer" }, { "type": "object", "additionalProperties": { "type": "integer" } }] }),
            ),
            ("Iterator[bool]", json!({ "type": "boolean" })),
            ("Reading", json!({})),
            ("", json!({})),
            ("list[", json!({ "type": "array", "items": {} })),
            ("]|[", json!({})),
        ] {
            assert_eq!(of_type(text), wanted, "{text}");
        }
    }

    #[test]
    fn types_of_any_depth_are_read() {
        let deep = "list[".repeat(100_000) + "int" + &"]".repeat(100_000);
        assert_eq!(of_type(&deep)["type"], "array");
        assert!(is_iterator("Iterator[int]") && is_iterator("Generator") && !is_iterator("list[Iterator]"));
    }
}
