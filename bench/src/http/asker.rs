//! One keep-alive connection that waits for each answer; for checks, where speed does not matter.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::response::{Progress, skim};

/// No answer takes longer from a server that lives.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A connection that blocks.
#[derive(Debug)]
pub(crate) struct Asker {
    stream: TcpStream,
    received: Vec<u8>,
}

// === impl Asker ===

impl Asker {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// Sends a request and gives the status and the body of its answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.stream.write_all(request)?;
        self.received.clear();
        let mut piece = [0; 64 * 1_024];
        loop {
            match self.stream.read(&mut piece)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => self.received.extend_from_slice(&piece[..read]),
            }
            match skim(&self.received) {
                Progress::Head | Progress::Body(_) => {}
                Progress::Unreadable(why) => {
                    return Err(io::Error::new(ErrorKind::InvalidData, why));
                }
                Progress::Whole(answer) => {
                    return Ok((answer.status, &self.received[answer.body]));
                }
            }
        }
    }
}
