//! What is written can be read again; what cannot be written leaves no trace.

mod common;

use ferropyro_wire::{
    AnnotationKey, Deframer, Dialect, EncodeError, Flags, FrameBuilder, FrameSettings, Header, HmacKey, Message,
    MessageKind, NO_ANNOTATIONS, Serializer, SerializerId,
};
use proptest::prelude::*;
use uuid::Uuid;

fn header(dialect: Dialect, kind: MessageKind) -> Header {
    Header {
        seq: 9,
        ..Header::new(dialect, kind, SerializerId(1))
    }
}

fn write(
    buffer: &mut Vec<u8>,
    header: &Header,
    annotations: &[(AnnotationKey, Vec<u8>)],
    payload: &[u8],
    settings: &FrameSettings,
) -> Result<usize, EncodeError> {
    let annotations = annotations.iter().map(|(key, value)| (*key, value));
    let mut frame = FrameBuilder::begin(buffer, header, annotations, settings)?;
    frame.payload().extend_from_slice(payload);
    frame.finish()
}

fn key(text: &str) -> AnnotationKey {
    AnnotationKey::try_from(text).unwrap()
}

#[test]
fn several_frames_fit_behind_each_other_in_one_buffer() {
    let settings = FrameSettings {
        hmac_key: HmacKey::new(b"k"),
        compression: true,
        ..FrameSettings::default()
    };
    let mut buffer = Vec::new();
    let payloads = [vec![b'a'; 1000], vec![], b"short".to_vec()];
    for payload in &payloads {
        let len_before = buffer.len();
        let len = write(
            &mut buffer,
            &header(Dialect::V48, MessageKind::INVOKE),
            &[(key("XYZZ"), vec![1])],
            payload,
            &settings,
        );
        assert_eq!(buffer.len(), len_before + len.unwrap());
    }
    let mut deframer = Deframer::for_dialect(Dialect::V48);
    deframer.set_hmac_key(settings.hmac_key.clone());
    let mut rest = &buffer[..];
    for payload in &payloads {
        let (len, message) = deframer.next(rest).unwrap().unwrap();
        assert_eq!(*message.payload, payload[..]);
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
}

#[test]
fn a_message_beyond_the_limit_is_not_written() {
    for (dialect, text) in [
        (Dialect::V48, "max message size exceeded (111 where max=110)"),
        (Dialect::V502, "message too large (111, max=110)"),
    ] {
        let value = vec![0; 11 - dialect.chunk_header_len()];
        let settings = |max| FrameSettings {
            max_message_size: Some(max),
            ..FrameSettings::default()
        };
        let mut buffer = b"before".to_vec();
        let invoke = header(dialect, MessageKind::INVOKE);
        let error = write(
            &mut buffer,
            &invoke,
            &[(key("XYZZ"), value.clone())],
            &[0; 100],
            &settings(110),
        )
        .unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(buffer, b"before");
        write(&mut buffer, &invoke, &[(key("XYZZ"), value)], &[0; 100], &settings(111)).unwrap();
    }
}

#[test]
fn annotations_of_pyro4_fit_into_65535_bytes() {
    let settings = FrameSettings::default();
    let invoke = header(Dialect::V48, MessageKind::INVOKE);
    let mut buffer = b"before".to_vec();
    let error = write(&mut buffer, &invoke, &[(key("XYZZ"), vec![0; 65530])], b"", &settings).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the annotations take 65536 bytes, a Pyro4 message has room for 65535"
    );
    assert_eq!(buffer, b"before");
    write(&mut buffer, &invoke, &[(key("XYZZ"), vec![0; 65529])], b"", &settings).unwrap();
    buffer.clear();
    write(
        &mut buffer,
        &header(Dialect::V502, MessageKind::INVOKE),
        &[(key("XYZZ"), vec![0; 70000])],
        b"",
        &settings,
    )
    .unwrap();
    let (_, message) = Deframer::for_dialect(Dialect::V502).next(&buffer).unwrap().unwrap();
    assert_eq!(message.annotations.get(key("XYZZ")).map(<[u8]>::len), Some(70000));
}

#[test]
fn a_builder_that_is_dropped_leaves_the_buffer_as_it_was() {
    let settings = FrameSettings::default();
    let mut buffer = b"before".to_vec();
    let mut frame = FrameBuilder::begin(
        &mut buffer,
        &header(Dialect::V48, MessageKind::INVOKE),
        NO_ANNOTATIONS,
        &settings,
    )
    .unwrap();
    frame.payload().extend_from_slice(b"half of it");
    drop(frame);
    assert_eq!(buffer, b"before");
}

