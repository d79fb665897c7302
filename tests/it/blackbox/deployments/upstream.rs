//! A second example server, where people of a deployment sign in: `upstream.toml`.

use std::cell::RefCell;

use super::{Deployment, file, moved};
use crate::blackbox::{server::Server, visitor::Visitor};

/// Somebody with groups, and somebody without.
pub(super) const GRACE: (&str, &str) = ("grace", "graces-password");
pub(super) const KEN: (&str, &str) = ("ken", "kens-password");

/// How files of deployments name it.
pub(super) const UPSTREAM: &str = "https://login.upstream.example";

/// The provider that people of a deployment sign in with. Dropping it stops it.
pub(super) struct Upstream(pub(super) Server);

impl Upstream {
    /// Starts it, with clients as TOML; their addresses that begin with `from` begin with `to` here.
    fn start(name: &str, clients: &str, (from, to): (&str, &str)) -> Self {
        let text = format!("{}\n{clients}", include_str!("upstream.toml"));
        let config: toml::Table = text.parse().unwrap();
        let mut server = Server::start_with(&format!("{name}-upstream"), "", |port, place| {
            let mut config = toml::Value::Table(config.clone());
            moved(&mut config, UPSTREAM, &format!("http://localhost:{port}"));
            moved(&mut config, from, to);
            config["listen"] = format!("127.0.0.1:{port}").into();
            config["data"] = place.join("data").to_str().unwrap().into();
            config.as_table().unwrap().to_string()
        });
        server.issuer = format!("http://localhost:{}/up", server.port);
        Self(server)
    }

    /// The same browser, which meets this provider as well.
    pub(super) fn met_by(&self, visitor: Visitor) -> Visitor {
        visitor.knows(&self.0.issuer, &self.0.url("/authorize"))
    }
}

/// Starts a deployment, and the provider where its people sign in. What is in `clients` is registered there, with
/// redirect URIs as its file has the issuer; what the file says of [`UPSTREAM`] is said of that provider,
/// unless it stands in `elsewhere`.
pub(super) async fn start(
    name: &str,
    clients: &str,
    elsewhere: &[(&str, &str)],
    change: impl Fn(&mut toml::Table),
) -> (Deployment, Upstream) {
    let config = file(name);
    let world = config["issuer"].as_str().unwrap().to_owned();
    let upstream = RefCell::new(None);
    let op = Deployment::start_text(name, config, elsewhere, |config| {
        let issuer = config["issuer"].as_str().unwrap().to_owned();
        let there = Upstream::start(name, clients, (&world, &issuer));
        let mut all = toml::Value::Table(std::mem::take(config));
        moved(&mut all, UPSTREAM, &there.0.issuer);
        *config = all.try_into().unwrap();
        change(config);
        upstream.replace(Some(there));
    });
    let op = op.await;
    (op, upstream.into_inner().unwrap())
}
