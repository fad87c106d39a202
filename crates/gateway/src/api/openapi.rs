//! What can be asked here, in the words of OpenAPI 3.1.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::{ParameterDescription, SignatureDescription};
use hyper::StatusCode;
use hyper::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::bad_request;
use super::describe::{About, Attribute, Method};
use super::objects::{self, Listed, Query};
use super::schema;
use crate::failure::Failure;
use crate::gateway::Core;
use crate::greet::greet;
use crate::permissions::Use;
use crate::respond::{self, Answer};

/// How long objects are waited for, all of them together.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is encoded in a path.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The document: the routes in general, and one for each member of the objects, of which a query chooses some as for the list.
pub(super) async fn document(core: &Arc<Core>, head: &Parts) -> Result<Answer, Failure> {
    let query = match Query::parse(head.uri.query().unwrap_or_default()) {
        Ok(query) => query,
        Err(reason) => return Ok(bad_request(&reason)),
    };
    let found = objects::find(core, &query).await?;
    let listed = found.objects.len().min(query.limit);
    let about = describe(core, &found.objects[..listed]).await;
    let mut paths = general_paths();
    let mut tags = Vec::new();
    for object in &found.objects[..listed] {
        let Some(Ok(Some(about))) = about.get(&object.name) else {
            tags.push(
                json!({ "name": object.name, "description": "It did not answer, so its members are not listed." }),
            );
            continue;
        };
        tags.push(json!({ "name": about.name, "description": about.doc.as_deref().unwrap_or_default() }));
        let can_be_called = |method: &&Method| {
            let permissions = &core.settings.permissions;
            permissions.check(&about.name, &method.name, Use::Call).is_ok()
        };
        for method in about.methods.iter().filter(can_be_called) {
            paths.insert(
                path(&about.name, &method.name),
                json!({ "post": call(&about.name, method) }),
            );
        }
        for attribute in &about.attributes {
            paths.insert(path(&about.name, &attribute.name), access(core, &about.name, attribute));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pyro objects",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "The objects of the name server {} that this gateway exposes; {} of {} are listed here.",
                found.nameserver, listed, found.total
            ),
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": components(core),
    });
    if core.settings.key.is_some() {
        document["security"] = json!([{ "key": [] }]);
    }
    Ok(respond::own_json(StatusCode::OK, &document))
}

async fn describe(core: &Arc<Core>, objects: &[Listed]) -> HashMap<String, Result<Option<About>, String>> {
    let uris = objects
        .iter()
        .filter_map(|object| Some((object.name.clone(), object.uri.parse().ok()?)));
    greet(core, uris.collect(), PATIENCE, |core, name, connection| async move {
        let about = About::of(&core, name, &connection).await.ok();
        connection.done(&core);
        about
    })
    .await
}

fn path(object: &str, member: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, &RESERVED).to_string();
    format!("/api/objects/{}/{}", encode(object), encode(member))
}

fn call(object: &str, method: &Method) -> Value {
    let (arguments, returns) = match &method.signature {
        Some(signature) => (arguments(signature), schema::of_type(&signature.returns)),
        None => (json!({ "$ref": "#/components/schemas/Arguments" }), json!({})),
    };
    let is_iterator = method
        .signature
        .as_ref()
        .is_some_and(|signature| schema::is_iterator(&signature.returns));
    let content = match (method.oneway, is_iterator) {
        (true, _) => json!({}),
        (false, true) => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
        (false, false) => json!({ "application/json": { "schema": returns } }),
    };
    json!({
        "operationId": format!("{object}.{}", method.name),
        "tags": [object],
        "summary": method.name,
        "description": method.doc.as_deref().unwrap_or_default(),
        "requestBody": { "content": { "application/json": { "schema": arguments } } },
        "responses": responses("The result", content),
    })
}

