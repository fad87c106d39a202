//! What the program wants to be asked and told on the client's side.

use std::fmt;
use std::sync::Arc;

use ferropyro_formats::Value;
use ferropyro_wire::{Annotations, MessageKind};

use super::Proxy;
use crate::Result;
use crate::context::{AnnotationList, Luggage};

type GiveAnnotations = dyn Fn() -> AnnotationList + Send + Sync;
type ReadAnnotations = dyn Fn(&Annotations<'_>, MessageKind) + Send + Sync;
type JudgeAnswer = dyn Fn(&Value) -> Result<()> + Send + Sync;
type Reconnected = dyn Fn(&Proxy) -> Result<()> + Send + Sync;

/// The hooks of a proxy; without one things go their usual way.
#[derive(Default, Clone)]
pub(super) struct Hooks {
    /// Gives annotations for a message that goes out.
    pub(super) annotations: Option<Arc<GiveAnnotations>>,
    /// Is shown the annotations of an answer.
    pub(super) response_annotations: Option<Arc<ReadAnnotations>>,
    /// Judges what the server's handshake answered.
    pub(super) validate_handshake: Option<Arc<JudgeAnswer>>,
    /// Is given a proxy with the new connection, when that is not the first one.
    pub(super) on_reconnect: Option<Arc<Reconnected>>,
}

impl Hooks {
    /// The annotations of a message: those of the call, and those that the program adds to every message. Where a key comes twice the later one
    /// holds, that of the hook.
    pub(super) fn with_annotations<T>(&self, luggage: &Luggage, write: impl FnOnce(&AnnotationList) -> T) -> T {
        match &self.annotations {
            None => write(&luggage.annotations),
            Some(hook) => {
                let mut all = luggage.annotations.clone();
                all.extend(hook().into_iter().filter(|(key, _)| !key.is_reserved()));
                write(&all)
            }
        }
    }

    pub(super) fn show_annotations(&self, annotations: &Annotations<'_>, kind: MessageKind) {
        if let Some(hook) = &self.response_annotations
            && !annotations.is_empty()
        {
            hook(annotations, kind);
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}
