"""Authlib as relying party and as API. The forms are filled in by whoever asks.

A job per line of JSON on stdin and an answer per line on stdout, as in lib/jobs.mjs. Every scenario
is given `issuer` and `client` (an entry of the server's configuration).
"""

import json
import sys
import threading
import time
import traceback
from urllib.parse import quote_plus

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.sync_app import BaseApp, OAuth2Mixin
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, JWTBearerGrant, PrivateKeyJWT
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from requests import HTTPError

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class Party(OAuth2Mixin, OpenIDMixin, BaseApp):
    """What Authlib's integrations for Flask and Django are made of, without any of them."""

    client_cls = OAuth2Session

    def __init__(self, issuer, client, scope=None, secret=None, audience=None, assertion=None):
        self.issuer = issuer
        self.updated = []
        audience = audience or f"{issuer}/token"
        method, methods = client["auth"], []
        if method == "private_key_jwt":
            secret = secret or ECKey.import_key(client["assertion"])
            header = {"kid": client["assertion"]["kid"]}
            methods = [PrivateKeyJWT(audience, assertion, header, "ES256")]
        elif method == "client_secret_jwt":
            methods = [ClientSecretJWT(audience, assertion)]
        super().__init__(
            framework=None,
            client_id=client["client_id"],
            client_secret=secret or client["client_secret"],
            server_metadata_url=get_well_known_url(issuer, external=True),
            client_auth_methods=methods,
            client_kwargs={
                "scope": scope,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method,
                "revocation_endpoint_auth_method": method,
                "default_timeout": 30,
            },
        )

    def _on_update_token(self, token, refresh_token=None, access_token=None):
        self.updated.append(token)

    def session(self, token=None):
        """A session of Authlib's at this provider."""
        session = self._get_oauth_client(**self.load_server_metadata())
        session.token = token
        return session

    def claims(self, token, nonce=None):
        """An ID Token's: whose it is Authlib asks only if it is told to."""
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
        }
        return self.parse_id_token(token, nonce, options, leeway=5)

    def introspect(self, token, hint=None):
        endpoint = self.load_server_metadata()["introspection_endpoint"]
        response = self.session().introspect_token(endpoint, token, hint)
        response.raise_for_status()
        return response.json()

    def revoke(self, token, hint=None):
        endpoint = self.load_server_metadata()["revocation_endpoint"]
        self.session().revoke_token(endpoint, token, hint).raise_for_status()


class Api(JWTBearerTokenValidator):
    """An API of Authlib's that takes JWT access tokens."""

    def __init__(self, party, resource):
        super().__init__(party.issuer, resource)
        self.party = party

    def get_jwks(self):
        return KeySet.import_key_set(self.party.fetch_jwk_set())

    def claims(self, token, scope):
        """RFC 9068 §4."""
        token = self.authenticate_token(token)
        self.validate_token(token, [scope], None)
        return token


def refused(request):
    """What a request was refused with."""
    try:
        request()
    except AuthlibBaseError as error:
        return error.error
    except JoseError as error:
        return f"{error.error}: {getattr(error, 'claim', '')}"
    return None


def party_of(given, **more):
    return Party(given["issuer"], given["client"], given.get("scope"), **more)


def begin(given):
    """An authorization request; `finished` takes its answer."""
    party = party_of(given)
    return party.create_authorization_url(given["redirect_uri"], **given.get("parameters", {}))


def finished(given, party):
    """The tokens for an answer."""
    begun = given["begun"]
    return party.fetch_access_token(
        given["redirect_uri"],
        authorization_response=given["callback"],
        state=begun["state"],
        code_verifier=begun["code_verifier"],
        **given.get("more", {}),
    )


def sign_in(given):
    """The whole flow, and what Authlib has to say of a token that is not the one."""
    party = party_of(given, secret=given.get("secret"))
    token, nonce = finished(given, party), given["begun"]["nonce"]
    claims = party.claims(token, nonce)
    again = refused(lambda: finished(given, party))
    stranger = party_of({**given, "client": {**given["client"], "client_id": "another"}})
    head, payload, signature = token["id_token"].split(".")
    first = "A" if signature[0] != "A" else "B"
    forged = f"{head}.{payload}.{first}{signature[1:]}"
    return {
        "claims": claims,
        "scope": token["scope"],
        "expires_in": token["expires_in"],
        "state": refused(lambda: finished({**given, "begun": {**given["begun"], "state": "x"}}, party)),
        "nonce": refused(lambda: party.claims(token, "another")),
        "at_hash": refused(lambda: party.claims({**token, "access_token": "another"}, nonce)),
        "aud": refused(lambda: stranger.claims(token, nonce)),
        "signature": refused(lambda: party.claims({**token, "id_token": forged}, nonce)),
        "again": again,
    }


