//! Listeners: who is let in, who is turned away, and how all of it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, EngineSlot, ServeOptions};
use crate::connection::serve_connection;
use crate::exchange::Door;
use crate::problem::{Code, Problem};

/// Most connections on the operator's listener: a scraper and a few people.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Most connections that are being told that there are too many; those above are just closed.
const TURNING_AWAY_MAX: usize = 64;

/// How long a connection that is turned away may take to hear it.
const TURN_AWAY: Duration = Duration::from_secs(2);

/// Pause after a failed accept. It fails when the process is out of file descriptors, and until one
/// is free each further try only burns a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const TOO_MANY: &str = "too many connections are open; try again a little later";

/// Bound sockets.
pub struct Listeners {
    /// The main one.
    pub http: TcpListener,
    /// The operator's: metrics and administration.
    pub admin: Option<TcpListener>,
}

/// How serving is asked to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Take nothing new, finish what is in flight.
    pub drain: CancellationToken,
    /// Do not wait for requests in flight any longer.
    pub hurry: CancellationToken,
}

/// Serves until asked to end, and until what was in flight is answered or given up. The engine is
/// left running: whoever opened it closes it.
pub async fn serve(
    listeners: Listeners,
    engine: EngineSlot,
    options: ServeOptions,
    shutdown: Shutdown,
) {
    let most = options.connections_max;
    let limit = options.drain;
    let app = Arc::new(App::new(engine, options));
    let (public, admin) = (TaskTracker::new(), TaskTracker::new());
    let (drain, last) = (CancellationToken::new(), CancellationToken::new());
    let accepting = accept(&app, Door::Public, listeners.http, most, &public, &drain);
    let operators = async {
        if let Some(listener) = listeners.admin {
            let most = ADMIN_CONNECTIONS_MAX;
            accept(&app, Door::Admin, listener, most, &admin, &last).await;
        }
    };
    let ending = async {
        shutdown.drain.cancelled().await;
        // Readiness goes before the listener does.
        app.draining.store(true, Ordering::Relaxed);
        drain.cancel();
        public.close();
        tokio::select! {
            () = public.wait() => {}
            () = shutdown.hurry.cancelled() => {}
            () = sleep(limit) => tracing::warn!("connections were still open when the time to drain was over"),
        }
        last.cancel();
    };
    tokio::join!(accepting, operators, ending);
}

async fn accept(
    app: &Arc<App>,
    door: Door,
    listener: TcpListener,
    most: usize,
    tasks: &TaskTracker,
    drain: &CancellationToken,
) {
    let room = Arc::new(Semaphore::new(most));
    let turning_away = Arc::new(Semaphore::new(TURNING_AWAY_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => {
                tasks.spawn(attend(Arc::clone(app), door, stream, drain.clone(), place));
            }
            Err(_) => {
                app.metrics.count_turned_away();
                if let Ok(place) = Arc::clone(&turning_away).try_acquire_owned() {
                    tasks.spawn(turn_away(stream, place));
                }
            }
        }
    }
}

async fn attend(
    app: Arc<App>,
    door: Door,
    stream: TcpStream,
    drain: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection was gone before it was served");
        return;
    }
    let open = app.metrics.connections.clone();
    let counted = door == Door::Public;
    if counted {
        open.inc();
    }
    serve_connection(app, door, stream, drain).await;
    if counted {
        open.dec();
    }
}

/// The answer to a connection above the cap: no request of it is ever read.
fn too_many() -> Vec<u8> {
    let body = Problem::new(Code::Overloaded, TOO_MANY).to_body();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// Says 503 and closes, reading what the client already sent: closing over unread bytes would reset
/// the connection and take the answer with it.
async fn turn_away(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    let told = async {
        stream.write_all(&too_many()).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whether it heard us is its own affair.
    drop(timeout(TURN_AWAY, told).await);
}

#[cfg(test)]
mod tests;
