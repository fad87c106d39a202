//! Regular expressions as Python's `re.match` takes them, as far as Rust's have the same meaning.

use ferropyro::{Error, ErrorKind, Result};
use regex::RegexBuilder;
use regex_syntax::ast::{self, ErrorKind as Problem};

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;
/// The most memory for a compiled pattern, and for the automaton that it becomes while it runs.
const MAX_COMPILED: usize = 1 << 20;

/// A regular expression that is matched from the start of a name, and need not reach its end.
///
/// Matching takes time linear in the length of the name, whatever the pattern is. Known differences to Python:
/// - no backreferences, look-ahead, look-behind, conditional or atomic groups, and no possessive repeats: they are errors here;
/// - `\Z` is `\z`; `$` matches at the end only, not also in front of a last line break;
/// - inside of `[...]`, `&&`, `--`, `~~` and `[` have a meaning: escape them;
/// - `(?L)` and `(?a)` are errors, and so are flags behind a part of the pattern in Python, but not here.
#[derive(Debug, Clone)]
pub struct Pattern(regex::Regex);

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// `Naming`, `invalid regex: ` and the reason, in Python's words where it has some.
    pub fn new(pattern: &str) -> Result<Pattern> {
        if pattern.len() > MAX_PATTERN {
            return Err(invalid(format_args!("longer than {MAX_PATTERN} bytes")));
        }
        if let Err(error) = ast::parse::Parser::new().parse(pattern) {
            return Err(invalid(reason(pattern, &error)));
        }
        RegexBuilder::new(pattern)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .build()
            .map(Pattern)
            .map_err(|error| invalid(last_line(&error.to_string())))
    }

    /// Whether a name matches, from its start.
    pub fn matches(&self, name: &str) -> bool {
        // The leftmost match is the one at the start, if there is one. Brackets and \A around the pattern would break those that end with a comment.
        self.0.find(name).is_some_and(|found| found.start() == 0)
    }
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Naming, format!("invalid regex: {reason}"))
}

/// What Python says, for the mistakes that both know.
fn reason(pattern: &str, error: &ast::Error) -> String {
    let span = error.span();
    let text = pattern.get(span.start.offset..span.end.offset).unwrap_or_default();
    let what = match error.kind() {
        Problem::GroupUnclosed => "missing ), unterminated subpattern".to_owned(),
        Problem::GroupUnopened => "unbalanced parenthesis".to_owned(),
        Problem::ClassUnclosed => "unterminated character set".to_owned(),
        Problem::ClassRangeInvalid => format!("bad character range {text}"),
        Problem::RepetitionMissing => "nothing to repeat".to_owned(),
        Problem::RepetitionCountInvalid => "min repeat greater than max repeat".to_owned(),
        Problem::EscapeUnexpectedEof => "bad escape (end of pattern)".to_owned(),
        Problem::EscapeUnrecognized => format!("bad escape {text}"),
        Problem::UnsupportedBackreference => "backreferences are not supported".to_owned(),
        Problem::UnsupportedLookAround => "look-ahead and look-behind are not supported".to_owned(),
        other => other.to_string(),
    };
    let position = pattern
        .get(..span.start.offset)
        .map_or(0, |before| before.chars().count());
    format!("{what} at position {position}")
}

/// The errors of the crate regex begin with a drawing.
fn last_line(text: &str) -> &str {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_from_the_start_and_not_to_the_end() {
        for (pattern, name, expected) in [
            ("a", "a.b", true),
            ("b", "a.b", false),
            ("b|a", "a.b", true),
            ("x|b", "a.b", false),
            ("a$", "a.b", false),
            (".*b", "a.b", true),
            ("(?i)A", "a.b", true),
            ("(?m)^b", "a\nb", false),
            (r"\w+é", "héé", true),
            ("(?x)a # the first", "a.b", true),
            ("(?x)b # another", "a.b", false),
            ("", "", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).unwrap().matches(name),
                expected,
                "{pattern:?} {name:?}"
            );
        }
    }

    /// The texts of Python 3.11.
    #[test]
    fn mistakes_are_named_as_python_names_them() {
        for (pattern, reason) in [
            ("(", "missing ), unterminated subpattern at position 0"),
            ("é(a", "missing ), unterminated subpattern at position 1"),
            ("a)", "unbalanced parenthesis at position 1"),
            ("a)(b", "unbalanced parenthesis at position 1"),
            ("[a", "unterminated character set at position 0"),
            ("[b-a]", "bad character range b-a at position 1"),
            ("*", "nothing to repeat at position 0"),
            ("a\\", "bad escape (end of pattern) at position 1"),
            (r"a\q", r"bad escape \q at position 1"),
        ] {
            let error = Pattern::new(pattern).unwrap_err();
            assert_eq!(error.message(), format!("invalid regex: {reason}"), "{pattern:?}");
            assert_eq!(error.kind(), ErrorKind::Naming);
        }
    }

    #[test]
    fn patterns_that_would_cost_too_much_are_refused() {
        let nested = format!("{}a{}", "(".repeat(2000), ")".repeat(2000));
        for pattern in ["a".repeat(5000), "(?:(?:a{1000}){1000}){1000}".to_owned(), nested] {
            let error = Pattern::new(&pattern).unwrap_err();
            assert!(error.message().starts_with("invalid regex: "), "{error}");
            assert!(!error.message().contains('\n'), "{error}");
        }
    }
}
