//! The test echo server's object: what Pyro's `test.echoserver` offers, in both generations.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use ferropyro::{Attribute, Call, ItemStream, Members, Method, Object, Param, Raise, Reply, Value};
use jiff::Zoned;

use crate::output;

/// The id and the name of the object.
pub(crate) const ID: &str = "test.echoserver";

const SLOW: Duration = Duration::from_secs(5);

/// The object. Its attribute `verbose` decides whether it prints the calls that it gets.
pub(crate) struct EchoServer {
    verbose: AtomicBool,
    /// Is told when a client calls `shutdown`.
    shutdown: Sender<()>,
}

const MESSAGE: &[Param] = &[Param::required("message").type_name("Any")];

const METHODS: &[Method] = &[
    Method::new("echo", MESSAGE).returns("Any").doc("The message itself."),
    Method::new("error", &[]).returns("None").doc("Raises a ValueError."),
    Method::new("error_with_text", &[])
        .returns("None")
        .doc("Raises a ValueError with a message."),
    Method::new("oneway_echo", MESSAGE).returns("None").oneway(),
    Method::new("slow", &[])
        .returns("str")
        .doc("Answers after five seconds."),
    Method::new("generator", &[])
        .returns("Iterator[str]")
        .doc("Three words, one after the other."),
    Method::new("nan", &[]).returns("float"),
    Method::new("inf", &[]).returns("float"),
    Method::new("oneway_slow", &[]).returns("None").oneway(),
    Method::new("__dunder__", &[]).returns("str"),
    Method::new("shutdown", &[]).returns("None").doc("Ends the server."),
];

static MEMBERS: Members = Members::full(
    "EchoServer",
    METHODS,
    const {
        &[Attribute::writable("verbose")
            .type_name("bool")
            .doc("Whether the server prints the calls.")]
    },
    &[],
)
.doc("Answers with what it is asked, to try clients.");

impl EchoServer {
    pub(crate) fn new(verbose: bool, shutdown: Sender<()>) -> EchoServer {
        EchoServer {
            verbose: AtomicBool::new(verbose),
            shutdown,
        }
    }

    /// Prints a line as Pyro's echo server does when it is verbose.
    fn tell(&self, text: impl FnOnce() -> String) {
        if self.verbose.load(Ordering::Relaxed) {
            let now = Zoned::now().strftime("%a %b %e %H:%M:%S %Y");
            output::line(format_args!("{now} - {}", text()));
        }
    }

    fn sleep(&self, name: &str) {
        self.tell(|| format!("{name}: waiting a bit..."));
        thread::sleep(SLOW);
        self.tell(|| format!("{name}: returning result"));
    }
}

impl Object for EchoServer {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let name = call.method();
        if let "echo" | "oneway_echo" = name {
            let (message,) = call.args::<(Value,)>()?;
            self.tell(|| format!("{name}: {message}"));
            return call.reply(&message);
        }
        call.args::<()>()?;
        match name {
            "error" => {
                self.tell(|| "error: generating exception".to_owned());
                Err(Raise::new(
                    "ValueError",
                    error_text(call.context().dialect().is_pyro5()),
                ))
            }
            "error_with_text" => {
                self.tell(|| "error: generating exception".to_owned());
                Err(Raise::new("ValueError", "the message of the error"))
            }
            "slow" => {
                self.sleep(name);
                call.reply("Finally, an answer!")
            }
            "oneway_slow" => {
                self.sleep(name);
                call.reply("bogus return value")
            }
            "generator" => call.answer(ItemStream::new(["one", "two", "three"])),
            "nan" => call.reply(&f64::NAN),
            "inf" => call.reply(&f64::INFINITY),
            "__dunder__" => call.reply("should be allowed (dunder)"),
            "shutdown" => {
                self.tell(|| "shutting down".to_owned());
                // Nobody listens any more when it is shutting down already.
                let _ = self.shutdown.send(());
                call.reply(&())
            }
            _ => call.refuse(),
        }
    }

    fn get_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.reply(&self.verbose.load(Ordering::Relaxed))
    }

    fn set_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let value = call.value::<Value>()?;
        self.verbose.store(value.is_true(), Ordering::Relaxed);
        call.reply(&())
    }
}

/// The generations differ in this text.
fn error_text(is_pyro5: bool) -> &'static str {
    if is_pyro5 {
        "this is the generated error from echoserver echo() method"
    } else {
        "expected error from echoserver error() method"
    }
}
