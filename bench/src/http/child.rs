//! A server that the bench starts, watches and ends: no server outlives the bench that started it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Doing, Failure};

/// Turns on the route that does nothing.
pub(crate) const NOOP_FLAG: &str = "--bench-noop";

/// Longer than any orderly end takes; then the server is killed.
const STOP_MAX: Duration = Duration::from_secs(30);

/// A server under a load of bulk requests may take its time for its metrics, and a snapshot or an archive takes its own.
const SCRAPE_MAX: Duration = Duration::from_secs(120);

/// How often a stopping server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct ChildOptions {
    /// Its program.
    pub(crate) program: PathBuf,
    /// Where its store lives.
    pub(crate) store: PathBuf,
    /// More command-line arguments.
    pub(crate) arguments: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Child {
    running: std::process::Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// From the start of the program to its ready line.
    pub(crate) started_in: Duration,
    /// Where its talk goes.
    talk: PathBuf,
}

/// A program of this workspace: beside this one, unless told otherwise.
pub(crate) fn program(name: &str, told: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = told {
        return Ok(path.to_owned());
    }
    let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
    let path = own.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::Usage(format!(
        "{} is not there: build the whole workspace (`cargo build --release --workspace`)",
        path.display()
    )))
}

// === impl ChildOptions ===

impl ChildOptions {
    pub(crate) fn new(program: PathBuf, store: PathBuf) -> Self {
        Self {
            program,
            store,
            arguments: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|text| (*text).to_owned()));
        self
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Child, Failure> {
        let talk = self.store.with_extension("log");
        let sink = File::options().create(true).append(true).open(&talk);
        let sink = sink.doing(|| format!("open {}", talk.display()))?;
        let begun = Instant::now();
        let mut running = Command::new(&self.program)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(&self.store)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(sink)
            .spawn()
            .doing(|| format!("start {}", self.program.display()))?;
        let banner = running.stdout.take();
        let ready = banner.and_then(ready_line);
        let Some((address, admin)) = ready else {
            let _ = running.kill();
            let _ = running.wait();
            let said = fs::read_to_string(&talk).unwrap_or_default();
            return Err(Failure::Server(format!("did not start: {}", said.trim())));
        };
        Ok(Child {
            running,
            address,
            admin,
            started_in: begun.elapsed(),
            talk,
        })
    }
}

/// Reads the banner up to `ready http=http://… admin=http://…`; the rest is drained, so that the
/// server never waits for a full pipe.
fn ready_line(banner: impl Read + Send + 'static) -> Option<(SocketAddr, SocketAddr)> {
    let mut lines = BufReader::new(banner).lines();
    let found = loop {
        let line = lines.next()?.ok()?;
        let Some(rest) = line.strip_prefix("ready http=http://") else {
            continue;
        };
        let (address, admin) = rest.split_once(" admin=http://")?;
        break (address.parse().ok()?, admin.trim().parse().ok()?);
    };
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Some(found)
}

// === impl Child ===

impl Child {
    /// Ends the server as a power cut would: kill -9.
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.running.kill().doing(|| "kill the server".to_owned())?;
        self.running
            .wait()
            .doing(|| "wait for the server".to_owned())?;
        Ok(())
    }

    /// Ends the server in order.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let pid = Pid::from_child(&self.running);
        kill_process(pid, Signal::TERM).doing(|| "end the server".to_owned())?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_MAX {
            let status = self.running.try_wait();
            let status = status.doing(|| "wait for the server".to_owned())?;
            match status {
                None => std::thread::sleep(LOOK_EVERY),
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let said = fs::read_to_string(&self.talk).unwrap_or_default();
                    let said = said.lines().last().unwrap_or_default();
                    return Err(Failure::Server(format!("ended with {status}: {said}")));
                }
            }
        }
        Err(Failure::Server("did not end when told to".to_owned()))
    }

    /// Resident memory, bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        self.status_bytes("VmRSS:")
    }

    /// Resident memory without pages of files, which the system takes back whenever it needs them, bytes.
    pub(crate) fn own_bytes(&self) -> Result<u64, Failure> {
        self.status_bytes("RssAnon:")
    }

    fn status_bytes(&self, name: &str) -> Result<u64, Failure> {
        let path = format!("/proc/{}/status", self.running.id());
        let status = fs::read_to_string(&path).doing(|| format!("read {path}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.map(|kib| kib * 1_024)
            .ok_or_else(|| Failure::Server(format!("has no {name} in {path}")))
    }

    /// Processor time used so far, by the program itself and by the kernel for it.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        // The kernel counts in hundredths of a second on every platform that Rust calls Linux.
        const TICKS_PER_SECOND: f64 = 100.0;
        let path = format!("/proc/{}/stat", self.running.id());
        let stat = fs::read_to_string(&path).doing(|| format!("read {path}"))?;
        // Fields are counted behind the name, which may hold spaces: utime is the 12th, stime the next.
        let behind = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let fields = behind.split(' ').skip(11).take(2);
        let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// One value of the metrics page: the first sample whose name starts so.
    pub(crate) fn metric(&self, name: &str) -> Result<Option<f64>, Failure> {
        let page = exchange(self.admin, "GET", "/metrics");
        let page = page.doing(|| "read the metrics".to_owned())?;
        let line = page.lines().find(|line| line.starts_with(name));
        Ok(line.and_then(|line| line.rsplit(' ').next()?.parse().ok()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

/// Asks the listener of the administration, and gives all of its answer.
pub(crate) fn exchange(admin: SocketAddr, method: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(SCRAPE_MAX))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_gives_both_addresses() {
        let banner: &[u8] =
            b"scrip 0.1.0\nready http=http://127.0.0.1:18080 admin=http://127.0.0.1:18081\nmore\n";
        let (address, admin) = ready_line(banner).unwrap();
        assert_eq!((address.port(), admin.port()), (18_080, 18_081));
        assert!(ready_line(&b"scrip 0.1.0\nport in use\n"[..]).is_none());
    }

    #[test]
    fn a_program_that_says_nothing_did_not_start() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        let options = ChildOptions::new("/bin/true".into(), store);
        let failure = options.start().map(drop).unwrap_err();
        assert!(failure.to_string().contains("did not start"), "{failure}");
    }
}
