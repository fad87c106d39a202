//! What is wrong with a frame is said in Pyro's words: compared with what real daemons answered and real clients
//! raised.

mod common;

use common::{Conversation, Side, conversation, conversations_of};
use ferropyro_wire::{Deframer, Dialect, FrameError, FrameErrorKind, Header, HmacKey, MessageKind};

const HANDSHAKE: &[MessageKind] = &[MessageKind::CONNECT];
const ANSWER: &[MessageKind] = &[MessageKind::CONNECTOK, MessageKind::CONNECTFAIL];
const CALL: &[MessageKind] = &[MessageKind::INVOKE, MessageKind::PING];
const RESULT: &[MessageKind] = &[MessageKind::RESULT];

// Conformance: WIRE-03
#[test]
fn a_pyro4_daemon_refuses_a_handshake_with_the_recorded_text() {
    let refused = refused_handshakes("conv_pyro4_48_raw", Dialect::V48);
    let expected = [
        "handshake/annotation-length-wrong",
        "handshake/bad-checksum",
        "handshake/compressed-flag-but-plain",
        "handshake/corr-wrong-length",
        "handshake/http-request",
        "handshake/invoke-first",
        "handshake/negative-length",
        "handshake/ping-first",
        "handshake/type-99",
        "handshake/version-47",
        "handshake/version-49",
        "handshake/wrong-magic",
        "hmac/bad",
        "hmac/missing",
        "hmac/short",
        "hmac/unexpected",
        "multiplex/wrong-version",
        "pyro5-hello",
    ];
    assert_eq!(refused, expected);
}

// Conformance: WIRE-03
#[test]
fn a_pyro5_daemon_refuses_a_handshake_with_the_recorded_text() {
    let refused = refused_handshakes("conv_pyro5_502_raw", Dialect::V502);
    let expected = [
        "handshake/annotation-length-wrong",
        "handshake/bad-magic-number",
        "handshake/compressed-flag-but-plain",
        "handshake/http-request",
        "handshake/invoke-first",
        "handshake/ping-first",
        "handshake/type-99",
        "handshake/version-48",
        "handshake/version-501",
        "handshake/wrong-magic",
        "limit/handshake-too-large",
        "multiplex/wrong-version",
    ];
    assert_eq!(refused, expected);
}

/// The conversations in which the first message is refused; each time the daemon's recorded CONNECTFAIL is compared.
fn refused_handshakes(file: &'static str, dialect: Dialect) -> Vec<String> {
    let mut refused = Vec::new();
    for conversation in conversations_of(file) {
        let sent = conversation.sent_by(Side::Client);
        let Err(error) = daemon(&conversation, dialect).next(&sent) else {
            continue;
        };
        let answer = conversation.sent_by(Side::Server);
        // Pyro4 says nothing when a message is too large.
        if answer.is_empty() && matches!(error.kind(), FrameErrorKind::TooLarge { .. }) && dialect == Dialect::V48 {
            continue;
        }
        compare_refusal(&conversation, &error, &answer);
        refused.push(conversation.name().to_owned());
    }
    refused.sort();
    refused
}

fn daemon(conversation: &Conversation, dialect: Dialect) -> Deframer {
    let settings = &conversation.json["server_settings"];
    let mut deframer = Deframer::for_dialect(dialect);
    deframer.expect(HANDSHAKE);
    deframer.set_hmac_key(settings["hmac"].as_str().and_then(|key| HmacKey::new(key.as_bytes())));
    deframer.set_max_message_size(settings["config"]["MAX_MESSAGE_SIZE"].as_u64());
    deframer
}

fn compare_refusal(conversation: &Conversation, error: &FrameError, answer: &[u8]) {
    let place = conversation.place();
    let mut client = Deframer::for_dialect(error.dialect());
    client.expect(ANSWER).set_hmac_key(daemon_key(conversation));
    let (_, refusal) = client.next(answer).unwrap().unwrap();
    assert_eq!(refusal.header.kind, MessageKind::CONNECTFAIL, "{place}");
    assert_eq!(refusal.header.seq, error.refusal_seq(), "{place}");
    // The text is marshalled (its end is the text) or, once the serializer was accepted, serpent's literal.
    let payload = String::from_utf8_lossy(&refusal.payload).into_owned();
    let text = payload.strip_suffix('\'').unwrap_or(&payload);
    assert!(
        text.ends_with(&error.to_string()),
        "{place}: {error} is not what {payload:?} says"
    );
}

