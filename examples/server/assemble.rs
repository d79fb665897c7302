//! What a configuration becomes: the provider, everything that it needs, and what is served of it.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use oidc_op::{
    Client, KeyRecord, Provider, Signer, StaticClients, TracingObserver,
    adapter::{axum::router, http::Pages},
    store::Store,
};

use crate::{
    App, Stop, apps,
    config::{self, ClientEntry, ConfigError, Settings},
    data,
    demo::{self, Demo},
    interaction, layers,
    limits::{Gate, Limits},
    logout,
    manage::{self, Manage},
    pages::Site,
    passwords::Passwords,
    policies::{Directory, ExchangeRules, Issuers},
    profile::{self, Profile},
    sign_in::OneTimeTokens,
    sign_up::SignUps,
    signing::Signing,
    upstream::{self, Everybody, Upstreams, Way},
    users::Users,
};

/// The provider and everything that it needs; over the store that is open, or that of the settings, which is open
/// from then on.
pub(crate) async fn assemble(
    settings: Settings,
    asked_at: SocketAddr,
    open: &mut Option<Arc<dyn Store>>,
) -> Result<Arc<App>, Stop> {
    let site = Arc::new(Site::new(&settings));
    let config = settings.provider();
    let given = data::Given::read(&settings)?;
    let password_grant = settings.password_grant();
    let (in_store, algorithms) = (settings.keys.store, settings.algorithms());
    let manage = Manage::of(&settings);
    let profile = settings.profile.clone();
    let publishers = settings.registration.as_ref().map(config::Registration::publishers);
    let publishers = publishers.transpose()?.unwrap_or_default();
    let data = settings.data;
    let issuer = settings.issuer;
    let demo = settings.features.demo.then(|| Demo::new(&issuer, asked_at)).transpose()?;
    let clients = clients(settings.clients, demo.as_ref())?;
    let limits = Arc::new(Limits::new(&settings.limits, &clients));
    let clients = clients.into_iter().collect::<StaticClients>();
    let users = Users::new(&settings.users, settings.claims.mapping.as_ref())?;
    let users = Arc::new(users.at_most(settings.limits.people));
    let sign_ups = SignUps::new(Arc::clone(&users), settings.sign_up.verification());
    let sign_ups = sign_ups.map_err(|e| Stop::Machine(e.to_string()))?;
    let way = Way::to(&settings.upstreams, settings.limits.request())?;
    let fetch = settings.fetch.client()?;
    // From here on all is known to be well, so that a refusal leaves nothing behind.
    let kept = given.or_made(&data)?;
    let way = way.zip(kept.secrets.pairwise.as_ref());
    let upstreams = way.map(|way| Upstreams::new(settings.upstreams, &issuer, way)).transpose()?;
    if !settings.store.is_memory(&data)? {
        users.keep(&data::people(&data)?, &issuer)?;
    }
    let store = match open {
        Some(store) => store,
        None => open.insert(settings.store.open(&settings.stores, &data).await?),
    };
    let store = Arc::clone(store);
    let (signing, signer): (_, Arc<dyn Signer>) = match kept.keys {
        Some(keys) if !in_store => (None, Arc::new(keys)),
        given => {
            let record = KeyRecord::new(Arc::clone(&store), &issuer, &kept.secrets);
            let signing = Signing::open(record, given, algorithms, settings.keys.rotate()).await?;
            let signer = signing.signer();
            (Some(signing), signer)
        }
    };
    let mut builder = Provider::builder(config)
        .store(store)
        .clients(clients.clone())
        .accounts(Everybody::new(&users, upstreams.as_ref()))
        .signer(signer)
        .decryption(kept.decryption)
        .secrets(kept.secrets)
        .throttle(Gate { limits: Arc::clone(&limits), users: Arc::clone(&users) })
        .permissions(Arc::clone(&users))
        .observer(TracingObserver);
    if password_grant {
        let (users, limits, site) = (Arc::clone(&users), Arc::clone(&limits), Arc::clone(&site));
        builder = builder.passwords(Passwords { users, limits, site });
    }
    if !settings.exchange.is_empty() {
        builder = builder.exchanges(ExchangeRules(settings.exchange));
    }
    if !settings.trusted_issuers.is_empty() {
        builder = builder.issuers(Issuers(settings.trusted_issuers));
    }
    if !publishers.is_empty() {
        builder = builder.publishers(Directory(publishers));
    }
    if let Some(fetch) = fetch {
        builder = builder.fetch(fetch);
    }
    let provider = builder.build().map_err(|e| ConfigError::new(e.to_string()))?;
    let manage = manage.map(|manage| manage.over(&provider)).transpose()?;
    let profile = profile.map(|entry| Profile::new(&issuer, entry, &provider)).transpose()?;
    Ok(Arc::new(App {
        provider,
        pages: pages(&site),
        one_time: OneTimeTokens::of(&site.sign_in),
        site,
        issuer,
        clients,
        users,
        limits,
        sign_ups,
        upstreams,
        demo,
        signing,
        manage,
        profile,
        trusted_proxies: settings.trusted_proxies,
    }))
}

/// Those of the configuration, and the demo's.
fn clients(entries: Vec<ClientEntry>, demo: Option<&Demo>) -> Result<Vec<Client>, ConfigError> {
    let mut clients: Vec<_> = entries.into_iter().map(|entry| entry.0).collect();
    if let Some(demo) = demo {
        if let Some(at) = clients.iter().position(|client| client.id.as_str() == demo::CLIENT_ID) {
            return Err(ConfigError::new(format!(
                "clients[{at}].client_id: \"demo\" is the demo's; rename it or turn features.demo off"
            )));
        }
        clients.push(demo.client()?);
    }
    Ok(clients)
}

/// Where the provider's own answers are pages of ours.
fn pages(site: &Arc<Site>) -> Pages {
    let (errors, sign_outs) = (Arc::clone(site), Arc::clone(site));
    Pages::at(site.interaction(""))
        .confirmations(site.confirmation(""))
        .errors(move |error| errors.provider_error(error))
        .sign_outs(move |signed_out| sign_outs.provider_sign_out(signed_out))
}

/// Everything that is served.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    let interaction = get(interaction::show).head(layers::nothing).post(interaction::decide);
    let confirmation = get(logout::show).head(layers::nothing).post(logout::decide);
    let manage = app.manage.as_ref().map(|manage| manage::routes(&manage.base));
    let profile = app.profile.as_ref().map(|profile| profile::routes(&profile.base));
    Router::new()
        .route(&app.site.interaction("{token}"), interaction)
        .route(&app.site.confirmation("{token}"), confirmation)
        .route(&app.site.apps_page(), get(apps::show).post(apps::act))
        .merge(demo::routes(app))
        .merge(upstream::routes(app))
        .merge(manage.unwrap_or_default())
        .merge(profile.unwrap_or_default())
        .with_state(Arc::clone(app))
        .merge(router(&app.provider, app.pages.clone()))
}
