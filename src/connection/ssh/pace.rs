//! How far a connection has got with writing to its socket.
//!
//! russh takes all that it is given into one buffer before it writes any of it, up to the host's window, and that buffer
//! never shrinks: 2 MB and more for each of many hosts. Who sends a lot waits now and then until the buffer has gone out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// A stream that counts how often it was flushed.
pub(super) struct Paced<S> {
    stream: S,
    flushes: watch::Sender<u64>,
}

/// The count of a stream's flushes.
#[derive(Clone, Debug)]
pub(super) struct Pace(watch::Receiver<u64>);

impl<S> Paced<S> {
    /// A stream, and the count of its flushes.
    pub(super) fn new(stream: S) -> (Self, Pace) {
        let (flushes, count) = watch::channel(0);
        (Self { stream, flushes }, Pace(count))
    }
}

impl Pace {
    /// From now on, [`Pace::flushed`] waits for the next flush.
    pub(super) fn mark(&mut self) {
        self.0.mark_unchanged();
    }

    /// Wait for a flush since the mark. Returns at once where the stream is gone, too: whoever sends will notice.
    pub(super) async fn flushed(&mut self) {
        let _ = self.0.changed().await;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.flushes.send_modify(|count| *count = count.wrapping_add(1));
        Poll::Ready(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use futures::FutureExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn a_flush_since_the_mark_is_waited_for() {
        let (mut stream, mut pace) = Paced::new(tokio::io::sink());
        stream.flush().await.unwrap();
        pace.mark();
        assert!(pace.flushed().now_or_never().is_none());
        stream.write_all(b"x").await.unwrap();
        assert!(pace.flushed().now_or_never().is_none());
        stream.flush().await.unwrap();
        assert!(pace.flushed().now_or_never().is_some());
        pace.mark();
        drop(stream);
        pace.flushed().await;
    }
}
