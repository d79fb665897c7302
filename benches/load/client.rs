//! The client process: as many flows as the server bears, on keep-alive connections.
//!
//! It uses hyper's connections without a pool, and whatever does not depend on an answer is made
//! before the first slice: the client must not be what is measured.

use std::{
    error::Error,
    io::{Write, stdout},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    http::{
        HeaderValue, Method, Request, Response, StatusCode, Uri,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, USER_AGENT},
    },
};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    net::TcpStream,
    task::{JoinSet, LocalSet},
};

use crate::{server::Ready, world};

/// Which router is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Library,
    Bare,
}

/// A slice to run.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) side: Side,
    pub(crate) time: Duration,
}

/// The sizes of the three replies of each side, without what the HTTP server adds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sizes {
    pub(crate) library: [usize; 3],
    pub(crate) bare: [usize; 3],
}

/// What came of a slice.
#[derive(Serialize, Deserialize)]
pub(crate) struct Slice {
    pub(crate) time: Duration,
    /// Of each flow, in microseconds.
    pub(crate) latencies: Vec<u32>,
}

/// Reads what the server said, then runs a slice for every order, until standard input ends.
pub(crate) async fn run(connections: usize) -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(stdin()).lines();
    let ready = lines.next_line().await?.ok_or("the server said nothing")?;
    let ready: Ready = serde_json::from_str(&ready)?;
    let people = Rc::new(People::new(&ready.cookies)?);
    LocalSet::new()
        .run_until(async move {
            let mut library = connect(ready.library, connections).await?;
            let mut bare = connect(ready.bare, connections).await?;
            answer(&Sizes {
                library: library[0].flow(&people, 0, Side::Library).await?,
                bare: bare[0].flow(&people, 0, Side::Bare).await?,
            })?;
            while let Some(order) = lines.next_line().await? {
                let order: Order = serde_json::from_str(&order)?;
                let connections = match order.side {
                    Side::Library => &mut library,
                    Side::Bare => &mut bare,
                };
                answer(&slice(connections, &people, order).await?)?;
            }
            Ok(())
        })
        .await
}

fn answer(value: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let line = serde_json::to_string(value)?;
    writeln!(stdout(), "{line}")?;
    Ok(())
}

/// Runs flows on every connection until the time is up; each finishes the one it has begun.
async fn slice(
    connections: &mut Vec<Connection>,
    people: &Rc<People>,
    order: Order,
) -> Result<Slice, Box<dyn Error>> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections.drain(..) {
        let people = people.clone();
        tasks.spawn_local(async move {
            let mut latencies = Vec::new();
            while start.elapsed() < order.time {
                let person = connection.next_person(people.0.len());
                let begin = Instant::now();
                let done = connection.flow(&people, person, order.side).await;
                done.map_err(|error| format!("{:?}: {error}", order.side))?;
                latencies.push(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok::<_, String>((connection, latencies))
        });
    }
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        let (connection, of_connection) = task??;
        connections.push(connection);
        latencies.extend(of_connection);
    }
    Ok(Slice { time: start.elapsed(), latencies })
}

/// What the client needs to know of each person.
struct People(Vec<Person>);

struct Person {
    subject: String,
    authorize: Uri,
    cookie: HeaderValue,
    verifier: String,
}

impl People {
    fn new(cookies: &[String]) -> Result<Self, Box<dyn Error>> {
        let person = |(n, cookie): (usize, &String)| {
            Ok(Person {
                subject: world::subject(n),
                authorize: format!("/authorize?{}", world::authorize_query(n)).parse()?,
                cookie: cookie.parse()?,
                verifier: world::verifier(n),
            })
        };
        cookies.iter().enumerate().map(person).collect::<Result<_, _>>().map(Self)
    }
}

/// A keep-alive connection, the header values that all its requests share, and a seed.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    basic: HeaderValue,
    token: Uri,
    userinfo: Uri,
    seed: u64,
}

async fn connect(to: SocketAddr, count: usize) -> Result<Vec<Connection>, Box<dyn Error>> {
    let mut connections = Vec::with_capacity(count);
    for seed in (1..).take(count) {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        connections.push(Connection {
            sender,
            host: to.to_string().parse()?,
            basic: world::basic().parse()?,
            token: Uri::from_static("/token"),
            userinfo: Uri::from_static("/userinfo"),
            seed: 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed),
        });
    }
    Ok(connections)
}

impl Connection {
    /// The three requests; answers the sizes of the replies.
    async fn flow(
        &mut self,
        people: &People,
        person: usize,
        side: Side,
    ) -> Result<[usize; 3], Box<dyn Error>> {
        #[derive(Deserialize)]
        struct Tokens<'t> {
            access_token: &'t str,
            id_token: &'t str,
        }
        #[derive(Deserialize)]
        struct Claims<'c> {
            sub: &'c str,
        }

        let expected = match side {
            Side::Library => &people.0[person].subject,
            Side::Bare => &people.0[0].subject,
        };
        let person = &people.0[person];

        let mut request = self.request(person.authorize.clone());
        request.headers_mut().insert(COOKIE, person.cookie.clone());
        let (reply, authorize) = self.send(request, StatusCode::SEE_OTHER).await?;
        let location = reply.headers().get(LOCATION).ok_or("no location")?.to_str()?;
        let code = world::code_of(location).ok_or("no code")?;

        let form = world::token_form(code, &person.verifier);
        let mut request = self.request(self.token.clone());
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.basic.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        *request.body_mut() = form.into();
        let (reply, token) = self.send(request, StatusCode::OK).await?;
        let tokens: Tokens<'_> = serde_json::from_slice(reply.body())?;
        if tokens.id_token.bytes().filter(|b| *b == b'.').count() != 2 {
            return Err("the ID token is no JWT".into());
        }

        let mut request = self.request(self.userinfo.clone());
        let bearer = HeaderValue::try_from(format!("Bearer {}", tokens.access_token))?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let (reply, userinfo) = self.send(request, StatusCode::OK).await?;
        let claims: Claims<'_> = serde_json::from_slice(reply.body())?;
        if claims.sub != expected {
            return Err(format!("sub is {} and not {expected}", claims.sub).into());
        }
        Ok([authorize, token, userinfo])
    }

    fn request(&self, uri: Uri) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static("oidc-op-load"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        request
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        expected: StatusCode,
    ) -> Result<(Response<Bytes>, usize), Box<dyn Error>> {
        self.sender.ready().await?;
        let (parts, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if parts.status != expected {
            return Err(format!("{}: {}", parts.status, String::from_utf8_lossy(&body)).into());
        }
        let fields: usize = parts.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
        let size = fields + body.len();
        Ok((Response::from_parts(parts, body), size))
    }

    /// Any of the people (xorshift64).
    fn next_person(&mut self, people: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        usize::try_from(self.seed >> 33).unwrap_or_default() % people
    }
}
