//! A route that answers one request: what is asked, in this process and over the wire.
//!
//! The client writes bytes that it made before, and looks no further into an answer than it must: it
//! has to be faster than the server, and an HTTP library would not be.

use std::{error::Error, net::SocketAddr, rc::Rc};

use oidc_op::{Outcome, Provider, Reply, Request};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{client::Step, world};

/// A request, and what its answer must be.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    /// What the answer's body contains.
    expect: String,
    /// Whether each request needs what the answer before gave: then the text after `expect` takes the
    /// place of as much at the end of the next body, and every connection has a call of its own.
    chained: Option<usize>,
}

impl Call {
    /// A form of the client's.
    pub(crate) fn form(path: &str, body: String, expect: &str) -> Self {
        let (name, value) = world::FORM;
        let form = (name.to_owned(), String::from_utf8_lossy(value).into_owned());
        Self {
            method: "POST".into(),
            path: path.into(),
            headers: vec![form, ("authorization".into(), world::basic())],
            body,
            expect: expect.into(),
            chained: None,
        }
    }

    /// A question with an access token.
    pub(crate) fn bearer(path: &str, token: &str, expect: &str) -> Self {
        Self {
            method: "GET".into(),
            path: path.into(),
            headers: vec![("authorization".into(), format!("Bearer {token}"))],
            body: String::new(),
            expect: expect.into(),
            chained: None,
        }
    }

    /// The next body ends with so many bytes of this answer.
    pub(crate) fn chained(self, length: usize) -> Self {
        Self { chained: Some(length), ..self }
    }

    /// The provider's answer, without HTTP.
    pub(crate) async fn ask(&self, provider: &Provider) -> Reply {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let request = Request::new(&self.method, &self.path).headers(&headers);
        match provider.dispatch(request.body(self.body.as_bytes())).await {
            Outcome::Reply(reply) if reply.status == 200 => reply,
            other => panic!("{}: {other:?}", self.path),
        }
    }

    fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let Self { method, path, headers, body, .. } = self;
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: oidc-op-load\r\naccept: */*\r\n"
        );
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if method == "POST" {
            text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        text.extend(["\r\n", body]);
        text.into_bytes()
    }
}

/// A keep-alive connection and what is asked over it.
pub(crate) struct Connection {
    stream: TcpStream,
    calls: Rc<Vec<Prepared>>,
    answer: Vec<u8>,
    /// The call of its own, if calls are chained.
    own: Option<Prepared>,
    seed: u64,
}

#[derive(Clone)]
struct Prepared {
    request: Vec<u8>,
    expect: String,
    chained: Option<usize>,
}

pub(crate) async fn connect(
    to: SocketAddr,
    calls: &[Call],
    count: usize,
) -> Result<Vec<Connection>, Box<dyn Error>> {
    let prepare = |call: &Call| Prepared {
        request: call.bytes(to),
        expect: call.expect.clone(),
        chained: call.chained,
    };
    let calls = Rc::new(calls.iter().map(prepare).collect::<Vec<_>>());
    let mut connections = Vec::with_capacity(count);
    for (n, seed) in (1..).take(count).enumerate() {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        connections.push(Connection {
            stream,
            own: calls.get(n).filter(|call| call.chained.is_some()).cloned(),
            calls: calls.clone(),
            answer: Vec::with_capacity(4096),
            seed: 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed),
        });
    }
    Ok(connections)
}

impl Step for Connection {
    async fn step(&mut self) -> Result<Vec<usize>, Box<dyn Error>> {
        let next = crate::client::any(&mut self.seed, self.calls.len());
        let call = self.own.as_ref().unwrap_or(&self.calls[next]);
        self.stream.write_all(&call.request).await?;
        self.answer.clear();
        let body = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server has gone".into());
            }
            if let Some(body) = complete(&self.answer)? {
                break body;
            }
        };
        let good = self.answer.starts_with(b"HTTP/1.1 200 ");
        let answer = str::from_utf8(&self.answer)?;
        let found = answer[body..].find(&call.expect).filter(|_| good).ok_or(answer)?;
        if let Some((own, length)) = self.own.as_mut().and_then(|own| own.chained.map(|n| (own, n)))
        {
            let from = body + found + own.expect.len();
            let given = self.answer.get(from..from + length).ok_or("too short an answer")?;
            let end = own.request.len() - length;
            own.request[end..].copy_from_slice(given);
        }
        Ok(vec![self.answer.len()])
    }
}

/// Where the body starts, once all of it is there.
fn complete(answer: &[u8]) -> Result<Option<usize>, Box<dyn Error>> {
    let text = str::from_utf8(answer)?;
    let Some(head) = text.find("\r\n\r\n") else { return Ok(None) };
    let (_, length) = text[..head].split_once("\r\ncontent-length: ").ok_or("no content-length")?;
    let length: usize = length.split("\r\n").next().unwrap_or_default().parse()?;
    let body = head + 4;
    Ok((text.len() >= body + length).then_some(body))
}
