use super::*;

// Conformance: NSC-09
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

#[test]
fn finds_what_cannot_be_found_in_linear_time() {
    for (pattern, name, expected) in [
        (r"(a|b)\1", "bb", true),
        (r"(a|b)\1", "ab", false),
        (r"(?i)(?P<x>é)(?P=x)", "éÉ", true),
        ("(?=a)", "ab", true),
        ("(?!a)", "ab", false),
        ("(?!.*test).*", "a.test", false),
        (".*(?<=b)$", "a.b", true),
        (".*(?<!b)$", "a.b", false),
        ("(a)?(?(1)b|c)", "ab", true),
        ("(a)?(?(1)b|c)", "ac", false),
        ("(?>a|ab)c", "abc", false),
        ("a*+a", "aa", false),
        ("a*?b", "aab", true),
        ("(?:a|ab){2}?c(?=)", "abac", true),
        // In Python the rounds of a possessive repeat are not tried otherwise, even if there are too few.
        ("(?:aa|a){2}+", "aa", false),
        ("a$", "a\n", true),
        (r"a\Z", "a\n", false),
        (r"\B", "", false),
        (r"é\b", "é\u{301}", true),
        // CPython 3.11 fails here: its sets do not know capital letters beyond U+FFFF.
        ("(?i)[x\u{10400}]", "\u{10428}", true),
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
fn patterns_that_are_too_long_or_too_deep_are_refused() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    for (pattern, reason) in [
        ("a".repeat(5000), "longer than 4096 bytes"),
        (nested(101), "more than 100 brackets within each other at position 101"),
        (nested(2000), "more than 100 brackets within each other at position 101"),
    ] {
        let error = Pattern::new(&pattern).unwrap_err();
        assert_eq!(error.message(), format!("invalid regex: {reason}"));
    }
    assert!(Pattern::new(&nested(100)).unwrap().matches("a"));
}

#[test]
fn patterns_that_take_too_long_say_so_and_answer_nothing() {
    let name = "a".repeat(60);
    for pattern in [
        r"(?:(a|aa)+)+\1b",
        r"(?=a)(?:a|a)*b",
        "(?:(?:(?:){4000}){4000}){4000}(?=)",
    ] {
        let pattern = Pattern::new(pattern).unwrap();
        assert!(pattern.check().is_ok());
        let clone = pattern.clone();
        assert!(!clone.matches(&name));
        assert!(pattern.exceeded() && !pattern.matches("b"));
        for error in [pattern.check().unwrap_err(), pattern.try_matches(&name).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Naming);
            assert!(error.message().starts_with("the regex takes too long"), "{error}");
        }
    }
}

#[test]
fn names_that_are_dear_each_are_too_dear_together() {
    let pattern = Pattern::new("(?=a)(?:a|a)*b").unwrap();
    let name = "a".repeat(13);
    assert!(!pattern.try_matches(&name).unwrap());
    let asked = (0..10_000)
        .take_while(|_| !pattern.exceeded())
        .filter(|_| !pattern.matches(&name));
    assert!((10..5000).contains(&asked.count()));
}

#[test]
fn repeats_of_repeats_cost_no_memory() {
    let pattern = Pattern::new("(?:(?:a{1000}){1000}){1000}").unwrap();
    assert!(!pattern.matches(&"a".repeat(4096)));
    assert!(pattern.check().is_ok());
    let pattern = Pattern::new("(?:(?:a{0,1000}){0,1000}){0,1000}$").unwrap();
    assert!(pattern.matches(&"a".repeat(4096)));
}
