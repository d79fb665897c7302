//! The host's own word on each registration.

use std::sync::Mutex;

use async_trait::async_trait;
use oidc_op::{
    Client, ClientSecret, Duration, HostError, InitialAccess, RegistrationPolicy,
    RegistrationRequest, RegistrationVerdict,
};

use super::*;

type Rule = dyn Fn(&RegistrationRequest<'_>, &mut Client) -> Result<RegistrationVerdict, HostError>
    + Send
    + Sync;

/// Decides as it is told to, and remembers what it was told.
#[derive(Clone)]
pub(super) struct Told {
    rule: Arc<Rule>,
    pub(super) heard: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

#[async_trait]
impl RegistrationPolicy for Told {
    async fn decide(
        &self,
        request: &RegistrationRequest<'_>,
        client: &mut Client,
    ) -> Result<RegistrationVerdict, HostError> {
        self.heard.lock().unwrap().push(format!(
            "before={:?} purpose={:?} statement={:?} members={:?} peer={:?} id={}",
            request.before.map(|before| before.name().to_owned()),
            request.purpose,
            request.statement,
            request.members.keys().collect::<Vec<_>>(),
            request.peer,
            client.id,
        ));
        (self.rule)(request, client)
    }
}

pub(super) fn deciding(
    rule: impl Fn(&RegistrationRequest<'_>, &mut Client) -> Result<RegistrationVerdict, HostError>
    + Send
    + Sync
    + 'static,
) -> Told {
    Told { rule: Arc::new(rule), heard: Arc::default() }
}

fn op_of(policy: Told) -> Op {
    setup().build_with(|builder| builder.registrations(policy))
}

#[tokio::test]
async fn each_verdict() {
    for (verdict, status, error, text) in [
        (RegistrationVerdict::Deny, 403, "access_denied", ""),
        (RegistrationVerdict::RedirectUri, 400, "invalid_redirect_uri", "redirect_uris"),
        (RegistrationVerdict::Member("client_name"), 400, "invalid_client_metadata", "client_name"),
        (RegistrationVerdict::Statement, 400, "unapproved_software_statement", ""),
    ] {
        let policy = deciding(move |request, _| {
            Ok(if request.members.contains_key("bad") {
                verdict
            } else {
                RegistrationVerdict::Allow
            })
        });
        let op = op_of(policy);
        let answer = op.try_register(&web_with(&json!({ "bad": 1 })), None).await;
        assert_eq!((answer.status(), &*answer.error()), (status, error));
        assert!(answer.member("error_description").contains(text));
        assert!(op.provider.registered_clients(None, 10).await.unwrap().clients.is_empty());
        let client = op.register(&web()).await;
        let answer = client.put(&op, &json!({ "bad": 1, "client_name": "Newer" })).await;
        assert_eq!((answer.status(), &*answer.error()), (status, error));
        assert_eq!(client.read(&op).await.json().get("client_name"), None, "nothing has changed");
    }
}

/// A policy that cannot tell is no refusal of the client's.
#[tokio::test]
async fn a_policy_that_fails() {
    let op = op_of(deciding(|_, _| Err(HostError::from("no connection to 10.1.2.3".to_owned()))));
    let answer = op.try_register(&web(), None).await;
    assert_eq!((answer.status(), answer.error()), (500, "server_error".into()));
    assert!(!String::from_utf8_lossy(&answer.reply().body).contains("10.1.2.3"));
}

/// It changes what is registered, and the answer says so; what it makes of it is checked like the rest.
#[tokio::test]
async fn an_override_is_checked_and_answered() {
    let policy = deciding(|request, client| {
        client.metadata.client_name = Some("As the host says".into());
        client.claims.deny.insert("email".into());
        match request.members.get("break").and_then(Value::as_str) {
            Some("redirects") => client.metadata.redirect_uris.clear(),
            Some("keys") => client.metadata.id_token_signed_response_alg = "PS512".parse().unwrap(),
            Some("grant") => {
                client.metadata.grant_types.push(oidc_op::GrantType::ClientCredentials);
            }
            _ => {}
        }
        Ok(RegistrationVerdict::Allow)
    });
    let op = op_of(policy);
    let client = op.register(&web_with(&json!({ "client_name": "Mine" }))).await;
    assert_eq!(client.text("client_name"), "As the host says");
    assert_eq!(client.read(&op).await.member("client_name"), "As the host says");
    let code = client.tokens(&op).await;
    assert_eq!(op.userinfo(&code.member("access_token")).await.json().get("email"), None);
    assert_eq!(
        op.refused(&web_with(&json!({ "break": "redirects" }))).await,
        (400, "invalid_redirect_uri".into())
    );
    assert_eq!(
        op.refused(&web_with(&json!({ "break": "keys" }))).await,
        (400, "invalid_client_metadata".into())
    );
    // What is not offered to everybody the host may give to one.
    let client = op.register(&web_with(&json!({ "break": "grant" }))).await;
    assert_eq!(client.0["grant_types"], json!(["authorization_code", "client_credentials"]));
}

/// Its identifier, its secrets, its epoch are not the policy's to change, nor how long it may be unused.
#[tokio::test]
async fn what_it_cannot_change() {
    let policy = deciding(|_, client| {
        client.secrets = vec![ClientSecret::new("chosen")];
        client.epoch = 5;
        client.id = ClientId::new("conf-basic").unwrap();
        Ok(RegistrationVerdict::Allow)
    });
    let op = op_of(policy);
    let client = op.register(&web()).await;
    let epoch =
        op.provider.registered_client(&client.client_id()).await.unwrap().unwrap().client.epoch;
    assert_ne!(client.id(), "conf-basic");
    assert!(!client.is_known_by(&op, "chosen").await);
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
    assert_eq!(client.put(&op, &json!({})).await.status(), 200);
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
    let kept = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap().client;
    assert_eq!((kept.id.as_str(), kept.epoch), (client.id(), epoch));

    let whole = deciding(|_, client| {
        *client = Client::public(client.id.clone(), client.metadata.clone()).unwrap();
        Ok(RegistrationVerdict::Allow)
    });
    let op = op_of(whole);
    let client = op.register(&web()).await;
    assert_eq!(client.put(&op, &json!({})).await.status(), 200);
    let found = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
    assert!(found.unused_until().is_some(), "nobody has used it");
}

/// What it is told: who asks, by which token, and at an update what was there.
#[tokio::test]
async fn what_it_is_told() {
    let policy = deciding(|_, _| Ok(RegistrationVerdict::Allow));
    let op = op_of(policy.clone());
    let heard = || std::mem::take(&mut *policy.heard.lock().unwrap());
    let mut access = InitialAccess::once(Duration::HOUR);
    access.purpose = Some("partner:acme".into());
    let token = op.provider.issue_initial_access(&access).await.unwrap();
    let named = web_with(&json!({ "client_name": "First", "x-own": 1 }));
    let client = Registered(op.try_register(&named, Some(&token)).await.json());
    assert_eq!(
        heard(),
        [format!(
            "before=None purpose=Some(\"partner:acme\") statement=None \
             members=[\"redirect_uris\", \"client_name\", \"x-own\"] peer=None id={}",
            client.id()
        )]
    );
    client.put(&op, &json!({ "client_name": "Second" })).await;
    assert_eq!(
        heard(),
        [format!(
            "before=Some(\"First\") purpose=Some(\"partner:acme\") statement=None \
             members=[\"redirect_uris\", \"client_name\", \"client_id\"] peer=None id={}",
            client.id()
        )]
    );
    op.register(&web()).await;
    assert!(heard()[0].contains("purpose=None"));
    client.read(&op).await;
    assert!(heard().is_empty());

    let body = web().to_string();
    let headers = [("content-type", &b"application/json"[..])];
    let request =
        oidc_op::Request::new("POST", "/register").headers(&headers).body(body.as_bytes());
    let request = request.peer("192.0.2.7".parse().unwrap());
    op.provider.registration(request).await.unwrap();
    assert!(heard()[0].contains("peer=Some(192.0.2.7)"));
}

/// It is asked after the specifications: it never sees what would be refused anyway.
#[tokio::test]
async fn it_is_asked_last() {
    let policy = deciding(|_, client| {
        assert!(
            !client.metadata.grant_types.contains(&oidc_op::GrantType::Password),
            "left out before"
        );
        Ok(RegistrationVerdict::Allow)
    });
    let op = op_of(policy.clone());
    assert_eq!(op.refused(&json!({})).await.0, 400);
    assert!(policy.heard.lock().unwrap().is_empty());
    op.register(&web_with(&json!({ "grant_types": ["authorization_code", "password"] }))).await;
}
