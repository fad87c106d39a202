//! Every captured message can be read, and written again to the same bytes.

mod common;

use common::{Conversation, Stream, conversations, for_each_message, lenient};
use ferropyro_wire::{
    AnnotationKey, Dialect, Flags, FrameBuilder, FrameError, FrameSettings, Message, MessageKind, Serializer,
};
use serde_json::{Value, json};

/// Conversations with a message whose frame is in order on its own, but which Pyro refuses, with these texts.
const REFUSED: [(&str, &str); 16] = [
    (
        "conv_pyro4_46:raw/wrong-version-call",
        "invalid data or unsupported protocol version",
    ),
    (
        "conv_pyro4_47:raw/wrong-version-call",
        "invalid data or unsupported protocol version",
    ),
    (
        "conv_pyro4_48_fake_server:result/unasked-hmac",
        "hmac key config not symmetric",
    ),
    (
        "conv_pyro4_48_raw:call/wrong-version",
        "invalid data or unsupported protocol version",
    ),
    (
        "conv_pyro4_48_raw:multiplex/call-wrong-version",
        "invalid data or unsupported protocol version",
    ),
    (
        "conv_pyro4_48_raw:handshake/compressed-flag-but-plain",
        "Error -3 while decompressing data: incorrect header check",
    ),
    (
        "conv_pyro4_48_raw:handshake/corr-wrong-length",
        "bytes is not a 16-char string",
    ),
    (
        "conv_pyro4_48_raw:handshake/annotation-length-wrong",
        "unpack requires a buffer of 6 bytes",
    ),
    ("conv_pyro4_48_raw:hmac/bad", "message hmac mismatch"),
    ("conv_pyro4_48_raw:hmac/short", "message hmac mismatch"),
    ("conv_pyro4_48_raw:hmac/missing", "hmac key config not symmetric"),
    ("conv_pyro4_48_raw:hmac/unexpected", "hmac key config not symmetric"),
    ("conv_pyro4_48_raw:hmac/call-bad", "message hmac mismatch"),
    ("conv_pyro4_48_raw:hmac/call-missing", "hmac key config not symmetric"),
    (
        "conv_pyro5_502_raw:handshake/compressed-flag-but-plain",
        "Error -3 while decompressing data: incorrect header check",
    ),
    (
        "conv_pyro5_502_raw:handshake/annotation-length-wrong",
        "annotation chunk length exceeds remaining data",
    ),
];

// Conformance: WIRE-05
#[test]
fn every_captured_message_is_read_as_its_summary_says() {
    let mut messages = 0;
    let mut refused = Vec::new();
    for conversation in conversations() {
        for stream in conversation.streams() {
            messages += check_stream(&conversation, &stream, &mut refused);
        }
    }
    assert!(messages > 3000, "only {messages} messages were found");
    let mut expected: Vec<_> = REFUSED
        .map(|(place, text)| (place.to_owned(), text.to_owned()))
        .to_vec();
    refused.sort();
    expected.sort();
    assert_eq!(refused, expected);
}

/// Compares a stream with its summaries up to the first message that is not in order. Gives the number of messages
/// compared.
fn check_stream(conversation: &Conversation, stream: &Stream, refused: &mut Vec<(String, String)>) -> usize {
    let place = conversation.place();
    let mut deframer = lenient(&stream.key);
    let mut rest = &stream.bytes[..];
    for (index, summary) in stream.summaries.iter().enumerate() {
        let result = deframer.next(rest);
        if !summary["raw_bytes"].is_null() {
            assert!(!matches!(result, Ok(Some(_))), "{place}: no message is announced here");
            return index;
        }
        if summary["bad_check"] == true {
            assert!(is_checksum_error(&result.unwrap_err()), "{place}");
            return index;
        }
        match result {
            Ok(Some((len, message))) => {
                assert_eq!(
                    summary_of(&message, len),
                    without_connection(summary),
                    "{place}, message {index}"
                );
                rest = &rest[len..];
            }
            Ok(None) => panic!("{place}: message {index} is incomplete"),
            Err(error) => {
                refused.push((place, error.to_string()));
                return index;
            }
        }
    }
    assert!(rest.is_empty(), "{place}: bytes are left");
    stream.summaries.len()
}

fn is_checksum_error(error: &FrameError) -> bool {
    ["header checksum mismatch", "invalid message or protocol version"].contains(&error.to_string().as_str())
}

fn without_connection(summary: &Value) -> Value {
    let mut summary = summary.clone();
    let fields = summary.as_object_mut().unwrap();
    fields.remove("from");
    fields.remove("conn");
    summary
}

/// The message in the words of the vectors.
fn summary_of(message: &Message<'_>, frame_len: usize) -> Value {
    let header = &message.header;
    let chunks: Vec<Value> = message
        .annotations
        .iter()
        .map(|(key, value)| json!([key.as_str(), value.len()]))
        .collect();
    let chunk_bytes: usize = message
        .annotations
        .iter()
        .map(|(_, value)| header.dialect.chunk_header_len() + value.len())
        .sum();
    let mut summary = json!({
        "ver": header.dialect.version(),
        "type": kind_name(header.kind),
        "flags": flag_names(header.flags),
        "seq": header.seq,
        "ser": header.serializer_kind().map_or(json!(header.serializer.0), |kind: Serializer| json!(kind.name())),
        "data_len": frame_len - header.dialect.header_len() - chunk_bytes,
    });
    if !chunks.is_empty() {
        summary["annotations"] = json!(chunks);
    }
    if let Some(id) = header.correlation_id.filter(|_| header.dialect.is_pyro5()) {
        summary["corr"] = json!(id.simple().to_string());
    }
    summary
}

