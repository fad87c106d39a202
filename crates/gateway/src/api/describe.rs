//! What is known of an object.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferropyro::{AttributeDescription, InstanceMode, MethodDescription, SignatureDescription};
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
    instance_mode: Option<InstanceMode>,
    pub(super) doc: Option<String>,
    pub(super) methods: Vec<Method>,
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug, Serialize)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) oneway: bool,
    pub(super) doc: Option<String>,
    pub(super) signature: Option<SignatureDescription>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attribute {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_name: Option<String>,
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
        // Those that tell nothing are no worse for that.
        let told = connection.proxy.describe().await.ok().flatten();
        let told_methods: HashMap<&str, &MethodDescription> = told
            .iter()
            .flat_map(|told| &told.methods)
            .map(|method| (method.name.as_str(), method))
            .collect();
        let told_attributes: HashMap<&str, &AttributeDescription> = told
            .iter()
            .flat_map(|told| &told.attributes)
            .map(|attribute| (attribute.name.as_str(), attribute))
            .collect();
        let metadata = &connection.metadata;
        let oneway: HashSet<&str> = metadata.oneway.iter().map(String::as_str).collect();
        let is_shown = |member: &&String| core.settings.permissions.shows(&name, member);
        let methods = metadata.methods.iter().filter(is_shown);
        let methods = methods.map(|method| {
            let told = told_methods.get(method.as_str()).copied();
            Method::of(method, oneway.contains(method.as_str()), told)
        });
        let attributes = metadata.attributes.iter().filter(is_shown);
        let attributes =
            attributes.map(|attribute| Attribute::of(attribute, told_attributes.get(attribute.as_str()).copied()));
        Ok(About {
            uri: connection.uri.to_string(),
            protocol: connection.proxy.dialect().await?.version(),
            instance_mode: told.as_ref().map(|told| told.instance_mode),
            doc: told.as_ref().and_then(|told| told.doc.clone()),
            methods: methods.collect(),
            attributes: attributes.collect(),
            name,
        })
    }
}

impl Method {
    fn of(name: &str, oneway: bool, told: Option<&MethodDescription>) -> Method {
        Method {
            name: name.to_owned(),
            oneway,
            doc: told.and_then(|told| told.doc.clone()),
            signature: told.and_then(|told| told.signature.clone()),
        }
    }
}

impl Attribute {
    fn of(name: &str, told: Option<&AttributeDescription>) -> Attribute {
        Attribute {
            name: name.to_owned(),
            type_name: told.and_then(|told| told.type_name.clone()),
            doc: told.and_then(|told| told.doc.clone()),
            writable: told.map(|told| told.writable),
        }
    }
}
