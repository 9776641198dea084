//! Connections, over real sockets and with short time-outs; no engine is needed to be rude to one.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{EngineSlot, Listeners, ServeOptions, Shutdown, serve};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

const SHORT: Duration = Duration::from_millis(50);

struct Running {
    http: SocketAddr,
    admin: SocketAddr,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

async fn start(change: impl FnOnce(&mut ServeOptions)) -> Running {
    let mut options = ServeOptions {
        bench_noop: true,
        ..ServeOptions::default()
    };
    change(&mut options);
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners {
        http: bind().await,
        admin: Some(bind().await),
    };
    let http = listeners.http.local_addr().unwrap();
    let admin = listeners.admin.as_ref().unwrap().local_addr().unwrap();
    let shutdown = Shutdown::default();
    let slot = EngineSlot::replaying();
    let serving = tokio::spawn(serve(listeners, slot, options, shutdown.clone()));
    Running {
        http,
        admin,
        shutdown,
        serving,
    }
}

/// Sends bytes and reads until the server closes.
async fn converse(address: SocketAddr, text: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text).await.unwrap();
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("the server closes").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads until the bytes end like this.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        let mut byte = [0];
        let read = timeout(PATIENCE, stream.read_exact(&mut byte)).await;
        read.expect("the server answers").unwrap();
        bytes.extend_from_slice(&byte);
    }
    String::from_utf8(bytes).unwrap()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[track_caller]
fn assert_answer(answer: &str, status: u16, parts: &[&str]) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
    for part in parts {
        assert!(answer.contains(part), "no {part} in {answer}");
    }
}

#[tokio::test]
async fn while_the_log_is_replayed_only_the_living_is_told() {
    let running = start(|_| {}).await;
    let live = converse(running.http, get("/livez").as_bytes()).await;
    assert_answer(&live, 200, &["\r\nx-request-id: ", "{\"status\":\"live\"}"]);
    for (request, address) in [
        (get("/readyz"), running.http),
        (get("/readyz?verbose"), running.admin),
        (get("/v1/wallets/1"), running.http),
        (get("/v1/wallets/1/transactions"), running.http),
        (get("/v1/transactions/1"), running.http),
        (post("/v1/wallets", "{}"), running.http),
        (post("/v1/wallets/1/charge", "{\"amount\":1}"), running.http),
        (post("/v1/bulk", "{\"operations\":[]}"), running.http),
        (get("/admin/status"), running.admin),
    ] {
        let answer = converse(address, request.as_bytes()).await;
        assert_answer(
            &answer,
            503,
            &["\r\nretry-after: 1\r\n", "\"code\":\"replaying\""],
        );
    }
    let metrics = converse(running.admin, get("/metrics").as_bytes()).await;
    assert_answer(
        &metrics,
        200,
        &[
            "scrip_ready 0",
            "scrip_problems_total{code=\"replaying\"} 9",
        ],
    );
}

