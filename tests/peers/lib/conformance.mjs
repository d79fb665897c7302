// What the OpenID Foundation's suite checks of every answer that a provider gives: the
// authorization answer, the ID Token that comes along with it, and UserInfo. Everything is done by
// hand here, or by jose; what openid-client checks it checks besides.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as jose from 'jose'

/** What an answer with this response type carries. */
export function carries(responseType) {
  const words = responseType.split(' ')
  return {
    code: words.includes('code'),
    token: words.includes('token'),
    idToken: words.includes('id_token'),
    implicit: words.includes('token') || words.includes('id_token'),
  }
}

const errorMembers = ['error', 'error_description', 'error_uri', 'state', 'session_state', 'iss']

/**
 * The parameters of an authorization answer, and where they were: `place` is `query`, `fragment` or
 * `form`.
 */
export function checkAnswer(url, parameters, { issuer, state, responseType, mode, place }) {
  const { code, token, idToken, implicit } = carries(responseType)
  assert.equal(place, { form_post: 'form' }[mode] ?? mode ?? (implicit ? 'fragment' : 'query'))
  if (place !== 'query') assert.equal(url.search, '', 'nothing is in the query')
  if (place !== 'fragment') assert.equal(url.hash, '', 'nothing is in the fragment')
  const names = Array.from(parameters.keys())
  assert.equal(new Set(names).size, names.length, `a parameter comes twice: ${names}`)
  assert.equal(parameters.get('iss'), issuer, 'iss')
  assert.equal(parameters.get('state'), state, 'state')

  if (parameters.has('error')) {
    for (const name of names) assert.ok(errorMembers.includes(name), `${name} with an error`)
    const description = parameters.get('error_description') ?? ''
    assert.match(description, /^[\x20-\x21\x23-\x5B\x5D-\x7E]*$/, 'error_description')
    assert.match(parameters.get('error'), /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/, 'error')
    return
  }
  const wanted = ['iss', 'state']
  if (parameters.has('session_state')) wanted.push('session_state')
  if (code) wanted.push('code')
  if (idToken) wanted.push('id_token')
  if (token) wanted.push('access_token', 'token_type', 'expires_in', 'scope')
  assert.deepEqual(names.toSorted(), wanted.toSorted())
  if (code) checkEntropy('code', parameters.get('code'))
  if (token) {
    checkTokens({
      access_token: parameters.get('access_token'),
      token_type: parameters.get('token_type'),
      expires_in: Number(parameters.get('expires_in')),
    })
  }
}

/** What a token endpoint and a front channel answer have in common. */
export function checkTokens({ access_token, token_type, expires_in }) {
  checkEntropy('access_token', access_token)
  assert.equal(token_type.toLowerCase(), 'bearer')
  assert.ok(expires_in > 0 && expires_in <= 365 * 24 * 3600, `expires_in ${expires_in}`)
}

/** At least 128 bits by length, and more than 96 by Shannon's measure over the text. */
export function checkEntropy(name, text) {
  assert.match(text, /^[\w\-.~+/]+=*$/, name)
  assert.ok(text.length * 6 >= 128, `${name} has ${text.length} characters`)
  const counts = new Map()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  const share = (count) => (count / text.length) * Math.log2(count / text.length)
  const bits = -text.length * Array.from(counts.values(), share).reduce((a, b) => a + b, 0)
  assert.ok(bits > 96, `${name} has ${bits} bits of entropy`)
}

/** The claims that an ID Token may have besides those that were asked for. */
const own = ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'azp', 'nonce', 'auth_time', 'acr']
  .concat(['amr', 'at_hash', 'c_hash', 's_hash', 'sid'])

/**
 * An ID Token: verified with the key that its `kid` names, and every claim looked at. `wanted` are
 * the claims besides the protocol's own that are to be in it, neither more nor less.
 */
export async function checkIdToken(token, expected) {
  const { keys, issuer, audience, alg, nonce, code, accessToken, state, wanted, front } = expected
  const { kid } = jose.decodeProtectedHeader(token)
  assert.equal(keys.filter((key) => key.kid === kid).length, 1, `one key has the kid ${kid}`)
  const options = { issuer, audience, algorithms: [alg], clockTolerance: 5 }
  const { payload } = await jose.jwtVerify(token, jose.createLocalJWKSet({ keys }), options)
  assert.equal(payload.aud, audience, 'one audience')
  assert.equal(payload.nonce, nonce, 'nonce')
  assert.match(payload.sub, /^[\x20-\x7E]{1,255}$/)
  const now = Date.now() / 1000
  assert.ok(Math.abs(payload.iat - now) < 300, `iat ${payload.iat}`)
  assert.ok(payload.exp > now && payload.exp < now + 24 * 3600, `exp ${payload.exp}`)
  assert.ok(payload.auth_time <= now + 5 && payload.auth_time > now - 24 * 3600)
  if ('acr' in payload) assert.match(payload.acr, /./)
  // OIDC Core §3.1.3.6, §3.2.2.9, §3.3.2.11; s_hash is that of FAPI.
  const binds = (name, text) => {
    if (text === undefined) return assert.equal(payload[name], undefined, name)
    assert.equal(payload[name], halfHash(alg, text), name)
  }
  binds('c_hash', front ? code : undefined)
  binds('s_hash', front ? state : undefined)
  binds('at_hash', accessToken)
  assert.deepEqual(
    Object.keys(payload).filter((name) => !own.includes(name)).toSorted(),
    wanted.toSorted(),
    'claims that were asked for',
  )
  return payload
}

function halfHash(alg, text) {
  const hash = { 256: 'sha256', 384: 'sha384', 512: 'sha512' }[alg.slice(-3)] ?? 'sha512'
  const digest = createHash(hash).update(text).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

/** UserInfo: the subject of the ID Token, and every standard claim of its type. */
export function checkUserInfo(claims, sub) {
  assert.equal(claims.sub, sub)
  assert.equal(claims.nonce, undefined)
  for (const [name, value] of Object.entries(claims)) {
    if (name.endsWith('_verified')) assert.equal(typeof value, 'boolean', name)
    else if (name === 'updated_at') assert.equal(typeof value, 'number', name)
    else if (name === 'address') assert.ok(Object.keys(value).length > 0, name)
    else if (name === 'birthdate') assert.match(value, /^\d{4}(-\d\d-\d\d)?$/)
    else if (typeof value === 'string') assert.ok(value.trim() && value !== 'null', name)
  }
}
