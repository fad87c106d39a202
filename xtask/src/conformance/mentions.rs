//! The comments that say which rows a test checks.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::Failure;

/// A test and the rows it names.
#[derive(Debug, PartialEq)]
pub(crate) struct Mention {
    /// Relative to the project's root, with `/`.
    pub(crate) file: String,
    /// Where the comment stands, from 1.
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) rows: Vec<String>,
}

/// Something to mend in a file.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Reads every Rust and Python file below these folders of the root; folders that do not exist have nothing in them.
pub(crate) fn scan(root: &Path, folders: &[&str]) -> Result<(Vec<Mention>, Vec<Problem>), Failure> {
    let mut mentions = Vec::new();
    let mut problems = Vec::new();
    for folder in folders {
        for file in sources(root, folder)? {
            let language = if file.ends_with(".py") {
                Language::Python
            } else {
                Language::Rust
            };
            let text = fs::read_to_string(root.join(&file))
                .map_err(|error| Failure::Error(format!("cannot read {file}: {error}")))?;
            for (line, found) in comments(&text, language) {
                match found {
                    Ok((name, rows)) => mentions.push(Mention {
                        file: file.clone(),
                        line,
                        name,
                        rows,
                    }),
                    Err(what) => problems.push(Problem {
                        file: file.clone(),
                        line,
                        what,
                    }),
                }
            }
        }
    }
    Ok((mentions, problems))
}

fn sources(root: &Path, folder: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    if !root.join(folder).is_dir() {
        return Ok(found);
    }
    let unreadable = |error: std::io::Error| Failure::Error(format!("cannot read the folder {folder}: {error}"));
    for entry in fs::read_dir(root.join(folder)).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.file_type().map_err(unreadable)?.is_dir() {
            let made_by_tools = name.starts_with(['.', '_']) || name == "target";
            if !made_by_tools {
                found.extend(sources(root, &path)?);
            }
        } else if name.ends_with(".rs") || name.ends_with(".py") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Clone, Copy)]
enum Language {
    Rust,
    Python,
}

/// What one comment says: the test's name and the rows, or what is wrong with it.
type Comment = Result<(String, Vec<String>), String>;

/// Every conformance comment of a file, with its line number.
fn comments(text: &str, language: Language) -> Vec<(usize, Comment)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(rows) = rows_named(line, language) else {
            continue;
        };
        let test = match language {
            Language::Rust => rust_test(&lines, index),
            Language::Python => python_test(&lines[index + 1..]),
        };
        let comment = rows.and_then(|rows| match test {
            Some(name) => Ok((name, rows)),
            None => Err("names rows but no test follows".to_owned()),
        });
        found.push((index + 1, comment));
    }
    found
}

/// None for lines that are something else; a comment that was meant to name rows but is spelled otherwise would be
/// overlooked for ever, so it is an error.
fn rows_named(line: &str, language: Language) -> Option<Result<Vec<String>, String>> {
    let mark = match language {
        Language::Rust => "//",
        Language::Python => "#",
    };
    let comment = line.strip_prefix(mark)?.trim_start_matches(['/', '!', '#', ' ']);
    if !comment
        .get(.."conformance:".len())?
        .eq_ignore_ascii_case("conformance:")
    {
        return None;
    }
    let Some(rows) = line
        .strip_prefix(mark)
        .and_then(|rest| rest.strip_prefix(" Conformance: "))
    else {
        return Some(Err(format!("write it as `{mark} Conformance: NS-01, NS-02`")));
    };
    Some(Ok(rows.split(',').map(|row| row.trim().to_owned()).collect()))
}

/// The function below the comment, if it is a test: an attribute with the word `test` stands between them or right
/// above the comment, or the macro `suite!` of the same file makes tests of it.
fn rust_test(lines: &[&str], comment: usize) -> Option<String> {
    let is_decoration = |line: &&&str| line.starts_with("//") || line.starts_with("#[");
    let is_test_attribute = |line: &str| line.starts_with("#[") && line.contains("test");
    let mut is_test = lines[..comment]
        .iter()
        .rev()
        .take_while(is_decoration)
        .any(|line| is_test_attribute(line));
    let mut below = lines[comment + 1..].iter();
    while let Some(line) = below.next() {
        if line.starts_with("#[") {
            is_test |= is_test_attribute(line);
            skip_brackets(line, &mut below);
        } else if !line.starts_with("//") {
            return rust_function(line).filter(|name| is_test || is_in_suite(lines, name));
        }
    }
    None
}

/// Whether the function stands in a line of its own in `suite!( … );`.
fn is_in_suite(lines: &[&str], name: &str) -> bool {
    let suite = lines.iter().skip_while(|line| **line != "suite!(");
    let mut listed = suite.take_while(|line| **line != ");");
    listed.any(|line| line.strip_suffix(',') == Some(name))
}

