//! How long a connection may keep the server waiting.
//!
//! From the first byte of a request a client has a time in which all of it must have come and been
//! answered, and as long a time before that in which the connection may idle. That ends clients that
//! send a byte a second, in headers and bodies alike, and those that never read their answer.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum_server::accept::Accept;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// Accepts connections and limits how long they may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatientAcceptor(pub(crate) Duration);

impl<S> Accept<TcpStream, S> for PatientAcceptor {
    type Stream = Patient<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let accepted = stream.set_nodelay(true);
        ready(accepted.map(|()| (Patient::new(stream, self.0), service)))
    }
}

/// A stream with a deadline that moves when something has been sent.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Nothing has come since the last answer.
    idle: bool,
}

impl<S> Patient<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, deadline: Box::pin(sleep(patience)), idle: true }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn sent(&mut self) {
        self.idle = true;
        self.extend();
    }

    /// Moves the deadline; the timer is touched once a second at most.
    fn extend(&mut self) {
        let deadline = Instant::now() + self.patience;
        if deadline > self.deadline.deadline() + Duration::from_secs(1) {
            self.deadline.as_mut().reset(deadline);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.idle && buffer.filled().len() > before {
            self.idle = false;
            self.extend();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(1..)) = sent {
            self.sent();
        }
        sent
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        if let Poll::Ready(Ok(1..)) = sent {
            self.sent();
        }
        sent
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(1500);

    #[tokio::test]
    async fn a_byte_now_and_then_is_not_enough() {
        let (mut client, server) = duplex(64);
        let mut server = Patient::new(server, PATIENCE);
        let drip = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        });
        let started = Instant::now();
        let error = loop {
            if let Err(error) = server.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < PATIENCE * 2);
        drop(server);
        drip.await.unwrap();
    }

    #[tokio::test]
    async fn idling_does_not_take_from_the_next_request() {
        let (mut client, server) = duplex(64);
        let mut server = Patient::new(server, PATIENCE);
        let dialogue = tokio::spawn(async move {
            for _ in 0..2 {
                sleep(PATIENCE * 9 / 10).await;
                client.write_all(b"?").await.unwrap();
                assert_eq!(client.read_u8().await.unwrap(), b'!');
            }
            client
        });
        for _ in 0..2 {
            server.read_u8().await.unwrap();
            sleep(PATIENCE * 9 / 10).await;
            server.write_all(b"!").await.unwrap();
        }
        let client = dialogue.await.unwrap();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{client:?}");
    }
}