fn kind_name(kind: MessageKind) -> Value {
    match kind {
        MessageKind::CONNECT => json!("CONNECT"),
        MessageKind::CONNECTOK => json!("CONNECTOK"),
        MessageKind::CONNECTFAIL => json!("CONNECTFAIL"),
        MessageKind::INVOKE => json!("INVOKE"),
        MessageKind::RESULT => json!("RESULT"),
        MessageKind::PING => json!("PING"),
        MessageKind(other) => json!(other),
    }
}

fn flag_names(flags: Flags) -> Vec<&'static str> {
    let names = [
        (Flags::EXCEPTION, "EXCEPTION"),
        (Flags::COMPRESSED, "COMPRESSED"),
        (Flags::ONEWAY, "ONEWAY"),
        (Flags::BATCH, "BATCH"),
        (Flags::META_ON_CONNECT, "META_ON_CONNECT"),
        (Flags::ITEMSTREAMRESULT, "ITEMSTREAMRESULT"),
        (Flags::KEEPSERIALIZED, "KEEPSERIALIZED"),
        (Flags::CORR_ID, "CORR_ID"),
    ];
    names
        .into_iter()
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, name)| name)
        .collect()
}

// Conformance: WIRE-05
#[test]
fn every_message_of_a_real_pyro_is_written_to_the_same_bytes() {
    let mut compared = 0;
    for_each_message(|conversation, stream, frame, message| {
        // A dict of Python 2 has an order of its own: there HMAC may stand before CORR.
        let order_of_python2 = message.header.dialect == Dialect::V47 && message.annotations.len() > 1;
        if !conversation.is_genuine() || message.header.flags.contains(Flags::COMPRESSED) || order_of_python2 {
            return;
        }
        let settings = FrameSettings {
            hmac_key: stream.key.clone(),
            ..FrameSettings::default()
        };
        assert_eq!(rewrite(&message, &settings), frame, "{}", conversation.place());
        compared += 1;
    });
    assert!(compared > 2500, "only {compared} messages were compared");
}

/// zlib's output is not the same in every implementation, so here only what it inflates to is compared.
// Conformance: WIRE-05
#[test]
fn every_compressed_message_is_inflated_and_can_be_compressed_again() {
    let mut compared = 0;
    for_each_message(|conversation, stream, frame, message| {
        if !message.header.flags.contains(Flags::COMPRESSED) {
            return;
        }
        let place = conversation.place();
        assert!(message.payload.starts_with(b"# serpent utf-8 python"), "{place}");
        let settings = FrameSettings {
            hmac_key: stream.key.clone(),
            compression: true,
            ..FrameSettings::default()
        };
        let rewritten = rewrite(&message, &settings);
        let (_, again) = lenient(&stream.key).next(&rewritten).unwrap().unwrap();
        assert_eq!(again.payload, message.payload, "{place}");
        let compressed_again = again.header.flags.contains(Flags::COMPRESSED);
        let worth_it = message.payload.len() >= 200 && frame.len() < 24 + message.payload.len();
        assert!(compressed_again || !worth_it, "{place}");
        compared += 1;
    });
    assert!(compared >= 20, "only {compared} messages were compared");
}

fn rewrite(message: &Message<'_>, settings: &FrameSettings) -> Vec<u8> {
    let given = message
        .annotations
        .iter()
        .filter(|(key, _)| *key != AnnotationKey::HMAC || settings.hmac_key.is_none());
    let mut buffer = Vec::new();
    let mut frame = FrameBuilder::begin(&mut buffer, &message.header, given, settings).unwrap();
    frame.payload().extend_from_slice(&message.payload);
    frame.finish().unwrap();
    buffer
}

#[test]
fn a_correlation_id_goes_out_behind_the_other_annotations_of_pyro4() {
    let mut compared = 0;
    for_each_message(|conversation, _, frame, message| {
        let keys: Vec<_> = message.annotations.iter().map(|(key, _)| key).collect();
        if !conversation.is_genuine() || keys.last() != Some(&AnnotationKey::CORR) || keys.len() < 2 {
            return;
        }
        if message.header.dialect != Dialect::V48 || message.header.flags.contains(Flags::COMPRESSED) {
            return;
        }
        let others = message
            .annotations
            .iter()
            .filter(|(key, _)| *key != AnnotationKey::CORR);
        let settings = FrameSettings::default();
        let mut buffer = Vec::new();
        let mut builder = FrameBuilder::begin(&mut buffer, &message.header, others, &settings).unwrap();
        builder.payload().extend_from_slice(&message.payload);
        builder.finish().unwrap();
        assert_eq!(buffer, frame, "{}", conversation.place());
        compared += 1;
    });
    assert!(compared > 0);
}
