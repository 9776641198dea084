//! Starts the real server as a child, on ports of its own, and ends it in every way it can be ended.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries;
use crate::http::Connection;

/// Recovery of a test directory, or a drain, takes a fraction of this even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Small segments: a test directory stays small and rolls often.
const SEGMENT_BYTES: u64 = 1 << 20;

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: PathBuf,
    directory: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
}

/// A server that answers.
#[derive(Debug)]
pub struct Server {
    /// Where it serves.
    pub http: SocketAddr,
    /// Where it serves its operator.
    pub admin: SocketAddr,
    /// What it said on its standard output until it was ready.
    pub banner: Vec<String>,
    running: Running,
}

/// A server that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// Everything it said on its standard output after the banner.
    pub stdout: String,
    /// Everything it said on its standard error.
    pub stderr: String,
}

/// A child and the threads that read what it says, so that it never blocks on a full pipe.
#[derive(Debug)]
struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    ended: Option<ExitStatus>,
}

// === impl Launch ===

impl Launch {
    /// The server over a directory, with everything else as tests want it.
    pub fn new(directory: &Path) -> Self {
        Self {
            binary: binaries::server(),
            directory: directory.to_path_buf(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
        .flag("--listen", "127.0.0.1:0")
        .flag("--admin-listen", "127.0.0.1:0")
        .flag("--segment-bytes", SEGMENT_BYTES)
    }

    /// Another binary that speaks the same way.
    pub fn binary(mut self, binary: &Path) -> Self {
        self.binary = binary.to_path_buf();
        self
    }

    /// A flag with its value; the last of a name wins.
    pub fn flag(mut self, name: &str, value: impl ToString) -> Self {
        if let Some(at) = self.arguments.iter().position(|held| held == name) {
            self.arguments[at + 1] = value.to_string().into();
        } else {
            self.arguments.push(name.into());
            self.arguments.push(value.to_string().into());
        }
        self
    }

    /// A flag without a value.
    pub fn switch(mut self, name: &str) -> Self {
        self.arguments.push(name.into());
        self
    }

    /// A variable of its environment.
    pub fn variable(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts it and waits until it is ready.
    #[track_caller]
    pub fn start(&self) -> Server {
        match self.attempt() {
            Ok(server) => server,
            Err(ended) => panic!(
                "the server did not start: {}\n{}{}",
                ended.status, ended.stdout, ended.stderr
            ),
        }
    }

    /// Starts it where it must not start, and gives back how it ended.
    #[track_caller]
    pub fn refuse(&self) -> Ended {
        match self.attempt() {
            Err(ended) => ended,
            Ok(server) => panic!("the server started: {:?}", server.banner),
        }
    }

    /// Starts it and waits until it is ready or has ended.
    pub fn attempt(&self) -> Result<Server, Ended> {
        let mut running = self.spawn();
        let mut banner = Vec::new();
        while let Ok(line) = running.stdout.recv_timeout(PATIENCE) {
            let ready = ready_line(&line);
            banner.push(line);
            if let Some((http, admin)) = ready {
                return Ok(Server {
                    http,
                    admin,
                    banner,
                    running,
                });
            }
        }
        let mut ended = running.wait();
        ended.stdout = banner.join("\n");
        Err(ended)
    }

    /// Starts it and kills it after so many looks at its directory, whatever it is doing by then.
    pub fn kill_while_starting(&self, looks: u64) {
        let mut running = self.spawn();
        for _ in 0..looks {
            drop(std::fs::read_dir(&self.directory));
        }
        running.signal(Signal::KILL);
        running.wait();
    }

    fn spawn(&self) -> Running {
        let mut child = Command::new(&self.binary)
            .arg("--data")
            .arg(&self.directory)
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        let stdout = lines(child.stdout.take());
        let stderr = lines(child.stderr.take());
        Running {
            child,
            stdout,
            stderr,
            ended: None,
        }
    }
}

// === impl Server ===

impl Server {
    /// A new connection.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        match Connection::open(self.http) {
            Ok(connection) => connection,
            Err(error) => panic!("no connection to {}: {error}", self.http),
        }
    }

    /// A new connection to the operator's side.
    #[track_caller]
    pub fn connect_admin(&self) -> Connection {
        match Connection::open(self.admin) {
            Ok(connection) => connection,
            Err(error) => panic!("no connection to {}: {error}", self.admin),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// kill -9, while others still hold on to it.
    pub fn kill_now(&self) {
        self.running.signal(Signal::KILL);
    }

    /// kill -9, at once.
    pub fn kill(mut self) -> Ended {
        self.running.signal(Signal::KILL);
        self.running.wait()
    }

    /// Sends SIGTERM and does not wait.
    pub fn terminate(&mut self) {
        self.running.signal(Signal::TERM);
    }

    /// SIGTERM, and how it ended.
    pub fn stop(mut self) -> Ended {
        self.terminate();
        self.running.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Ended {
        self.running.wait()
    }

    /// Most memory it has held at once so far, bytes.
    pub fn memory_peak(&self) -> u64 {
        let status = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(status).expect("the server is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kib: Option<u64> = kib.and_then(|kib| kib.trim().parse().ok());
        kib.expect("VmHWM in kB") * 1024
    }
}

// === impl Running ===

impl Running {
    fn signal(&self, signal: Signal) {
        // A child that was waited for has given its id back, and nobody else may be hit.
        if self.ended.is_none()
            && let Some(pid) = Pid::from_raw(self.child.id() as i32)
        {
            kill_process(pid, signal).expect("a child that was not waited for can be signalled");
        }
    }

    fn wait(&mut self) -> Ended {
        // Both pipes close when the child ends, so draining them waits for it, with a bound.
        let stdout = drain(&self.stdout);
        let stderr = drain(&self.stderr);
        let ended = stdout.is_some() && stderr.is_some();
        if !ended {
            self.signal(Signal::KILL);
        }
        let status = self.child.wait().expect("a child can be waited for");
        self.ended = Some(status);
        assert!(ended, "the server did not end within {PATIENCE:?}");
        Ended {
            status,
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // The test is over, perhaps by a panic: nothing may outlive it.
            let killed = self.child.kill();
            let waited = self.child.wait();
            drop((killed, waited));
        }
    }
}

/// Both addresses of the last line of the banner.
fn ready_line(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.strip_prefix("ready http=http://")?;
    let (http, admin) = rest.split_once(" admin=http://")?;
    Some((http.parse().ok()?, admin.trim().parse().ok()?))
}

fn lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let pipe = pipe.expect("the pipe was asked for");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Everything until the pipe closes; `None` if it stays open beyond patience.
fn drain(lines: &Receiver<String>) -> Option<String> {
    let mut text = String::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Some(text),
            Err(mpsc::RecvTimeoutError::Timeout) => return None,
        }
    }
}
