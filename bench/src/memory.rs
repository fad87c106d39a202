//! `bench memory`: what objects, names and large messages cost of it. (`bench idle` has connections.)

use ferropyro::{Bytes, Config, Daemon, Proxy, Serializer, expose};

use crate::grid::{Grid, number};
use crate::load::transport::Workshop;
use crate::peer::{Helper, end_with_input};
use crate::process::Process;
use crate::report::{Bound, Goal, Report};
use crate::{Options, Problem, names, progress, rust_echo};

/// Objects and names.
const MANY: usize = 100_000;
const QUICK_MANY: usize = 1000;
/// A large message, as it is on the wire.
const MESSAGE: usize = 100 << 20;
const QUICK_MESSAGE: usize = 1 << 20;
/// What a message may take at its peak, in multiples of its size.
const MOST: f64 = 2.2;

const SERIALIZERS: [Serializer; 5] = [
    Serializer::Marshal,
    Serializer::Msgpack,
    Serializer::Pickle,
    Serializer::Json,
    Serializer::Serpent,
];

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let mut report = Report::new("Memory");
    let count = if options.quick { QUICK_MANY } else { MANY };
    report.text(format!(
        "What the system counts as a process's own (resident memory), more with {count} than with none. `cargo xtask bench idle` has connections."
    ));
    report.grid(crowds(count)?);
    let message = if options.quick { QUICK_MESSAGE } else { MESSAGE };
    report.text(format!(
        "The most that a process has while a call passes whose message has {} MiB, beyond what it has between calls, in multiples of the message: bytes (json: a text) as \
         an argument and as a result. The data themselves, which the program has at the one end when it sends them and gets at the other, are counted.",
        message >> 20
    ));
    let mut grid = Grid::new([
        "times the message",
        "argument: client",
        "argument: server",
        "result: server",
        "result: client",
    ]);
    for serializer in SERIALIZERS {
        progress(&format!("{} MiB through {serializer}", message >> 20));
        let peaks = Peaks::of(serializer, message)?;
        grid.row(
            [serializer.name().to_owned()]
                .into_iter()
                .chain(peaks.cells().map(number)),
        );
        let most = peaks.cells().into_iter().fold(0.0, f64::max);
        report.goal(Goal::new(
            format!("peak of a message of 100 MiB through {serializer}, at either end, times its size"),
            Bound::AtMost(MOST),
            (!options.quick).then_some(most),
        ));
    }
    report.grid(grid);
    Ok(report)
}

/// Bytes for each object and name.
fn crowds(count: usize) -> Result<Grid, Problem> {
    let mut grid = Grid::new(["bytes for each", "resident"]);
    let mut add = |name: &str, start: &dyn Fn(usize) -> Result<Helper, Problem>| -> Result<(), Problem> {
        progress(&format!("{count}: {name}"));
        let resident = |count| -> Result<u64, Problem> {
            let helper = start(count)?;
            Process(helper.id())
                .resident()
                .ok_or_else(|| "the system tells nothing of memory".into())
        };
        let more = resident(count)?.saturating_sub(resident(0)?);
        grid.row([name.to_owned(), format!("{:.0}", more as f64 / count as f64)]);
        Ok(())
    };
    add("object of a daemon", &|count| {
        Ok(rust_echo::start_server(&[&format!("objects={count}")])?.0)
    })?;
    let folder = Workshop::open()?;
    add("name in memory", &|count| Ok(names::start_filled("memory", count)?.0))?;
    add("name in a file of SQLite", &|count| {
        let storage = format!("sql:{}", folder.folder().join(format!("names-{count}")).display());
        Ok(names::start_filled(&storage, count)?.0)
    })?;
    Ok(grid)
}

/// Multiples of a message.
struct Peaks {
    there: (f64, f64),
    back: (f64, f64),
}

impl Peaks {
    fn of(serializer: Serializer, message: usize) -> Result<Peaks, Problem> {
        // Serpent writes four characters for three bytes.
        let size = if serializer == Serializer::Serpent {
            message / 4 * 3
        } else {
            message
        };
        let pass = |direction| -> Result<(f64, f64), Problem> {
            // Processes of their own, because a peak is for ever.
            let mut server = Helper::start_self(&["serve", "take"])?;
            let uri = server.line()?;
            let size = size.to_string();
            let mut client = Helper::start_self(&["serve", "give", &uri, serializer.name(), direction, &size])?;
            let between = Between::calls(&server, &mut client)?;
            client.input_line("go")?;
            client.line()?;
            between.peaks(&server, &client, message)
        };
        Ok(Peaks {
            there: pass("take")?,
            back: pass("give")?,
        })
    }

    /// In the order in which the message passes.
    fn cells(&self) -> [f64; 4] {
        [self.there.0, self.there.1, self.back.1, self.back.0]
    }
}

/// What client and server have between calls.
struct Between {
    client: u64,
    server: u64,
}

impl Between {
    fn calls(server: &Helper, client: &mut Helper) -> Result<Between, Problem> {
        client.line()?; // it has made a small call
        let resident = |helper: &Helper| Process(helper.id()).resident().ok_or("no memory is told");
        Ok(Between {
            client: resident(client)?,
            server: resident(server)?,
        })
    }

    fn peaks(&self, server: &Helper, client: &Helper, message: usize) -> Result<(f64, f64), Problem> {
        let peak = |helper: &Helper, before: u64| -> Result<f64, Problem> {
            let peak = Process(helper.id()).peak().ok_or("no peak is told")?;
            Ok(peak.saturating_sub(before) as f64 / message as f64)
        };
        Ok((peak(client, self.client)?, peak(server, self.server)?))
    }
}

struct Store;

#[expose]
#[allow(unreachable_pub)] // methods are exposed by being pub
impl Store {
    pub fn take(&self, data: &[u8]) -> usize {
        data.len()
    }

    pub fn take_text(&self, text: &str) -> usize {
        text.len()
    }

    pub fn give(&self, size: usize) -> Bytes {
        Bytes(vec![b'.'; size])
    }

    pub fn give_text(&self, size: usize) -> String {
        ".".repeat(size)
    }
}

/// The server's process.
pub(crate) fn serve() -> Result<(), Problem> {
    end_with_input();
    let config = Config::default().serializers_accepted(SERIALIZERS);
    let daemon = Daemon::builder().config(config).host("127.0.0.1").bind()?;
    println!("{}", daemon.register("store", Store)?);
    daemon.run();
    Ok(())
}

/// The client's process: makes a small call, says so, waits for a line, and makes the large one.
pub(crate) fn serve_client(uri: &str, serializer: &str, method: &str, size: &str) -> Result<(), Problem> {
    let proxy = Proxy::builder().serializer(serializer.parse()?).build(uri)?;
    let is_text = serializer == Serializer::Json.name();
    let call = |size: usize| -> Result<(), Problem> {
        let moved: usize = match (method, is_text) {
            ("take", false) => proxy.call("take", (Bytes(vec![b'.'; size]),))?,
            ("take", true) => proxy.call("take_text", (".".repeat(size),))?,
            (_, false) => proxy.call::<Bytes>("give", (size,))?.len(),
            (_, true) => proxy.call::<String>("give_text", (size,))?.len(),
        };
        match moved == size {
            true => Ok(()),
            false => Err(format!("{moved} bytes of {size} have arrived").into()),
        }
    };
    call(1)?;
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    call(size.parse()?)?;
    println!("done");
    end_with_input();
    loop {
        std::thread::park();
    }
}
