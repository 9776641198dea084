//! The socket under hyper, with a patient end.
//!
//! A socket that is closed while bytes lie in it unread resets the connection, and the reset takes
//! with it an answer that the client has not read yet: exactly when the answer says why the rest of
//! the body was not wanted. So after the last answer the socket is closed for writing only, and what
//! still comes is thrown away until the client is done, for a limited time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::app::App;

/// How long the client may take to hear the end.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes thrown away at a time.
const WASTE_BYTES: usize = 16 * 1024;

/// A socket whose shutdown waits until the client is done.
pub(crate) struct Line {
    io: TokioIo<TcpStream>,
    app: Arc<App>,
    end: Option<Pin<Box<Sleep>>>,
}

// === impl Line ===

impl Line {
    pub(crate) fn new(stream: TcpStream, app: Arc<App>) -> Self {
        Self {
            io: TokioIo::new(stream),
            app,
            end: None,
        }
    }

    /// Throws away what comes, until the client is done or the time is over.
    fn poll_waste(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waste = [0; WASTE_BYTES];
        loop {
            if self
                .end
                .as_mut()
                .is_some_and(|end| end.as_mut().poll(cx).is_ready())
            {
                return Poll::Ready(());
            }
            if ready!(self.io.inner().poll_read_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            match self.io.inner().try_read(&mut waste) {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Gone, which is all that was waited for.
                Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            // A server that stops does not wait for clients that keep idle connections.
            if self.app.draining.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            self.end = Some(Box::pin(sleep(LINGER)));
        }
        self.poll_waste(cx).map(Ok)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }
}
