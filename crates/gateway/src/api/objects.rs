//! The list of objects.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ferropyro::Dict;
use hyper::{StatusCode, Uri as RequestUri};
use serde::Serialize;

use super::bad_request;
use crate::failure::Failure;
use crate::gateway::Core;
use crate::greet::greet;
use crate::respond::{self, Answer};

/// How many objects are listed when nothing is said of it, and at the most.
const USUAL: usize = 100;
const MOST: usize = 1000;
/// How long objects are waited for, all of them together.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// A text somewhere in the name or a tag, in small letters.
    text: String,
    tag: String,
    after: String,
    pub(super) limit: usize,
    is_alive_wanted: bool,
}

#[derive(Debug, Serialize)]
struct List<'l> {
    nameserver: String,
    expose: &'l str,
    read_only: bool,
    objects: Vec<Listed>,
    total: usize,
    next: Option<String>,
}

/// An object of the list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) uri: String,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alive: Option<bool>,
}

/// What was found.
pub(super) struct Found {
    pub(super) nameserver: String,
    pub(super) objects: Vec<Listed>,
    pub(super) total: usize,
}

pub(super) async fn list(core: &Arc<Core>, uri: &RequestUri) -> Result<Answer, Failure> {
    let query = match Query::parse(uri.query().unwrap_or_default()) {
        Ok(query) => query,
        Err(reason) => return Ok(bad_request(&reason)),
    };
    let Found {
        nameserver,
        mut objects,
        total,
    } = find(core, &query).await?;
    let is_cut = objects.len() > query.limit;
    objects.truncate(query.limit);
    if query.is_alive_wanted {
        mark_living(core, &mut objects).await;
    }
    let list = List {
        nameserver,
        expose: core.settings.permissions.exposed.as_str(),
        read_only: core.settings.permissions.read_only,
        next: objects.last().filter(|_| is_cut).map(|last| last.name.clone()),
        objects,
        total,
    };
    Ok(respond::own_json(StatusCode::OK, &list))
}

impl Query {
    /// # Errors
    /// The reason, for who has asked.
    pub(super) fn parse(text: &str) -> Result<Query, String> {
        let mut query = Query {
            limit: USUAL,
            ..Query::default()
        };
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "match" => query.text = value.to_lowercase(),
                "tag" => query.tag = value.into_owned(),
                "after" => query.after = value.into_owned(),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    query.limit = limit.ok_or_else(|| format!("limit is a number from 1 to {MOST}"))?;
                }
                "alive" => query.is_alive_wanted = !matches!(&*value, "0" | "false"),
                _ => {
                    return Err(format!(
                        "there is no parameter {name:?}: there are match, tag, after, limit and alive"
                    ));
                }
            }
        }
        Ok(query)
    }

    fn wants(&self, name: &str, tags: &[String]) -> bool {
        let has_text = |text: &str| text.to_lowercase().contains(&self.text);
        (self.tag.is_empty() || tags.contains(&self.tag)) && (has_text(name) || tags.iter().any(|tag| has_text(tag)))
    }
}

/// The objects in order of their names: as many as the limit says, and one more if there is one.
pub(super) async fn find(core: &Core, query: &Query) -> Result<Found, Failure> {
    let mut filter = Dict::from([("return_metadata", true)]);
    let pattern = core.settings.permissions.exposed.as_str();
    if !pattern.is_empty() {
        filter.insert("regex", pattern);
    }
    let answer = core.names.call("list", &(), &filter).await;
    let (nameserver, names): (_, BTreeMap<String, (String, Vec<String>)>) = answer.map_err(Failure::of_lookup)?;
    let mut total = 0;
    let mut objects = Vec::new();
    for (name, (uri, mut tags)) in names {
        if !query.wants(&name, &tags) {
            continue;
        }
        total += 1;
        if name > query.after && objects.len() <= query.limit {
            tags.sort();
            objects.push(Listed {
                name,
                uri,
                tags,
                alive: None,
            });
        }
    }
    Ok(Found {
        nameserver: nameserver.location().map(ToString::to_string).unwrap_or_default(),
        objects,
        total,
    })
}

/// Finds out which of them answer.
async fn mark_living(core: &Arc<Core>, objects: &mut [Listed]) {
    let uris = objects
        .iter()
        .filter_map(|object| Some((object.name.clone(), object.uri.parse().ok()?)));
    let living: HashMap<String, Result<(), String>> =
        greet(core, uris.collect(), PATIENCE, |core, _, connection| async move {
            connection.done(&core);
        })
        .await;
    for object in objects {
        // Of those whose turn did not come nothing is known.
        object.alive = living.get(&object.name).map(Result::is_ok);
    }
}
