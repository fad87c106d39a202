//! Shows all that is known about a call; run examples/callcontext/client.rs, or examples/python/callcontext_client.py, with the URI that it prints.
//! With an argument, that is the key with which all messages are signed, which only Pyro4's protocol has.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use ferropyro::wire::AnnotationKey;
use ferropyro::{Context, Daemon, expose};

const QUESTION: AnnotationKey = AnnotationKey::new(*b"QSTN").unwrap();
const LENGTH: AnnotationKey = AnnotationKey::new(*b"LGTH").unwrap();
const DAEMON: AnnotationKey = AnnotationKey::new(*b"DAEM").unwrap();

struct Echo;

#[expose]
impl Echo {
    pub fn echo(&self, message: String, cx: &Context) -> String {
        println!("{}", description("echo", &message, cx));
        cx.annotate(LENGTH, message.len().to_string());
        message
    }

    #[expose(oneway)]
    pub fn tell(&self, message: String, cx: &Context) {
        println!("{}", description("tell", &message, cx));
    }
}

fn description(method: &str, message: &str, cx: &Context) -> String {
    let question = cx.annotations().get(QUESTION).unwrap_or_default();
    [
        format!("{method}({message:?})"),
        format!("  peer: {}", cx.peer()),
        format!("  connection: {}", cx.connection().number()),
        format!("  protocol: {}", cx.dialect()),
        format!("  serializer: {}", cx.serializer().name()),
        format!("  sequence number: {}", cx.seq()),
        format!("  flags: {}", cx.flags().to_bits(cx.dialect())),
        format!("  correlation id: {}", cx.correlation_id()),
        format!("  annotation {QUESTION}: {}", String::from_utf8_lossy(question)),
    ]
    .join("\n")
}

fn main() -> ferropyro::Result<()> {
    let mut daemon = Daemon::builder().annotations(|_| vec![(DAEMON, b"every answer has this".to_vec())]);
    if let Some(key) = std::env::args().nth(1) {
        daemon = daemon.hmac_key(key);
    }
    let daemon = daemon.bind()?;
    println!("URI = {}", daemon.register("example.callcontext", Echo)?);
    daemon.run();
    Ok(())
}
