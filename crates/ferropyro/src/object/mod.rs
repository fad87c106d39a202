//! Objects that can be called: the trait, and one call as an object sees it.

pub(crate) mod answer;
pub(crate) mod members;

use std::pin::Pin;

use ferropyro_formats::{self as formats, Dict, Exception, Value};
use ferropyro_wire::{AnnotationKey, Dialect, Flags, FrameBuilder, Header, MessageKind};
use serde::Serialize;

use crate::arguments::{self, Parameters, Signature, Source};
use crate::classes::class_names;
use crate::context::{AnnotationList, Context};
use crate::daemon::core::Core;
use crate::error::{Raise, TRACEBACK};
use crate::object::answer::{Answer, ItemStream};
use crate::object::members::{Members, Method, Param};
use crate::serializer::{Codec, Writing};
use crate::{ErrorKind, Serializer};

/// An object that other programs can call once a [`Daemon`](crate::Daemon) has it.
///
/// Usually [`expose`](crate::expose) writes this impl. By hand it looks like this, and that is all that `expose` writes:
///
/// ```
/// use ferropyro::{Call, Members, Method, Object, Param, Raise, Reply};
///
/// struct Adder;
///
/// static MEMBERS: Members = Members::new(
///     "Adder",
///     const { &[Method::new("add", const { &[Param::required("a"), Param::required("b")] })] },
/// );
///
/// impl Object for Adder {
///     fn members(&self) -> &Members {
///         &MEMBERS
///     }
///
///     fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
///         match call.method() {
///             "add" => {
///                 let (a, b) = call.args::<(i64, i64)>()?;
///                 call.reply(&(a + b))
///             }
///             _ => call.refuse(),
///         }
///     }
/// }
/// ```
pub trait Object: Send + Sync + 'static {
    /// What is exposed. The daemon lets only these names through, and tells clients about them.
    fn members(&self) -> &Members;

    /// Runs the method that the call names, and answers.
    ///
    /// # Errors
    /// The exception that the caller shall see.
    fn call(&self, call: Call<'_>) -> Result<Reply, Raise>;

    /// Runs a method that is declared [asynchronous](Method::asynchronous), and answers. The event-loop server awaits it among its connections, so it must
    /// not block; the thread server awaits it in the thread of the connection, in a tokio runtime in both cases. The call's
    /// context is [current](crate::context::current) whenever the future is polled.
    ///
    /// # Errors
    /// The exception that the caller shall see.
    fn call_async<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply, Raise>> {
        let result = self.call(call);
        Box::pin(std::future::ready(result))
    }

    /// Whether this object makes the calls of batches that are written in this serializer by itself, with [`Object::call_batch`]. For bindings to other languages, which have readers and
    /// writers of their own.
    fn takes_batches(&self, _serializer: Serializer) -> bool {
        false
    }

    /// Makes the calls of the batch in [`Call::payload`], up to the first one that fails, and answers with the list of their results in [`Call::reply_written`]. It is asked only where
    /// [`Object::takes_batches`]. Which names may be called is for [`Members::find`] to say, and how many for the setting MAX_BATCH_CALLS.
    ///
    /// # Errors
    /// What is wrong with the batch as a whole.
    fn call_batch(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.refuse()
    }

    /// Answers with the value of the attribute that the call names.
    ///
    /// # Errors
    /// The exception that the caller shall see; there are no attributes unless this is written.
    fn get_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.refuse()
    }

    /// Sets the attribute that the call names to [`Call::value`], and answers with `()`.
    ///
    /// # Errors
    /// The exception that the caller shall see; there are no attributes unless this is written.
    fn set_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.refuse()
    }
}

/// What an async method of a trait object gives: a future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A class whose instances the daemon makes itself, when clients need them: see [`Daemon::register_class`](crate::Daemon::register_class).
///
/// [`expose`](crate::expose) writes this impl too.
pub trait Class: Object + Sized {
    /// What instances expose.
    fn class_members() -> &'static Members;
}

