//! One connection: hyper with our time-outs around it.
//!
//! A timer that is set and cleared for every request costs more than reading the request. So the
//! connection notes when it last did something, and one timer per connection looks now and then.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::app::App;
use crate::exchange::{Door, exchange};
use crate::line::Line;

/// Bytes of a connection's buffer: bounds the header of a request, and with the cap on connections
/// the memory that all headers can take.
const BUFFER_BYTES: usize = 64 * 1024;

/// One connection, as its requests and its watch see it.
struct Seat {
    app: Arc<App>,
    door: Door,
    /// Whether a request is at work.
    busy: AtomicBool,
    /// When the last answer was ready, nanoseconds since the start.
    since: AtomicU64,
}

/// Ends a connection that was silent for too long.
struct Watch<'a> {
    seat: &'a Seat,
    sleep: Pin<Box<Sleep>>,
    waker: Option<Waker>,
}

/// Serves a connection until it ends.
pub(crate) async fn serve_connection(
    app: Arc<App>,
    door: Door,
    stream: TcpStream,
    drain: CancellationToken,
) {
    let mut byte = [0];
    let first = timeout(app.options.first_byte, stream.peek(&mut byte));
    tokio::select! {
        came = first => match came {
            Ok(Ok(1..)) => {}
            Ok(Ok(0) | Err(_)) => return,
            Err(_) => return app.metrics.count_silent(),
        },
        () = drain.cancelled() => return,
    }
    let seat = Arc::new(Seat {
        busy: AtomicBool::new(false),
        since: AtomicU64::new(app.nanos(Instant::now())),
        app: Arc::clone(&app),
        door,
    });
    let service = service_fn(|request| {
        let seat = Arc::clone(&seat);
        async move { Ok::<_, Infallible>(seat.answer(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.half_close(true).max_buf_size(BUFFER_BYTES);
    let connection = builder.serve_connection(Line::new(stream, Arc::clone(&app)), service);
    let mut connection = pin!(connection);
    let mut watch = Watch::new(&seat);
    let mut drained = pin!(drain.cancelled());
    let mut asked = false;
    let outcome = poll_fn(|cx| {
        // Once registered with this task, neither the timer nor the token is asked again for nothing.
        let fresh = watch.meet(cx);
        if !asked && (fresh || app.draining.load(Ordering::Relaxed)) {
            asked = drained.as_mut().poll(cx).is_ready();
            if asked {
                connection.as_mut().graceful_shutdown();
            }
        }
        if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        watch.poll(cx, fresh).map(|()| None)
    });
    match outcome.await {
        None => app.metrics.count_silent(),
        Some(Err(error)) => app.metrics.count_unparsed(&error),
        Some(Ok(())) => {}
    }
}

// === impl Seat ===

impl Seat {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        self.busy.store(true, Ordering::Relaxed);
        let (answer, ended) = exchange(&self.app, self.door, request).await;
        self.since.store(self.app.nanos(ended), Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
        answer
    }

    /// How long nothing was asked; `None` while a request is at work.
    fn silence(&self, now: Instant) -> Option<Duration> {
        let since = self.since.load(Ordering::Relaxed);
        let silent = self.app.nanos(now).saturating_sub(since);
        let busy = self.busy.load(Ordering::Relaxed);
        (!busy).then(|| Duration::from_nanos(silent))
    }
}

// === impl Watch ===

impl<'a> Watch<'a> {
    fn new(seat: &'a Seat) -> Self {
        let first = Instant::now() + seat.app.options.header;
        Self {
            seat,
            sleep: Box::pin(sleep_until(first.into())),
            waker: None,
        }
    }

    /// Whether the task's waker is another one than last time.
    fn meet(&mut self, cx: &Context<'_>) -> bool {
        if self
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            return false;
        }
        self.waker = Some(cx.waker().clone());
        true
    }

    /// Ready when the connection was silent for too long.
    fn poll(&mut self, cx: &mut Context<'_>, fresh: bool) -> Poll<()> {
        if !fresh && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            let limit = self.seat.app.options.header;
            let now = Instant::now();
            let left = match self.seat.silence(now) {
                None => limit,
                Some(silent) if silent >= limit => return Poll::Ready(()),
                Some(silent) => limit - silent,
            };
            self.sleep.as_mut().reset((now + left).into());
        }
        Poll::Pending
    }
}
