//! HTTP by hand, for requests that no decent client would send.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use super::server::Server;

/// A connection to the server.
pub(crate) struct Raw(TcpStream);

/// What came back before the server closed, or stopped answering.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
}

impl Raw {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(stream)
    }

    /// Writes; false if the server does not listen any more.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will come.
    pub(crate) fn finish(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Reads one answer, head and body.
    pub(crate) fn read(&mut self) -> Answer {
        let mut bytes = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while !is_whole(&bytes) {
            match self.0.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("no answer: {error}"),
            }
        }
        Answer { text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Reads one head without a body, such as that of an interim answer.
    pub(crate) fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && self.0.read(&mut byte).unwrap() == 1 {
            head.extend_from_slice(&byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// Whether the server has closed the connection, without waiting for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let mut chunk = [0; 4096];
        let closed = loop {
            match self.0.read(&mut chunk) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() != ErrorKind::WouldBlock,
            }
        };
        self.0.set_nonblocking(false).unwrap();
        closed
    }
}

/// Sends one request as it stands, and reads the answer.
pub(crate) fn send(server: &Server, request: impl AsRef<[u8]>) -> Answer {
    let mut raw = Raw::connect(server);
    raw.write(request);
    raw.read()
}

impl Answer {
    /// The status; 0 if the server closed without a word.
    pub(crate) fn status(&self) -> u16 {
        let digits = self.text.get(9..12).unwrap_or("0");
        digits.parse().unwrap()
    }
}

/// Whether the bytes are a head and as much of a body as it says.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (n, value) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    match (field("content-length"), field("transfer-encoding")) {
        (Some(length), _) => body.len() >= length.parse().unwrap(),
        (None, Some(_)) => body.ends_with("0\r\n\r\n"),
        (None, None) => matches!(head.get(9..12), Some("204" | "304")),
    }
}