#[test]
fn a_payload_that_cuts_into_the_header_is_an_error() {
    let settings = FrameSettings {
        compression: true,
        hmac_key: HmacKey::new(b"k"),
        max_message_size: None,
    };
    for len in [0, 3, 20] {
        let mut buffer = b"before".to_vec();
        let mut frame = FrameBuilder::begin(
            &mut buffer,
            &header(Dialect::V48, MessageKind::INVOKE),
            NO_ANNOTATIONS,
            &settings,
        )
        .unwrap();
        frame.payload().truncate(len);
        assert_eq!(frame.finish(), Err(EncodeError::PayloadLost));
    }
}

#[test]
fn numbers_beyond_one_byte_do_not_fit_into_pyro5() {
    let settings = FrameSettings::default();
    let mut buffer = Vec::new();
    let odd = Header::new(Dialect::V502, MessageKind::PING, SerializerId(256));
    let error = write(&mut buffer, &odd, &[], b"", &settings).unwrap_err();
    assert_eq!(error, EncodeError::NumberTooBig { number: 256 });
    assert!(buffer.is_empty());
    write(
        &mut buffer,
        &Header {
            dialect: Dialect::V48,
            ..odd
        },
        &[],
        b"",
        &settings,
    )
    .unwrap();
}

#[test]
fn pyro4_compresses_from_200_bytes_on_and_pyro5_above_100() {
    for (dialect, plain, compressed) in [(Dialect::V48, 199, 200), (Dialect::V502, 100, 101)] {
        assert!(!is_compressed(
            &header(dialect, MessageKind::INVOKE),
            &vec![b'a'; plain]
        ));
        assert!(is_compressed(
            &header(dialect, MessageKind::INVOKE),
            &vec![b'a'; compressed]
        ));
    }
}

#[test]
fn pyro4_leaves_exceptions_refusals_and_pings_uncompressed() {
    let payload = vec![b'a'; 1000];
    let exception = |dialect| Header {
        flags: Flags::EXCEPTION,
        ..header(dialect, MessageKind::RESULT)
    };
    for kind in [
        MessageKind::CONNECT,
        MessageKind::CONNECTOK,
        MessageKind::INVOKE,
        MessageKind::RESULT,
    ] {
        assert!(is_compressed(&header(Dialect::V48, kind), &payload));
    }
    for kind in [MessageKind::CONNECTFAIL, MessageKind::PING] {
        assert!(!is_compressed(&header(Dialect::V48, kind), &payload));
        assert!(is_compressed(&header(Dialect::V502, kind), &payload));
    }
    assert!(!is_compressed(&exception(Dialect::V48), &payload));
    assert!(is_compressed(&exception(Dialect::V502), &payload));
}

#[test]
fn a_payload_that_does_not_get_shorter_is_sent_as_it_is() {
    let mut noise = 1_u32;
    let payload: Vec<u8> = (0..500)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        })
        .collect();
    for dialect in Dialect::ALL {
        assert!(!is_compressed(&header(dialect, MessageKind::INVOKE), &payload));
    }
}

/// Writes with compression on, and checks on the way that the payload comes out again.
fn is_compressed(header: &Header, payload: &[u8]) -> bool {
    let settings = FrameSettings {
        compression: true,
        ..FrameSettings::default()
    };
    let mut buffer = Vec::new();
    write(&mut buffer, header, &[], payload, &settings).unwrap();
    let (_, message) = Deframer::for_dialect(header.dialect).next(&buffer).unwrap().unwrap();
    assert!(header.kind == MessageKind::PING || *message.payload == *payload);
    message.header.flags.contains(Flags::COMPRESSED)
}

#[test]
fn a_given_correlation_chunk_keeps_its_place() {
    let settings = FrameSettings::default();
    let id = Uuid::from_bytes([7; 16]);
    let mut buffer = Vec::new();
    let reply = Header {
        correlation_id: Some(id),
        ..header(Dialect::V48, MessageKind::RESULT)
    };
    let given = [
        (key("RESP"), vec![1]),
        (AnnotationKey::CORR, id.as_bytes().to_vec()),
        (key("DAEM"), vec![2]),
    ];
    write(&mut buffer, &reply, &given, b"", &settings).unwrap();
    let (_, message) = Deframer::for_dialect(Dialect::V48).next(&buffer).unwrap().unwrap();
    let keys: Vec<_> = message.annotations.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(keys, ["RESP", "CORR", "DAEM"]);
    assert_eq!(message.header.correlation_id, Some(id));
}

#[test]
fn a_given_signature_is_replaced_by_the_true_one() {
    let settings = FrameSettings {
        hmac_key: HmacKey::new(b"k"),
        ..FrameSettings::default()
    };
    let mut buffer = Vec::new();
    let given = [(AnnotationKey::HMAC, vec![0; 20]), (key("XYZZ"), vec![1])];
    write(
        &mut buffer,
        &header(Dialect::V48, MessageKind::INVOKE),
        &given,
        b"payload",
        &settings,
    )
    .unwrap();
    let mut deframer = Deframer::for_dialect(Dialect::V48);
    let (_, message) = deframer
        .set_hmac_key(settings.hmac_key.clone())
        .next(&buffer)
        .unwrap()
        .unwrap();
    let keys: Vec<_> = message.annotations.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(keys, ["XYZZ", "HMAC"]);
}

