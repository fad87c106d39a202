//! What responses carry.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::{Bytes, Frame, SizeHint};

use crate::api::events::Events;

/// The body of a response: whole, or events that come one by one. Dropping it ends what makes the events.
pub struct Body(Content);

enum Content {
    Whole(Full<Bytes>),
    Events(Box<Events>),
}

impl Body {
    pub(crate) fn whole(bytes: Vec<u8>) -> Body {
        Body(Content::Whole(Full::new(Bytes::from(bytes))))
    }

    pub(crate) fn events(events: Events) -> Body {
        Body(Content::Events(Box::new(events)))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Content::Whole(bytes) => Pin::new(bytes).poll_frame(cx),
            Content::Events(events) => events
                .poll_next(cx)
                .map(|event| event.map(|event| Ok(Frame::data(event)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(bytes) => bytes.is_end_stream(),
            Content::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(bytes) => bytes.size_hint(),
            Content::Events(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Content::Whole(_) => "Body(whole)",
            Content::Events(_) => "Body(events)",
        })
    }
}