/// One call of an object: its arguments, what is known about the caller, and the way to answer.
#[derive(Debug)]
pub struct Call<'a> {
    pub(crate) class: &'a str,
    pub(crate) member: &'a str,
    pub(crate) params: &'a [Param],
    pub(crate) source: Source<'a>,
    pub(crate) context: &'a Context,
    pub(crate) sink: Sink<'a>,
}

/// Proof that a call was answered. Made by [`Call::reply`].
#[derive(Debug)]
pub struct Reply(());

/// Where the answer goes.
#[derive(Debug)]
pub(crate) enum Sink<'a> {
    /// Straight into the frame of a RESULT message.
    Frame(Frame<'a>),
    /// Into the list of a batch's results.
    Value(&'a mut Value),
    /// Nowhere: nobody waits for it.
    Nowhere,
}

/// How to write the RESULT message.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) codec: Codec,
    pub(crate) core: &'a Core,
}

impl<'a> Call<'a> {
    /// The name of the method, or of the attribute.
    pub fn method(&self) -> &'a str {
        self.member
    }

    /// What is known about the caller and the request.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// The arguments as the types of the parameters, all of which must be given: `call.args::<(i64, String)>()?`.
    ///
    /// # Errors
    /// Python's `TypeError` when they do not fit, with the names of the parameters in [`Members`].
    pub fn args<P: Parameters<'a>>(&self) -> Result<P, Raise> {
        let slots = self.given_args::<P>()?;
        P::complete(slots).ok_or_else(|| Raise::new("TypeError", format!("{}() lacks an argument", self.member)))
    }

    /// As [`Call::args`], for methods with optional parameters: each part is `None` where the call gave none.
    ///
    /// # Errors
    /// As for [`Call::args`]. Required parameters are never `None`.
    pub fn given_args<P: Parameters<'a>>(&self) -> Result<P::Slots, Raise> {
        let signature = Signature {
            class: self.class,
            method: self.member,
            params: self.params,
        };
        arguments::read::<P>(self.source, &signature)
    }

    /// All arguments as values, whatever they are: positional ones and keyword ones.
    ///
    /// # Errors
    /// `SerializeError` when the message cannot be decoded.
    pub fn values(&self) -> Result<(Vec<Value>, Dict), Raise> {
        arguments::read_values(self.source)
    }

    /// All arguments as a type that takes whatever there is, as [`Value`] does: the positional ones, a tuple or a list, and the keyword ones, a dict. `None` where the
    /// caller has sent none.
    ///
    /// # Errors
    /// `SerializeError` when the message cannot be decoded, or not into that type.
    pub fn whole_args<T: serde::Deserialize<'a>>(&self) -> Result<(Option<T>, Option<T>), Raise> {
        arguments::read_whole(self.source)
    }

    /// The message as it has arrived, and the serializer that it is written in; `None` for a part of a batch. For bindings to other languages, which have readers of their own.
    pub fn payload(&self) -> Option<(Serializer, &'a [u8])> {
        match self.source {
            Source::Payload(codec, payload) => Some((codec.serializer, payload)),
            _ => None,
        }
    }

    /// Answers with a result that is written already, in the [serializer](Context::serializer) of the request.
    ///
    /// # Errors
    /// `TypeError` in a batch, whose results are written together; `ProtocolError` when no message can carry it.
    pub fn reply_written(self, result: &[u8]) -> Result<Reply, Raise> {
        self.reply_by(|message| {
            message.extend_from_slice(result);
            Ok(())
        })
    }

    /// As [`Call::reply_written`], with a result that is written now: `write` adds it to the message, and leaves what stands there already. It is not asked for the result of a
    /// oneway call.
    ///
    /// # Errors
    /// Those of `write`, and of [`Call::reply_written`].
    pub fn reply_by(self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Raise>) -> Result<Reply, Raise> {
        match self.sink {
            Sink::Frame(frame) => frame.write_payload(self.context, write)?,
            Sink::Value(_) => return Err(Raise::new("TypeError", "a batch's results are written together")),
            Sink::Nowhere => {}
        }
        Ok(Reply(()))
    }

    /// The new value of the attribute in [`Object::set_attribute`].
    ///
    /// # Errors
    /// `TypeError` when it is of another type.
    pub fn value<T: serde::Deserialize<'a>>(&self) -> Result<T, Raise> {
        const PARAMS: [Param; 2] = [Param::required("name"), Param::required("value")];
        let signature = Signature {
            class: self.class,
            method: self.member,
            params: &PARAMS,
        };
        let (_, value) = arguments::read::<(serde::de::IgnoredAny, T)>(self.source, &signature)?;
        value.ok_or_else(|| Raise::new("TypeError", "__setattr__ takes a name and a value"))
    }

    /// Answers with this result.
    ///
    /// # Errors
    /// `TypeError` or `ValueError` when the caller's serializer cannot carry it.
    #[inline]
    pub fn reply<T: Serialize + ?Sized>(self, result: &T) -> Result<Reply, Raise> {
        match self.sink {
            Sink::Frame(frame) => frame.write(self.context, result)?,
            Sink::Value(place) => {
                let _writing = Writing::for_dialect(self.context.dialect());
                *place = formats::to_value(result).map_err(|error| cannot_carry(&error))?;
            }
            Sink::Nowhere => {}
        }
        Ok(Reply(()))
    }

    /// Answers with this result: a value, as [`Call::reply`] does, or an [`ItemStream`].
    ///
    /// # Errors
    /// As for [`Call::reply`]; `RuntimeError` when the caller has too many streams open.
    #[inline]
    pub fn answer(self, result: impl Answer) -> Result<Reply, Raise> {
        result.answer(self)
    }

    pub(crate) fn stream(self, stream: ItemStream) -> Result<Reply, Raise> {
        match self.sink {
            Sink::Frame(frame) => {
                let origin = format!("{}.{}", self.class, self.member);
                frame.announce(self.context, stream, origin)?;
            }
            Sink::Value(_) => {
                let text = format!(
                    "{}() gives an iterator, which cannot be part of a batch's results",
                    self.member
                );
                return Err(Raise::new("TypeError", text));
            }
            Sink::Nowhere => {}
        }
        Ok(Reply(()))
    }

    /// Raises the `AttributeError` of a member that there is not.
    ///
    /// # Errors
    /// Always.
    pub fn refuse(&self) -> Result<Reply, Raise> {
        Err(no_attribute(self.class, self.member))
    }

    /// Raises the `RuntimeError` of an [asynchronous](Method::asynchronous) method that has come to [`Object::call`]. The server never does that; an object
    /// that hands its calls on to another one does, when it hands on nothing but `call`.
    ///
    /// # Errors
    /// Always.
    pub fn refuse_sync(&self) -> Result<Reply, Raise> {
        let text = format!(
            "{}.{}() is an async method: it runs in Object::call_async, not in Object::call",
            self.class, self.member
        );
        Err(Raise::new("RuntimeError", text))
    }
}

