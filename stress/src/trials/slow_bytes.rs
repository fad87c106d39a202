//! T6: messages that come in pieces.

use std::ops::Range;

use ferropyro::wire::MessageKind;
use ferropyro::{Dialect, Proxy};

use crate::Problem;
use crate::frames::{DIALECTS, hello, invoke, ping};
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::Trial;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        let server = Server::start(kind, &[])?;
        for dialect in DIALECTS {
            try_dialect(trial, &server, dialect)?;
        }
    }
    Ok(())
}

fn try_dialect(trial: &mut Trial, server: &Server, dialect: Dialect) -> Result<(), Problem> {
    let pulse = server.proxy()?;
    let messages = [
        hello(dialect),
        invoke(dialect, 1, "echo", "({'a':[1,2.5,None],'b':'text'},)"),
        invoke(dialect, 2, "nothing", "()"),
        ping(dialect, 3),
    ];
    let whole = converse(server, dialect, &messages, |raw, message| Ok(raw.send(message)?))?;
    trial.expect(
        whole[0].0 == MessageKind::CONNECTOK && !whole[1].1 && whole[2].1 && whole[3].0 == MessageKind::PING,
        format_args!("{dialect}: handshake, result, exception and ping are answered"),
    );
    let bytewise = converse(server, dialect, &messages, |raw, message| {
        (0..message.len()).try_for_each(|at| send_piece(raw, message, at..at + 1, &pulse))
    })?;
    trial.expect(
        alike(&whole, &bytewise),
        format_args!("{dialect}: byte by byte the answers are the same"),
    );
    let longest = messages.iter().map(Vec::len).max().unwrap_or_default();
    let mut same = 0;
    for cut in 1..longest {
        let answers = converse(server, dialect, &messages, |raw, message| {
            let cut = cut.min(message.len());
            send_piece(raw, message, 0..cut, &pulse)?;
            Ok(raw.send(&message[cut..])?)
        })?;
        same += usize::from(alike(&whole, &answers));
    }
    trial.expect(
        same == longest - 1,
        format_args!(
            "{dialect}: so they are with messages cut in two, {same} of {} ways",
            longest - 1
        ),
    );
    Ok(())
}

/// Sends a part, and gives the server the time to read it: it has answered another client meanwhile.
fn send_piece(raw: &mut Raw, message: &[u8], part: Range<usize>, pulse: &Proxy) -> Result<(), Problem> {
    raw.send(&message[part])?;
    Ok(pulse.call::<bool>("sleep", (0,)).map(drop)?)
}

/// Kind, whether it is an exception, and the payload.
type Answer = (MessageKind, bool, Vec<u8>);

fn converse(
    server: &Server,
    dialect: Dialect,
    messages: &[Vec<u8>],
    send: impl Fn(&mut Raw, &[u8]) -> Result<(), Problem>,
) -> Result<Vec<Answer>, Problem> {
    let mut raw = Raw::connect(server.address, dialect)?;
    let mut answers = Vec::new();
    for message in messages {
        send(&mut raw, message)?;
        let answer = raw.receive()?.ok_or("closed, and no answer")?;
        answers.push((answer.kind, answer.is_exception, answer.payload));
    }
    Ok(answers)
}

/// The same answers. (Exceptions carry the text of a traceback, whose addresses and times do not matter here.)
fn alike(some: &[Answer], others: &[Answer]) -> bool {
    some.len() == others.len()
        && some
            .iter()
            .zip(others)
            .all(|(one, other)| one.0 == other.0 && one.1 == other.1 && (one.1 || one.2 == other.2))
}
