//! Bytes that come in pieces, are broken, or mean harm.

mod common;

use std::borrow::Cow;
use std::collections::BTreeSet;

use common::{Side, conversation, conversations, for_each_message, lenient};
use ferropyro_wire::{
    AnnotationFault, AnnotationKey, Deframer, Dialect, Flags, FrameBuilder, FrameErrorKind, FrameSettings, Header,
    HmacKey, MessageKind, NO_ANNOTATIONS, READ_STEP, SerializerId,
};
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

#[test]
fn every_prefix_of_every_captured_message_is_incomplete_and_no_error() {
    let mut seen = BTreeSet::new();
    for_each_message(|conversation, stream, frame, _| {
        if !seen.insert(frame.to_vec()) {
            return;
        }
        let mut deframer = lenient(&stream.key);
        for len in 0..frame.len() {
            let found = deframer.next(&frame[..len]);
            assert!(
                matches!(found, Ok(None)),
                "{}: {len} bytes of {}",
                conversation.place(),
                frame.len()
            );
            assert!(deframer.wanted() > 0 && len + deframer.wanted() <= frame.len().max(6));
        }
    });
    assert!(seen.len() > 500);
}

#[test]
fn a_conversation_that_arrives_byte_by_byte_gives_the_same_messages() {
    for name in [
        "call/serpent",
        "annotations_two",
        "compression",
        "hmac/good-with-annotations",
    ] {
        for stream in conversation("conv_pyro4_48", name).streams() {
            let whole = read_in_steps(&stream.bytes, stream.bytes.len(), &stream.key);
            assert!(whole.len() > 1);
            assert_eq!(read_in_steps(&stream.bytes, 1, &stream.key), whole, "{name}");
            assert_eq!(read_in_steps(&stream.bytes, 7, &stream.key), whole, "{name}");
        }
    }
}

/// The messages' headers and payloads, read as a driver does, with so many new bytes at a time.
fn read_in_steps(bytes: &[u8], step: usize, key: &Option<HmacKey>) -> Vec<(Header, Vec<u8>)> {
    let mut deframer = lenient(key);
    let mut found = Vec::new();
    let mut buffer = Vec::new();
    for piece in bytes.chunks(step) {
        buffer.extend_from_slice(piece);
        while let Some((len, message)) = deframer.next(&buffer).unwrap() {
            found.push((message.header, message.payload.to_vec()));
            buffer.drain(..len);
        }
    }
    assert!(buffer.is_empty());
    found
}

#[test]
fn an_uncompressed_message_is_borrowed_from_the_input() {
    let frame = conversation("conv_pyro4_48", "annotations").sent_by(Side::Client);
    let (_, message) = Deframer::for_dialect(Dialect::V48).next(&frame).unwrap().unwrap();
    assert!(matches!(message.payload, Cow::Borrowed(_)));
}

