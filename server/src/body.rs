//! Reading a request body: bounded in bytes, in time, and in how much all of them hold together.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Sleep, sleep};

use crate::problem::{Code, Outcome, Problem};

/// Most bytes in the body of a single command.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// Most bytes in the body of a bulk request: 10,000 operations of some 400 bytes.
pub(crate) const BULK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of half-read bodies in memory at once: sixty-four of the largest. Whoever comes when all
/// of it is taken waits, and the client's sending stalls with it.
const GATHERING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The store of bytes that half-read bodies draw on.
pub(crate) struct Gathering(Semaphore);

/// A body, with the room that it takes from the store for as long as it is held.
pub(crate) struct Gathered<'a> {
    pub(crate) bytes: Bytes,
    _room: Option<SemaphorePermit<'a>>,
}

/// How long a body may take, counted only when it does not come at once: nearly every body arrives
/// together with its header, and a timer for each of them would cost more than reading it.
struct Patience {
    limit: Duration,
    polled: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

// === impl Gathering ===

impl Gathering {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(GATHERING_BYTES_MAX))
    }

    async fn take(&self, bytes: usize) -> Outcome<SemaphorePermit<'_>> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = self.0.acquire_many(bytes).await;
        permit.map_err(|_| Code::Draining.plain())
    }
}

/// Reads a body to its end.
pub(crate) async fn read(
    mut body: Incoming,
    limit: usize,
    time: Duration,
    gathering: &Gathering,
) -> Outcome<Gathered<'_>> {
    let stated = body.size_hint().exact();
    if stated.is_some_and(|bytes| bytes > limit as u64) {
        return Err(too_large(limit));
    }
    let mut patience = Patience::new(time);
    let Some(first) = next(&mut body, &mut patience).await? else {
        return Ok(Bytes::new().into());
    };
    if body.is_end_stream() && first.len() <= limit {
        return Ok(first.into());
    }
    let room = stated.map_or(limit, |bytes| bytes as usize);
    let room = Some(gathering.take(room).await?);
    let mut whole = BytesMut::with_capacity(stated.map_or(first.len(), |bytes| bytes as usize));
    whole.extend_from_slice(&first);
    drop(first);
    while whole.len() <= limit {
        match next(&mut body, &mut patience).await? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => {
                let bytes = whole.freeze();
                return Ok(Gathered { bytes, _room: room });
            }
        }
    }
    Err(too_large(limit))
}

/// The next piece that has bytes; `None` at the end.
async fn next(body: &mut Incoming, patience: &mut Patience) -> Outcome<Option<Bytes>> {
    loop {
        let frame = poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => patience.poll(cx).map(Err),
        });
        let frame = match frame.await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                let detail = format!("the body cannot be read: {error}");
                let mut problem = Problem::new(Code::MalformedRequest, detail);
                problem.closes = true;
                return Err(problem);
            }
            Err(()) => {
                let mut problem = Code::RequestTimeout.plain();
                problem.closes = true;
                return Err(problem);
            }
        };
        // Trailers say nothing to us.
        if let Some(bytes) = Frame::into_data(frame)
            .ok()
            .filter(|bytes| !bytes.is_empty())
        {
            return Ok(Some(bytes));
        }
    }
}

fn too_large(limit: usize) -> Box<Problem> {
    let detail = format!("the body of this route may have {limit} bytes");
    let mut problem = Problem::new(Code::BodyTooLarge, detail);
    problem.closes = true;
    problem
}

// === impl Gathered ===

impl From<Bytes> for Gathered<'_> {
    /// A body that came in one piece lies in its connection's own buffer.
    fn from(bytes: Bytes) -> Self {
        Self { bytes, _room: None }
    }
}

// === impl Patience ===

impl Patience {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            polled: false,
            sleep: None,
        }
    }

    /// Ready when the time is over. The first call only asks to be called again.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.polled {
            self.polled = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(cx)
    }
}
