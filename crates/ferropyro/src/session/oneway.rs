//! Oneway calls: nobody waits for them, not even their connection.

use std::sync::Arc;

use super::member::is_asynchronous;
use super::request::Request;
use crate::arguments::HeadPlace;
use crate::context::Context;
use crate::daemon::core::Core;
use crate::object::{Object, Sink};
use crate::serializer::Codec;
use crate::session::failure::Failure;

/// A oneway call that has all it needs to run anywhere.
pub(crate) struct Oneway {
    pub(super) core: Arc<Core>,
    pub(super) codec: Codec,
    pub(super) context: Context,
    pub(super) payload: Vec<u8>,
    pub(super) object: Arc<dyn Object>,
}

impl Oneway {
    /// The bytes of its arguments and annotations.
    pub(crate) fn size(&self) -> usize {
        self.payload.len() + self.context.annotations().size()
    }

    /// Whether it is one of an async method, for [`Oneway::run_async`].
    pub(crate) fn is_asynchronous(&self) -> bool {
        let head = self.request().head();
        head.is_ok_and(|head| is_asynchronous(self.object.members(), &head.method))
    }

    pub(crate) fn run(&self) {
        let request = self.request();
        let _entered = self.context.enter();
        let head = request.head();
        self.end(head.and_then(|head| request.call(&*self.object, &head, Sink::Nowhere)));
    }

    pub(crate) async fn run_async(&self) {
        let request = self.request();
        let result = match request.head() {
            Ok(head) => request.call_async(&*self.object, &head, Sink::Nowhere).await,
            Err(failure) => Err(failure),
        };
        self.end(result);
    }

    fn request(&self) -> Request<'_> {
        Request {
            core: &self.core,
            codec: self.codec,
            context: &self.context,
            payload: &self.payload,
            head: HeadPlace::default(),
        }
    }

    fn end(&self, result: Result<(), Failure>) {
        if let Err(failure) = result {
            failure.report(&self.core, &self.context);
        }
    }
}