fn daemon_key(conversation: &Conversation) -> Option<HmacKey> {
    conversation.json["server_settings"]["hmac"]
        .as_str()
        .and_then(|key| HmacKey::new(key.as_bytes()))
}

// Conformance: WIRE-03
#[test]
fn a_client_raises_the_recorded_text() {
    let mut raised = raised_by_clients("conv_pyro4_48_fake_server", |_| Dialect::V48);
    raised.extend(raised_by_clients("conv_pyro5_502_fake_server", |_| Dialect::V502));
    raised.extend(raised_by_clients("conv_cross_version", dialect_of_client));
    for wanted in [
        "header checksum mismatch",
        "invalid data or unsupported protocol version",
        "invalid protocol version: 48",
        "invalid protocol version: 47",
        "invalid protocol version: 501",
        "invalid message or protocol version",
        "invalid data",
    ] {
        assert!(
            raised.iter().any(|text| text == wanted),
            "{wanted:?} is not among {raised:?}"
        );
    }
}

fn dialect_of_client(conversation: &Conversation) -> Dialect {
    match conversation.json["client"].as_str().unwrap() {
        client if client.starts_with("Pyro5") => Dialect::V502,
        client if client.starts_with("Pyro4 4.37") => Dialect::V47,
        client if client.starts_with("Pyro4 4.25") => Dialect::V46,
        _ => Dialect::V48,
    }
}

/// Reads what the servers of a file sent as its client would; gives the errors, each of which that client has raised
/// in these words.
fn raised_by_clients(file: &'static str, dialect: impl Fn(&Conversation) -> Dialect) -> Vec<String> {
    let mut raised = Vec::new();
    for conversation in conversations_of(file) {
        let Some(error) = read_as_client(&conversation, dialect(&conversation)) else {
            continue;
        };
        let seen = conversation.json["client_sees"].to_string();
        assert!(
            seen.contains(&error.to_string()),
            "{}: {error} is not in {seen}",
            conversation.place()
        );
        raised.push(error.to_string());
    }
    raised
}

