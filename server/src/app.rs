//! What all requests share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use engine::Engine;
use tokio::sync::Semaphore;

use crate::body::Gathering;
use crate::metrics::Metrics;
use crate::problem::{Code, Outcome};
use crate::request_id::RequestIds;
use crate::router::Router;

/// Most bulk requests at work at once. Two keep the journal busy; more only hold memory, some ten
/// megabytes each, so the others wait for their turn.
const BULKS_MAX: usize = 16;

/// Most connections by default: with some 20 KiB each they hold 200 MiB at worst.
pub const CONNECTIONS_MAX: usize = 10_000;

/// How the server treats its connections. The engine has options of its own.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Most connections on the main listener; above it they are answered 503 and closed.
    pub connections_max: usize,
    /// How long a new connection may stay silent.
    pub first_byte: Duration,
    /// How long a connection may take for the next request's header, idle time included.
    pub header: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// How long requests in flight may go on after shutdown was asked for.
    pub drain: Duration,
    /// Whether `POST /noop` is there, for measuring the HTTP stack alone.
    pub bench_noop: bool,
}

/// Where requests find the engine. Empty while the log is being replayed.
#[derive(Clone, Default)]
pub struct EngineSlot(Arc<OnceLock<Engine>>);

/// What all requests share.
pub(crate) struct App {
    pub(crate) slot: EngineSlot,
    pub(crate) options: ServeOptions,
    pub(crate) public: Router,
    pub(crate) admin: Router,
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: RequestIds,
    pub(crate) gathering: Gathering,
    pub(crate) bulk_turns: Semaphore,
    /// Set before listeners close, so that readiness goes first.
    pub(crate) draining: std::sync::atomic::AtomicBool,
    /// From here times within the process are counted.
    pub(crate) epoch: Instant,
}

// === impl ServeOptions ===

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            first_byte: Duration::from_secs(10),
            header: Duration::from_secs(65),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(30),
            bench_noop: false,
        }
    }
}

// === impl EngineSlot ===

impl EngineSlot {
    /// Still empty: everything but `/livez` answers 503.
    pub fn replaying() -> Self {
        Self::default()
    }

    /// With a running engine.
    pub fn ready(engine: Engine) -> Self {
        let slot = Self::default();
        slot.fill(engine);
        slot
    }

    /// Puts the engine in; a second one is ignored.
    pub fn fill(&self, engine: Engine) {
        drop(self.0.set(engine));
    }

    /// The engine, once it is there.
    pub fn get(&self) -> Option<&Engine> {
        self.0.get()
    }
}

// === impl App ===

impl App {
    pub(crate) fn new(slot: EngineSlot, options: ServeOptions) -> Self {
        let public = Router::public(options.bench_noop);
        let admin = Router::admin(public.len());
        let labels = public.names().chain(admin.names()).collect();
        Self {
            metrics: Metrics::new(labels, slot.clone()),
            public,
            admin,
            slot,
            options,
            request_ids: RequestIds::new(),
            gathering: Gathering::new(),
            bulk_turns: Semaphore::new(BULKS_MAX),
            draining: std::sync::atomic::AtomicBool::new(false),
            epoch: Instant::now(),
        }
    }

    /// The engine, or the problem that it is not there yet.
    pub(crate) fn engine(&self) -> Outcome<&Engine> {
        self.slot.get().ok_or_else(|| Code::Replaying.plain())
    }

    /// Time since the start, nanoseconds.
    pub(crate) fn nanos(&self, now: Instant) -> u64 {
        now.duration_since(self.epoch).as_nanos() as u64
    }
}
