//! A client that speaks HTTP/1.1 over a raw socket and hides nothing: what it sends is what the test
//! wrote, byte for byte, and what it gives back is what came over the wire.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Nothing that the server does takes this long; a test that waits longer has found a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a history is asked for whose index is behind. The server waits for it some seconds each time.
const ASKED_MAX: u32 = 12;

/// Longest head of a reply; more is a fault of the server.
const HEAD_LINES_MAX: usize = 100;

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body as it was framed.
    pub body: Vec<u8>,
}

/// One connection to the server.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

// === impl Reply ===

impl Reply {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(held, _)| held == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the body of {}: {:?}", self.status, self.text()),
        }
    }

    /// The stable code of a problem; empty when the body is none.
    pub fn code(&self) -> String {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let code = body.as_ref().and_then(|body| body["code"].as_str());
        code.unwrap_or_default().to_owned()
    }

    /// Stops the test unless this is the reply that was expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Stops the test unless this is a well-formed problem of this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{}",
            self.text()
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let body = self.json();
        assert_eq!(body["status"], status);
        let page = body["type"].as_str().unwrap_or_default();
        assert!(page.ends_with(&format!("/problems/{code}")), "{page}");
        for member in ["title", "detail"] {
            assert!(body[member].is_string(), "no {member} in {body}");
        }
        self
    }
}

fn is_behind(reply: &Reply) -> bool {
    reply.status == 503 && reply.code() == "history-behind"
}

// === impl Connection ===

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let host = address.to_string();
        let stream = BufReader::new(stream);
        Ok(Self { stream, host })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent; the other direction stays open.
    pub fn half_close(&self) -> io::Result<()> {
        self.stream.get_ref().shutdown(Shutdown::Write)
    }

    /// Whether the server has closed the connection: waits until it does, or something else arrives.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.fill_buf() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Everything until the server closes.
    pub fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.stream.read_to_end(bytes)
    }

    /// Whether anything has come that was not read yet. Does not wait.
    pub fn has_answer(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("a socket can be asked");
        let came = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("a socket can wait");
        !self.stream.buffer().is_empty() || came.is_ok()
    }

    /// The bytes of a request, ready to be sent. A body brings its length and type along.
    pub fn render(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            let typed = headers.iter().any(|(name, _)| *name == "content-type");
            if !typed {
                head.push_str("content-type: application/json\r\n");
            }
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        bytes
    }

    /// Sends a request and waits for its reply.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<Reply> {
        let bytes = self.render(method, path, headers, body);
        self.send(&bytes)?;
        self.reply_to(method)
    }

    /// GET. On a machine that has no time for it the index of histories may be behind for long: then it is asked for
    /// again, as its callers are told to.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Reply {
        let mut asked = 0;
        loop {
            asked += 1;
            match self.request("GET", path, &[], None) {
                Ok(reply) if is_behind(&reply) && asked < ASKED_MAX => {}
                Ok(reply) => return reply,
                Err(error) => panic!("GET {path}: {error}"),
            }
        }
    }

    /// POST of a JSON body.
    #[track_caller]
    pub fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.post_headed(path, &[], body)
    }

    /// POST of a JSON body under an idempotency key.
    #[track_caller]
    pub fn post_keyed(&mut self, path: &str, key: &str, body: &Value) -> Reply {
        self.post_headed(path, &[("idempotency-key", key)], body)
    }

    #[track_caller]
    fn post_headed(&mut self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let body = body.to_string();
        match self.request("POST", path, headers, Some(body.as_bytes())) {
            Ok(reply) => reply,
            Err(error) => panic!("POST {path}: {error}"),
        }
    }

    /// Waits for the next reply; one to a HEAD has a length and no body.
    pub fn reply_to(&mut self, method: &str) -> io::Result<Reply> {
        let status = self.status_line()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if headers.len() == HEAD_LINES_MAX {
                return Err(fault("a head without end"));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| fault(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let bodiless = method == "HEAD" || status == 204 || status == 304 || status < 200;
        if !bodiless {
            reply.body = self.body(&reply)?;
        }
        Ok(reply)
    }

    fn status_line(&mut self) -> io::Result<u16> {
        let line = self.line()?;
        let rest = line.strip_prefix("HTTP/1.1 ").ok_or_else(|| fault(&line))?;
        rest.get(..3)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| fault(&line))
    }

    fn body(&mut self, reply: &Reply) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = reply.header("content-length") {
            body.resize(length.parse().map_err(|_| fault(length))?, 0);
            self.stream.read_exact(&mut body)?;
        } else if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.line()?;
                let length = usize::from_str_radix(&line, 16).map_err(|_| fault(&line))?;
                let start = body.len();
                body.resize(start + length, 0);
                self.stream.read_exact(&mut body[start..])?;
                self.line()?;
                if length == 0 {
                    break;
                }
            }
        } else {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line)?;
        if read == 0 {
            let kind = io::ErrorKind::UnexpectedEof;
            return Err(io::Error::new(kind, "the server closed the connection"));
        }
        let line = String::from_utf8_lossy(&line);
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn fault(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {line:?}"))
}
