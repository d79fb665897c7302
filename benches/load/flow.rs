//! The code flow as the client goes through it: three requests, each made from the answer before.
//!
//! It uses hyper's connections without a pool, and whatever does not depend on an answer is made
//! before the first slice: the client must not be what is measured.

use std::{error::Error, net::SocketAddr, rc::Rc};

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
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::{
    client::{self, Side, Step},
    world,
};

/// What the client needs to know of each person.
pub(crate) struct People(Vec<Person>);

struct Person {
    subject: String,
    authorize: Uri,
    cookie: HeaderValue,
    verifier: String,
}

impl People {
    pub(crate) fn new(cookies: &[String]) -> Result<Self, Box<dyn Error>> {
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
pub(crate) struct Connection {
    side: Side,
    people: Rc<People>,
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    basic: HeaderValue,
    token: Uri,
    userinfo: Uri,
    seed: u64,
}

pub(crate) async fn connect(
    to: SocketAddr,
    side: Side,
    people: &Rc<People>,
    count: usize,
) -> Result<Vec<Connection>, Box<dyn Error>> {
    let mut connections = Vec::with_capacity(count);
    for seed in (1..).take(count) {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        connections.push(Connection {
            side,
            people: people.clone(),
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

impl Step for Connection {
    /// The three requests; answers the sizes of the replies.
    async fn step(&mut self) -> Result<Vec<usize>, Box<dyn Error>> {
        #[derive(Deserialize)]
        struct Tokens<'t> {
            access_token: &'t str,
            id_token: &'t str,
        }
        #[derive(Deserialize)]
        struct Claims<'c> {
            sub: &'c str,
        }

        let people = self.people.clone();
        let person = &people.0[client::any(&mut self.seed, people.0.len())];
        let expected = match self.side {
            Side::Library => &person.subject,
            Side::Bare => &people.0[0].subject,
        };

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
        Ok(vec![authorize, token, userinfo])
    }
}

impl Connection {
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
}