fn rust_function(line: &str) -> Option<String> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    name_of(line.strip_prefix("fn ")?)
}

/// The test function or class that follows, after comments and decorators.
fn python_test(lines: &[&str]) -> Option<String> {
    let mut below = lines.iter();
    while let Some(line) = below.next() {
        if line.starts_with('@') {
            skip_brackets(line, &mut below);
        } else if !line.starts_with('#') {
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ");
            let test = function.filter(|name| name.starts_with("test"));
            let class = line.strip_prefix("class ").filter(|name| name.starts_with("Test"));
            return name_of(test.or(class)?);
        }
    }
    None
}

/// Goes on to the line in which the brackets opened in `line` are closed again.
fn skip_brackets<'a>(line: &str, below: &mut impl Iterator<Item = &'a &'a str>) {
    let mut open = balance(line);
    while open > 0 {
        let Some(line) = below.next() else { return };
        open += balance(line);
    }
}

fn balance(line: &str) -> isize {
    let count = |brackets: [char; 3]| line.matches(brackets).count().cast_signed();
    count(['(', '[', '{']) - count([')', ']', '}'])
}

fn name_of(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() { None } else { Some(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, language: Language) -> Vec<String> {
        let spell = |(line, comment): (usize, Comment)| match comment {
            Ok((name, rows)) => format!("{line} {name}: {}", rows.join(" ")),
            Err(what) => format!("{line} {what}"),
        };
        comments(text, language).into_iter().map(spell).collect()
    }

    #[test]
    fn finds_rust_tests_whatever_stands_between() {
        let text = "
// Conformance: NS-01
#[test]
fn plain() {}

mod inner {
    // Conformance: NS-02, NS-03
    // More to say.
    #[cfg_attr(
        windows,
        ignore
    )]
    #[test]
    pub async fn decorated() {}
}

#[test]
// Conformance: NS-04
fn after_the_attribute() {}
";
        assert_eq!(
            told(text, Language::Rust),
            [
                "2 plain: NS-01",
                "7 decorated: NS-02 NS-03",
                "18 after_the_attribute: NS-04"
            ]
        );
    }

    #[test]
    fn finds_the_functions_of_which_a_suite_makes_tests() {
        let text = "suite!(\n    one,\n);\n// Conformance: NS-01\nfn one() {}\n// Conformance: NS-02\nfn other() {}";
        let expected = ["4 one: NS-01", "6 names rows but no test follows"];
        assert_eq!(told(text, Language::Rust), expected);
    }

    #[test]
    fn reports_rust_comments_without_a_test() {
        let refused = "names rows but no test follows";
        for code in [
            "fn helper() {}",
            "#[derive(Debug)]\nstruct S;",
            "\n#[test]\nfn too_far() {}",
            "#[test]",
            "",
        ] {
            let text = format!("// Conformance: NS-01\n{code}");
            assert_eq!(told(&text, Language::Rust), [format!("1 {refused}")], "{code}");
        }
    }

    #[test]
    fn finds_python_tests_whatever_stands_between() {
        let text = "
# Conformance: NS-01
def test_plain(pyro): pass

# Conformance: NS-02
# More to say.
@pytest.mark.parametrize('a', [
    1,
])
async def test_decorated(a): pass

# Conformance: NS-03
class TestMany:
    # Conformance: NS-04
    def test_inside(self): pass
";
        assert_eq!(
            told(text, Language::Python),
            [
                "2 test_plain: NS-01",
                "5 test_decorated: NS-02",
                "12 TestMany: NS-03",
                "14 test_inside: NS-04"
            ]
        );
    }

    #[test]
    fn reports_python_comments_without_a_test() {
        for code in [
            "def helper(): pass",
            "class Helper: pass",
            "@pytest.fixture\ndef thing(): pass",
            "\ndef test_too_far(): pass",
            "",
        ] {
            let text = format!("# Conformance: NS-01\n{code}");
            assert_eq!(
                told(&text, Language::Python),
                ["1 names rows but no test follows"],
                "{code}"
            );
        }
    }

    #[test]
    fn reports_comments_that_are_spelled_otherwise() {
        for line in [
            "//Conformance: NS-01",
            "/// Conformance: NS-01",
            "// conformance: NS-01",
            "// Conformance:NS-01",
        ] {
            let text = format!("{line}\n#[test]\nfn works() {{}}");
            assert_eq!(
                told(&text, Language::Rust),
                ["1 write it as `// Conformance: NS-01, NS-02`"],
                "{line}"
            );
        }
    }

    #[test]
    fn leaves_other_text_alone() {
        let text = "// About conformance: nothing.\nlet text = \"// Conformance: NS-01\";\n// é\n";
        assert_eq!(told(text, Language::Rust), [""; 0]);
    }
}
