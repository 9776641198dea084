//! One keep-alive connection that never blocks: at most one request out, its answer skimmed.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::response::{Answer, Progress, skim};

/// First size of the receive buffer; it grows to the largest answer seen and stays.
const BUFFER_BYTES: usize = 4 * 1_024;

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// The request under way and how much of it is written.
    request: Vec<u8>,
    written: usize,
    received: Vec<u8>,
    filled: usize,
    /// Where the answer ends, once its head told.
    end: Option<usize>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            written: 0,
            received: vec![0; BUFFER_BYTES],
            filled: 0,
            end: None,
        })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Starts a request; what the socket does not take now goes out in [`Self::advance`].
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.filled = 0;
        self.end = None;
        self.written = 0;
        self.request.clear();
        match self.stream.write(request) {
            Ok(written) if written == request.len() => Ok(()),
            Ok(written) => {
                self.request.extend_from_slice(&request[written..]);
                self.flush()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.request.extend_from_slice(request);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Writes and reads what is possible now; gives the answer once it is whole.
    pub(crate) fn advance(&mut self) -> io::Result<Option<Answer>> {
        self.flush()?;
        loop {
            let room = self.end.unwrap_or(0).max(BUFFER_BYTES);
            if self.filled == self.received.len() || room > self.received.len() {
                self.received.resize(room.max(self.received.len() * 2), 0);
            }
            let wanted = self.received.len() - self.filled;
            let read = match self.stream.read(&mut self.received[self.filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.filled += read;
            if self.end.is_some_and(|end| self.filled < end) {
                // A short read has emptied the socket: the next edge tells of more.
                if read < wanted {
                    return Ok(None);
                }
                continue;
            }
            match skim(&self.received[..self.filled]) {
                Progress::Whole(answer) => return Ok(Some(answer)),
                Progress::Unreadable(why) => {
                    return Err(io::Error::new(ErrorKind::InvalidData, why));
                }
                Progress::Body(end) => self.end = Some(end),
                Progress::Head => {}
            }
            if read < wanted {
                return Ok(None);
            }
        }
    }

    /// The body of the answer that [`Self::advance`] gave last.
    pub(crate) fn body(&self, answer: &Answer) -> &[u8] {
        &self.received[answer.body.clone()]
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
