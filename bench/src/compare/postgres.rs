//! PostgreSQL: the same durable operation as one prepared statement, driven by its own pgbench.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::peer::{Peer, PeerFigures, find, free_port, output};
use crate::failure::{Doing, Failure};
use crate::scratch;

/// As many as ours has in P7.
const CONNECTIONS: usize = 64;

/// Threads of pgbench.
const THREADS: usize = 2;

/// Where Debian puts the server's programs.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The user that the server runs as when the bench runs as root, which it refuses to run as.
const USER: &str = "postgres";

const SCHEMA: &str = "\
CREATE TABLE wallet (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0), \
version bigint NOT NULL);
CREATE TABLE entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, wallet bigint NOT NULL, \
version bigint NOT NULL, kind smallint NOT NULL, amount bigint NOT NULL, balance bigint NOT NULL, \
created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO wallet SELECT id, 1000000, 1 FROM generate_series(1, 10000) AS id;
VACUUM ANALYZE;";

/// Change the balance, keep the entry, give the receipt: one statement, one round trip.
const SCRIPT: &str = "\\set id random(1, 10000)
\\set amount random(0, 1) * 10 - 5
WITH changed AS (UPDATE wallet SET balance = balance + :amount, version = version + 1 \
WHERE id = :id RETURNING id, version, balance) \
INSERT INTO entry (wallet, version, kind, amount, balance) \
SELECT id, version, 1, :amount, balance FROM changed RETURNING id, version, balance;
";

/// Its programs, and how to run them.
struct Installed {
    programs: PathBuf,
    /// User and group when it must not run as we do.
    other: Option<(u32, u32)>,
}

/// `None` = not installed.
pub(crate) fn measure(directory: &Path, time: Duration) -> Result<Option<PeerFigures>, Failure> {
    let Some(installed) = Installed::look()? else {
        return Ok(None);
    };
    let scratch = scratch::directory(directory)?;
    let own = scratch.path().canonicalize();
    let own = own.doing(|| format!("find {}", scratch.path().display()))?;
    installed.give(&own)?;
    let store = own.join("store");
    let mut initdb = installed.program("initdb");
    initdb
        .args(["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "-D"])
        .arg(&store);
    output(&mut initdb)?;
    let port = free_port()?;
    let mut server = installed.program("postgres");
    server.arg("-D").arg(&store).args(["-p", &port.to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=100",
        "shared_buffers=256MB",
        "fsync=on",
        "synchronous_commit=on",
    ] {
        server.args(["-c", setting]);
    }
    let ready = |port: u16| {
        let mut isready = installed.program("pg_isready");
        output(isready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])).is_ok()
    };
    let peer = Peer::start(&mut server, port, &own.join("talk"), ready)?;
    let schema = SCHEMA
        .split_inclusive(";\n")
        .flat_map(|statement| ["-c", statement]);
    output(
        installed
            .client("psql", &peer)
            .args(["-q", "-v", "ON_ERROR_STOP=1"])
            .args(schema),
    )?;
    let script = own.join("script.sql");
    fs::write(&script, SCRIPT).doing(|| format!("write {}", script.display()))?;
    let said = output(
        installed
            .client("pgbench", &peer)
            .args(["-n", "-M", "prepared", "-c", &CONNECTIONS.to_string()])
            .args([
                "-j",
                &THREADS.to_string(),
                "-T",
                &time.as_secs().max(1).to_string(),
            ])
            .arg("-f")
            .arg(&script),
    )?;
    let version = output(installed.program("postgres").arg("--version"))?;
    let per_second = per_second(&said).ok_or_else(|| Failure::Program {
        program: "pgbench".to_owned(),
        said,
    })?;
    Ok(Some(PeerFigures {
        version: version.trim().to_owned(),
        connections: CONNECTIONS,
        per_second,
    }))
}

/// `tps = 21712.4 (without initial connection time)`
fn per_second(said: &str) -> Option<f64> {
    let rest = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    rest.split(' ').next()?.parse().ok()
}

// === impl Installed ===

impl Installed {
    /// The newest version.
    fn look() -> Result<Option<Self>, Failure> {
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
        folders.sort_by_key(|folder| {
            let version = folder.parent().and_then(Path::file_name);
            std::cmp::Reverse(version.and_then(|name| name.to_str()?.parse::<u32>().ok()))
        });
        let all = ["initdb", "postgres", "psql", "pgbench", "pg_isready"];
        let whole = |folder: &&PathBuf| all.iter().all(|name| folder.join(name).exists());
        let in_path = || {
            find("initdb", &[])?
                .canonicalize()
                .ok()?
                .parent()
                .map(Path::to_owned)
        };
        let programs = folders.iter().find(whole).cloned().or_else(in_path);
        let Some(programs) = programs.filter(|folder| whole(&folder)) else {
            return Ok(None);
        };
        let other = match rustix::process::geteuid().is_root() {
            true => Some(ids()?),
            false => None,
        };
        Ok(Some(Self { programs, other }))
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        match self.other {
            None => Command::new(path),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={user}"))
                    .arg(format!("--regid={group}"));
                command.arg("--clear-groups").arg(path);
                command
            }
        }
    }

    fn client(&self, name: &str, peer: &Peer) -> Command {
        let mut command = self.program(name);
        command.env("PGDATABASE", USER);
        command.args(["-h", "127.0.0.1", "-p", &peer.port.to_string(), "-U", USER]);
        command
    }

    /// Lets the server's user have the directory.
    fn give(&self, directory: &Path) -> Result<(), Failure> {
        let Some((user, group)) = self.other else {
            return Ok(());
        };
        let given = chown(directory, Some(user), Some(group));
        given.doing(|| format!("give {} to {USER}", directory.display()))
    }
}

/// Numbers of the server's user and its group.
fn ids() -> Result<(u32, u32), Failure> {
    let users = fs::read_to_string("/etc/passwd").doing(|| "read /etc/passwd".to_owned())?;
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(USER));
    let number = |at: usize| line?.split(':').nth(at)?.parse().ok();
    match (number(2), number(3)) {
        (Some(user), Some(group)) => Ok((user, group)),
        _ => Err(Failure::Usage(format!("there is no user called {USER}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let said = "latency average = 2.9 ms\ntps = 21712.4 (without initial connection time)\n";
        assert_eq!(per_second(said), Some(21_712.4));
        assert_eq!(per_second("pgbench: error"), None);
    }
}
