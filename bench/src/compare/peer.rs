//! Another database, started on loopback with a store of its own and ended with the run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::failure::{Doing, Failure};

/// Longer than either takes to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a peer came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PeerFigures {
    pub(crate) version: String,
    pub(crate) connections: usize,
    pub(crate) per_second: f64,
}

/// A running peer.
#[derive(Debug)]
pub(crate) struct Peer {
    running: Child,
    pub(crate) port: u16,
}

/// A program by its name: in the search path, or in one of these folders.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    // The search path is what the shell would use; there is nothing of ours in it to configure.
    let output = Command::new("sh")
        .args(["-c", &format!("command -v {name}")])
        .output();
    let found = output.ok().filter(|output| output.status.success());
    let path = found.and_then(|output| String::from_utf8(output.stdout).ok());
    let path = path.map(|path| PathBuf::from(path.trim()));
    path.or_else(|| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.exists())
    })
}

/// Runs a program to its end and gives what it wrote.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .doing(|| format!("run {program}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::Program { program, said })
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").doing(|| "find a free port".to_owned())?;
    let address = listener
        .local_addr()
        .doing(|| "find a free port".to_owned())?;
    Ok(address.port())
}

// === impl Peer ===

impl Peer {
    /// Starts it and waits until `ready` says so.
    pub(crate) fn start(
        command: &mut Command,
        port: u16,
        talk: &Path,
        mut ready: impl FnMut(u16) -> bool,
    ) -> Result<Self, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        let sink = std::fs::File::create(talk).doing(|| format!("create {}", talk.display()))?;
        let second = sink
            .try_clone()
            .doing(|| format!("open {}", talk.display()))?;
        let running = command
            .stdin(Stdio::null())
            .stdout(sink)
            .stderr(second)
            .spawn();
        let mut peer = Self {
            running: running.doing(|| format!("start {program}"))?,
            port,
        };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let ended = peer
                .running
                .try_wait()
                .doing(|| format!("wait for {program}"))?;
            if ended.is_some() {
                break;
            }
            if ready(port) {
                return Ok(peer);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let said = std::fs::read_to_string(talk).unwrap_or_default();
        let said = format!("it did not start: {}", said.trim());
        Err(Failure::Program { program, said })
    }

    /// Sends bytes and gives what comes back within a moment.
    pub(crate) fn tell(&self, words: &[u8]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(words)?;
        let mut answer = [0; 4_096];
        let read = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // In order first, so that its own children go with it; all of this fails only if it has ended.
        let _ = kill_process(Pid::from_child(&self.running), Signal::INT);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if !matches!(self.running.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_the_search_path_or_a_folder() {
        assert!(find("sh", &[]).is_some());
        assert!(find("no-such-program", &[]).is_none());
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("no-such-program"), b"").unwrap();
        assert!(find("no-such-program", &[directory.path().to_owned()]).is_some());
    }

    #[test]
    fn a_program_that_fails_says_why() {
        let failure = output(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err();
        assert_eq!(failure.to_string(), "sh failed: no");
        assert_eq!(output(Command::new("echo").arg("yes")).unwrap(), "yes\n");
    }
}
