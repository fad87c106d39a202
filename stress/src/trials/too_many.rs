//! T11: one connection more than are allowed.

use crate::Problem;
use crate::frames::{DIALECTS, hello};
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::Trial;

use ferropyro::wire::MessageKind;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let many: usize = trial.either(10_000, 300);
    let setting = format!("MAX_CONNECTIONS={many}");
    let text = "too many connections, increase server MAX_CONNECTIONS";
    for kind in [Kind::OneWorker, Kind::Workers] {
        try_server(trial, kind, many, &setting, text)?;
    }
    let text = "no free workers, increase server threadpool size";
    try_server(trial, Kind::Thread, 80, "THREADPOOL_SIZE=80", text)
}

fn try_server(trial: &mut Trial, kind: Kind, many: usize, setting: &str, text: &str) -> Result<(), Problem> {
    println!("   {}", kind.name());
    let server = Server::start(kind, &[setting])?;
    let mut clients = (0..many)
        .map(|index| Raw::greeted(server.address, DIALECTS[index % 2]))
        .collect::<Result<Vec<Raw>, _>>()?;
    for dialect in DIALECTS {
        let mut late = Raw::connect(server.address, dialect)?;
        late.send(&hello(dialect))?;
        let refused = late
            .receive()?
            .is_some_and(|answer| answer.kind == MessageKind::CONNECTFAIL && answer.contains(text));
        trial.expect(
            refused,
            format_args!("connection {} reads in {dialect}: {text}", many + 1),
        );
        trial.expect(late.receive()?.is_none(), "and is closed");
    }
    let mut answered = 0;
    for client in &mut clients {
        answered += usize::from(client.call("echo", "('still there',)")?.is_result());
    }
    trial.expect(
        answered == many,
        format_args!("{answered} of {many} others still have their calls answered"),
    );
    // Where one goes there is room for another.
    drop(clients.pop());
    trial.expect_soon(
        || Raw::greeted(server.address, DIALECTS[0]).is_ok(),
        "one goes, and another gets its place",
    );
    Ok(())
}
