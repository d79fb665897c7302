//! SE: sessions and their cookies.

use reqwest::Url;

use crate::blackbox::{
    fixture::{self, ALICE, FIRST_PARTY},
    party::{authorize, http},
    server::Server,
};

/// What a browser keeps of an answer, each with its attributes.
fn cookies(answer: &reqwest::Response) -> Vec<(String, String)> {
    let fields = answer.headers().get_all("set-cookie").iter();
    let texts = fields.map(|field| field.to_str().unwrap());
    let split = texts.map(|text| text.split_once(';').unwrap());
    split.map(|(pair, attributes)| (pair.to_owned(), attributes.to_owned())).collect()
}

/// Behind a proxy that ends TLS, the server itself speaks plain http: its cookies are those of the https
/// issuer all the same, whatever anybody says in a header, and with them people sign in (threat SE-01).
#[tokio::test]
async fn se_01_cookies_behind_a_proxy_that_ends_tls() {
    let server = Server::start_with("se-01", "", |port, place| {
        format!(
            "issuer = \"https://id.example\"\nlisten = \"127.0.0.1:{port}\"\nstore = \"memory:\"\n\
             data = {:?}\ntrusted_proxies = [\"127.0.0.1\"]\n\
             [policy]\nsession_management = true\n{}",
            place.join("data").to_str().unwrap(),
            fixture::tables()
        )
    });
    let at = |path: &str| Url::parse(&server.issuer).unwrap().join(path).unwrap();
    for forwarded in [
        &[("host", "id.example"), ("x-forwarded-proto", "https")][..],
        &[
            ("host", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "evil.example"),
        ],
        &[("forwarded", "proto=http;host=evil.example")],
    ] {
        let send = |request: reqwest::RequestBuilder, jar: &[(String, String)]| {
            let cookie = jar.iter().map(|(pair, _)| &**pair).collect::<Vec<_>>().join("; ");
            let request = request.header("cookie", cookie);
            forwarded
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value))
                .send()
        };
        let mut jar = Vec::new();
        let first = send(http().get(at(&authorize(FIRST_PARTY, &[]))), &jar).await.unwrap();
        jar.extend(cookies(&first));
        let page = first.headers()["location"].to_str().unwrap().to_owned();
        assert!(page.starts_with('/'), "{page}");
        let form = [("action", "login"), ("login", ALICE.0), ("password", ALICE.1)];
        let request = http().post(at(&page)).header("origin", "https://id.example").form(&form);
        let answer = send(request, &jar).await.unwrap();
        assert!(answer.headers()["location"].to_str().unwrap().contains("code="), "{answer:?}");
        jar.extend(cookies(&answer));
        let mut names = Vec::new();
        for (pair, attributes) in &jar {
            let name = pair.split('=').next().unwrap();
            names.push(name);
            let wanted = match name {
                "__Host-op_state" => " Path=/; Secure; SameSite=None",
                _ => " Path=/; Secure; HttpOnly; SameSite=Lax",
            };
            assert_eq!(attributes, wanted, "{name}");
        }
        names.sort_unstable();
        assert_eq!(names, ["__Host-op_browser", "__Host-op_session", "__Host-op_state"]);
    }
}
