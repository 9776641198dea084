//! Redis: the same durable operation as one Lua script, its log synced for every answer, driven by
//! its own redis-benchmark.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::peer::{Peer, PeerFigures, find, free_port, output};
use crate::failure::{Doing, Failure};
use crate::scratch;

/// As many as ours has in P7.
const CONNECTIONS: usize = 64;

/// Requests of the first run, which tells how many fill the time.
const PROBE_REQUESTS: u64 = 20_000;

/// Change the balance, count the version, keep the entry, give both.
const SCRIPT: &str = "local b = redis.call('HINCRBY', KEYS[1], 'balance', ARGV[1]) \
local v = redis.call('HINCRBY', KEYS[1], 'version', 1) \
redis.call('RPUSH', KEYS[1] .. ':entries', v .. ' ' .. ARGV[1] .. ' ' .. b) \
return {b, v}";

/// `None` = not installed.
pub(crate) fn measure(directory: &Path, time: Duration) -> Result<Option<PeerFigures>, Failure> {
    let (Some(server), Some(benchmark)) = (find("redis-server", &[]), find("redis-benchmark", &[]))
    else {
        return Ok(None);
    };
    let scratch = scratch::directory(directory)?;
    let port = free_port()?;
    let mut command = Command::new(&server);
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]);
    command
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(scratch.path());
    let ready = |port: u16| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    let peer = Peer::start(&mut command, port, &scratch.path().join("talk"), ready)?;
    let load = array(&["SCRIPT", "LOAD", SCRIPT]);
    let loaded = peer
        .tell(&load)
        .doing(|| "load a script into Redis".to_owned())?;
    let digest = loaded.lines().nth(1).unwrap_or_default().to_owned();
    let run = |requests: u64| {
        let mut command = Command::new(&benchmark);
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "--csv",
            "-r",
            "10000",
        ]);
        command.args(["-c", &CONNECTIONS.to_string(), "-n", &requests.to_string()]);
        command.args(["EVALSHA", &digest, "1", "wallet:__rand_int__", "5"]);
        let said = output(&mut command)?;
        let missing = || Failure::Program {
            program: "redis-benchmark".to_owned(),
            said: said.clone(),
        };
        per_second(&said).ok_or_else(missing)
    };
    let rate = run(PROBE_REQUESTS)?;
    let per_second = run((rate * time.as_secs_f64()) as u64)?;
    let version = output(Command::new(&server).arg("--version"))?;
    Ok(Some(PeerFigures {
        version: version.trim().to_owned(),
        connections: CONNECTIONS,
        per_second,
    }))
}

/// A command as Redis reads it.
fn array(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    bytes.into_bytes()
}

/// The last line is `"EVALSHA …","62000.00",…`; errors stand on lines of their own.
fn per_second(said: &str) -> Option<f64> {
    let line = said.lines().last()?;
    line.split("\",\"").nth(1)?.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_redis_benchmark_says() {
        let said =
            "\"test\",\"rps\",\"avg_latency_ms\"\n\"EVALSHA 0a 1 w 5\",\"62035.12\",\"0.9\"\n";
        assert_eq!(per_second(said), Some(62_035.12));
        assert_eq!(per_second(""), None);
    }

    #[test]
    fn a_command_is_an_array_of_counted_words() {
        assert_eq!(array(&["PING", "x"]), b"*2\r\n$4\r\nPING\r\n$1\r\nx\r\n");
    }
}
