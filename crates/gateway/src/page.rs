//! The page at `/pyro/`: what is exposed, to be tried.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::logging::logger;
use ferropyro::{Dict, Error, Metadata};
use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use crate::gateway::Core;
use crate::greet::greet;
use crate::respond::{self, Answer};

/// The most objects on the page.
const MOST_OBJECTS: usize = 10;
/// How long all of them together are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

const HTML: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// One script, in parts that one reads in a sitting.
const SCRIPT: &str = concat!(
    include_str!("page/json.js"),
    include_str!("page/dom.js"),
    include_str!("page/api.js"),
    include_str!("page/names.js"),
    include_str!("page/object.js"),
    include_str!("page/form.js"),
    include_str!("page/response.js"),
    include_str!("page/snippets.js"),
    include_str!("page/history.js"),
    include_str!("page/member.js"),
    include_str!("page/main.js"),
);

/// Answers with the page.
pub(crate) async fn show(core: &Arc<Core>) -> Answer {
    match objects(core).await {
        Ok((nameserver, objects)) => {
            let nonce = Uuid::new_v4().simple().to_string();
            let html = fill(
                HTML,
                &[
                    ("nonce", &nonce),
                    ("token", core.token.as_str()),
                    ("version", env!("CARGO_PKG_VERSION")),
                    ("nameserver", &escape(&nameserver)),
                    ("pattern", &escape(core.settings.permissions.exposed.as_str())),
                    ("objects", &table(&objects)),
                    ("style", STYLE),
                    ("script", SCRIPT),
                ],
            );
            respond::page(html, &nonce)
        }
        Err(error) => {
            tracing::warn!(target: logger::HTTPGATEWAY, "no page: {error}");
            let text = "Cannot connect to the Pyro name server. Is it running? Refresh page to retry.";
            respond::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

/// What is known of an object: its members, or why they are not known.
type Members = Result<Metadata, String>;

/// Where the name server is, and the first exposed objects, by name.
async fn objects(core: &Arc<Core>) -> Result<(String, Vec<(String, Members)>), Error> {
    let mut filter = Dict::new();
    let pattern = core.settings.permissions.exposed.as_str();
    if !pattern.is_empty() {
        filter.insert("regex", pattern);
    }
    let (nameserver, found): (_, BTreeMap<String, String>) = core.names.call("list", &(), &filter).await?;
    let location = nameserver.location().map(ToString::to_string).unwrap_or_default();
    let first: Vec<(String, String)> = found.into_iter().take(MOST_OBJECTS).collect();
    Ok((location, ask_all(core, first).await))
}

/// Asks all of them at once.
async fn ask_all(core: &Arc<Core>, objects: Vec<(String, String)>) -> Vec<(String, Members)> {
    let uris = objects
        .iter()
        .filter_map(|(name, uri)| Some((name.clone(), uri.parse().ok()?)));
    let mut known = greet(core, uris.collect(), PATIENCE, |core, name, connection| async move {
        let mut metadata = Metadata::clone(&connection.metadata);
        let permissions = &core.settings.permissions;
        metadata.methods.retain(|method| permissions.shows(&name, method));
        metadata
            .attributes
            .retain(|attribute| permissions.shows(&name, attribute));
        connection.done(&core);
        metadata
    })
    .await;
    let silent = || Err("no answer in time".to_owned());
    let with_members = |(name, _)| {
        let members = known.remove(&name).unwrap_or_else(silent);
        (name, members)
    };
    objects.into_iter().map(with_members).collect()
}

fn table(objects: &[(String, Members)]) -> String {
    let mut rows = String::new();
    for (name, members) in objects {
        let link = |member: &str| {
            format!(
                "<a href=\"{}/{}\">{}</a>",
                utf8_percent_encode(name, NON_ALPHANUMERIC),
                utf8_percent_encode(member, NON_ALPHANUMERIC),
                escape(if member == "$meta" { name } else { member }),
            )
        };
        let (methods, attributes) = match members {
            Ok(members) => (
                joined(members.methods.iter().map(|method| escape(method))),
                joined(members.attributes.iter().map(|attribute| link(attribute))),
            ),
            Err(reason) => (format!("??error:{}??", escape(reason)), "-".to_owned()),
        };
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{methods}</td><td>{attributes}</td></tr>",
            link("$meta")
        );
    }
    rows
}

fn joined(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => "-".to_owned(),
        false => names.join(" &nbsp; "),
    }
}

/// Puts values in the place of their names, `{name}`. What is put in is not looked at again: names of objects can be anything, such as `{nonce}`.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let value = after.split_once('}').and_then(|(name, behind)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, behind))
        });
        let (text, behind) = value.unwrap_or(("{", after));
        filled += text;
        rest = behind;
    }
    filled + rest
}

/// A text as it stands in HTML, between tags and in quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_the_page_is_not_looked_at_again() {
        let values = [("a", "{b}"), ("b", "2")];
        assert_eq!(fill("{a} {b}{b} {c} { {a", &values), "{b} 22 {c} { {a");
    }

    #[test]
    fn names_cannot_bring_html_along() {
        let evil = "http.<script>alert(\"x\")</script>'&{nonce}";
        let mut members = Metadata::default();
        members.methods.push("<b>".to_owned());
        members.attributes = vec!["\"onclick='x'".to_owned()];
        let objects = [
            (evil.to_owned(), Ok(members)),
            ("http.gone".to_owned(), Err("<i>".to_owned())),
        ];
        let html = table(&objects);
        for tag in ["<script", "<b>", "<i>", "'x'", "\"onclick"] {
            assert!(!html.contains(tag), "{tag} in {html}");
        }
        assert!(
            html.contains("http.&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;{nonce}</a>"),
            "{html}"
        );
        assert!(html.contains("<td>&lt;b&gt;</td>"), "{html}");
    }
}
