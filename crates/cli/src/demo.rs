//! `ferropyro demo`: the first look. A name server and a server in one process, and calls to them over real sockets.

use std::sync::mpsc;
use std::thread;

use clap::Args;
use ferropyro::naming::NameServer;
use ferropyro::{Config, Daemon, Dialect, Proxy, Result, Uri, Value};
use ferropyro_gateway::{Gateway, Server};
use ferropyro_nameserver::NameServerBuilder;
use tokio::runtime;

use crate::echo_object::{self, EchoServer};
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, signals};

/// Shows what it is all about: starts a name server, a server and a page, and calls the server as a Pyro5 and as a Pyro4 program would
///
/// All keep running until Ctrl-C, so that one can try them from Python, from other terminals and in a browser.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the calls
    #[arg(long)]
    once: bool,
}

/// `called` is what the user has to type for `ferropyro`.
pub(crate) fn run(args: DemoArgs, called: &str) -> Outcome {
    let nameserver = NameServerBuilder::new().host("localhost").port(0).bind()?;
    let names = nameserver.uri().clone();
    let _running = nameserver.start();
    step("a name server runs", &names);

    let daemon = Daemon::new()?;
    let (shutdown, wanted) = mpsc::channel();
    let echo = daemon.register(echo_object::ID, EchoServer::new(false, shutdown.clone()))?;
    let running = daemon.start();
    NameServer::new(Proxy::new(&names)?).register(echo_object::ID, &echo)?;
    step("a server registers its object", &echo);

    show_calls(&names)?;
    let page = page(&names)?;
    step("a page to try it in a browser", &page);
    if !args.once {
        signals::on_stop(move || {
            let _ = shutdown.send(());
        })?;
        output::line(what_next(&names, &echo, called));
        // Also when a client calls shutdown.
        let _ = wanted.recv();
        output::line("The demo has ended.");
    }
    running.stop();
    Ok(Exit::Ok)
}

/// The HTTP gateway, whose page shows the objects. Gives its address.
fn page(names: &Uri) -> Result<String, Failure> {
    let mut config = Config::default();
    config.ns_host = "localhost".to_owned();
    config.ns_port = names.port().unwrap_or_default();
    let gateway = Gateway::builder().config(config).expose(r"test\.")?.build();
    let failed = |error| Failure::new(Exit::Failed, format_args!("no gateway: {error}"));
    let server = Server::bind(gateway, "localhost", 0).map_err(failed)?;
    let url = format!("http://{}/pyro/", server.local_addr());
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    // Until the program ends.
    thread::spawn(move || runtime.block_on(server.run()));
    Ok(url)
}

/// What a client does: find the object by its name, and call it.
fn show_calls(names: &Uri) -> Result<()> {
    let found = NameServer::new(Proxy::new(names)?).lookup(echo_object::ID)?;
    step(
        "a client looks the name up",
        format_args!("{:<27} -> {found}", echo_object::ID),
    );
    for (title, dialect) in [
        ("and calls it as Pyro5 does", Dialect::V502),
        ("and as Pyro4 does, same port", Dialect::V48),
    ] {
        let proxy = Proxy::builder().dialect(dialect).build(&found)?;
        let answer: Value = proxy.call("echo", (vec![Value::from("hello"), Value::from(3.5), Value::None],))?;
        call(title, "echo(['hello', 3.5, None])", answer);
        if let Err(error) = proxy.call::<Value>("error_with_text", ()) {
            call("exceptions come back", "error_with_text()", error);
        }
        proxy.set("verbose", false)?;
        let verbose: Value = proxy.get("verbose")?;
        call("attributes work", "verbose", verbose);
    }
    Ok(())
}

fn step(title: &str, text: impl std::fmt::Display) {
    output::line(format_args!("{title:<30} {text}"));
}

fn call(title: &str, what: &str, result: impl std::fmt::Display) {
    step(title, format_args!("{what:<27} -> {result}"));
}

fn what_next(names: &Uri, echo: &Uri, called: &str) -> String {
    let port = names.port().unwrap_or_default();
    let location = echo.location().map(ToString::to_string).unwrap_or_default();
    let rows = [
        (
            "who is registered, by Python's tool",
            format!("python3 -m Pyro5.nsc -n localhost -p {port} list"),
        ),
        (
            "the same with Pyro4's",
            format!("python3 -m Pyro4.nsc -n localhost -p {port} list"),
        ),
        (
            "the same with this one",
            format!("ferropyro nsc -n localhost -p {port} list"),
        ),
        (
            "a call",
            format!("ferropyro call PYRONAME:test.echoserver@localhost:{port}.echo \"['a', 1]\""),
        ),
        (
            "a call from Python",
            format!("python3 -c \"import Pyro5.api; print(Pyro5.api.Proxy('{echo}').echo('hi'))\""),
        ),
        ("what the server offers", format!("ferropyro inspect {location}")),
    ];
    let lines = rows.map(|(title, command)| format!("  # {title}\n  {command}"));
    let here = match called {
        "ferropyro" => String::new(),
        called => format!(" (ferropyro is {called} here)"),
    };
    format!(
        "\nBoth keep running. Try in another terminal{here}:\n\n{}\n\nCtrl-C ends the demo.",
        lines.join("\n")
    )
}