/// Python's text for a name that an object lacks.
pub(crate) fn no_attribute(class: &str, name: &str) -> Raise {
    Raise::new("AttributeError", format!("'{class}' object has no attribute '{name}'"))
}

impl Frame<'_> {
    fn write<T: Serialize + ?Sized>(self, context: &Context, result: &T) -> Result<(), Raise> {
        let header = reply_header(&self.codec, context);
        let annotations = self.core.answer_annotations(context);
        self.write_with(&header, annotations, result)
    }

    /// Tells the caller that it has to ask for items, and by which id; without one it cannot.
    fn announce(self, context: &Context, stream: ItemStream, origin: String) -> Result<(), Raise> {
        let core = self.core;
        // Clients of the old protocols have no item streams.
        let id = match core.config.iter_streaming && !context.dialect().server_speaks_first() {
            true => Some(core.streams.open(stream.into_source(), context.connection(), origin)?),
            false => None,
        };
        let mut annotations = core.answer_annotations(context);
        annotations.extend(id.iter().map(|id| (AnnotationKey::STRM, id.clone().into_bytes())));
        let header = Header {
            flags: Flags::EXCEPTION | Flags::ITEMSTREAMRESULT,
            ..reply_header(&self.codec, context)
        };
        let announcement = Exception::new(ErrorKind::Protocol.class(), "result of call is an iterator");
        let written = self.write_with(&header, annotations, &announcement.attribute(TRACEBACK, Value::None));
        if let (Err(_), Some(id)) = (&written, id) {
            core.streams.close(&id);
        }
        written
    }

    fn write_payload(
        self,
        context: &Context,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Raise>,
    ) -> Result<(), Raise> {
        let header = reply_header(&self.codec, context);
        let annotations = self.core.answer_annotations(context);
        let mut frame = FrameBuilder::begin(self.out, &header, annotations, &self.core.frame_settings)
            .map_err(|error| Raise::from(crate::Error::from(error)))?;
        write(frame.payload())?;
        frame.finish().map_err(|error| Raise::from(crate::Error::from(error)))?;
        Ok(())
    }

    fn write_with<T: Serialize + ?Sized>(
        self,
        header: &Header,
        annotations: AnnotationList,
        result: &T,
    ) -> Result<(), Raise> {
        let mut frame = FrameBuilder::begin(self.out, header, annotations, &self.core.frame_settings)
            .map_err(|error| Raise::from(crate::Error::from(error)))?;
        self.codec
            .append(frame.payload(), result)
            .map_err(|error| cannot_carry(&error))?;
        frame.finish().map_err(|error| Raise::from(crate::Error::from(error)))?;
        Ok(())
    }
}

