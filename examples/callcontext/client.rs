//! Sends a correlation id and annotations along with calls of examples/callcontext/server.rs, or examples/python/callcontext_server.py, and shows those that
//! come back: in the new way, with functions of the call context, or with `hooks` in the old way.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::collections::BTreeMap;
use std::error::Error;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Proxy, ProxyBuilder, Result, context};
use uuid::Uuid;

const QUESTION: AnnotationKey = AnnotationKey::new(*b"QSTN").unwrap();

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().ok_or("usage: callcontext_client URI [KEY [hooks]]")?;
    let mut proxy = Proxy::builder();
    if let Some(key) = args.next() {
        proxy = proxy.hmac_key(key);
    }
    let id = Uuid::new_v4();
    context::set_correlation_id(Some(id)); // for all calls of this thread
    println!("correlation id: {id}");
    match args.next() {
        None => functions(&proxy.build(uri)?)?,
        Some(_) => hooks(proxy, &uri)?,
    }
    Ok(())
}

/// The new way: the annotations belong to the thread that makes the call.
fn functions(proxy: &Proxy) -> Result<()> {
    context::annotate(QUESTION, *b"how long is it?"); // for the next call alone
    println!("echo: {}", proxy.call::<String>("echo", ("hello",))?);
    show(context::response_annotations().iter());

    context::annotate(QUESTION, *b"who cares?");
    proxy.call::<()>("tell", ("a oneway call",))?;
    println!("tell");
    show(context::response_annotations().iter()); // nothing: there is no answer
    Ok(())
}

/// The old way: the annotations belong to the proxy. The first answer is that of the handshake.
fn hooks(proxy: ProxyBuilder, uri: &str) -> Result<()> {
    let proxy = proxy
        .annotations(|| vec![(QUESTION, b"is it a hook?".to_vec())])
        .on_response_annotations(|annotations, kind| {
            println!("message of type {kind}");
            show(annotations.iter());
        })
        .build(uri)?;
    println!("echo: {}", proxy.call::<String>("echo", ("hello again",))?);
    proxy.call::<()>("tell", ("another oneway call",))?;
    println!("tell");
    Ok(())
}

fn show<'a>(annotations: impl Iterator<Item = (AnnotationKey, &'a [u8])>) {
    for (key, value) in annotations.collect::<BTreeMap<_, _>>() {
        match key {
            AnnotationKey::CORR => println!("  {key}: the correlation id"),
            AnnotationKey::HMAC => println!("  {key}: a signature of {} bytes", value.len()),
            _ => println!("  {key}: {}", String::from_utf8_lossy(value)),
        }
    }
}