#[tokio::test]
async fn rude_requests_are_answered() {
    let running = start(|_| {}).await;
    let ask = async |request: &str| converse(running.http, request.as_bytes()).await;
    let close = "connection: close\r\n\r\n";
    let answer = ask(&format!("GET /livez HTTP/1.1\r\n{close}")).await;
    assert_answer(&answer, 400, &["\"code\":\"malformed-request\""]);
    let answer = ask(&format!(
        "GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n{close}"
    ))
    .await;
    assert_answer(&answer, 400, &["\"code\":\"malformed-request\""]);
    let answer = ask("GET /livez HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    let answer = ask(&format!("BREW /livez HTTP/1.1\r\nhost: x\r\n{close}")).await;
    assert_answer(&answer, 501, &["\"code\":\"method-unknown\""]);
    let answer = ask(&format!("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n{close}")).await;
    assert_answer(&answer, 405, &["\"code\":\"method-not-allowed\""]);
    let answer = ask(&format!(
        "GET http://x/livez HTTP/1.1\r\nhost: x\r\n{close}"
    ))
    .await;
    assert_answer(&answer, 200, &[]);
    let answer = ask(&get("/livez?x=1")).await;
    assert_answer(
        &answer,
        400,
        &["{\"parameter\":\"x\",\"detail\":\"unknown parameter\"}"],
    );
    let answer = ask(&get("/problems/nothing")).await;
    assert_answer(&answer, 404, &[]);
    let answer = ask(&get("/problems/over-cancel")).await;
    assert_answer(&answer, 200, &["text/html", "<code>over-cancel</code>"]);
    let answer = ask(&format!("OPTIONS /v1/bulk HTTP/1.1\r\nhost: x\r\n{close}")).await;
    assert_answer(&answer, 204, &["allow: POST, OPTIONS\r\n"]);
    let answer = ask(&format!("HEAD /livez HTTP/1.1\r\nhost: x\r\n{close}")).await;
    assert_answer(&answer, 200, &["content-length: 17\r\n"]);
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = ask(&post("/noop", "{}").replace("application/json", "text/plain")).await;
    assert_answer(&answer, 415, &["\"code\":\"unsupported-media-type\""]);
}

#[tokio::test]
async fn what_is_no_http_is_counted() {
    let running = start(|_| {}).await;
    let answer = converse(running.http, b"no http at all\r\n\r\n").await;
    assert_answer(&answer, 400, &[]);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(66_000));
    let mut stream = TcpStream::connect(running.http).await.unwrap();
    drop(stream.write_all(long.as_bytes()).await);
    assert_answer(&rest(&mut stream).await, 414, &[]);
    let many = "a: b\r\n".repeat(200);
    let more = converse(
        running.http,
        format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes(),
    )
    .await;
    assert_answer(&more, 431, &[]);
    // A connection is counted when it has ended, a moment after its client has.
    let counted = async {
        loop {
            let metrics = converse(running.admin, get("/metrics").as_bytes()).await;
            let count = |status: u16| {
                let name = format!("scrip_http_unparsed_total{{status=\"{status}\"}} ");
                let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
                line.unwrap().parse::<u64>().unwrap()
            };
            if [count(400), count(414), count(431)] == [1, 1, 1] {
                break;
            }
        }
    };
    timeout(PATIENCE, counted)
        .await
        .expect("all three are counted");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let running = start(|options| options.first_byte = SHORT).await;
    assert_eq!(converse(running.http, b"").await, "");
    let running = start(|options| options.header = SHORT).await;
    assert_eq!(converse(running.http, b"GET /livez HT").await, "");
    let kept = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = converse(running.http, kept.as_bytes()).await;
    assert_answer(&answer, 200, &[]);
    let metrics = converse(running.admin, get("/metrics").as_bytes()).await;
    assert_answer(&metrics, 200, &["scrip_http_silent_total 2"]);
}

#[tokio::test]
async fn a_slow_body_is_told_so() {
    let running = start(|options| options.body = SHORT).await;
    let head = "POST /noop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for request in [
        format!("{head}content-length: 5\r\n\r\n"),
        format!("{head}content-length: 5\r\n\r\n{{}}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n"),
    ] {
        let answer = converse(running.http, request.as_bytes()).await;
        assert_answer(
            &answer,
            408,
            &["connection: close\r\n", "\"code\":\"request-timeout\""],
        );
    }
}

