//! What the program wants to be asked and told on the client's side.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ferropyro_formats::Value;
use ferropyro_wire::{Annotations, MessageKind};

use super::Proxy;
use crate::context::{AnnotationList, Luggage};
use crate::object::BoxFuture;
use crate::tls::Certificate;
use crate::transport::interrupt;
use crate::{Result, aio};

type GiveAnnotations = dyn Fn() -> Result<AnnotationList> + Send + Sync;
type ReadAnnotations = dyn Fn(&Annotations<'_>, MessageKind) -> Result<()> + Send + Sync;
type JudgeAnswer = dyn Fn(&Value) -> Result<()> + Send + Sync;
type JudgeCertificate = dyn Fn(&Certificate) -> Result<()> + Send + Sync;
type AroundWaits = dyn Fn(&mut dyn FnMut()) + Send + Sync;
type Reconnected = dyn Fn(&Proxy) -> Result<()> + Send + Sync;
type ReconnectedAsync = dyn Fn(aio::Proxy) -> BoxFuture<'static, Result<()>> + Send + Sync;

/// The hooks of a proxy; without one things go their usual way.
#[derive(Default, Clone)]
pub(crate) struct Hooks {
    /// Gives annotations for a message that goes out.
    pub(crate) annotations: Option<Arc<GiveAnnotations>>,
    /// Is shown the annotations of an answer.
    pub(crate) response_annotations: Option<Arc<ReadAnnotations>>,
    /// Judges what the server's handshake answered.
    pub(crate) validate_handshake: Option<Arc<JudgeAnswer>>,
    /// Judges the certificate of a server.
    pub(super) validate_certificate: Option<Arc<JudgeCertificate>>,
    /// Runs what waits.
    pub(super) around_waits: Option<Arc<AroundWaits>>,
    /// Is asked whether a wait is to end that a signal has interrupted.
    pub(super) on_interrupt: Option<Arc<interrupt::Ask>>,
    /// Is given a proxy with the new connection, when that is not the first one.
    pub(crate) on_reconnect: Option<Arc<Reconnected>>,
    /// The same for async proxies.
    pub(crate) on_reconnect_async: Option<Arc<ReconnectedAsync>>,
}

impl Hooks {
    /// The annotations of a message: those of the call, and those that the program adds to every message. Where a key comes twice the later one
    /// holds, that of the hook.
    #[inline]
    pub(crate) fn annotations<'l>(&self, luggage: &'l Luggage) -> Result<Cow<'l, AnnotationList>> {
        let mut annotations = Cow::Borrowed(&luggage.annotations);
        if let Some(hook) = &self.annotations {
            let added = hook()?.into_iter().filter(|(key, _)| !key.is_reserved());
            annotations.to_mut().extend(added);
        }
        Ok(annotations)
    }

    /// Does something that waits for the other side, or for another thread.
    #[inline]
    pub(crate) fn wait<T>(&self, act: impl FnOnce() -> T) -> T {
        let _interruptible = self.on_interrupt.as_ref().map(interrupt::Interruptible::by);
        let Some(hook) = &self.around_waits else { return act() };
        let mut act = Some(act);
        let mut result = None;
        let mut run = || {
            if let Some(act) = act.take() {
                result = Some(act());
            }
        };
        hook(&mut run);
        // Whatever the hook has done.
        run();
        result.expect("it has run, or a panic is on its way")
    }

    pub(crate) fn show_annotations(&self, annotations: &Annotations<'_>, kind: MessageKind) -> Result<()> {
        match &self.response_annotations {
            Some(hook) if !annotations.is_empty() => hook(annotations, kind),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}
