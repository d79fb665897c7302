//! The crate `openidconnect` as relying party: discovery, code with PKCE, implicit and hybrid answers,
//! tokens, UserInfo.

use openidconnect::{
    AccessToken, AccessTokenHash, AuthType, AuthenticationFlow, AuthorizationCode,
    AuthorizationCodeHash, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope,
    TokenResponse,
    core::{
        CoreClient, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
        CoreUserInfoClaims,
    },
    http,
};

use super::{
    fixture::{
        ALICE, APP, FIRST_PARTY, LOCAL, POST, PUBLIC, Registered, THIRD_PARTY, TRUSTED, WEB,
    },
    server::Server,
    visitor::{self, Visitor},
};

/// The transport that the crate asks for.
pub(super) async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let client = visitor::http().build()?;
    let response = client.execute(request.try_into()?).await?;
    let mut answer = http::Response::builder().status(response.status());
    *answer.headers_mut().unwrap() = response.headers().clone();
    Ok(answer.body(response.bytes().await?.to_vec()).unwrap())
}

/// The whole flow as `client`; every check that the crate has is made.
async fn sign_in(client: Registered) {
    let server = Server::shared();
    let issuer = IssuerUrl::new(server.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await.unwrap();
    let secret = client.secret.map(|secret| ClientSecret::new(secret.to_owned()));
    let auth = match client.auth {
        "client_secret_basic" => AuthType::BasicAuth,
        _ => AuthType::RequestBody,
    };
    let id = ClientId::new(client.id.to_owned());
    let party = CoreClient::from_provider_metadata(metadata, id, secret)
        .set_auth_type(auth)
        .set_redirect_uri(RedirectUrl::new(WEB.to_owned()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (url, state, nonce) = party
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".into()))
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();

    let visitor = Visitor::new(&server);
    let page = visitor.open(&url).await;
    let answer = visitor.consent(page, ALICE).await.answer();
    assert_eq!(answer["state"], *state.secret());
    assert_eq!(answer["iss"], server.issuer, "RFC 9207 §2");

    let tokens = party
        .exchange_code(AuthorizationCode::new(answer["code"].clone()))
        .unwrap()
        .set_pkce_verifier(verifier)
        .request_async(&send)
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    let alg = algorithm(client);
    let id_token = tokens.id_token().unwrap();
    let verifier = party.id_token_verifier().set_allowed_algs([alg]);
    let claims = id_token.claims(&verifier, &nonce).unwrap();
    let key = id_token.signing_key(&verifier).unwrap();
    let hash =
        AccessTokenHash::from_token(tokens.access_token(), id_token.signing_alg().unwrap(), key);
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    assert!(claims.auth_time().is_some());
    assert!(tokens.expires_in().is_some());

    let subject = claims.subject().clone();
    let userinfo: CoreUserInfoClaims = party
        .user_info(tokens.access_token().clone(), Some(subject))
        .unwrap()
        .request_async(&send)
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(userinfo.email().unwrap().as_str(), "alice@example.com");
    assert_eq!(userinfo.email_verified(), Some(true));
    assert_eq!(userinfo.phone_number(), None, "not asked for");
}

fn algorithm(client: Registered) -> CoreJwsSigningAlgorithm {
    match client.alg {
        "RS256" => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        "ES256" => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        _ => CoreJwsSigningAlgorithm::EdDsa,
    }
}

/// An answer in the fragment: the crate verifies the ID Token and works out the hashes; what is
/// bound to it is then used.
async fn front_channel(client: Registered, flow: AuthenticationFlow<CoreResponseType>) {
    let server = Server::shared();
    let issuer = IssuerUrl::new(server.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await.unwrap();
    let secret = client.secret.map(|secret| ClientSecret::new(secret.to_owned()));
    let id = ClientId::new(client.id.to_owned());
    let party = CoreClient::from_provider_metadata(metadata, id, secret)
        .set_redirect_uri(RedirectUrl::new(LOCAL.to_owned()).unwrap());
    let (challenge, pkce) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = party
        .authorize_url(flow.clone(), CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();

    let visitor = Visitor::new(&server);
    let page = visitor.open(&url).await;
    let page = visitor.consent(page, ALICE).await;
    assert_eq!(page.location().unwrap().query(), None, "{flow:?}");
    let answer = page.answer();
    assert_eq!(answer["state"], *state.secret());

    let verifier = party.id_token_verifier().set_allowed_algs([algorithm(client)]);
    let id_token: CoreIdToken = answer["id_token"].parse().unwrap();
    let claims = id_token.claims(&verifier, &nonce).unwrap_or_else(|e| panic!("{flow:?}: {e}"));
    let other = id_token.claims(&verifier, &Nonce::new("another".into()));
    assert!(matches!(other, Err(ClaimsVerificationError::InvalidNonce(_))), "{flow:?}");
    let key = id_token.signing_key(&verifier).unwrap();
    let alg = id_token.signing_alg().unwrap();
    let access_token = answer.get("access_token").map(|token| AccessToken::new(token.clone()));
    let at_hash = access_token.as_ref().map(|t| AccessTokenHash::from_token(t, alg, key).unwrap());
    assert_eq!(claims.access_token_hash(), at_hash.as_ref(), "{flow:?}");
    let code = answer.get("code").map(|code| AuthorizationCode::new(code.clone()));
    let c_hash = code.as_ref().map(|c| AuthorizationCodeHash::from_code(c, alg, key).unwrap());
    assert_eq!(claims.code_hash(), c_hash.as_ref(), "{flow:?}");

    let mut bearers: Vec<AccessToken> = access_token.into_iter().collect();
    if let Some(code) = code {
        let exchange = party.exchange_code(code).unwrap().set_pkce_verifier(pkce);
        let tokens = exchange.request_async(&send).await.unwrap_or_else(|e| panic!("{e:?}"));
        let second = tokens.id_token().unwrap().claims(&verifier, &nonce).unwrap();
        assert_eq!((second.subject(), second.issuer()), (claims.subject(), claims.issuer()));
        assert_eq!(second.code_hash(), None);
        bearers.push(tokens.access_token().clone());
    }
    for bearer in bearers {
        let request = party.user_info(bearer, Some(claims.subject().clone())).unwrap();
        let userinfo: CoreUserInfoClaims = request.request_async(&send).await.unwrap();
        assert_eq!(userinfo.email().unwrap().as_str(), "alice@example.com", "{flow:?}");
    }
}

#[tokio::test]
async fn implicit() {
    for client in [APP, TRUSTED] {
        for with_access_token in [false, true] {
            front_channel(client, AuthenticationFlow::Implicit(with_access_token)).await;
        }
    }
}

#[tokio::test]
async fn hybrid() {
    use CoreResponseType::{Code, IdToken, Token};
    for client in [APP, TRUSTED] {
        for types in [vec![Code, IdToken], vec![Code, IdToken, Token]] {
            front_channel(client, AuthenticationFlow::Hybrid(types)).await;
        }
    }
}

#[tokio::test]
async fn client_secret_basic_and_rs256() {
    sign_in(THIRD_PARTY).await;
}

/// RFC 6749 §2.3.1: the secret has characters that are form-encoded first.
#[tokio::test]
async fn client_secret_basic_with_a_difficult_secret() {
    sign_in(FIRST_PARTY).await;
}

#[tokio::test]
async fn client_secret_post_and_es256() {
    sign_in(POST).await;
}

#[tokio::test]
async fn public_client_and_eddsa() {
    sign_in(PUBLIC).await;
}
