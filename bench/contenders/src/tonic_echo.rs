//! tonic: gRPC over HTTP/2 without TLS, with messages of prost.
//!
//! Client and server are what `tonic-build` writes for a service (see build.rs). The message is a `String`, which in prost is google.protobuf.StringValue: one field, as a
//! message of one's own for a text would have. Calls go one after the other over one connection, as tonic's channel does it.

use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

use crate::client::Echo;
use crate::{Problem, announce};
use generated::echo_client::EchoClient;
use generated::echo_server::EchoServer;

#[allow(missing_docs, unreachable_pub)]
mod generated {
    tonic::include_proto!("bench.Echo");
}

struct Service;

#[tonic::async_trait]
impl generated::echo_server::Echo for Service {
    async fn echo(&self, request: Request<String>) -> Result<Response<String>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

pub(crate) async fn serve() -> Result<(), Problem> {
    // It sets no options on the connections of a listener that was bound before, which is how to learn the port.
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
    announce(incoming.local_addr()?);
    let server = Server::builder().add_service(EchoServer::new(Service));
    Ok(server.serve_with_incoming(incoming).await?)
}

/// TCP_NODELAY is on in its client unless one switches it off.
pub(crate) async fn connect(address: &str) -> Result<impl Echo, Problem> {
    Ok(EchoClient::connect(format!("http://{address}")).await?)
}

impl Echo for EchoClient<Channel> {
    async fn echo(&mut self, message: &str) -> Result<String, Problem> {
        Ok(EchoClient::echo(self, message.to_owned()).await?.into_inner())
    }
}
