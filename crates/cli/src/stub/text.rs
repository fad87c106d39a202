//! Texts from the network on their way into a source file: nothing in them may become code, or hide some.

/// The text as one line. What cannot be seen, or turns the direction of writing, is shown as an escape.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// The lines of a text, each as [`one_line`] shows it, with blanks for tabs.
pub(super) fn lines(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|line| one_line(&line.replace('\t', "    ")).trim_end().to_owned());
    lines.collect()
}

/// A text as a literal, of Python as of Rust.
pub(super) fn literal(text: &str) -> String {
    let quoted: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c => visible(c),
        })
        .collect();
    format!("\"{quoted}\"")
}

fn visible(c: char) -> String {
    match c {
        '"' | '\'' | '\\' => c.to_string(),
        c if is_seen(c) => c.to_string(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\0'..='\u{7f}' => format!("\\x{:02x}", u32::from(c)),
        c => format!("<U+{:04X}>", u32::from(c)),
    }
}

/// Whether Rust shows a character as it is.
pub(super) fn is_seen(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().next() != Some('\\')
}

/// The words of a text as the name of a class: `http.test-server` is `HttpTestServer`.
pub(super) fn class_name(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name: String = words.map(capitalized).collect();
    match super::types::is_class_name(&name) {
        true => name,
        // A name that means something else, or begins with a digit.
        false => format!("Remote{name}"),
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// Whether a text is a name in both languages, keywords aside.
pub(super) fn is_identifier(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(is_part) && text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().any(|c| c != '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_remains() {
        assert_eq!(
            one_line("a\nb\r\0\u{1b}[2J \u{202e}\u{2028}é\"'\\"),
            "a\\nb\\r\\x00\\x1b[2J <U+202E><U+2028>é\"'\\"
        );
        assert_eq!(
            lines("one \n\n\ttwo\r\nthree\rfour"),
            ["one", "", "    two", "three\\rfour"]
        );
        assert_eq!(literal("a\"\\\n\u{202e}"), "\"a\\\"\\\\\\n<U+202E>\"");
    }

    #[test]
    fn every_id_gives_the_name_of_a_class() {
        for (id, name) in [
            ("thermometer", "Thermometer"),
            ("http.test-server", "HttpTestServer"),
            ("Pyro.NameServer", "PyroNameServer"),
            ("obj_0a1b", "Obj0a1b"),
            ("7up", "Remote7up"),
            ("", "Remote"),
            ("größe", "GrE"),
            ("value", "RemoteValue"),
            ("Client", "RemoteClient"),
        ] {
            assert_eq!(class_name(id), name, "{id}");
        }
    }
}
