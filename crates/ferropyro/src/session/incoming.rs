//! A call that has arrived: the driver runs it where and when it sees fit.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ferropyro_wire::Flags;

use super::Runner;
use super::failure::Failure;
use super::oneway::Oneway;
use super::request::Request;
use super::server::{ServerSession, Step};
use crate::arguments::HeadPlace;
use crate::context::Context;
use crate::daemon::core::Core;
use crate::daemon::registry::SessionObjects;
use crate::object::Sink;
use crate::serializer::Codec;

/// A context with more bytes of annotations is not kept while the connection is idle.
const CONTEXT_KEEP: usize = 64 << 10;

/// A call that waits to be run.
pub(crate) struct Incoming<'a> {
    session: &'a mut ServerSession,
    codec: Codec,
    context: Context,
    payload: Cow<'a, [u8]>,
    head: HeadPlace,
    /// The bytes of its message, which are to be dropped afterwards.
    length: usize,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(
        session: &'a mut ServerSession,
        codec: Codec,
        context: Context,
        payload: Cow<'a, [u8]>,
        length: usize,
    ) -> Incoming<'a> {
        let head = match context.flags().contains(Flags::KEEPSERIALIZED) {
            true => HeadPlace::default(),
            false => HeadPlace::find(&codec, &payload),
        };
        Incoming {
            session,
            codec,
            context,
            payload,
            head,
            length,
        }
    }

    /// Whether it is one of an async method, which is to be awaited with [`Incoming::run_async`].
    pub(crate) fn is_asynchronous(&self) -> bool {
        self.request().is_asynchronous(&self.session.objects)
    }

    /// Whether it is one of a method that answers at once.
    pub(crate) fn is_quick(&self) -> bool {
        self.request().is_quick(&self.session.objects)
    }

    /// Whether an instance of a class is to be made for it, which is the program's own code: see [`Detached::prepare`].
    pub(crate) fn needs_instance(&self) -> bool {
        self.request().needs_instance(&self.session.objects)
    }

    fn request(&self) -> Request<'_> {
        Request {
            core: &self.session.core,
            codec: self.codec,
            context: &self.context,
            payload: &self.payload,
            head: self.head,
        }
    }

    /// Runs the call in this thread.
    pub(crate) fn run(self, runner: &impl Runner) -> Step {
        let ServerSession { core, objects, out, .. } = &mut *self.session;
        let request = Request {
            core,
            codec: self.codec,
            context: &self.context,
            payload: &self.payload,
            head: self.head,
        };
        let goes_on = request.run(objects, out, runner);
        self.session.call_ended(self.context, self.length, goes_on)
    }

    /// Runs the call of an async method.
    pub(crate) async fn run_async(self, runner: &impl Runner) -> Step {
        let ServerSession { core, objects, out, .. } = &mut *self.session;
        let request = Request {
            core,
            codec: self.codec,
            context: &self.context,
            payload: &self.payload,
            head: self.head,
        };
        let goes_on = request.run_async(objects, out, runner).await;
        self.session.call_ended(self.context, self.length, goes_on)
    }

    /// What is needed to run the call in another thread. The session gets it back with [`ServerSession::attach`], and is of no use until then.
    pub(crate) fn detach(self) -> Detached {
        let payload = match self.payload {
            Cow::Borrowed(bytes) => Place::InFrame(self.length - bytes.len()..self.length),
            Cow::Owned(bytes) => Place::Apart(bytes),
        };
        Detached {
            core: Arc::clone(&self.session.core),
            codec: self.codec,
            context: self.context,
            objects: std::mem::take(&mut self.session.objects),
            out: std::mem::take(&mut self.session.out),
            payload,
            head: self.head,
            length: self.length,
            goes_on: false,
        }
    }
}

impl ServerSession {
    /// Takes back what a call was run with elsewhere.
    pub(crate) fn attach(&mut self, call: Detached) -> Step {
        self.objects = call.objects;
        self.out = call.out;
        self.call_ended(call.context, call.length, call.goes_on)
    }

