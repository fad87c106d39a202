//! What the real modules have sent to each other (vectors/conv_multiprocessing.json).

use serde_json::Value as Json;

use super::challenge::{Challenge, answer};
use super::{Auth, AuthKey, Dialect, Digest, Digests};

/// The authentication of a recorded conversation: its messages in order, who sent each, and the keys.
struct Recorded {
    name: String,
    client_key: AuthKey,
    listener_key: AuthKey,
    messages: Vec<(String, Vec<u8>)>,
}

/// Those in which both ends have a key.
fn recorded() -> Vec<Recorded> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/conv_multiprocessing.json");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines
        .filter_map(|line| {
            let key = |end: &str| Some(line[end].as_str()?).filter(|key| *key != "-").map(AuthKey::from);
            Some(Recorded {
                name: line["name"].as_str()?.to_owned(),
                client_key: key("client_key")?,
                listener_key: key("listener_key")?,
                messages: messages(&line),
            })
        })
        .collect()
}

/// No more than the six of a handshake, which are all short.
fn messages(line: &Json) -> Vec<(String, Vec<u8>)> {
    let mut messages = Vec::new();
    for event in line["events"].as_array().unwrap() {
        let (Some(hex), Some(lengths)) = (event["hex"].as_str(), event["frame_lengths"].as_array()) else {
            continue;
        };
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let mut rest = bytes.as_slice();
        for length in lengths {
            let (message, behind) = rest[4..].split_at(length.as_u64().unwrap() as usize);
            messages.push((event["from"].as_str().unwrap().to_owned(), message.to_vec()));
            rest = behind;
        }
    }
    messages.truncate(6);
    messages
}

fn auth(key: &AuthKey) -> Auth {
    let digests = Digests::default().with(Digest::Md5).with(Digest::Sha1);
    Auth {
        key: key.clone(),
        digests,
    }
}

/// The challenge that is in this message.
fn challenge(message: &[u8]) -> Challenge {
    let dialect = Dialect::BOTH
        .into_iter()
        .find(|dialect| message.starts_with(dialect.challenge()));
    Challenge::of(dialect.unwrap(), &message[11..])
}

// Conformance: AUTH-06, AUTH-07, AUTH-08
#[test]
fn recorded_challenges_get_the_recorded_answers() {
    let mut count = 0;
    for recorded in recorded() {
        for pair in recorded.messages.windows(2) {
            let [(by, message), (from, reply)] = pair else { continue };
            // Processing and multiprocessing do not answer each other's.
            if !super::is_challenge(message) || by == from {
                continue;
            }
            let (own, other) = match from.as_str() {
                "client" => (&recorded.client_key, &recorded.listener_key),
                _ => (&recorded.listener_key, &recorded.client_key),
            };
            let name = &recorded.name;
            let own_answer = answer(message, &auth(own), None).unwrap();
            let (bytes, dialect) = (own_answer.bytes, own_answer.dialect);
            if reply.len() == 16 && bytes.len() > 16 {
                // The end that has answered knows no names: it has taken that of the digest for a part of the random message.
                assert!(message.starts_with(b"#CHALLENGE#{sha256}"), "{name}");
            } else {
                assert_eq!(&bytes, reply, "{name}");
            }
            let is_right = challenge(message).check(reply, &auth(other)).is_ok();
            assert_eq!(is_right, own == other, "{name}");
            assert_eq!(dialect == Dialect::Processing, name.starts_with("processing"), "{name}");
            count += 1;
        }
    }
    assert!(count > 20, "only {count} challenges");
}

// Conformance: AUTH-08
#[test]
fn the_six_messages_of_processing_are_those_of_the_real_one() {
    let all = recorded();
    let recorded = all
        .iter()
        .find(|recorded| recorded.name == "processing-client/processing-listener");
    let messages = &recorded.unwrap().messages;
    let from: Vec<&str> = messages.iter().map(|(from, _)| from.as_str()).collect();
    assert_eq!(from, ["listener", "client", "listener", "client", "listener", "client"]);
    let lengths: Vec<usize> = messages.iter().map(|(_, message)| message.len()).collect();
    let own = Challenge::new(Dialect::Processing, Digest::Sha1).unwrap();
    assert_eq!(lengths, [own.to_bytes().len(), 20, 8, own.to_bytes().len(), 20, 8]);
    assert!(own.to_bytes().starts_with(b"#CHALLENGE:"));
    assert_eq!(messages[2].1, Dialect::Processing.welcome());
}

// Conformance: AUTH-06
#[test]
fn no_two_challenges_are_alike() {
    for dialect in Dialect::BOTH {
        let new = || Challenge::new(dialect, Digest::Sha256).unwrap().to_bytes();
        assert_ne!(new(), new());
    }
}

