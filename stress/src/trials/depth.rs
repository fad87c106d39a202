//! T4: deep values.

use ferropyro::Dialect;
use ferropyro::formats::{json, marshal, msgpack, serpent};
use ferropyro::wire::{Flags, MessageKind, SerializerId};

use crate::Problem;
use crate::frames::frame;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::Trial;

/// A serializer: its number in Pyro4, the levels that it allows, and a call with a list so deep.
struct Format {
    name: &'static str,
    number: u16,
    depth: usize,
    call: fn(usize) -> Vec<u8>,
}

const FORMATS: [Format; 4] = [
    Format {
        name: "serpent",
        number: 1,
        depth: serpent::LIMITS.depth,
        call: in_serpent,
    },
    Format {
        name: "json",
        number: 2,
        depth: json::LIMITS.depth,
        call: in_json,
    },
    Format {
        name: "marshal",
        number: 3,
        depth: marshal::LIMITS.depth,
        call: in_marshal,
    },
    Format {
        name: "msgpack",
        number: 6,
        depth: msgpack::LIMITS.depth,
        call: in_msgpack,
    },
];

/// Levels of the call around its argument.
const AROUND: usize = 2;
const MILLION: usize = 1_000_000;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        let server = Server::start(kind, &[])?;
        for format in &FORMATS {
            try_format(trial, &server, format)?;
        }
        let answer: bool = server.proxy()?.call("sleep", (0,))?;
        trial.expect(answer, "the server goes on");
    }
    Ok(())
}

fn try_format(trial: &mut Trial, server: &Server, format: &Format) -> Result<(), Problem> {
    let Format { name, depth, .. } = format;
    let dialect = Dialect::V48;
    let number = SerializerId(format.number);
    let mut raw = Raw::greeted(server.address, dialect)?;
    let mut call = |levels: usize| -> Result<bool, Problem> {
        let payload = (format.call)(levels - AROUND);
        raw.send(&frame(dialect, MessageKind::INVOKE, 1, number, Flags::NONE, &payload))?;
        let answer = raw.receive()?.ok_or("closed, and no answer")?;
        Ok(answer.is_result())
    };
    trial.expect(call(*depth)?, format_args!("{name}: {depth} levels pass"));
    for levels in [depth + 1, MILLION] {
        trial.expect(!call(levels)?, format_args!("{name}: {levels} are an exception"));
    }
    trial.expect(call(3)?, format_args!("{name}: and the connection goes on"));
    Ok(())
}

fn in_serpent(levels: usize) -> Vec<u8> {
    let mut call = b"# serpent utf-8 python3.2\n('yard','echo',(".to_vec();
    nest(&mut call, levels, b"[", b"]");
    call.extend_from_slice(b",),{})");
    call
}

fn in_json(levels: usize) -> Vec<u8> {
    let mut call = br#"{"object":"yard","method":"echo","params":["#.to_vec();
    nest(&mut call, levels, b"[", b"]");
    call.extend_from_slice(br#"],"kwargs":{}}"#);
    call
}

fn in_marshal(levels: usize) -> Vec<u8> {
    let mut call = b"(\x04\0\0\0z\x04yardz\x04echo(\x01\0\0\0".to_vec();
    nest(&mut call, levels - 1, b"[\x01\0\0\0", b"");
    call.extend_from_slice(b"[\0\0\0\0{0");
    call
}

fn in_msgpack(levels: usize) -> Vec<u8> {
    let mut call = b"\x94\xa4yard\xa4echo\x91".to_vec();
    nest(&mut call, levels - 1, b"\x91", b"");
    call.extend_from_slice(b"\x90\x80");
    call
}

fn nest(call: &mut Vec<u8>, levels: usize, begin: &[u8], end: &[u8]) {
    call.extend(begin.repeat(levels));
    call.extend(end.repeat(levels));
}
