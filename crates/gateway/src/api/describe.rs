//! What is known of an object.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use crate::connections::Connection;
use crate::failure::Failure;
use crate::gateway::Core;
use crate::respond::{self, Answer};

/// An object and its members.
#[derive(Debug, Serialize)]
pub(super) struct About {
    pub(super) name: String,
    uri: String,
    protocol: u16,
    instance_mode: Option<String>,
    pub(super) doc: Option<String>,
    pub(super) methods: Vec<Method>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug, Serialize)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) oneway: bool,
    pub(super) doc: Option<String>,
    pub(super) signature: Option<Signature>,
}

#[derive(Debug, Serialize)]
pub(super) struct Signature {
    pub(super) parameters: Vec<Parameter>,
    pub(super) returns: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Only where it may be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attribute {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) doc: Option<String>,
    pub(super) writable: Option<bool>,
}

pub(super) async fn answer(core: &Arc<Core>, name: String) -> Result<Answer, Failure> {
    let connection = core.connect(&name).await?;
    let about = About::of(core, name, &connection).await?;
    connection.done(core);
    Ok(respond::own_json(StatusCode::OK, &about))
}

impl About {
    /// What the object of this name tells, as far as callers may use it.
    pub(super) async fn of(core: &Core, name: String, connection: &Connection) -> Result<About, Failure> {
        let metadata = &connection.metadata;
        let is_shown = |member: &&String| core.settings.permissions.shows(&name, member);
        let methods = metadata.methods.iter().filter(is_shown);
        let methods = methods.map(|method| Method {
            name: method.clone(),
            oneway: metadata.oneway.contains(method),
            doc: None,
            signature: None,
        });
        let attributes = metadata.attributes.iter().filter(is_shown);
        let attributes = attributes.map(|attribute| Attribute {
            name: attribute.clone(),
            kind: None,
            doc: None,
            writable: None,
        });
        Ok(About {
            uri: connection.uri.to_string(),
            protocol: connection.proxy.dialect().await?.version(),
            instance_mode: None,
            doc: None,
            methods: methods.collect(),
            attributes: attributes.collect(),
            name,
        })
    }
}
