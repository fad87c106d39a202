//! Messages of clients, as bytes.

use ferropyro::wire::{Flags, FrameBuilder, FrameSettings, Header, MessageKind, NO_ANNOTATIONS, SerializerId};

use ferropyro::Dialect;

pub(crate) const DIALECTS: [Dialect; 2] = [Dialect::V48, Dialect::V502];
pub(crate) const SERPENT: SerializerId = SerializerId(1);

/// What a client says first.
pub(crate) fn hello(dialect: Dialect) -> Vec<u8> {
    let payload = b"# serpent utf-8 python3.2\n{'handshake':'hello','object':'yard'}";
    frame(
        dialect,
        MessageKind::CONNECT,
        0,
        SERPENT,
        Flags::META_ON_CONNECT,
        payload,
    )
}

/// A call of the yard; the arguments as Python writes them: `(1,2)`.
pub(crate) fn invoke(dialect: Dialect, seq: u16, method: &str, args: &str) -> Vec<u8> {
    let payload = format!("# serpent utf-8 python3.2\n('yard','{method}',{args},{{}})");
    frame(
        dialect,
        MessageKind::INVOKE,
        seq,
        SERPENT,
        Flags::NONE,
        payload.as_bytes(),
    )
}

pub(crate) fn ping(dialect: Dialect, seq: u16) -> Vec<u8> {
    frame(dialect, MessageKind::PING, seq, SERPENT, Flags::NONE, b"ping")
}

pub(crate) fn frame(
    dialect: Dialect,
    kind: MessageKind,
    seq: u16,
    serializer: SerializerId,
    flags: Flags,
    payload: &[u8],
) -> Vec<u8> {
    let header = Header {
        seq,
        flags,
        ..Header::new(dialect, kind, serializer)
    };
    let settings = FrameSettings::default();
    let mut out = Vec::new();
    // Both fail only for messages above the limit, which ours are not.
    if let Ok(mut frame) = FrameBuilder::begin(&mut out, &header, NO_ANNOTATIONS, &settings) {
        frame.payload().extend_from_slice(payload);
        let _ = frame.finish();
    }
    out
}
