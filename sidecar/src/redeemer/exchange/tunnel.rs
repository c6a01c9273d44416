//! The way through a proxy: HTTP CONNECT. TLS goes on inside of it, from end to end.
//!
//! Source: RFC 9110 section 9.3.6.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header;
use hyper::upgrade::{self, Upgraded};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::cause::Cause;
use super::send;
use crate::redeemer::proxy::Proxy;

/// Asks a proxy for a connection to host and port.
pub(super) async fn tunnel(
    stream: TcpStream,
    proxy: &Proxy,
    to: &str,
) -> Result<TokioIo<Upgraded>, Cause> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(to)
        .header(header::HOST, to);
    if let Some(authorization) = &proxy.authorization {
        request = request.header(header::PROXY_AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new());
    let request = request.map_err(|_| Cause::Proxy(None))?;
    let (answer, _connection) = send(stream, request).await?;
    if !answer.status().is_success() {
        return Err(Cause::Proxy(Some(answer.status().as_u16())));
    }
    let stream = upgrade::on(answer).await.map_err(Cause::Http)?;
    Ok(TokioIo::new(stream))
}
