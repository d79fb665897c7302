// Scenarios of openid-client at the token endpoint, introspection and revocation. They are given
// `party` and `visitor` besides.

import assert from 'node:assert/strict'
import * as jose from 'jose'
import * as client from 'openid-client'
import { checkIdToken, checkTokens } from './conformance.mjs'
import { configure } from './relying-party.mjs'
import { signIn } from './visitor.mjs'

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

/** The tokens of a sign-in, and of one resource if that is given. */
async function tokensOf(given, parameters, resource) {
  const { callback, form } = await signIn(given, {
    scope: 'openid email offline_access',
    ...parameters,
  })
  const { error, cause, tokens, claims } = await given.party.finish(callback, form, { resource })
  assert.equal(error, undefined, cause?.stack)
  return { tokens, claims }
}

/** What a request was refused with: the error, or the status if there is nothing but a challenge. */
async function refused(request) {
  try {
    await request
    return null
  } catch (error) {
    if (!error.error && !error.status) throw error
    return error.error ?? error.status
  }
}

async function keysOf(party) {
  const { keys } = await (await fetch(party.config.serverMetadata().jwks_uri)).json()
  return keys
}

/** RFC 9068 §4: what an API does with a JWT access token. */
async function opened(party, token, audience) {
  const keys = jose.createLocalJWKSet({ keys: await keysOf(party) })
  const options = { issuer: party.issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }
  const { payload } = await jose.jwtVerify(token, keys, {
    ...options,
    requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
  })
  return payload
}

/** RFC 6749 §6, OIDC Core §12.2. */
export async function refresh(given) {
  const { party } = given
  const { config, registered, issuer } = party
  const first = await tokensOf(given)
  const tokens = await client.refreshTokenGrant(config, first.tokens.refresh_token)
  checkTokens(tokens)
  const claims = await checkIdToken(tokens.id_token, {
    keys: await keysOf(party),
    issuer,
    audience: registered.client_id,
    alg: registered.alg,
    accessToken: tokens.access_token,
    wanted: [],
  })
  for (const name of ['iss', 'sub', 'aud', 'auth_time', 'azp', 'sid']) {
    assert.deepEqual(claims[name], first.claims[name], name)
  }
  assert.ok(claims.iat >= first.claims.iat)
  assert.deepEqual({ ...claims }, { ...tokens.claims() })
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  const narrow = { scope: 'openid' }
  const narrower = await client.refreshTokenGrant(config, tokens.refresh_token, narrow)
  const wide = { scope: 'openid email profile' }
  const wider = await refused(client.refreshTokenGrant(config, narrower.refresh_token, wide))
  return {
    email: userinfo.email,
    rotated: tokens.refresh_token !== first.tokens.refresh_token,
    scopes: [first.tokens.scope, tokens.scope, narrower.scope],
    wider,
    reused: await refused(client.refreshTokenGrant(config, first.tokens.refresh_token)),
    after: await refused(client.refreshTokenGrant(config, narrower.refresh_token)),
  }
}

/** RFC 8707 §2.2: a token of each of two APIs, by one refresh token. */
export async function resources(given) {
  const { party, orders, reports, api } = given
  const scope = 'openid offline_access orders:read'
  const asked = { scope, resource: [orders, reports] }
  const { tokens } = await tokensOf(given, asked, orders)
  const config = await configure(given.issuer, api)
  const jwt = await client.refreshTokenGrant(party.config, tokens.refresh_token, {
    resource: reports,
  })
  const other = { resource: 'https://elsewhere.example/' }
  return {
    opaque: await client.tokenIntrospection(config, tokens.access_token),
    jwt: await opened(party, jwt.access_token, reports),
    elsewhere: await refused(client.refreshTokenGrant(party.config, jwt.refresh_token, other)),
  }
}

/** RFC 6749 §4.4, RFC 7662: for an API that introspects, and for one that does not need to. */
export async function client_credentials({ party, issuer, orders, reports, api }) {
  const { config } = party
  const tokens = await client.clientCredentialsGrant(config, { resource: orders })
  checkTokens(tokens)
  const jwt = await client.clientCredentialsGrant(config, {
    resource: reports,
    scope: 'orders:read',
  })
  // What means nothing to an API is not in its token, whoever asks for it.
  const cut = await client.clientCredentialsGrant(config, {
    resource: reports,
    scope: 'orders:read orders:write',
  })
  const apiConfig = await configure(issuer, api)
  const said = await client.tokenIntrospection(apiConfig, tokens.access_token)
  const hinted = { token_type_hint: 'refresh_token' }
  await client.tokenRevocation(config, tokens.access_token, hinted)
  return {
    scope: tokens.scope,
    refresh_token: tokens.refresh_token ?? null,
    id_token: tokens.id_token ?? null,
    introspection: said,
    revoked: await client.tokenIntrospection(apiConfig, tokens.access_token),
    jwt: await opened(party, jwt.access_token, reports),
    elsewhere: await refused(
      client.clientCredentialsGrant(config, { resource: 'https://elsewhere.example/' }),
    ),
    cut: await opened(party, cut.access_token, reports),
  }
}

