//! What a call consists of, and which code belongs to what.

use crate::source::Place;

/// A part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Wait,
    Read,
    Deframe,
    Decode,
    Dispatch,
    Method,
    Encode,
    Frame,
    Write,
    Rest,
}

impl Part {
    pub(crate) const ALL: [Part; 10] = [
        Part::Wait,
        Part::Read,
        Part::Deframe,
        Part::Decode,
        Part::Dispatch,
        Part::Method,
        Part::Encode,
        Part::Frame,
        Part::Write,
        Part::Rest,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Wait => "wait",
            Part::Read => "read",
            Part::Deframe => "deframe",
            Part::Decode => "decode",
            Part::Dispatch => "dispatch",
            Part::Method => "method",
            Part::Encode => "encode",
            Part::Frame => "frame",
            Part::Write => "write",
            Part::Rest => "rest",
        }
    }

    pub(crate) fn explanation(self) -> &'static str {
        match self {
            Part::Wait => "the event loop: to sleep until something arrives, and to give the task its turn",
            Part::Read => "from the socket into the buffer, but for what the system does",
            Part::Deframe => "the message's header and annotations",
            Part::Decode => "object, method and arguments, or the result, from the payload",
            Part::Dispatch => "all between: context, object, method; in the client the proxy, its lock and its checks",
            Part::Method => "the program's own code",
            Part::Encode => "the arguments, or the result, into the payload",
            Part::Frame => "the header and annotations around it",
            Part::Write => "from the buffer to the socket, but for what the system does",
            Part::Rest => "what nothing of ours has called",
        }
    }

    pub(crate) fn of(place: Option<&Place>) -> Part {
        let Some(Place { file, function }) = place else {
            return Part::Rest;
        };
        let row = TABLE
            .iter()
            .find(|(folder, name, _)| file.starts_with(folder) && function.contains(name));
        row.map_or(Part::Rest, |(_, _, part)| *part)
    }
}

/// Which code belongs to which part: the first row counts whose file, or folder, and part of a function's name fit. The innermost function of the project's decides,
/// with all that is inlined there or called from there of other people's crates, std and libc.
const TABLE: &[(&str, &str, Part)] = &[
    ("crates/ferropyro/src/transport/", "write", Part::Write),
    ("crates/ferropyro/src/transport/", "send", Part::Write),
    ("crates/ferropyro/src/transport/", "flush", Part::Write),
    ("crates/ferropyro/src/transport/", "", Part::Read),
    ("crates/wire/src/builder.rs", "", Part::Frame),
    ("crates/wire/src/", "write", Part::Frame),
    ("crates/wire/src/", "to_", Part::Frame),
    ("crates/wire/src/", "", Part::Deframe),
    ("crates/formats/src/ser.rs", "", Part::Encode),
    ("crates/formats/src/json/ser.rs", "", Part::Encode),
    ("crates/formats/src/marshal/ser.rs", "", Part::Encode),
    ("crates/formats/src/msgpack/ser.rs", "", Part::Encode),
    ("crates/formats/src/serpent/ser.rs", "", Part::Encode),
    ("crates/formats/src/value/repr.rs", "", Part::Encode), // texts as Python would print them
    ("crates/formats/src/", "write", Part::Encode),
    ("crates/formats/src/", "to_writer", Part::Encode),
    ("crates/formats/src/", "", Part::Decode),
    ("crates/ferropyro/src/arguments/write.rs", "", Part::Encode),
    ("crates/ferropyro/src/arguments/", "", Part::Decode),
    ("crates/ferropyro/src/serializer.rs", "write", Part::Encode),
    ("crates/ferropyro/src/serializer.rs", "read", Part::Decode),
    ("crates/ferropyro/src/proxy/reply.rs", "", Part::Decode),
    ("crates/ferropyro/src/daemon/event_loop.rs", "", Part::Wait),
    ("crates/ferropyro/src/daemon/mod.rs", "", Part::Wait),
    ("crates/ferropyro/src/server/conversation.rs", "send", Part::Write),
    ("crates/ferropyro/src/server/conversation.rs", "", Part::Dispatch),
    ("crates/ferropyro/src/server/", "", Part::Wait),
    ("crates/ferropyro/src/", "", Part::Dispatch),
    ("crates/macros/src/", "", Part::Dispatch),
    ("bench/profile/src/", "", Part::Method),
];
