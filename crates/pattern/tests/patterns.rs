//! The same patterns and names for our name server and for Python's `re.match`: the answers must be the same, and the words for mistakes.
//! Without a Python 3.11 these tests check nothing but that nothing breaks.

#[path = "patterns/generator.rs"]
mod generator;
#[path = "patterns/python.rs"]
mod python;
#[path = "patterns/tables.rs"]
mod tables;

use ferropyro_pattern::Pattern;

use generator::Generator;
use python::Answer;

/// A pattern, and names to ask about.
type Case = (String, Vec<String>);

/// Python takes patterns that we refuse with one of these.
const REFUSED_HERE: [&str; 3] = [
    r"names of characters (\N{...}) are not supported",
    "the flag t is not supported",
    "bad character in group name ' 1'",
];

/// What we say to each of the names.
fn ours(pattern: &str, names: &[String]) -> Answer {
    let pattern = Pattern::new(pattern).map_err(|error| {
        let text = error.message();
        text.strip_prefix("invalid regex: ").unwrap_or(text).to_owned()
    })?;
    Ok(names.iter().map(|name| pattern.try_matches(name).ok()).collect())
}

/// What became of comparing.
#[derive(Debug, Default)]
struct Tally {
    pairs: usize,
    matches: usize,
    mistakes: usize,
    too_slow: usize,
}

impl Tally {
    /// Compares our answers with Python's, which must be the same. All zero without Python.
    fn of(cases: &[Case]) -> Tally {
        let ours: Vec<_> = cases.iter().map(|(pattern, names)| ours(pattern, names)).collect();
        let mut tally = Tally::default();
        let Some(theirs) = python::answers(cases) else {
            return tally;
        };
        let mut differences = Vec::new();
        for (((pattern, names), ours), theirs) in cases.iter().zip(ours).zip(theirs) {
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    for ((name, ours), theirs) in names.iter().zip(ours).zip(theirs) {
                        tally.count(ours);
                        if ours.zip(theirs).is_some_and(|(ours, theirs)| ours != theirs) {
                            differences.push(format!("{pattern:?} for {name:?}: {ours:?}"));
                        }
                    }
                }
                // Python may find another mistake behind.
                (Err(ours), theirs) if Err(&ours) != theirs.as_ref() && refused_here(&ours) => {}
                (ours, theirs) if ours == theirs => tally.mistakes += 1,
                (ours, theirs) => differences.push(format!("{pattern:?}: {ours:?}, Python {theirs:?}")),
            }
        }
        assert!(differences.is_empty(), "{differences:#?}");
        tally
    }

    fn count(&mut self, answer: Option<bool>) {
        self.pairs += 1;
        self.matches += usize::from(answer == Some(true));
        self.too_slow += usize::from(answer.is_none());
    }
}

fn refused_here(reason: &str) -> bool {
    REFUSED_HERE.iter().any(|refused| reason.starts_with(refused))
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}

// Conformance: NSC-09
#[test]
fn patterns_mean_what_they_mean_to_python() {
    let mut generator = Generator::new(26);
    let cases: Vec<_> = (0..4000).map(|_| (generator.pattern(), generator.names(4))).collect();
    let tally = Tally::of(&cases);
    // The generator makes enough of each kind.
    let enough = tally.pairs > 10_000 && tally.matches > 3000 && tally.mistakes > 400 && tally.too_slow < 10;
    assert!(enough || tally.pairs == 0, "{tally:?}");
}

#[test]
fn what_other_engines_understand_otherwise_is_as_in_python() {
    let names = owned(tables::NAMES);
    let cases: Vec<_> = tables::PATTERNS
        .iter()
        .map(|pattern| ((*pattern).to_owned(), names.clone()))
        .collect();
    let tally = Tally::of(&cases);
    assert_eq!(tally.mistakes, 0);
}

#[test]
fn mistakes_are_told_in_the_words_of_python() {
    let cases: Vec<_> = tables::MISTAKES
        .iter()
        .map(|pattern| ((*pattern).to_owned(), Vec::new()))
        .collect();
    for (pattern, names) in &cases {
        assert!(ours(pattern, names).is_err(), "{pattern:?}");
    }
    let tally = Tally::of(&cases);
    assert!(tally.mistakes == cases.len() || tally.mistakes == 0, "{tally:?}");
}

#[test]
fn every_start_of_a_pattern_is_as_right_or_wrong_as_in_python() {
    let names = owned(&["", "a", "ab"]);
    let whole = tables::PATTERNS.iter().chain(tables::MISTAKES);
    let starts = whole.flat_map(|pattern| pattern.char_indices().map(|(end, _)| pattern[..end].to_owned()));
    let cases: Vec<_> = starts.map(|start| (start, names.clone())).collect();
    Tally::of(&cases);
}

#[test]
fn characters_are_of_the_same_kinds_and_cases_as_in_python() {
    let ranges = ['\0'..='\u{218f}', 'Ꙁ'..='ꟿ', 'ﬀ'..='ﬆ', '\u{10400}'..='\u{1044f}'];
    let names: Vec<_> = ranges.into_iter().flatten().map(String::from).collect();
    let cases: Vec<_> = tables::KINDS
        .iter()
        .map(|pattern| ((*pattern).to_owned(), names.clone()))
        .collect();
    Tally::of(&cases);
}

#[test]
fn noise_is_refused_or_matched_in_bounded_time() {
    let mut generator = Generator::new(7);
    let name = "ab(a)*\n".repeat(20);
    for index in 0..4000 {
        let bytes = String::from_utf8_lossy(&generator.bytes()).into_owned();
        let noise = if index % 2 == 0 { generator.noise() } else { bytes };
        if let Ok(pattern) = Pattern::new(&noise) {
            // Either is an answer.
            let answer = pattern.try_matches(&name);
            assert_eq!(answer.is_err(), !pattern.matches(&name) && pattern.exceeded());
        }
    }
}
