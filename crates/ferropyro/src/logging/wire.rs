//! Messages in the log (setting `LOGWIRE`), described as Pyro does.

use std::fmt;

use ferropyro_wire::{Deframer, HmacKey, Message};

/// How many bytes of a payload go into a line.
const MOST_BYTES: usize = 1000;

/// A message, for the log.
pub(crate) struct WireData<'m>(pub(crate) &'m Message<'m>);

impl fmt::Display for WireData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message {
            header,
            annotations,
            payload,
        } = self.0;
        let shown = payload.get(..MOST_BYTES).unwrap_or(payload);
        write!(
            f,
            "msgtype={} flags=0x{:x} ser={} seq={} num_annotations={} corr_id={} data=b\"{}\"",
            header.kind.0,
            header.flags.to_bits(header.dialect),
            header.serializer.0,
            header.seq,
            annotations.iter().count(),
            header.correlation_id.unwrap_or_default(),
            // Within double quotes the others need no backslash.
            shown.escape_ascii().to_string().replace("\\'", "'")
        )?;
        match payload.len() > MOST_BYTES {
            true => write!(f, "... ({} bytes)", payload.len()),
            false => Ok(()),
        }
    }
}

/// Shows the messages that are about to be sent, one after the other.
pub(crate) fn each_message(mut frames: &[u8], key: Option<HmacKey>, mut show: impl FnMut(&WireData<'_>)) {
    let mut deframer = Deframer::for_dialects(&[]);
    deframer
        .set_hmac_key(key)
        .set_max_message_size(None)
        .set_max_annotations(usize::MAX);
    while let Ok(Some((length, message))) = deframer.next(frames) {
        show(&WireData(&message));
        frames = frames.get(length..).unwrap_or_default();
    }
}
