//! A pipe in memory between a channel's task and the reader or writer of one of its streams.
//!
//! Bounded by bytes, not by messages: a program that writes many short lines must not block sooner than one that
//! writes few long ones. Chunks are handed on without being copied.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Chunks that are shorter than this are put together for the reader.
const SMALL: usize = 4 * 1024;

/// How much is put together.
const JOINED: usize = 32 * 1024;

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    length: usize,
    /// Nothing more will be written.
    finished: bool,
    /// Nothing more will be read.
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

struct Shared {
    state: Mutex<State>,
    limit: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end to write to. Dropping it ends the stream.
pub(crate) struct Sink(Arc<Shared>);

/// The end to read from. Dropping it makes writing fail.
pub(crate) struct Source(Arc<Shared>);

/// A pipe that holds about `limit` bytes.
pub(crate) fn pipe(limit: usize) -> (Sink, Source) {
    let shared = Arc::new(Shared { state: Mutex::default(), limit });
    (Sink(Arc::clone(&shared)), Source(shared))
}

impl Sink {
    /// Write a chunk, when there is room. `false`: nobody reads any more.
    pub(crate) async fn send(&self, chunk: Bytes) -> bool {
        let mut chunk = Some(chunk);
        poll_fn(|context| self.poll_send(context, || chunk.take().unwrap_or_default())).await
    }

    fn poll_send(&self, context: &mut Context<'_>, chunk: impl FnOnce() -> Bytes) -> Poll<bool> {
        let mut state = self.0.lock();
        if state.abandoned {
            return Poll::Ready(false);
        }
        if state.length >= self.0.limit {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let chunk = chunk();
        if !chunk.is_empty() {
            state.length += chunk.len();
            state.chunks.push_back(chunk);
            if let Some(reader) = state.reader.take() {
                drop(state);
                reader.wake();
            }
        }
        Poll::Ready(true)
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.lock().abandoned
    }

    fn finish(&self) {
        let mut state = self.0.lock();
        state.finished = true;
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.0.lock().finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let length = slices.iter().map(|slice| slice.len()).sum::<usize>().min(JOINED);
        let join = || {
            let mut joined = BytesMut::with_capacity(length);
            for slice in slices {
                let room = length - joined.len();
                joined.extend_from_slice(slice.get(..room).unwrap_or(slice));
            }
            joined.freeze()
        };
        self.poll_send(context, join).map(|read| match read {
            true => Ok(length),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Source {
    /// The next chunk; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|context| {
            let mut state = self.0.lock();
            let Some(mut chunk) = state.chunks.pop_front() else {
                if state.finished {
                    return Poll::Ready(None);
                }
                state.reader = Some(context.waker().clone());
                return Poll::Pending;
            };
            if chunk.len() < SMALL && !state.chunks.is_empty() {
                let mut joined = BytesMut::from(chunk);
                while state.chunks.front().is_some_and(|more| joined.len() + more.len() <= JOINED)
                    && let Some(more) = state.chunks.pop_front()
                {
                    joined.extend_from_slice(&more);
                }
                chunk = joined.freeze();
            }
            state.length -= chunk.len();
            if let Some(writer) = state.writer.take() {
                drop(state);
                writer.wake();
            }
            Poll::Ready(Some(chunk))
        })
        .await
    }
}

impl AsyncRead for Source {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.chunks.is_empty() && !state.finished {
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let mut taken = 0;
        while buffer.remaining() > 0 {
            let Some(mut chunk) = state.chunks.pop_front() else { break };
            let length = chunk.len().min(buffer.remaining());
            buffer.put_slice(&chunk.split_to(length));
            taken += length;
            if chunk.has_remaining() {
                state.chunks.push_front(chunk);
            }
        }
        state.length -= taken;
        if let Some(writer) = state.writer.take() {
            drop(state);
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.abandoned = true;
        state.chunks.clear();
        state.length = 0;
        if let Some(writer) = state.writer.take() {
            drop(state);
            writer.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn what_goes_in_comes_out_in_order() {
        let (mut sink, mut source) = pipe(10_000);
        let data: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        let expected = data.clone();
        let writing = tokio::spawn(async move { sink.write_all(&data).await.unwrap() });
        let mut read = Vec::new();
        source.read_to_end(&mut read).await.unwrap();
        writing.await.unwrap();
        assert!(read == expected);
    }

    #[tokio::test]
    async fn many_short_lines_do_not_fill_it() {
        let (sink, mut source) = pipe(10_000);
        for _ in 0..4_000 {
            assert!(sink.send(Bytes::from_static(b"a\n")).await);
        }
        assert_eq!(source.next().await.unwrap().len(), 8_000);
    }

    #[tokio::test]
    async fn a_full_pipe_waits_for_its_reader_and_fails_without_one() {
        let (sink, mut source) = pipe(4);
        assert!(sink.send(Bytes::from_static(b"12345")).await);
        assert!(futures::FutureExt::now_or_never(sink.send(Bytes::from_static(b"6"))).is_none());
        assert_eq!(source.next().await.unwrap(), "12345");
        assert!(sink.send(Bytes::from_static(b"6")).await);
        drop(source);
        assert!(sink.is_abandoned());
        assert!(!sink.send(Bytes::from_static(b"7")).await);
    }

    #[tokio::test]
    async fn shutdown_and_drop_end_the_stream() {
        let (mut sink, mut source) = pipe(10);
        sink.write_all(b"end").await.unwrap();
        sink.shutdown().await.unwrap();
        assert!(sink.write_all(b"more").await.is_err());
        assert_eq!(source.next().await.unwrap(), "end");
        assert!(source.next().await.is_none());
    }
}
