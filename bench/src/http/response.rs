//! Skims an HTTP/1.1 answer: status, length, body. Not a general client: it reads what the server
//! under measurement sends, and calls everything else unreadable.
//!
//! ```text
//! HTTP/1.1 201 Created\r\n content-length: 153\r\n ... \r\n\r\n {"id":...}
//!          └ status                         └ length         └ body
//! ```

use std::ops::Range;

/// Longer heads are not the server's.
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// An answer whose bytes are all there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where the body stands in the buffer.
    pub(crate) body: Range<usize>,
    /// Whether the server will close the connection.
    pub(crate) closing: bool,
}

/// What the bytes received so far amount to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// The head is not complete.
    Head,
    /// The answer ends at this many bytes; not all are there.
    Body(usize),
    /// All there.
    Whole(Answer),
    /// Not an answer that this client can read.
    Unreadable(&'static str),
}

/// Judges the bytes received so far, which must start with an answer.
pub(crate) fn skim(received: &[u8]) -> Progress {
    let Some(head) = head_length(received) else {
        if received.len() > HEAD_BYTES_MAX {
            return Progress::Unreadable("its head does not end");
        }
        return Progress::Head;
    };
    let status = received.get(9..12).and_then(number);
    let Some(status) = status.filter(|_| received.starts_with(b"HTTP/1.1 ")) else {
        return Progress::Unreadable("it has no status");
    };
    let (mut length, mut closing) = (None, false);
    for line in received[..head].split(|byte| *byte == b'\n') {
        if let Some(value) = header(line, b"content-length:") {
            length = number(value);
        } else if let Some(value) = header(line, b"connection:") {
            closing = value.eq_ignore_ascii_case(b"close");
        }
    }
    if length.is_none() && matches!(status, 204 | 304) {
        length = Some(0);
    }
    let Some(length) = length else {
        return Progress::Unreadable("it states no length");
    };
    let end = head + length;
    if received.len() < end {
        return Progress::Body(end);
    }
    if received.len() > end {
        return Progress::Unreadable("more bytes follow than were asked for");
    }
    Progress::Whole(Answer {
        status: status as u16,
        body: head..end,
        closing,
    })
}

/// The text value of a member, wherever it stands; enough for problem codes.
pub(crate) fn text_member<'a>(body: &'a [u8], quoted_name: &str) -> Option<&'a str> {
    let text = str::from_utf8(body).ok()?;
    let behind = &text[text.find(quoted_name)? + quoted_name.len()..];
    let value = behind.trim_start_matches([':', ' ']).strip_prefix('"')?;
    value.split('"').next()
}

/// Bytes up to and with the empty line.
fn head_length(received: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = received
            .get(from..)?
            .iter()
            .position(|byte| *byte == b'\n')?;
        let next = from + found + 1;
        if received.get(next..next + 2)? == b"\r\n" {
            return Some(next + 2);
        }
        from = next;
    }
}

fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        number = number.checked_mul(10)?.checked_add(usize::from(digit))?;
        if digit > 9 {
            return None;
        }
    }
    (!digits.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &[u8] =
        b"HTTP/1.1 201 Created\r\nContent-Length: 8\r\ndate: today\r\n\r\n{\"id\":1}";

    #[test]
    fn an_answer_is_whole_only_with_its_last_byte() {
        let head = CREATED.len() - 8;
        for cut in 0..CREATED.len() {
            let expected = if cut < head {
                Progress::Head
            } else {
                Progress::Body(CREATED.len())
            };
            assert_eq!(skim(&CREATED[..cut]), expected, "cut at {cut}");
        }
        let body = head..CREATED.len();
        let whole = Answer {
            status: 201,
            body,
            closing: false,
        };
        assert_eq!(skim(CREATED), Progress::Whole(whole));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let table: [(&[u8], &str); 4] = [
            (b"SSH-2.0-x\r\n\r\n", "it has no status"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "it states no length"),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\n",
                "it states no length",
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
                "more bytes follow than were asked for",
            ),
        ];
        for (bytes, why) in table {
            assert_eq!(skim(bytes), Progress::Unreadable(why));
        }
        assert_eq!(
            skim(&vec![b'x'; HEAD_BYTES_MAX + 1]),
            Progress::Unreadable("its head does not end")
        );
    }

    #[test]
    fn a_closing_connection_and_an_empty_answer_are_seen() {
        let bytes = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        let whole = Answer {
            status: 204,
            body: bytes.len()..bytes.len(),
            closing: true,
        };
        assert_eq!(skim(bytes), Progress::Whole(whole));
    }

    #[test]
    fn a_problem_gives_its_code() {
        let body = br#"{"title":"x","code":"insufficient-balance","available":0}"#;
        assert_eq!(text_member(body, "\"code\""), Some("insufficient-balance"));
        assert_eq!(text_member(b"{}", "\"code\""), None);
    }
}