#[test]
fn the_digest_that_is_asked_for_is_the_first_acceptable_one() {
    let asked = |digests: Digests| {
        let bytes = Challenge::new(Dialect::Multiprocessing, digests.preferred())
            .unwrap()
            .to_bytes();
        let end = bytes.iter().position(|byte| *byte == b'}').unwrap();
        String::from_utf8(bytes[11..=end].to_vec()).unwrap()
    };
    assert_eq!(asked(Digests::default()), "{sha256}");
    assert_eq!(asked(Digests::default().with(Digest::Md5)), "{sha256}");
    assert_eq!(asked(Digests::NONE.with(Digest::Sha3_384)), "{sha3_384}");
    assert_eq!(asked(Digests::NONE.with(Digest::Md5)), "{md5}");
}

// Conformance: AUTH-09
#[test]
fn what_is_no_challenge_is_an_error_that_shows_it() {
    let key = AuthKey::from("key");
    let random = |tag: &str, count| [tag.as_bytes(), &vec![b'x'; count]].concat();
    for (message, text) in [
        (
            b"\x80\x04N.".to_vec(),
            r"Protocol error, expected challenge: message=b'\x80\x04N.'",
        ),
        (vec![], "Protocol error, expected challenge: message=b''"),
        (
            random("#CHALLENGE", 30),
            "Protocol error, expected challenge: message=b'#CHALLENGExxx",
        ),
        (random("#CHALLENGE#", 19), "challenge too short: 19 bytes"),
        (random("#CHALLENGE:", 19), "challenge too short: 19 bytes"),
        (
            random("#CHALLENGE#", 21),
            "unsupported message length, missing digest prefix, or unsupported digest: message=b'xxxxx",
        ),
        (
            random("#CHALLENGE#{sha512}", 40),
            "unsupported message length, missing digest prefix, or unsupported digest: message=b'{sha512}x",
        ),
    ] {
        let error = answer(&message, &auth(&key), None).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
    }
    let expected = answer(
        &random("#CHALLENGE#{sha256}", 40),
        &auth(&key),
        Some(Dialect::Processing),
    );
    assert!(
        expected
            .unwrap_err()
            .to_string()
            .starts_with("Protocol error, expected challenge")
    );
}

// Conformance: AUTH-09
#[test]
fn digests_that_nobody_allowed_are_refused_by_name_whoever_asks() {
    let key = AuthKey::from("key");
    let strict = Auth {
        key: key.clone(),
        digests: Digests::default(),
    };
    for (tag, digest) in [
        ("#CHALLENGE#", Digest::Md5),
        ("#CHALLENGE:", Digest::Sha1),
        ("#CHALLENGE#{md5}", Digest::Md5),
    ] {
        let message = [tag.as_bytes(), &[7; 20]].concat();
        let error = answer(&message, &strict, None).unwrap_err();
        assert_eq!(error.refused_digest(), Some(digest));
        assert!(answer(&message, &auth(&key), None).is_ok());
    }
    let own = Challenge::new(Dialect::Multiprocessing, Digest::Sha256).unwrap();
    let message = own.to_bytes()[11..].to_vec();
    let bare = Digest::Md5.mac(&key, &message);
    let named = [Digest::Md5.in_braces(), bare.clone()].concat();
    for answer in [bare, named] {
        let error = own.check(&answer, &strict).unwrap_err();
        assert_eq!(error.refused_digest(), Some(Digest::Md5));
        assert!(
            error
                .to_string()
                .contains("HMAC-MD5, which is all that Python's multiprocessing knows up to Python 3.11"),
            "{error}"
        );
        assert!(own.check(&answer, &auth(&key)).is_ok());
        // Who has another key learns nothing about what would be acceptable.
        let error = own
            .check(
                &answer,
                &Auth {
                    key: AuthKey::from("other"),
                    ..strict.clone()
                },
            )
            .unwrap_err();
        assert_eq!(error.refused_digest(), None);
    }
}

// Conformance: AUTH-06
#[test]
fn answers_are_right_in_every_bit_or_wrong() {
    let key = AuthKey::from("key");
    for digest in [
        Digest::Sha256,
        Digest::Sha384,
        Digest::Sha3_256,
        Digest::Sha3_384,
        Digest::Md5,
    ] {
        let challenge = Challenge::new(Dialect::Multiprocessing, digest).unwrap();
        let right = answer(&challenge.to_bytes(), &auth(&key), None).unwrap().bytes;
        assert!(challenge.check(&right, &auth(&key)).is_ok());
        for bit in 0..right.len() * 8 {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(challenge.check(&wrong, &auth(&key)).is_err());
        }
        for length in 0..right.len() {
            assert!(challenge.check(&right[..length], &auth(&key)).is_err());
        }
        assert!(
            challenge
                .check(&[right.as_slice(), b"x"].concat(), &auth(&key))
                .is_err()
        );
    }
}