    fn call_ended(&mut self, context: Context, length: usize, goes_on: bool) -> Step {
        if context.annotations().size() <= CONTEXT_KEEP {
            self.context = Some(context);
        }
        match goes_on {
            true => Step::Continue(length),
            false => Step::Close,
        }
    }
}

/// A call apart from its session, on its way to another thread and back.
pub(crate) struct Detached {
    core: Arc<Core>,
    codec: Codec,
    context: Context,
    objects: SessionObjects,
    out: Vec<u8>,
    payload: Place,
    head: HeadPlace,
    length: usize,
    goes_on: bool,
}

/// Where the payload is.
enum Place {
    InFrame(Range<usize>),
    Apart(Vec<u8>),
}

impl Detached {
    /// Runs the call in this thread. The input is what its session was shown.
    pub(crate) fn run(&mut self, input: &[u8], runner: &impl Runner) {
        let (request, objects, out) = self.parts(input);
        self.goes_on = request.run(objects, out, runner);
    }

    /// Finds the object in this thread, or makes it, so that [`Detached::run_async`] has it.
    pub(crate) fn prepare(&mut self, input: &[u8]) {
        let (request, objects, _) = self.parts(input);
        request.prepare(objects);
    }

    /// Runs the call of an async method. The input is what its session was shown.
    pub(crate) async fn run_async(&mut self, input: &[u8], runner: &impl Runner) {
        let (request, objects, out) = self.parts(input);
        self.goes_on = request.run_async(objects, out, runner).await;
    }

    fn parts<'d>(&'d mut self, input: &'d [u8]) -> (Request<'d>, &'d mut SessionObjects, &'d mut Vec<u8>) {
        let payload = match &self.payload {
            Place::InFrame(range) => input.get(range.clone()).unwrap_or_default(),
            Place::Apart(bytes) => bytes,
        };
        let request = Request {
            core: &self.core,
            codec: self.codec,
            context: &self.context,
            payload,
            head: self.head,
        };
        (request, &mut self.objects, &mut self.out)
    }
}

impl Request<'_> {
    /// Runs the call, and answers it unless it is oneway. False when the connection is to end after that.
    fn run(&self, objects: &mut SessionObjects, out: &mut Vec<u8>, runner: &impl Runner) -> bool {
        if !self.is_oneway() {
            return self.answer(objects, out);
        }
        let result = match self.runs_apart() {
            true => self.oneway(objects).map(|oneway| {
                if let Err(oneway) = runner.run_apart(oneway) {
                    oneway.run();
                }
            }),
            false => self.perform(objects, Sink::Nowhere),
        };
        self.end_oneway(result)
    }

    /// The same for an async method.
    async fn run_async(&self, objects: &mut SessionObjects, out: &mut Vec<u8>, runner: &impl Runner) -> bool {
        if !self.is_oneway() {
            return self.answer_async(objects, out).await;
        }
        let result = match self.runs_apart() {
            true => match self.oneway(objects).map(|oneway| runner.run_apart(oneway)) {
                Ok(Err(oneway)) => {
                    oneway.run_async().await;
                    Ok(())
                }
                Ok(Ok(())) => Ok(()),
                Err(failure) => Err(failure),
            },
            false => self.perform_async(objects, Sink::Nowhere).await,
        };
        self.end_oneway(result)
    }

    /// Nobody waits for the failure of a oneway call, so its connection goes on.
    fn end_oneway(&self, result: Result<(), Failure>) -> bool {
        if let Err(failure) = result {
            failure.report(self.core, self.context);
        }
        true
    }

    fn is_oneway(&self) -> bool {
        self.context.flags().contains(Flags::ONEWAY)
    }

    /// The call with all it needs. Its object is found here, and perhaps made, as the connection keeps it.
    fn oneway(&self, objects: &mut SessionObjects) -> Result<Oneway, Failure> {
        let head = self.head()?;
        let _entered = self.context.enter();
        let object = self.find(objects, &head)?;
        Ok(Oneway {
            core: Arc::clone(self.core),
            codec: self.codec,
            context: self.context.clone(),
            payload: self.payload.to_vec(),
            object,
        })
    }
}
