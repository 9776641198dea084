//! The server around an engine, both inside this process.

use std::net::SocketAddr;

use engine::Engine;
use server::{EngineSlot, Listeners, ServeOptions, Shutdown};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::Inside;
use crate::http::Connection;

/// A server over an engine, both in this process.
pub struct InsideServer {
    pub inside: Inside,
    runtime: Runtime,
    serving: Option<Serving>,
}

struct Serving {
    engine: Engine,
    address: SocketAddr,
    admin: SocketAddr,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

// === impl InsideServer ===

impl InsideServer {
    /// Starts it over an empty directory.
    pub fn start(seed: u64) -> Self {
        let mut server = Self {
            inside: Inside::new(seed),
            runtime: Runtime::new().expect("a runtime starts"),
            serving: None,
        };
        server.serve();
        server
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        let serving = self
            .serving
            .as_ref()
            .expect("it serves between start and end");
        Connection::open(serving.address).expect("the server listens")
    }

    /// A new connection to the operator's listener.
    pub fn connect_admin(&self) -> Connection {
        let serving = self
            .serving
            .as_ref()
            .expect("it serves between start and end");
        Connection::open(serving.admin).expect("the server listens")
    }

    /// Ends it cleanly and starts it again over the same directory.
    pub fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    /// Has quiet wallets record what has lapsed.
    pub fn sweep(&self) {
        if let Some(serving) = &self.serving {
            self.runtime.block_on(serving.engine.sweep());
        }
    }

    /// Cuts the power under it, and starts another over what is left.
    pub fn crash(&mut self, seed: u64) {
        self.inside.crash(seed);
        if let Some(serving) = self.serving.take() {
            serving.task.abort();
        }
        self.serve();
    }

    fn serve(&mut self) {
        let serving = self.runtime.block_on(async {
            let engine = self.inside.open().await;
            let http = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = http.local_addr().expect("a bound socket has an address");
            let second = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let admin = second.local_addr().expect("a bound socket has an address");
            let listeners = Listeners {
                http,
                admin: Some(second),
            };
            let shutdown = Shutdown::default();
            let slot = EngineSlot::ready(engine.clone());
            let options = ServeOptions::default();
            let task = tokio::spawn(server::serve(listeners, slot, options, shutdown.clone()));
            Serving {
                engine,
                address,
                admin,
                shutdown,
                task,
            }
        });
        self.serving = Some(serving);
    }

    fn stop(&mut self) {
        let Some(serving) = self.serving.take() else {
            return;
        };
        self.runtime.block_on(async {
            serving.shutdown.drain.cancel();
            serving.shutdown.hurry.cancel();
            serving.task.await.expect("serving ends");
            serving.engine.shutdown().await;
        });
    }
}

impl Drop for InsideServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}