fn read_as_client(conversation: &Conversation, dialect: Dialect) -> Option<FrameError> {
    let sent = conversation.sent_by(Side::Server);
    let mut client = Deframer::for_dialect(dialect);
    client.expect(ANSWER);
    let mut rest = &sent[..];
    loop {
        match client.next(rest) {
            Ok(Some((len, _))) => rest = &rest[len..],
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
        client.expect(RESULT);
    }
}

#[test]
fn a_stranger_is_recognised_by_six_bytes() {
    for (bytes, kind) in [
        (b"GET / ", FrameErrorKind::BadMagic),
        (b"PYRO\0\x2c", FrameErrorKind::BadVersion(44)),
        (b"PYRO\x01\xf7", FrameErrorKind::BadVersion(503)),
        (b"PYRO\0\x2f", FrameErrorKind::BadVersion(47)),
    ] {
        let mut deframer = Deframer::for_dialects(&[Dialect::V48, Dialect::V502]);
        assert!(deframer.next(&bytes[..5]).unwrap().is_none());
        let error = deframer.next(bytes).unwrap_err();
        assert_eq!(*error.kind(), kind);
        assert_eq!(
            (error.dialect(), error.refusal_seq(), error.skip()),
            (Dialect::V48, 0, None)
        );
        assert_eq!(error.to_string(), "invalid data or unsupported protocol version");
    }
}

#[test]
fn a_server_for_both_generations_finds_the_dialect_and_stays_with_it() {
    let pyro4 = conversation("conv_pyro4_48", "connect/serpent").sent_by(Side::Client);
    let pyro5 = conversation("conv_pyro5_502", "connect/serpent").sent_by(Side::Client);
    for (first, second, dialect, text) in [
        (
            &pyro4,
            &pyro5,
            Dialect::V48,
            "invalid data or unsupported protocol version",
        ),
        (&pyro5, &pyro4, Dialect::V502, "invalid protocol version: 48"),
    ] {
        let mut deframer = Deframer::for_dialects(&[Dialect::V48, Dialect::V502]);
        assert_eq!(deframer.dialect(), None);
        let (_, message) = deframer.next(first).unwrap().unwrap();
        assert_eq!(message.header.dialect, dialect);
        assert_eq!(deframer.dialect(), Some(dialect));
        assert_eq!(deframer.next(second).unwrap_err().to_string(), text);
    }
}

#[test]
fn a_pyro4_message_with_bad_content_can_be_skipped() {
    let sent = conversation("conv_pyro4_48_raw", "handshake/corr-wrong-length").sent_by(Side::Client);
    let error = Deframer::for_dialect(Dialect::V48).next(&sent).unwrap_err();
    assert_eq!(error.skip(), Some(sent.len()));
    assert_eq!(error.header().map(|header| header.kind), Some(MessageKind::CONNECT));

    let sent = conversation("conv_pyro5_502_raw", "handshake/compressed-flag-but-plain").sent_by(Side::Client);
    let error = Deframer::for_dialect(Dialect::V502).next(&sent).unwrap_err();
    assert_eq!(error.skip(), None);
}

#[test]
fn the_types_that_were_expected_are_listed_for_pyro5_only() {
    let frame = conversation("conv_pyro5_502", "connect/serpent").sent_by(Side::Client);
    let error = Deframer::for_dialect(Dialect::V502)
        .expect(CALL)
        .next(&frame)
        .unwrap_err();
    assert_eq!(error.to_string(), "invalid msg type 1 received (expected: 4,6)");
    let frame = conversation("conv_pyro4_48", "connect/serpent").sent_by(Side::Client);
    let error = Deframer::for_dialect(Dialect::V48)
        .expect(CALL)
        .next(&frame)
        .unwrap_err();
    assert_eq!(error.to_string(), "invalid msg type 1 received");
}

#[test]
fn both_generations_word_their_size_limit_as_pyro_does() {
    for (file, dialect, text) in [
        (
            "conv_pyro4_48",
            Dialect::V48,
            "max message size exceeded (67 where max=66)",
        ),
        ("conv_pyro5_502", Dialect::V502, "message too large (67, max=66)"),
    ] {
        let frame = conversation(file, "connect/serpent").sent_by(Side::Client);
        let mut deframer = Deframer::for_dialect(dialect);
        let error = deframer
            .set_max_message_size(Some(66))
            .next(&frame[..dialect.header_len()])
            .unwrap_err();
        assert_eq!(error.to_string(), text);
        let header: Option<&Header> = error.header();
        assert_eq!(header.map(|header| header.kind), Some(MessageKind::CONNECT));
        assert!(deframer.set_max_message_size(Some(67)).next(&frame).unwrap().is_some());
    }
}

#[test]
fn a_key_on_one_side_only_is_a_security_error() {
    let key = HmacKey::new(b"secret-key");
    let signed = conversation("conv_pyro4_48", "hmac/good").sent_by(Side::Client);
    let plain = conversation("conv_pyro4_48", "connect/serpent").sent_by(Side::Client);
    let read = |key: Option<HmacKey>, bytes: &[u8]| {
        Deframer::for_dialect(Dialect::V48)
            .set_hmac_key(key)
            .next(bytes)
            .map(|found| found.is_some())
    };
    assert_eq!(read(key.clone(), &signed), Ok(true));
    assert_eq!(read(None, &plain), Ok(true));
    for (key, bytes, text) in [
        (None, &signed, "hmac key config not symmetric"),
        (key, &plain, "hmac key config not symmetric"),
        (HmacKey::new(b"wrong-key"), &signed, "message hmac mismatch"),
    ] {
        let error = read(key, bytes).unwrap_err();
        assert!(error.is_security());
        assert_eq!((error.to_string().as_str(), error.skip()), (text, None));
    }
}
