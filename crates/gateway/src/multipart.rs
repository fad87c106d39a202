//! Forms as `multipart/form-data` (RFC 7578).

use memchr::memmem;

/// The fields of a form, in their order; a file is the text that is in it. `None` when the body is not what it says.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    // What stands before the first delimiter does not count. The first one may be without its line break.
    let mut rest = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => &body[finder.find(body)? + delimiter.len()..],
    };
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        // Spaces may follow a delimiter.
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let part = rest[blanks..].strip_prefix(b"\r\n")?;
        let end = finder.find(part)?;
        let (head, content) = split(&part[..end])?;
        if let Some(name) = name(head) {
            fields.push((name, String::from_utf8_lossy(content).into_owned()));
        }
        rest = &part[end + delimiter.len()..];
    }
    Some(fields)
}

/// The value of a parameter in a header, such as `name` in `form-data; name="a b"`.
pub(crate) fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after.trim_start());
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.split_once(';')?.1;
    }
}

/// A value, which may be quoted, and what follows.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// The head of a part and its content.
fn split(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memmem::find(part, b"\r\n\r\n")?;
    Some((&part[..end], &part[end + 4..]))
}

fn name(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let (_, disposition) = lines.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))?;
    parameter(disposition, "name")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "preamble\r\n--xx\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nhi\r\n--x\r\n\
                        --xx  \r\ncontent-disposition: form-data; filename=\"a;name=b\"; name=\"the \\\"file\\\"\"\r\n\
                        Content-Type: text/plain\r\n\r\n\r\n--xx--\r\nepilogue";

    #[test]
    fn reads_fields_in_their_order() {
        let found = fields(FORM.as_bytes(), "xx").expect("a form");
        let wanted = [("message", "hi\r\n--x"), ("the \"file\"", "")];
        assert_eq!(found, wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn every_prefix_of_a_form_is_refused() {
        let whole = FORM.find("--xx--").expect("an end") + "--xx--".len();
        for length in 0..whole {
            assert_eq!(fields(&FORM.as_bytes()[..length], "xx"), None, "{length}");
        }
    }

    #[test]
    fn reads_parameters_of_headers() {
        let header = "multipart/form-data; charset=utf-8; Boundary=\"a b;c\"";
        assert_eq!(parameter(header, "boundary").as_deref(), Some("a b;c"));
        assert_eq!(parameter(header, "charset").as_deref(), Some("utf-8"));
        assert_eq!(
            parameter("multipart/form-data; boundary=abc ", "boundary").as_deref(),
            Some("abc")
        );
        assert_eq!(parameter("multipart/form-data", "boundary"), None);
        assert_eq!(parameter("a; b", "b"), None);
    }
}
