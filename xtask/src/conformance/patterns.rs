//! Short ways to name rows: `NS-12`, `NS-*`, `NS-01..NS-07`.

use super::rows::is_id;

#[derive(Debug, PartialEq)]
pub(crate) enum Pattern {
    One(String),
    /// With the hyphen: `NS-`.
    Group(String),
    /// Both ends belong to it, and are of one group.
    Range(String, String),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
        let refusal = || format!("'{text}' is no row pattern: write NS-12, NS-* or NS-01..NS-07");
        if let Some(group) = text.strip_suffix('*') {
            let fits = is_id(&format!("{group}00"));
            return if fits {
                Ok(Pattern::Group(group.to_owned()))
            } else {
                Err(refusal())
            };
        }
        if let Some((first, last)) = text.split_once("..") {
            let fits = is_id(first) && is_id(last) && group(first) == group(last) && first <= last;
            return if fits {
                Ok(Pattern::Range(first.to_owned(), last.to_owned()))
            } else {
                Err(refusal())
            };
        }
        if is_id(text) {
            Ok(Pattern::One(text.to_owned()))
        } else {
            Err(refusal())
        }
    }

    pub(crate) fn matches(&self, id: &str) -> bool {
        match self {
            Pattern::One(one) => one == id,
            Pattern::Group(group) => id.starts_with(group.as_str()),
            Pattern::Range(first, last) => group(id) == group(first) && first.as_str() <= id && id <= last.as_str(),
        }
    }
}

fn group(id: &str) -> &str {
    id.split('-').next().unwrap_or_default()
}

/// One pattern a line, with its line number; empty lines and lines that start with `#` are for people.
pub(crate) fn parse_file(text: &str) -> Vec<(usize, Result<Pattern, String>)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| (number, Pattern::parse(line)))
        .collect()
}

/// Rows of one group in order, neighbours drawn together: `NS-01, NS-03..NS-07`.
pub(crate) fn summary(ids: &[&str]) -> String {
    let mut runs: Vec<(&str, &str)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, last)) if number(id) == number(last) + 1 => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let spelled = runs
        .into_iter()
        .map(|(first, last)| match number(last) - number(first) {
            0 => first.to_owned(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}..{last}"),
        });
    spelled.collect::<Vec<_>>().join(", ")
}

fn number(id: &str) -> u32 {
    id.split('-').nth(1).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, id: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(id)
    }

    #[test]
    fn a_pattern_is_a_row_a_group_or_a_range() {
        assert!(matches("NS-12", "NS-12") && !matches("NS-12", "NS-13"));
        assert!(matches("NS-*", "NS-12") && !matches("NS-*", "NSC-12"));
        assert!(matches("LOC-10..LOC-14", "LOC-10") && matches("LOC-10..LOC-14", "LOC-14"));
        assert!(!matches("LOC-10..LOC-14", "LOC-09") && !matches("LOC-10..LOC-14", "LOC-15"));
        assert!(!matches("N-01..N-99", "NS-12"));
    }

    #[test]
    fn refuses_anything_else() {
        for text in [
            "",
            "*",
            "NS",
            "NS-",
            "NS-1",
            "ns-01",
            "NS-01*",
            "NS-01..",
            "NS-01..URI-02",
            "NS-03..NS-02",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_summary_draws_neighbours_together() {
        assert_eq!(
            summary(&["NS-01", "NS-03", "NS-04", "NS-06", "NS-07", "NS-08"]),
            "NS-01, NS-03, NS-04, NS-06..NS-08"
        );
        assert_eq!(summary(&[]), "");
    }
}