/** RFC 7009 §2.1: the access token alone, then all that came of the refresh token. */
export async function revocation(given) {
  const { party } = given
  const { config } = party
  const { tokens } = await tokensOf(given)
  const active = async (token) => (await client.tokenIntrospection(config, token)).active
  const seen = []
  await client.tokenRevocation(config, 'a token of nobody')
  seen.push([await active(tokens.access_token), await active(tokens.refresh_token)])
  await client.tokenRevocation(config, tokens.access_token)
  seen.push([await active(tokens.access_token), await active(tokens.refresh_token)])
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
  await client.tokenRevocation(config, renewed.refresh_token)
  seen.push([await active(renewed.access_token), await active(renewed.refresh_token)])
  const userinfo = () =>
    client.fetchUserInfo(config, renewed.access_token, client.skipSubjectCheck)
  return {
    seen,
    refresh: await refused(client.refreshTokenGrant(config, renewed.refresh_token)),
    userinfo: await refused(userinfo()),
  }
}

/** RFC 8693 §2: an API exchanges the token of a person for one of the next API. */
export async function token_exchange(given) {
  const { party, api, orders, reports } = given
  const asked = { scope: 'openid orders:read', resource: [orders, reports] }
  const { tokens } = await tokensOf(given, asked, orders)
  const config = await configure(given.issuer, api)
  const exchange = (audience, more) =>
    client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: tokens.access_token,
      subject_token_type: accessToken,
      audience,
      ...more,
    })
  const exchanged = await exchange(reports, { requested_token_type: accessToken })
  return {
    issued_token_type: exchanged.issued_token_type,
    scope: exchanged.scope,
    refresh_token: exchanged.refresh_token ?? null,
    jwt: await opened(party, exchanged.access_token, reports),
    no_rule: await refused(exchange(orders)),
    forged: await refused(exchange(reports, { subject_token: `${tokens.access_token}x` })),
  }
}

/** RFC 7523 §2.1: the word of an issuer whom the provider trusts, which counts once. */
export async function jwt_bearer({ party, partner, key }) {
  const assertion = await new jose.SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: key.kid })
    .setIssuer(partner)
    .setSubject('b.builder')
    .setAudience(party.issuer)
    .setIssuedAt()
    .setExpirationTime('1 minute')
    .sign(key)
  const parameters = { assertion, scope: 'openid email' }
  const grant = () =>
    client.genericGrantRequest(
      party.config,
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      parameters,
    )
  const { access_token } = await grant()
  const { email } = await client.fetchUserInfo(party.config, access_token, 'sub-of-bob')
  return { email, again: await refused(grant()) }
}

/** RFC 6749 §4.3. */
export async function password({ party, user }) {
  const grant = (password) =>
    client.genericGrantRequest(party.config, 'password', {
      username: user.login,
      password,
      scope: 'openid email offline_access',
    })
  const tokens = await grant(user.password)
  const renewed = await client.refreshTokenGrant(party.config, tokens.refresh_token)
  const userinfo = await client.fetchUserInfo(party.config, renewed.access_token, user.sub)
  return { email: userinfo.email, wrong: await refused(grant('wrong')) }
}

/** Every endpoint with an assertion of its own. */
export async function assertions(given) {
  const { party } = given
  const { config } = party
  const { tokens } = await tokensOf(given)
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token)
  const { active } = await client.tokenIntrospection(config, renewed.access_token)
  await client.tokenRevocation(config, renewed.refresh_token)
  const after = await client.tokenIntrospection(config, renewed.access_token)
  const own = await client.clientCredentialsGrant(config)
  checkTokens(own)
  return { active, after }
}

/** RFC 7523 §3: assertions that are wrong in one way, and whom they are meant for. */
export async function changed_assertions({ party, issuer, client: registered }) {
  const { token_endpoint } = party.config.serverMetadata()
  const now = Math.floor(Date.now() / 1000)
  const stranger = await jose.generateKeyPair('ES256', { extractable: true })
  const otherKey = registered.assertion
    ? { assertion: { ...(await jose.exportJWK(stranger.privateKey)), alg: 'ES256' } }
    : { client_secret: `${registered.client_secret}x` }
  const attempt = async (change, entry = registered) => {
    const asserting = { [client.modifyAssertion]: (_, claims) => change(claims) }
    const config = await configure(issuer, entry, 'code', asserting)
    return refused(client.clientCredentialsGrant(config))
  }
  const once = (claims) => (claims.jti = `once-${registered.client_id}-${now}`)
  return {
    nothing: await attempt(() => {}),
    once: await attempt(once),
    twice: await attempt(once),
    token_endpoint: await attempt((claims) => (claims.aud = token_endpoint)),
    elsewhere: await attempt((claims) => (claims.aud = 'https://other.example')),
    both: await attempt((claims) => (claims.aud = [issuer, 'https://other.example'])),
    subject: await attempt((claims) => (claims.sub = 'machine')),
    issuer: await attempt((claims) => (claims.iss = 'machine')),
    expired: await attempt((claims) => (claims.exp = now - 3600)),
    far: await attempt((claims) => (claims.exp = now + 7 * 24 * 3600)),
    no_jti: await attempt((claims) => delete claims.jti),
    key: await attempt(() => {}, { ...registered, ...otherKey }),
  }
}