#[test]
fn a_flipped_bit_in_a_header_never_passes_for_the_same_message() {
    for (file, dialect) in [("conv_pyro4_48", Dialect::V48), ("conv_pyro5_502", Dialect::V502)] {
        let frame = conversation(file, "connect/serpent").sent_by(Side::Client);
        let (_, original) = lenient(&None).next(&frame).unwrap().unwrap();
        for position in 0..dialect.header_len() {
            let reserved = position == dialect.header_len() - 3 || position == dialect.header_len() - 4;
            let unflagged_id = dialect.is_pyro5() && (20..36).contains(&position);
            for bit in 0..8 {
                let mut flipped = frame.clone();
                flipped[position] ^= 1 << bit;
                let unchanged = match lenient(&None).next(&flipped) {
                    Ok(Some((_, message))) => message.header == original.header && message.payload == original.payload,
                    _ => false,
                };
                assert_eq!(
                    unchanged,
                    reserved || unflagged_id,
                    "{dialect}, byte {position}, bit {bit}"
                );
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_pyro4_is_caught_by_the_checksum_or_before() {
    let frame = conversation("conv_pyro4_48", "connect/serpent").sent_by(Side::Client);
    for position in (0..24).filter(|position| ![12, 13, 20, 21].contains(position)) {
        for mask in 1..=255 {
            let mut flipped = frame.clone();
            flipped[position] ^= mask;
            assert!(
                Deframer::for_dialect(Dialect::V48).next(&flipped).is_err(),
                "byte {position} ^ {mask}"
            );
        }
    }
}

#[test]
fn flipped_bytes_anywhere_in_a_captured_conversation_do_no_harm() {
    for conversation in conversations().iter().step_by(7) {
        for mut stream in conversation.streams() {
            for position in (0..stream.bytes.len().min(400)).step_by(3) {
                stream.bytes[position] ^= 0xff;
                drain(&stream.bytes, &stream.key);
                stream.bytes[position] ^= 0xff;
            }
        }
    }
}

/// Reads until the end or the first error, and touches everything.
fn drain(bytes: &[u8], key: &Option<HmacKey>) -> usize {
    let mut deframer = lenient(key);
    let mut rest = bytes;
    while let Ok(Some((len, message))) = deframer.next(rest) {
        assert_eq!(message.annotations.iter().count(), message.annotations.len());
        rest = &rest[len..];
    }
    assert!(deframer.wanted() <= READ_STEP);
    bytes.len() - rest.len()
}

#[test]
fn an_announced_length_asks_for_small_steps_only() {
    for (dialect, header) in [
        (Dialect::V48, v4_header(0x7fff_ffff, 0)),
        (Dialect::V502, v502_header(u32::MAX, u32::MAX)),
    ] {
        let mut deframer = Deframer::for_dialect(dialect);
        deframer.set_max_message_size(None);
        assert!(deframer.next(&header).unwrap().is_none());
        assert_eq!(deframer.wanted(), READ_STEP);
    }
}

#[test]
fn a_long_message_asks_for_as_much_again_as_has_arrived() {
    let mut frame = v502_header(3 << 20, 0).to_vec();
    let whole = frame.len() + (3 << 20);
    let mut deframer = Deframer::for_dialect(Dialect::V502);
    while let Ok(None) = deframer.next(&frame) {
        let missing = whole - frame.len();
        assert_eq!(deframer.wanted(), missing.min(frame.len().max(READ_STEP)));
        frame.resize(frame.len() + deframer.wanted(), 0);
    }
    assert_eq!(frame.len(), whole);
}

#[test]
fn a_length_beyond_the_limit_is_refused_by_the_header_alone() {
    let error = Deframer::for_dialect(Dialect::V502)
        .next(&v502_header(u32::MAX, u32::MAX))
        .unwrap_err();
    assert_eq!(error.to_string(), "message too large (8589934590, max=1073741824)");
    let error = Deframer::for_dialect(Dialect::V48)
        .next(&v4_header(0x7fff_ffff, 5))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "max message size exceeded (2147483652 where max=1073741824)"
    );
    let error = Deframer::for_dialect(Dialect::V48)
        .next(&v4_header(0x8000_0000, 0))
        .unwrap_err();
    assert_eq!(error.to_string(), "negative buffersize in recv");
}

fn v4_header(payload_len: u32, annotations_len: u16) -> Vec<u8> {
    let fields = [
        48,
        4,
        0,
        0,
        (payload_len >> 16) as u16,
        payload_len as u16,
        1,
        annotations_len,
    ];
    let checksum = fields
        .iter()
        .fold(0x34e9_u16, |sum, field| sum.wrapping_add(*field))
        .wrapping_sub(fields[4]);
    let mut header = b"PYRO".to_vec();
    for field in fields.into_iter().chain([0, checksum]) {
        header.extend_from_slice(&field.to_be_bytes());
    }
    header
}

fn v502_header(payload_len: u32, annotations_len: u32) -> Vec<u8> {
    let mut header = b"PYRO\x01\xf6\x04\x01\0\0\0\0".to_vec();
    header.extend_from_slice(&payload_len.to_be_bytes());
    header.extend_from_slice(&annotations_len.to_be_bytes());
    header.extend_from_slice(&[0; 18]);
    header.extend_from_slice(b"\x4d\xc5");
    header
}

#[test]
fn a_zlib_bomb_is_stopped_at_the_limit() {
    let bomb = zlib(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100 << 10);
    for (dialect, ours) in [(Dialect::V48, Some(1 << 20)), (Dialect::V502, None)] {
        let frame = frame_of(dialect, Flags::COMPRESSED, &bomb);
        let mut deframer = Deframer::for_dialect(dialect);
        // The bomb itself is within the limit, what it becomes is not.
        deframer.set_max_message_size(Some(1 << 20)).set_max_inflated(ours);
        let error = deframer.next(&frame).unwrap_err();
        assert_eq!(*error.kind(), FrameErrorKind::InflatedTooLarge { max: 1 << 20 });
        deframer.set_max_inflated(Some(64 << 20));
        let (_, message) = deframer.next(&frame).unwrap().unwrap();
        assert_eq!(message.payload.len(), 64 << 20);
        assert!(message.payload.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn the_limit_on_inflating_is_exact() {
    for len in [1, 4095, 4096, 4097, 100_000] {
        let content: Vec<u8> = (0..len)
            .map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let frame = frame_of(Dialect::V502, Flags::COMPRESSED, &zlib(&content));
        let mut deframer = Deframer::for_dialect(Dialect::V502);
        let (_, message) = deframer
            .set_max_inflated(Some(u64::from(len)))
            .next(&frame)
            .unwrap()
            .unwrap();
        assert_eq!(*message.payload, content[..]);
        let refused = deframer.set_max_inflated(Some(u64::from(len) - 1)).next(&frame);
        assert!(matches!(
            refused.unwrap_err().kind(),
            FrameErrorKind::InflatedTooLarge { .. }
        ));
    }
}

#[test]
fn a_torn_or_broken_zlib_stream_is_named_as_python_does() {
    let stream = zlib(b"hello hello hello hello");
    for len in 0..stream.len() {
        let frame = frame_of(Dialect::V502, Flags::COMPRESSED, &stream[..len]);
        let error = Deframer::for_dialect(Dialect::V502).next(&frame).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Error -5 while decompressing data: incomplete or truncated stream"
        );
    }
    let mut broken = stream.clone();
    *broken.last_mut().unwrap() ^= 1;
    for (bytes, text) in [
        (&broken[..], "incorrect data check"),
        (b"# serpent", "incorrect header check"),
        (b"x\x9c\xff\xff\xff", "invalid block type"),
    ] {
        let frame = frame_of(Dialect::V48, Flags::COMPRESSED, bytes);
        let error = Deframer::for_dialect(Dialect::V48).next(&frame).unwrap_err();
        assert_eq!(error.to_string(), format!("Error -3 while decompressing data: {text}"));
        assert_eq!(error.skip(), Some(frame.len()));
    }
}

#[test]
fn bytes_behind_a_zlib_stream_are_ignored_as_in_python() {
    let mut stream = zlib(b"hello");
    stream.extend_from_slice(b"extra");
    let frame = frame_of(Dialect::V502, Flags::COMPRESSED, &stream);
    let (_, message) = Deframer::for_dialect(Dialect::V502).next(&frame).unwrap().unwrap();
    assert_eq!(&*message.payload, b"hello");
}

#[test]
fn more_annotations_than_allowed_are_refused() {
    for dialect in Dialect::ALL {
        let mut chunk = b"SAME\0\0\0\0".to_vec();
        chunk.truncate(dialect.chunk_header_len());
        let frame = |count| with_chunks(dialect, &chunk.repeat(count));
        let mut deframer = Deframer::for_dialect(dialect);
        let frame_64 = frame(64);
        let (_, message) = deframer.next(&frame_64).unwrap().unwrap();
        assert_eq!(message.annotations.len(), 64);
        let error = deframer.next(&frame(65)).unwrap_err();
        assert_eq!(
            *error.kind(),
            FrameErrorKind::BadAnnotations(AnnotationFault::TooMany { max: 64 })
        );
        assert!(deframer.set_max_annotations(65).next(&frame(65)).is_ok());
    }
}

#[test]
fn a_chunk_beyond_the_total_is_shorter_in_pyro4_and_refused_in_pyro5() {
    let frame = with_chunks(Dialect::V48, b"LONG\0\x09abc");
    let (_, message) = Deframer::for_dialect(Dialect::V48).next(&frame).unwrap().unwrap();
    let key = AnnotationKey::try_from("LONG").unwrap();
    assert_eq!(message.annotations.get(key), Some(&b"abc"[..]));
    assert_eq!(&*message.payload, b"payload");

    let frame = with_chunks(Dialect::V502, b"LONG\0\0\0\x09abc");
    let error = Deframer::for_dialect(Dialect::V502).next(&frame).unwrap_err();
    assert_eq!(error.to_string(), "annotation chunk length exceeds remaining data");
}

#[test]
fn a_key_that_is_not_ascii_is_refused_in_pythons_words() {
    for (dialect, chunk) in [(Dialect::V48, &b"AB\xffD\0\0"[..]), (Dialect::V502, b"AB\xffD\0\0\0\0")] {
        let error = Deframer::for_dialect(dialect)
            .next(&with_chunks(dialect, chunk))
            .unwrap_err();
        let text = "'ascii' codec can't decode byte 0xff in position 2: ordinal not in range(128)";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn of_a_key_that_comes_twice_the_later_value_holds() {
    let frame = with_chunks(Dialect::V48, b"SAME\0\x01aOTHR\0\0SAME\0\x01b");
    let (_, message) = Deframer::for_dialect(Dialect::V48).next(&frame).unwrap().unwrap();
    assert_eq!(
        message.annotations.get(AnnotationKey::try_from("SAME").unwrap()),
        Some(&b"b"[..])
    );
    assert_eq!(message.annotations.get(AnnotationKey::try_from("NONE").unwrap()), None);
    assert_eq!(message.annotations.len(), 3);
}

#[test]
fn pyro4_never_looks_into_a_ping() {
    let mut frame = frame_of(Dialect::V48, Flags::COMPRESSED, b"not zlib");
    frame[7] = 6;
    frame[23] += 2;
    let (_, message) = Deframer::for_dialect(Dialect::V48).next(&frame).unwrap().unwrap();
    assert_eq!(message.header.kind, MessageKind::PING);
    assert_eq!(&*message.payload, b"not zlib");
}

/// A frame whose flags the builder would not set by itself.
fn frame_of(dialect: Dialect, flags: Flags, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        seq: 3,
        ..Header::new(dialect, MessageKind::INVOKE, SerializerId(1))
    };
    let settings = FrameSettings::default();
    let mut buffer = Vec::new();
    let mut frame = FrameBuilder::begin(&mut buffer, &header, NO_ANNOTATIONS, &settings).unwrap();
    frame.payload().extend_from_slice(payload);
    frame.finish().unwrap();
    buffer[9] |= flags.to_bits(dialect) as u8;
    if !dialect.is_pyro5() {
        let checksum = u16::from_be_bytes([buffer[22], buffer[23]]).wrapping_add(flags.to_bits(dialect));
        buffer[22..24].copy_from_slice(&checksum.to_be_bytes());
    }
    buffer
}

/// A frame with these bytes in the place of the annotations.
fn with_chunks(dialect: Dialect, chunks: &[u8]) -> Vec<u8> {
    let len = chunks.len() as u32;
    let mut frame = if dialect.is_pyro5() {
        v502_header(7, len)
    } else {
        v4_header(7, len as u16)
    };
    if !dialect.is_pyro5() {
        let older = 48 - dialect.version() as u8;
        frame[5] -= older;
        let checksum = u16::from_be_bytes([frame[22], frame[23]]).wrapping_sub(u16::from(older));
        frame[22..24].copy_from_slice(&checksum.to_be_bytes());
    }
    frame.extend_from_slice(chunks);
    frame.extend_from_slice(b"payload");
    frame
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(content.len() + 1024);
    Compress::new(Compression::new(6), true)
        .compress_vec(content, &mut output, FlushCompress::Finish)
        .unwrap();
    output
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), key in any::<bool>()) {
        drain(&bytes, &HmacKey::new(b"k").filter(|_| key));
    }

    #[test]
    fn arbitrary_bytes_behind_a_good_start_do_no_harm(
        version in prop_oneof![Just(46_u16), Just(47), Just(48), Just(502)],
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut frame = b"PYRO".to_vec();
        frame.extend_from_slice(&version.to_be_bytes());
        frame.extend_from_slice(&bytes);
        drain(&frame, &None);
    }

    #[test]
    fn arbitrary_annotation_bytes_do_no_harm(
        pyro5 in any::<bool>(),
        chunks in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'A'), Just(0)], 0..80),
    ) {
        let dialect = if pyro5 { Dialect::V502 } else { Dialect::V48 };
        drain(&with_chunks(dialect, &chunks), &None);
    }
}

#[test]
fn a_message_can_be_measured_and_prepared_before_it_is_read() {
    for_each_message(|conversation, stream, frame, _| {
        let mut deframer = lenient(&stream.key);
        for len in [5, 20, frame.len() - 1] {
            assert!(
                matches!(deframer.measure(&frame[..len]), Ok(None)),
                "{}",
                conversation.place()
            );
            deframer.prepare(&frame[..len]);
        }
        let (measured, header) = deframer.measure(frame).expect("a message").expect("all of it");
        let (length, at_once) = deframer.next(frame).expect("a message").expect("all of it");
        assert_eq!(
            (measured, header.kind, header.seq),
            (length, at_once.header.kind, at_once.header.seq)
        );
        deframer.prepare(frame);
        let (length, prepared) = deframer.next(frame).expect("a message").expect("all of it");
        assert_eq!((measured, prepared.header), (length, at_once.header));
        assert_eq!(prepared.payload, at_once.payload);
    });
}

#[test]
fn what_is_wrong_with_a_message_that_was_prepared_is_told_when_it_is_read() {
    let header = Header::new(Dialect::V48, MessageKind::INVOKE, SerializerId(1));
    let mut bad = Vec::new();
    let settings = FrameSettings::default();
    let mut frame = FrameBuilder::begin(&mut bad, &header, NO_ANNOTATIONS, &settings).expect("a small frame");
    frame.payload().extend_from_slice(b"no zlib stream");
    frame.finish().expect("a small frame");
    // The flag for compression, and the checksum with it.
    bad[9] |= 2;
    let checksum = u16::from_be_bytes([bad[22], bad[23]]).wrapping_add(2);
    bad[22..24].copy_from_slice(&checksum.to_be_bytes());
    let mut deframer = Deframer::for_dialect(Dialect::V48);
    // By its header it is a message like any other.
    assert!(matches!(deframer.measure(&bad), Ok(Some((length, _))) if length == bad.len()));
    let at_once = deframer.next(&bad).expect_err("it cannot be inflated");
    deframer.prepare(&bad);
    let prepared = deframer.next(&bad).expect_err("it cannot be inflated");
    assert_eq!(
        (prepared.to_string(), prepared.skip()),
        (at_once.to_string(), Some(bad.len()))
    );
}