#[tokio::test]
async fn bodies_come_whole_in_pieces_and_bounded() {
    let running = start(|_| {}).await;
    let answer = converse(running.http, post("/noop", "{}").as_bytes()).await;
    assert_answer(&answer, 201, &["\"type\":\"charge\""]);
    let head =
        "POST /noop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let mut stream = TcpStream::connect(running.http).await.unwrap();
    for part in [head, "content-length: 4\r\n\r\n", "{", "  }"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_answer(&rest(&mut stream).await, 201, &[]);
    let chunked =
        format!("{head}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n1\r\n}}\r\n0\r\n\r\n");
    assert_answer(&converse(running.http, chunked.as_bytes()).await, 201, &[]);
    let broken = format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n");
    let answer = converse(running.http, broken.as_bytes()).await;
    assert_answer(&answer, 400, &["\"code\":\"malformed-request\""]);
    // Larger than every socket buffer, and still the answer is heard before the end.
    let large = "x".repeat(16 << 20);
    let answer = converse(running.http, post("/noop", &large).as_bytes()).await;
    assert_answer(
        &answer,
        413,
        &["\"code\":\"body-too-large\"", "connection: close\r\n"],
    );
    let endless = format!(
        "{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{}\r\n",
        65_537,
        "x".repeat(65_537)
    );
    let answer = converse(running.http, endless.as_bytes()).await;
    assert_answer(&answer, 413, &["\"code\":\"body-too-large\""]);
}

#[tokio::test]
async fn a_client_that_stops_sending_still_gets_its_answer() {
    let running = start(|_| {}).await;
    let mut stream = TcpStream::connect(running.http).await.unwrap();
    let request = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_answer(&rest(&mut stream).await, 200, &[]);
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_order() {
    let running = start(|_| {}).await;
    let one = "GET /livez HTTP/1.1\r\nhost: x\r\nx-request-id: first\r\n\r\n";
    let answers = converse(running.http, format!("{one}{}", get("/nowhere")).as_bytes()).await;
    let (first, second) = answers.split_once("{\"status\":\"live\"}").unwrap();
    assert_answer(first, 200, &["\r\nx-request-id: first\r\n"]);
    assert_answer(second, 404, &["\"code\":\"route-not-found\""]);
}

#[tokio::test]
async fn above_the_cap_connections_are_turned_away() {
    let running = start(|options| options.connections_max = 1).await;
    let mut first = TcpStream::connect(running.http).await.unwrap();
    let kept = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    first.write_all(kept.as_bytes()).await.unwrap();
    until(&mut first, "{\"status\":\"live\"}").await;
    let answer = converse(running.http, get("/livez").as_bytes()).await;
    assert_answer(
        &answer,
        503,
        &["\r\nretry-after: 1\r\n", "\"code\":\"overloaded\""],
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    let parsed: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(parsed["status"], 503);
    let metrics = converse(running.admin, get("/metrics").as_bytes()).await;
    assert_answer(
        &metrics,
        200,
        &["scrip_http_turned_away_total 1", "scrip_http_connections 1"],
    );
}

#[tokio::test]
async fn draining_finishes_what_is_in_flight_and_nothing_else() {
    let running = start(|_| {}).await;
    let mut idle = TcpStream::connect(running.http).await.unwrap();
    let kept = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    idle.write_all(kept.as_bytes()).await.unwrap();
    until(&mut idle, "{\"status\":\"live\"}").await;
    let mut busy = TcpStream::connect(running.http).await.unwrap();
    let head = "POST /noop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    busy.write_all(head.as_bytes()).await.unwrap();
    // From here on the handler waits for the body.
    until(&mut busy, "HTTP/1.1 100 Continue\r\n\r\n").await;
    running.shutdown.drain.cancel();
    assert_eq!(rest(&mut idle).await, "");
    busy.write_all(b"{}").await.unwrap();
    assert_answer(&rest(&mut busy).await, 201, &["connection: close\r\n"]);
    timeout(PATIENCE, running.serving)
        .await
        .expect("it ends")
        .unwrap();
    assert!(TcpStream::connect(running.http).await.is_err());
}

#[tokio::test]
async fn hurry_does_not_wait_for_anybody() {
    let running = start(|_| {}).await;
    let mut busy = TcpStream::connect(running.http).await.unwrap();
    let head = "POST /noop HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    busy.write_all(head.as_bytes()).await.unwrap();
    until(&mut busy, "HTTP/1.1 100 Continue\r\n\r\n").await;
    running.shutdown.drain.cancel();
    running.shutdown.hurry.cancel();
    timeout(PATIENCE, running.serving)
        .await
        .expect("it ends")
        .unwrap();
}
