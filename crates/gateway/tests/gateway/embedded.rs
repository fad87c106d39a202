//! A gateway in a server of somebody else's.

use std::convert::Infallible;

use ferropyro_gateway::{Body, Gateway};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::support::{Scene, get};

// Conformance: GW-03
#[test]
fn can_be_mounted_beside_other_pages() {
    let scene = Scene::new();
    let gateway = scene.builder().build();
    let listener = scene
        .runtime()
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    scene.runtime().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let gateway = gateway.clone();
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, Infallible>(route(&gateway, request).await) }
            });
            tokio::spawn(async move {
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    assert_eq!(get(address, "/hello").body, "hello");
    assert_eq!(get(address, "/pyro/http.test/echo?x=hi").body, "\"hi\"");
}

async fn route(gateway: &Gateway, request: Request<Incoming>) -> Response<Either<Full<Bytes>, Body>> {
    match request.uri().path() {
        "/hello" => Response::new(Either::Left(Full::new(Bytes::from_static(b"hello")))),
        _ => gateway.answer(request).await.map(Either::Right),
    }
}
