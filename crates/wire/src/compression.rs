//! Payloads as zlib streams: when to compress, and inflating under a limit.

use flate2::{Compress, Compression, Decompress, DecompressError, FlushCompress, FlushDecompress, Status};

use crate::error::FrameErrorKind;
use crate::{Flags, Header, MessageKind};

const FIRST_STEP: usize = 4 << 10;
const LARGEST_STEP: usize = 16 << 20;
/// zlib counts with 32 bits, so long input is handed over in pieces.
const LARGEST_INPUT: usize = 1 << 30;

/// The zlib stream of a payload, where Pyro would compress a message like this one and it gets shorter by it.
pub(crate) fn compress(header: &Header, payload: &[u8]) -> Option<Vec<u8>> {
    let level = level(header, payload.len())?;
    let mut compressor = Compress::new(level, true);
    let mut output = Vec::with_capacity(payload.len() - 1);
    loop {
        let done = usize::try_from(compressor.total_in()).ok()?;
        let rest = payload.get(done..)?;
        let piece = &rest[..rest.len().min(LARGEST_INPUT)];
        let flush = if piece.len() == rest.len() {
            FlushCompress::Finish
        } else {
            FlushCompress::None
        };
        let before = (compressor.total_in(), output.len());
        let status = compressor.compress_vec(piece, &mut output, flush).ok()?;
        let stuck = (compressor.total_in(), output.len()) == before;
        match status {
            Status::StreamEnd => return (output.len() < payload.len()).then_some(output),
            _ if output.len() >= payload.len() - 1 || stuck => return None,
            _ => {}
        }
    }
}

/// The level for such a message, or `None` when Pyro does not compress it.
fn level(header: &Header, payload_len: usize) -> Option<Compression> {
    if header.dialect.is_pyro5() {
        return (payload_len > 100).then(|| Compression::new(4));
    }
    let exempt = match header.kind {
        MessageKind::RESULT => header.flags.contains(Flags::EXCEPTION),
        kind => ![MessageKind::CONNECT, MessageKind::CONNECTOK, MessageKind::INVOKE].contains(&kind),
    };
    (payload_len >= 200 && !exempt).then(|| Compression::new(6))
}

/// Inflates one payload after the other, keeping zlib's tables in between.
#[derive(Debug, Default)]
pub(crate) struct Inflater(Option<Decompress>);

impl Inflater {
    /// Inflates a whole zlib stream. What follows its end is ignored, as Python does. The memory grows with what comes
    /// out, and never much beyond `max` bytes.
    pub(crate) fn inflate(&mut self, input: &[u8], max: u64) -> Result<Vec<u8>, FrameErrorKind> {
        let state = self.0.get_or_insert_with(|| Decompress::new(true));
        state.reset(true);
        let mut output = Vec::new();
        let mut rest = input;
        loop {
            reserve_step(&mut output, max);
            let piece = &rest[..rest.len().min(LARGEST_INPUT)];
            let before = (state.total_in(), output.len());
            let status = state
                .decompress_vec(piece, &mut output, FlushDecompress::None)
                .map_err(bad_stream)?;
            if output.len() as u64 > max {
                return Err(FrameErrorKind::InflatedTooLarge { max });
            }
            if status == Status::StreamEnd {
                return Ok(output);
            }
            if (state.total_in(), output.len()) == before {
                return Err(truncated());
            }
            let taken = usize::try_from(state.total_in() - before.0).unwrap_or(piece.len());
            rest = rest.get(taken..).unwrap_or_default();
        }
    }
}

/// Makes room for the next piece of output: at least one byte, and at most one beyond the limit, which is enough to
/// see it crossed.
fn reserve_step(output: &mut Vec<u8>, max: u64) {
    let step = output.len().clamp(FIRST_STEP, LARGEST_STEP) as u64;
    let left = max.saturating_add(1).saturating_sub(output.len() as u64);
    let room = step.min(left).max(1) as usize;
    if output.spare_capacity_mut().is_empty() {
        output.reserve_exact(room);
    }
}

fn bad_stream(error: DecompressError) -> FrameErrorKind {
    let text = match (error.message(), error.needs_dictionary()) {
        (_, Some(_)) => "Error 2 while decompressing data".to_owned(),
        (Some(detail), None) => format!("Error -3 while decompressing data: {detail}"),
        (None, None) => "Error -3 while decompressing data: invalid input data".to_owned(),
    };
    FrameErrorKind::BadCompression(text)
}

fn truncated() -> FrameErrorKind {
    FrameErrorKind::BadCompression("Error -5 while decompressing data: incomplete or truncated stream".to_owned())
}
