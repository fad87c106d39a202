//! The page at `/pyro/`: what is exposed, to be tried.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::logging::logger;
use ferropyro::{Dict, Error, Metadata, aio};
use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::call;
use crate::gateway::Settings;
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
pub(crate) async fn show(settings: &Arc<Settings>) -> Answer {
    match objects(settings).await {
        Ok((nameserver, objects)) => {
            let nonce = Uuid::new_v4().simple().to_string();
            let html = fill(
                HTML,
                &[
                    ("nonce", &nonce),
                    ("token", "TOKEN"),
                    ("version", env!("CARGO_PKG_VERSION")),
                    ("nameserver", &escape(&nameserver)),
                    ("pattern", &escape(settings.exposed.as_str())),
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
async fn objects(settings: &Arc<Settings>) -> Result<(String, Vec<(String, Members)>), Error> {
    let names = aio::locate_ns_with(None, &settings.naming()).await?;
    let mut filter = Dict::new();
    if !settings.exposed.as_str().is_empty() {
        filter.insert("regex", settings.exposed.as_str());
    }
    let found: BTreeMap<String, String> = names.call_with("list", (), &filter).await?;
    let location = names.uri().location().map(ToString::to_string).unwrap_or_default();
    let first: Vec<(String, String)> = found.into_iter().take(MOST_OBJECTS).collect();
    Ok((location, ask_all(settings, first).await))
}

/// Asks all of them at once, so that those that do not answer hold up none of the others.
async fn ask_all(settings: &Arc<Settings>, objects: Vec<(String, String)>) -> Vec<(String, Members)> {
    let silent = || Err("no answer in time".to_owned());
    let mut known: BTreeMap<String, Members> = objects.iter().map(|(name, _)| (name.clone(), silent())).collect();
    let mut asking = JoinSet::new();
    for (name, uri) in objects {
        let settings = Arc::clone(settings);
        asking.spawn(async move { (name, metadata(&settings, &uri).await) });
    }
    let collect = async {
        while let Some(answer) = asking.join_next().await {
            known.extend(answer);
        }
    };
    // Who has not answered stays as it was.
    let _ = timeout(PATIENCE, collect).await;
    known.into_iter().collect()
}

async fn metadata(settings: &Settings, uri: &str) -> Members {
    let ask = async { call::proxy(settings, uri.parse()?)?.metadata().await };
    ask.await.map_err(|error| error.message().to_owned())
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