#[test]
fn an_empty_key_is_no_key_and_is_never_shown() {
    assert!(HmacKey::new(b"").is_none());
    let key = HmacKey::new(b"secret-key").unwrap();
    assert!(!format!("{key:?}").contains("secret"));
}

#[test]
fn serializer_numbers_differ_between_the_generations() {
    let pyro4 = ["serpent", "json", "marshal", "pickle", "dill", "msgpack", "cloudpickle"];
    let pyro5 = ["serpent", "marshal", "json", "msgpack"];
    for (dialect, names) in [
        (Dialect::V48, &pyro4[..]),
        (Dialect::V47, &pyro4[..4]),
        (Dialect::V502, &pyro5[..]),
    ] {
        for number in 0..300 {
            let name = usize::from(number).checked_sub(1).and_then(|index| names.get(index));
            let kind = SerializerId(number).kind(dialect);
            assert_eq!(kind.map(Serializer::name), name.copied());
            if let Some(kind) = kind {
                assert_eq!(kind.id(dialect), Some(SerializerId(number)));
                assert_eq!(Serializer::from_name(kind.name()), Some(kind));
            }
        }
    }
}

#[test]
fn keys_have_four_ascii_characters() {
    for text in ["", "ABC", "ABCDE", "ÄBC", "ABÄ", "\u{1F600}"] {
        let error = AnnotationKey::try_from(text).unwrap_err();
        assert_eq!(error.text(Dialect::V48), "annotation key must be of length 4");
        assert_eq!(
            error.text(Dialect::V502),
            "annotation identifier must be 4 ascii characters"
        );
    }
    assert!(AnnotationKey::try_from("A~ 9").is_ok_and(|key| !key.is_reserved()));
    assert!(key("CORR").is_reserved());
}

proptest! {
    #[test]
    fn flag_bits_survive_the_way_through_every_dialect(bits in any::<u16>()) {
        for dialect in Dialect::ALL {
            prop_assert_eq!(Flags::from_bits(bits, dialect).to_bits(dialect), bits);
        }
    }

    #[test]
    fn whatever_is_written_is_read_again(
        dialect in prop::sample::select(&Dialect::ALL[..]),
        kind in 1_u16..=6,
        bits in any::<u16>(),
        seq in any::<u16>(),
        serializer in 0_u16..=255,
        correlation in proptest::option::of(any::<[u8; 16]>()),
        annotations in proptest::collection::vec(("[A-Z]{4}", proptest::collection::vec(any::<u8>(), 0..40)), 0..5),
        payload in proptest::collection::vec(prop_oneof![4 => Just(b'x'), 1 => any::<u8>()], 0..700),
        compression in any::<bool>(),
        signed in any::<bool>(),
    ) {
        let decided_by_builder = Flags::COMPRESSED | Flags::CORR_ID;
        let sent = Header {
            dialect,
            kind: MessageKind(kind),
            flags: Flags::from_bits(bits, dialect).without(decided_by_builder),
            seq,
            serializer: SerializerId(serializer),
            // Protocol 46 has none.
            correlation_id: correlation.map(Uuid::from_bytes).filter(|_| dialect != Dialect::V46),
        };
        let annotations: Vec<_> = annotations.into_iter().map(|(text, value)| (key(&text), value)).collect();
        prop_assume!(annotations.iter().all(|(key, _)| !key.is_reserved()));
        let hmac_key = HmacKey::new(b"secret-key").filter(|_| signed);
        let settings = FrameSettings { hmac_key: hmac_key.clone(), compression, ..FrameSettings::default() };
        let mut buffer = Vec::new();
        let len = write(&mut buffer, &sent, &annotations, &payload, &settings).unwrap();
        prop_assert_eq!(len, buffer.len());

        let mut deframer = Deframer::for_dialects(&[]);
        deframer.set_hmac_key(hmac_key);
        let (read_len, message): (usize, Message<'_>) = deframer.next(&buffer).unwrap().unwrap();
        prop_assert_eq!(read_len, len);
        let received = Header { flags: message.header.flags.without(decided_by_builder), ..message.header };
        prop_assert_eq!(received, sent);
        prop_assert_eq!(&*message.payload, &payload[..]);
        let others = message.annotations.iter().filter(|(key, _)| !key.is_reserved());
        let others: Vec<_> = others.map(|(key, value)| (key, value.to_vec())).collect();
        prop_assert_eq!(others, annotations);
    }
}