/// The header of the RESULT message that answers a request.
pub(crate) fn reply_header(codec: &Codec, context: &Context) -> Header {
    Header {
        seq: context.seq(),
        correlation_id: Some(context.correlation_id()),
        flags: if context.flags().contains(Flags::BATCH) {
            Flags::BATCH
        } else {
            Flags::NONE
        },
        ..Header::new(codec.dialect, MessageKind::RESULT, codec.id())
    }
}

/// The exception for a result that the serializer does not take. Not a SerializeError: that would cost the caller its connection.
pub(crate) fn cannot_carry(error: &formats::Error) -> Raise {
    let class = if error.kind() == formats::ErrorKind::Limit {
        "ValueError"
    } else {
        "TypeError"
    };
    Raise::new(class, error.to_string())
}

/// What a member name leads to.
pub(crate) enum Member<'m> {
    Method(&'m Method),
    Missing(Raise),
}

/// The method of this name, or the exception that Pyro raises in its place.
pub(crate) fn find_method<'m>(members: &'m Members, name: &str) -> Member<'m> {
    if let Some(method) = members.method(name) {
        return Member::Method(method);
    }
    let attribute_error = |text: String| Member::Missing(Raise::new("AttributeError", text));
    if crate::object::members::is_private(name) {
        return attribute_error(format!("attempt to access private attribute '{name}'"));
    }
    if members.unexposed.iter().any(|unexposed| unexposed == name) || members.attribute(name).is_some() {
        return attribute_error(format!("attempt to access unexposed attribute '{name}'"));
    }
    Member::Missing(no_attribute(&members.class, name))
}

/// Python's traceback of an exception that Rust code raised: there are no Python frames to show, but the method.
pub(crate) fn traceback(raise: &Raise, class: &str, method: &str, dialect: Dialect) -> Vec<Value> {
    let text = raise.0.text();
    let colon = if text.is_empty() { "" } else { ": " };
    let raised = class_names(dialect)(&raise.0.class);
    let name = raised.strip_prefix("builtins.").unwrap_or(&raised);
    vec![
        Value::from("Traceback (most recent call last):\n"),
        Value::from(format!("  File \"<rust>\", in {class}.{method}\n")),
        Value::from(format!("{name}{colon}{text}\n")),
    ]
}