/// The body of a call: its arguments by name, or by place.
fn arguments(signature: &SignatureDescription) -> Value {
    let properties: Map<String, Value> = signature.parameters.iter().map(property).collect();
    let places: Vec<Value> = signature
        .parameters
        .iter()
        .map(|parameter| schema::of_type(&parameter.type_name))
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "args": { "type": "array", "prefixItems": places, "maxItems": places.len() },
            "kwargs": { "type": "object", "additionalProperties": false, "properties": properties },
        },
    })
}

fn property(parameter: &ParameterDescription) -> (String, Value) {
    let mut schema = schema::of_type(&parameter.type_name);
    let text = match &parameter.default {
        Some(default) => format!("{} = {default}", parameter.type_name),
        None => parameter.type_name.clone(),
    };
    schema["description"] = Value::from(text);
    (parameter.name.clone(), schema)
}

fn access(core: &Core, object: &str, attribute: &Attribute) -> Value {
    let schema = attribute
        .type_name
        .as_deref()
        .map_or_else(|| json!({}), schema::of_type);
    let content = json!({ "application/json": { "schema": schema } });
    let mut operations = json!({
        "get": {
            "operationId": format!("{object}.{}", attribute.name),
            "tags": [object],
            "summary": attribute.name,
            "description": attribute.doc.as_deref().unwrap_or_default(),
            "responses": responses("The value", content.clone()),
        },
    });
    if attribute.writable != Some(false) && !core.settings.permissions.read_only {
        operations["put"] = json!({
            "operationId": format!("{object}.{}=", attribute.name),
            "tags": [object],
            "summary": format!("{} = ...", attribute.name),
            "requestBody": { "required": true, "content": content },
            "responses": {
                "204": { "description": "It is set" },
                "default": { "$ref": "#/components/responses/Failure" },
            },
        });
    }
    operations
}

fn responses(what: &str, content: Value) -> Value {
    json!({
        "200": { "description": what, "content": content },
        "default": { "$ref": "#/components/responses/Failure" },
    })
}

fn general_paths() -> Map<String, Value> {
    let parameter = |name: &str, kind: Value, what: &str| json!({ "name": name, "in": "query", "schema": kind, "description": what });
    let list = json!({
        "get": {
            "operationId": "list",
            "summary": "The objects, in order of their names",
            "parameters": [
                parameter("match", json!({ "type": "string" }), "A text somewhere in the name or a tag"),
                parameter("tag", json!({ "type": "string" }), "A tag"),
                parameter("after", json!({ "type": "string" }), "Those behind this name"),
                parameter("limit", json!({ "type": "integer", "minimum": 1, "maximum": 1000 }), "The most objects"),
                parameter("alive", json!({ "type": "boolean" }), "Whether to find out which of them answer"),
            ],
            "responses": responses("The list", json!({ "application/json": { "schema": { "type": "object" } } })),
        },
    });
    let about = json!({
        "get": {
            "operationId": "describe",
            "summary": "What an object has to offer",
            "parameters": [{ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }],
            "responses": responses("Its members", json!({ "application/json": { "schema": { "type": "object" } } })),
        },
    });
    Map::from_iter([
        ("/api/objects".to_owned(), list),
        ("/api/objects/{name}".to_owned(), about),
    ])
}

fn components(core: &Core) -> Value {
    let mut components = json!({
        "schemas": {
            "Arguments": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "args": { "type": "array" }, "kwargs": { "type": "object" } },
            },
            "Exception": {
                "type": "object",
                "required": ["__class__", "__exception__", "args", "attributes"],
                "properties": {
                    "__class__": { "type": "string" },
                    "__exception__": { "const": true },
                    "args": { "type": "array" },
                    "attributes": { "type": "object" },
                },
            },
        },
        "responses": {
            "Failure": {
                "description": "An exception, of the object or of the gateway; or a text, where the request is not allowed or not understood",
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/Exception" } },
                    "text/plain": { "schema": { "type": "string" } },
                },
            },
        },
    });
    if core.settings.key.is_some() {
        components["securitySchemes"] =
            json!({ "key": { "type": "apiKey", "in": "header", "name": "X-Pyro-Gateway-Key" } });
    }
    components
}