def userinfo(given):
    """The tokens of an answer, and UserInfo for them."""
    party = party_of(given, secret=given.get("secret"))
    token = finished(given, party)
    claims = party.claims(token, given["begun"]["nonce"])
    userinfo = party.userinfo(token=token)
    assert userinfo["sub"] == claims["sub"]
    return {"userinfo": userinfo, "token": token}


def wrong_verifier(given):
    """RFC 7636 §4.6."""
    verifier = given["begun"]["code_verifier"][::-1]
    given = {**given, "begun": {**given["begun"], "code_verifier": verifier}}
    return refused(lambda: finished(given, party_of(given)))


def refresh(given):
    """By hand, and by itself when the access token is about to end."""
    party = party_of(given)
    first = finished(given, party)
    before = party.claims(first, given["begun"]["nonce"])
    session = party.session(dict(first))
    second = session.refresh_token()
    after = party.claims(second)
    for name in ["iss", "sub", "aud", "auth_time"]:
        assert before[name] == after[name], name
    assert "nonce" not in after, "OIDC Core §12.2"
    endpoint = party.load_server_metadata()["userinfo_endpoint"]
    session.token = {**second, "expires_at": int(time.time()) - 1}
    answer = session.get(endpoint)
    last = dict(session.token)
    refreshed = [token["refresh_token"] for token in [first, second, last]]
    return {
        "userinfo": answer.json(),
        "different": len(set(refreshed)),
        "updated": len(party.updated),
        "scopes": [first["scope"], second["scope"], last["scope"]],
        "narrower": session.refresh_token(scope="openid")["scope"],
        "reused": refused(lambda: session.refresh_token(refresh_token=refreshed[0])),
        "after": refused(lambda: session.refresh_token(refresh_token=last["refresh_token"])),
    }


def client_credentials(given):
    """For an API that introspects, and for one that looks into the token."""
    party, api = party_of(given), Party(given["issuer"], given["api"])
    session = party.session()
    ask = lambda **more: session.fetch_token(grant_type="client_credentials", **more)
    opaque = dict(ask(resource=given["orders"]))
    said = api.introspect(opaque["access_token"], "access_token")
    party.revoke(opaque["access_token"], "refresh_token")
    jwt = ask(resource=given["reports"])["access_token"]
    reports, orders = Api(party, given["reports"]), Api(party, given["orders"])
    return {
        "token": {name: opaque.get(name) for name in ["scope", "expires_in", "refresh_token"]},
        "introspection": said,
        "revoked": api.introspect(opaque["access_token"]),
        "jwt": reports.claims(jwt, "orders:read"),
        "other scope": refused(lambda: reports.claims(jwt, "orders:write")),
        "other api": refused(lambda: orders.claims(jwt, "orders:read")),
        "elsewhere": refused(lambda: ask(resource="https://elsewhere.example/")),
    }


def revocation(given):
    """The access token alone, then all that came of the refresh token."""
    party = party_of(given)
    token = finished(given, party)
    session = party.session(dict(token))
    active = lambda token: party.introspect(token)["active"]
    both = lambda token: [active(token["access_token"]), active(token["refresh_token"])]
    party.revoke("a token of nobody")
    seen = [both(token)]
    party.revoke(token["access_token"], "access_token")
    seen.append(both(token))
    renewed = dict(session.refresh_token())
    party.revoke(renewed["refresh_token"], "refresh_token")
    seen.append(both(renewed))
    return {"seen": seen, "refresh": refused(session.refresh_token)}


def assertions(given):
    """Every endpoint with an assertion of its own. The one for the token endpoint is good there alone,
    so that Authlib is told to make those for the others for the issuer.
    """
    tokens, party = party_of(given), party_of(given, audience=given["issuer"])
    token = finished(given, tokens)
    tokens.claims(token, given["begun"]["nonce"])
    renewed = dict(tokens.session(dict(token)).refresh_token())
    statuses = []
    for request in [tokens.introspect, tokens.revoke]:
        try:
            request(renewed["access_token"])
        except HTTPError as error:
            statuses.append(error.response.status_code)
    active = party.introspect(renewed["access_token"])["active"]
    party.revoke(renewed["refresh_token"])
    after = party.introspect(renewed["access_token"])
    tokens.session().fetch_token(grant_type="client_credentials", scope="")
    return {"for the token endpoint": statuses, "active": active, "after": after}


