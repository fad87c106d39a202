//! jsonrpsee: JSON-RPC over a WebSocket, and over HTTP/1.1 with a connection that is kept, both answered by the same server.
//!
//! The method is registered as one that does not block, so that the server runs it in place. TCP_NODELAY is on at both ends unless one switches it off.

use jsonrpsee_core::client::ClientT;
use jsonrpsee_core::rpc_params;
use jsonrpsee_http_client::HttpClientBuilder;
use jsonrpsee_server::{RpcModule, Server};
use jsonrpsee_ws_client::WsClientBuilder;

use crate::client::Echo;
use crate::{Problem, announce};

pub(crate) async fn serve() -> Result<(), Problem> {
    let server = Server::builder().build("127.0.0.1:0").await?;
    announce(server.local_addr()?);
    let mut module = RpcModule::new(());
    module.register_method("echo", |params, (), _| params.one::<String>())?;
    server.start(module).stopped().await;
    Ok(())
}

pub(crate) async fn connect_ws(address: &str) -> Result<impl Echo, Problem> {
    Ok(Client(WsClientBuilder::new().build(format!("ws://{address}")).await?))
}

pub(crate) fn connect_http(address: &str) -> Result<impl Echo, Problem> {
    Ok(Client(HttpClientBuilder::new().build(format!("http://{address}"))?))
}

struct Client<C>(C);

impl<C: ClientT> Echo for Client<C> {
    async fn echo(&mut self, message: &str) -> Result<String, Problem> {
        Ok(self.0.request("echo", rpc_params![message]).await?)
    }
}
