//! Reads the captured conversations in `vectors/`.
#![allow(dead_code, unreachable_pub)] // every test program uses a part of it
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // tests may read files

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferropyro_wire::{Deframer, HmacKey, Message};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Client,
    Server,
}

pub struct Conversation {
    pub file: &'static str,
    pub json: Value,
}

/// All bytes that one side sent over one connection, and the summaries of the messages in them.
pub struct Stream {
    pub side: Side,
    pub bytes: Vec<u8>,
    pub summaries: Vec<Value>,
    pub key: Option<HmacKey>,
}

pub const FILES: [&str; 15] = [
    "conv_cross_version",
    "conv_ns_pyro4",
    "conv_ns_pyro5",
    "conv_pyro4_46",
    "conv_pyro4_47",
    "conv_pyro4_48",
    "conv_pyro4_48_fake_server",
    "conv_pyro4_48_flame",
    "conv_pyro4_48_py27",
    "conv_pyro4_48_py313",
    "conv_pyro4_48_raw",
    "conv_pyro5_502",
    "conv_pyro5_502_fake_server",
    "conv_pyro5_502_py313",
    "conv_pyro5_502_raw",
];

pub fn conversations() -> Vec<Conversation> {
    FILES.into_iter().flat_map(conversations_of).collect()
}

/// The conversations of one file; none for a file that is not in this tree (they are large, some are left out).
pub fn conversations_of(file: &'static str) -> Vec<Conversation> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors")
        .join(format!("{file}.json"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| Conversation {
            file,
            json: serde_json::from_str(line).unwrap(),
        })
        .collect()
}

pub fn conversation(file: &'static str, name: &str) -> Conversation {
    conversations_of(file)
        .into_iter()
        .find(|found| found.name() == name)
        .unwrap()
}

impl Conversation {
    pub fn name(&self) -> &str {
        self.json["name"].as_str().unwrap()
    }

    /// Where it is, for messages of failing tests.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.name())
    }

    /// True when both sides were real Pyros.
    pub fn is_genuine(&self) -> bool {
        self.json["client"] != "raw bytes" && self.json["server"] != "canned answers"
    }

    pub fn streams(&self) -> Vec<Stream> {
        let mut bytes = BTreeMap::<(u64, Side), Vec<u8>>::new();
        for event in self.json["events"].as_array().unwrap() {
            if let Some(piece) = bytes_of(event) {
                bytes.entry(connection_of(event)).or_default().extend(piece);
            }
        }
        let stream = |(at, bytes): ((u64, Side), Vec<u8>)| Stream {
            side: at.1,
            bytes,
            summaries: self.summaries(at),
            key: self.key_of(at.1),
        };
        bytes.into_iter().map(stream).collect()
    }

    pub fn sent_by(&self, side: Side) -> Vec<u8> {
        self.streams()
            .into_iter()
            .find(|stream| stream.side == side)
            .map(|stream| stream.bytes)
            .unwrap_or_default()
    }

    fn summaries(&self, at: (u64, Side)) -> Vec<Value> {
        let all = self.json["messages"].as_array().unwrap().iter();
        all.filter(|summary| connection_of(summary) == at).cloned().collect()
    }

    fn key_of(&self, side: Side) -> Option<HmacKey> {
        let client_is_raw = self.json["client"] == "raw bytes";
        let settings = if side == Side::Client && !client_is_raw {
            "client_settings"
        } else {
            "server_settings"
        };
        let settings = &self.json[settings];
        let key = [
            &settings["hmac"],
            &settings["hmac_global"],
            &settings["config"]["HMAC_KEY"],
        ];
        key.into_iter().find_map(|key| HmacKey::new(key.as_str()?.as_bytes()))
    }
}

fn connection_of(event: &Value) -> (u64, Side) {
    let side = if event["from"] == "client" {
        Side::Client
    } else {
        Side::Server
    };
    (event["conn"].as_u64().unwrap_or(0), side)
}

fn bytes_of(event: &Value) -> Option<Vec<u8>> {
    if let Some(hex) = event["hex"].as_str() {
        return Some(unhex(hex));
    }
    if let Some(text) = event["b64"].as_str() {
        return Some(STANDARD.decode(text).unwrap());
    }
    let text = event["zb64"].as_str()?;
    let len = event["len"].as_u64().unwrap() as usize;
    let mut bytes = Vec::with_capacity(len);
    let stream = STANDARD.decode(text).unwrap();
    let status = flate2::Decompress::new(true).decompress_vec(&stream, &mut bytes, flate2::FlushDecompress::Finish);
    assert_eq!(status.unwrap(), flate2::Status::StreamEnd);
    assert_eq!(bytes.len(), len);
    Some(bytes)
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A reader that takes every dialect and any size.
pub fn lenient(key: &Option<HmacKey>) -> Deframer {
    let mut deframer = Deframer::for_dialects(&[]);
    deframer.set_max_message_size(None).set_hmac_key(key.clone());
    deframer
}

/// Calls `check` with the bytes of every well-formed message of every conversation, as seen by a side with the
/// sender's key.
pub fn for_each_message(mut check: impl FnMut(&Conversation, &Stream, &[u8], Message<'_>)) {
    for conversation in conversations() {
        for stream in conversation.streams() {
            let mut deframer = lenient(&stream.key);
            let mut rest = &stream.bytes[..];
            while let Ok(Some((len, message))) = deframer.next(rest) {
                check(&conversation, &stream, &rest[..len], message);
                rest = &rest[len..];
            }
        }
    }
}
