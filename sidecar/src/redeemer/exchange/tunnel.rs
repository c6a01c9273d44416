//! The way through a proxy: HTTP CONNECT. TLS goes on inside of it, from end to end.
//!
//! Source: RFC 9110 section 9.3.6.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header;
use hyper::upgrade::{self, Upgraded};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Cause, MAX_HEAD_BYTES, Running};
use crate::redeemer::proxy::Proxy;

/// Asks a proxy for a connection to host and port.
pub(super) async fn tunnel(
    stream: TcpStream,
    proxy: &Proxy,
    to: &str,
) -> Result<TokioIo<Upgraded>, Cause> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Cause::Http)?;
    let _connection = Running(tokio::spawn(async move {
        // Its error reaches whoever waits for the answer.
        let _ = connection.with_upgrades().await;
    }));
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(to)
        .header(header::HOST, to);
    if let Some(authorization) = &proxy.authorization {
        request = request.header(header::PROXY_AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new());
    let request = request.map_err(|_| Cause::Proxy(None))?;
    let answer = sender.send_request(request).await.map_err(Cause::Http)?;
    if !answer.status().is_success() {
        return Err(Cause::Proxy(Some(answer.status().as_u16())));
    }
    let stream = upgrade::on(answer).await.map_err(Cause::Http)?;
    Ok(TokioIo::new(stream))
}