def refused_assertions(given):
    """Those that are wrong in one way. Authlib writes `jti` into the claims that it is given, and so
    sends it again.
    """
    ask = lambda party: party.session().fetch_token(grant_type="client_credentials")
    client = given["client"]
    key, secret = ECKey.generate_key("P-256"), f"{client['client_secret']}x"
    other = key if client["auth"] == "private_key_jwt" else secret
    repeating = party_of(given, assertion={})
    now = int(time.time())
    changed = lambda **claims: refused(lambda: ask(party_of(given, assertion=claims)))
    return {
        "nothing": changed(),
        "once": refused(lambda: ask(repeating)),
        "twice": refused(lambda: ask(repeating)),
        "key": refused(lambda: ask(party_of(given, secret=other))),
        "issuer": changed(aud=given["issuer"]),
        "elsewhere": changed(aud="https://other.example"),
        "endpoint": changed(aud=f"{given['issuer']}/introspect"),
        "subject": changed(sub="machine"),
        "expired": changed(exp=now - 3600),
        "far": changed(exp=now + 7 * 24 * 3600),
    }


def password(given):
    party = party_of(given)
    ask = lambda password: party.session().fetch_token(
        username=given["user"]["login"], password=password
    )
    token = dict(ask(given["user"]["password"]))
    claims = party.claims(token)
    session = party.session(token)
    session.refresh_token()
    userinfo = session.get(party.load_server_metadata()["userinfo_endpoint"]).json()
    return {"sub": claims["sub"], "userinfo": userinfo, "wrong": refused(lambda: ask("wrong"))}


def token_exchange(given):
    """Authlib has no function of its own for it, but sends whatever it is given."""
    party, api = party_of(given), Party(given["issuer"], given["api"])
    subject = finished(given, party)["access_token"]
    exchange = lambda **more: api.session().fetch_token(
        **{
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": subject,
            "subject_token_type": ACCESS_TOKEN,
            "audience": given["reports"],
            **more,
        }
    )
    token = exchange()
    return {
        "issued_token_type": token["issued_token_type"],
        "scope": token["scope"],
        "jwt": Api(party, given["reports"]).claims(token["access_token"], "orders:read"),
        "no_rule": refused(lambda: exchange(audience=given["orders"])),
        "forged": refused(lambda: exchange(subject_token=f"{subject}x")),
    }


def jwt_bearer(given):
    """The word of an issuer whom the provider trusts. Authlib's own `AssertionSession` sends no more
    of the client than its name, which will not do for one that has a secret.
    """
    party = party_of(given)
    key, endpoint = ECKey.import_key(given["key"]), f"{given['issuer']}/token"
    header = {"alg": "ES256", "kid": given["key"]["kid"]}
    assertion = JWTBearerGrant.sign(
        key, given["partner"], given["issuer"], "b.builder", header=header, expires_in=60
    )
    ask = lambda: party.session().fetch_token(
        grant_type=JWTBearerGrant.GRANT_TYPE, assertion=assertion
    )
    token = dict(ask())
    alone = AssertionSession(
        endpoint,
        given["partner"],
        "b.builder",
        given["issuer"],
        client_id=party.client_id,
        key=key,
        header=header,
        expires_in=60,
    )
    return {
        "sub": party.userinfo(token=token)["sub"],
        "again": refused(ask),
        "without a secret": refused(alone.refresh_token),
    }


def secret_as_it_is(given):
    """RFC 6749 §2.3.1: Authlib does not encode a secret in the Authorization header."""
    ask = lambda secret: party_of(given, secret=secret).session().fetch_token(
        grant_type="authorization_code", code="a code of nobody"
    )
    secret = given["client"]["client_secret"]
    return {
        "as it is": refused(lambda: ask(secret)),
        "encoded": refused(lambda: ask(quote_plus(secret))),
    }


def discovery(given):
    """The metadata, as Authlib checks them: it insists on TLS."""
    metadata = dict(party_of(given).load_server_metadata())
    del metadata["_loaded_at"]
    OpenIDProviderMetadata(metadata).validate()
    try:
        OpenIDProviderMetadata({**metadata, "issuer": "http://op.example"}).validate()
    except ValueError as error:
        return {"issuer": metadata["issuer"], "without TLS": str(error)}


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in [
        assertions,
        begin,
        client_credentials,
        discovery,
        jwt_bearer,
        password,
        refresh,
        refused_assertions,
        revocation,
        secret_as_it_is,
        sign_in,
        token_exchange,
        userinfo,
        wrong_verifier,
    ]
}
OUTPUT = threading.Lock()


def run(job):
    answer = {"id": job["id"]}
    try:
        answer["ok"] = SCENARIOS[job["scenario"]](job)
    except Exception:
        answer["error"] = traceback.format_exc()
    with OUTPUT:
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    jobs = []
    for line in sys.stdin:
        jobs.append(threading.Thread(target=run, args=[json.loads(line)]))
        jobs[-1].start()
    for job in jobs:
        job.join()
