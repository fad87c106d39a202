//! The rows of the list.

/// One row of docs/conformance.md.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
}

impl Row {
    /// `NS` for `NS-12`.
    pub(crate) fn group(&self) -> &str {
        self.id.split('-').next().unwrap_or_default()
    }
}

/// Reads the tables `| ID | Requirement | …` below headings of the form `## NS: Name server`. Other tables may mention
/// rows as they like. The error starts with the line number.
pub(crate) fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    let mut group = None;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(heading) = line.strip_prefix("## ") {
            group = heading.split_once(':').map(|(group, _)| group);
        }
        let (Some(group), Some(id)) = (group, first_cell(line)) else {
            continue;
        };
        if id == "ID" || id.starts_with("--") {
            continue;
        }
        if !is_id(id) || !id.starts_with(&format!("{group}-")) {
            return Err(format!("{number}: '{id}' is no row of the group {group}"));
        }
        if rows.iter().any(|row| row.id == id) {
            return Err(format!("{number}: there are two rows {id}"));
        }
        rows.push(Row { id: id.to_owned() });
    }
    Ok(rows)
}

fn first_cell(line: &str) -> Option<&str> {
    Some(line.strip_prefix('|')?.split('|').next()?.trim())
}

/// Whether the text looks like `NS-12`: capitals and digits, a hyphen, two digits.
pub(crate) fn is_id(text: &str) -> bool {
    let Some((group, number)) = text.split_once('-') else {
        return false;
    };
    let named = group.starts_with(|c: char| c.is_ascii_uppercase())
        && group.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    named && number.len() == 2 && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Conformance
## Rows per group
| Group | Rows |
| NS | 2 |
## NS: Name server
| ID | Requirement |
|---|---|
| NS-01 | A thing. |
| NS-02 | Another. |
## IP6: IPv6
| ID | Requirement |
|---|---|
| IP6-01 | `a \\| b` |
## Where manual and reference disagree
| NS-01 | Decide. |
";

    #[test]
    fn reads_the_rows_of_the_groups_and_no_other_table() {
        let ids: Vec<String> = parse(TEXT).unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(ids, ["NS-01", "NS-02", "IP6-01"]);
    }

    #[test]
    fn refuses_a_row_in_a_foreign_group() {
        assert_eq!(
            parse("## NS: a\n| XX-01 | b |").unwrap_err(),
            "2: 'XX-01' is no row of the group NS"
        );
        assert_eq!(
            parse("## NS: a\n| NS-1 | b |").unwrap_err(),
            "2: 'NS-1' is no row of the group NS"
        );
    }

    #[test]
    fn refuses_two_rows_of_one_name() {
        assert_eq!(
            parse("## NS: a\n| NS-01 | b |\n| NS-01 | c |").unwrap_err(),
            "3: there are two rows NS-01"
        );
    }
}
