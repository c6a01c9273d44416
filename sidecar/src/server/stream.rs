//! The bytes of a connection, with or without TLS, and their end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::connections::Connection;
use super::limits::LINGER_BYTES;

/// Bytes with or without TLS.
pub(super) type Transport<S> = Either<S, Box<TlsStream<S>>>;

/// The stream that HTTP is spoken on.
pub(super) struct Stream<S> {
    transport: Transport<S>,
    connection: Arc<Connection>,
    /// Bytes that may still be read and thrown away.
    linger: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    pub(super) fn new(transport: Transport<S>, connection: Arc<Connection>) -> Self {
        Self {
            transport,
            connection,
            linger: LINGER_BYTES,
        }
    }

    fn transport(&mut self) -> Pin<&mut Transport<S>> {
        Pin::new(&mut self.transport)
    }

    fn noting_a_block<T>(&self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() {
            self.connection.blocked();
        }
        written
    }

    /// Reads what the client still sends, below TLS, until it ends or enough was read.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8192];
        while self.linger > 0 {
            let mut buffer = ReadBuf::new(&mut bytes);
            let stream = match &mut self.transport {
                Either::Left(stream) => stream,
                Either::Right(stream) => stream.get_mut().0,
            };
            ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            self.linger = self.linger.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.transport().poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.transport().poll_write(context, bytes);
        self.noting_a_block(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.transport().poll_write_vectored(context, slices);
        self.noting_a_block(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.transport().poll_flush(context);
        if flushed.is_ready() {
            // HTTP flushes when it has nothing more to write.
            self.connection.sent();
        }
        self.noting_a_block(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.transport().poll_shutdown(context))?;
        if self.connection.lingers() {
            return self.poll_linger(context);
        }
        Poll::Ready(Ok(()))
    }
}
