//! Pyro objects over HTTP and JSON, as Pyro's own gateways offer them.
//!
//! `GET` or `POST /pyro/NAME/METHOD?parameter=text` looks the object up in the name server, calls the method with these keyword arguments over a connection of its own, and
//! answers with the JSON that Pyro's json serializer has made of the result. The object may be one of Pyro4, of Pyro5, or of this library. The guide's page "The HTTP
//! gateway" has the requests, the headers and the statuses.
//!
//! [`Gateway::answer`] turns a request into a response, and can be mounted in a server of your own: whatever has requests and responses of the crate `http`, as hyper
//! and axum do. [`Server`] is a small server with nothing but a gateway.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use ferropyro_gateway::{Gateway, Server};
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let gateway = Gateway::builder().expose(r"http\.")?.build();
//! let server = Server::bind(gateway, "localhost", 0)?;
//! let address = server.local_addr();
//! let running = tokio::spawn(server.run());
//!
//! # let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
//! let mut client = TcpStream::connect(address)?;
//! client.write_all(b"GET /pyro/secret.object/method HTTP/1.0\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! # Ok(answer) }).await??;
//! assert!(answer.starts_with("HTTP/1.0 403 Forbidden"));
//! # running.abort();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod api;
mod body;
mod builder;
mod call;
mod connections;
mod exposed;
mod failure;
mod gateway;
mod greet;
#[cfg(doctest)]
mod guide;
mod hosts;
mod key;
mod metrics;
mod multipart;
mod names;
mod origin;
mod page;
mod parameters;
mod path;
mod patient;
mod permissions;
mod respond;
mod server;

pub use body::Body;
pub use builder::GatewayBuilder;
pub use connections::Reuse;
pub use exposed::DEFAULT_EXPOSE;
pub use gateway::Gateway;
pub use server::{Limits, Server};
