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
fn many_names_have_one_limit_together_and_cheap_ones_never_come_to_it() {
    let dear = Pattern::new("(?=a)(?:a|a)*b").unwrap();
    let name = "a".repeat(13);
    assert!(!dear.try_matches(&name).unwrap());
    let asked = (0..10_000)
        .take_while(|_| !dear.exceeded())
        .filter(|_| !dear.matches(&name));
    assert!((10..5000).contains(&asked.count()));

    let cheap = Pattern::new("(?!b)a.*z$").unwrap();
    for _ in 0..150_000 {
        cheap.matches("a.name.of.some.length");
    }
    assert!(cheap.check().is_ok());
}

#[test]
fn repeats_of_repeats_cost_no_memory() {
    let pattern = Pattern::new("(?:(?:a{1000}){1000}){1000}").unwrap();
    assert!(!pattern.matches(&"a".repeat(4096)));
    assert!(pattern.check().is_ok());
    let pattern = Pattern::new("(?:(?:a{0,1000}){0,1000}){0,1000}$").unwrap();
    assert!(pattern.matches(&"a".repeat(4096)));
}
