//! tarpc over TCP, with its serde transport: with bincode, which is its fastest, and with JSON, which its example of a service has.
//!
//! As in its examples the server spawns a task for each request, which lets requests run beside each other; the client's calls go through its dispatch task.

use std::io;

use futures_util::StreamExt;
use tarpc::client::Config;
use tarpc::context;
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::{Bincode, Json};
use tokio::net::TcpStream;

use crate::client::Echo;
use crate::{Problem, announce};

/// The macro makes a client, `ServiceClient`, and all between it and this trait.
#[tarpc::service]
trait Service {
    async fn echo(message: String) -> String;
}

#[derive(Clone)]
struct Server;

impl Service for Server {
    async fn echo(self, _: context::Context, message: String) -> String {
        message
    }
}

/// The two formats differ in the types of everything, which a macro hides better than bounds.
macro_rules! over {
    ($format:ident, $serve:ident, $connect:ident) => {
        pub(crate) async fn $serve() -> Result<(), Problem> {
            let mut incoming = tcp::listen("127.0.0.1:0", $format::default).await?;
            announce(incoming.local_addr());
            while let Some(transport) = incoming.next().await {
                let transport = transport?;
                without_delay(transport.get_ref())?;
                let requests = BaseChannel::with_defaults(transport).execute(Server.serve());
                tokio::spawn(requests.for_each(|response| async {
                    tokio::spawn(response);
                }));
            }
            Ok(())
        }

        pub(crate) async fn $connect(address: &str) -> Result<impl Echo, Problem> {
            let transport = tcp::connect(address, $format::default).await?;
            without_delay(transport.get_ref())?;
            Ok(ServiceClient::new(Config::default(), transport).spawn())
        }
    };
}

over!(Bincode, serve_bincode, connect_bincode);
over!(Json, serve_json, connect_json);

/// tarpc leaves this as the system has it.
fn without_delay(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

impl Echo for ServiceClient {
    async fn echo(&mut self, message: &str) -> Result<String, Problem> {
        Ok(ServiceClient::echo(self, context::current(), message.to_owned()).await?)
    }
}
