// The npm package openid-client as relying party, without a browser: the forms are submitted with
// fetch. Every scenario is given `issuer`, `client` (an entry of the server's configuration) and
// `user`.

import assert from 'node:assert/strict'
import * as jose from 'jose'
import * as client from 'openid-client'
import * as backChannel from './lib/back-channel.mjs'
import { checkAnswer } from './lib/conformance.mjs'
import { serve } from './lib/jobs.mjs'
import { RelyingParty } from './lib/relying-party.mjs'
import { signIn, Visitor } from './lib/visitor.mjs'

/** A relying party and a person, for as long as the scenario takes. */
function between(scenario) {
  return async (given) => {
    const party = await RelyingParty.start(given.issuer, given.client)
    try {
      return await scenario({ ...given, party, visitor: new Visitor(given.issuer) })
    } finally {
      party.close()
      if (party.faults.length > 0) throw party.faults[0]
    }
  }
}

async function signInAndFinish(given, parameters) {
  const { callback, form } = await signIn(given, parameters)
  return given.party.finish(callback, form)
}

/** An ID Token that the client has got, as a hint. */
function hint(party, { error, cause, parameters, tokens }) {
  assert.equal(error, undefined, cause?.stack)
  return party.opened(parameters.id_token ?? tokens.id_token)
}

/** What a Rust test looks at. */
function told({ error, cause, place, parameters, frontClaims, claims, userinfo, tokens }) {
  if (error && !parameters.error) throw cause
  return {
    place,
    error,
    error_description: parameters.error_description,
    front: frontClaims,
    claims,
    userinfo,
    tokens,
  }
}

/** What somebody in between might do to an answer, given another one of the same client. */
const changes = [
  ['nothing', 'code id_token token', () => {}],
  ['code', 'code id_token', (mine, other) => mine.set('code', other.get('code'))],
  ['id_token', 'code id_token', (mine, other) => mine.set('id_token', other.get('id_token'))],
  ['id_token alone', 'id_token', (mine, other) => mine.set('id_token', other.get('id_token'))],
  [
    'access_token',
    'id_token token',
    (mine, other) => mine.set('access_token', other.get('access_token')),
  ],
  ['iss', 'code id_token token', (mine) => mine.set('iss', 'https://other.example')],
  ['state of another', 'code id_token', (mine, other) => mine.set('state', other.get('state'))],
  ['id_token removed', 'code id_token', (mine) => mine.delete('id_token')],
  ['signature', 'id_token', (mine) => mine.set('id_token', forged(mine.get('id_token')))],
]

/** The same token with another signature. */
function forged(token) {
  const [header, payload, signature] = token.split('.')
  const first = signature.startsWith('A') ? 'B' : 'A'
  return `${header}.${payload}.${first}${signature.slice(1)}`
}

await serve({
  /** The whole flow; answers what the tokens and UserInfo said. */
  sign_in: between(async ({ parameters, ...given }) => {
    const { callback, form } = await signIn(given, parameters)
    const { error, cause, method, claims, userinfo, tokens } = await given.party.finish(
      callback,
      form,
    )
    assert.equal(error, undefined, cause?.stack)
    return { method, claims, userinfo, expires_in: tokens.expires_in, scope: tokens.scope }
  }),

  /** Cancel on the consent page: the client hears `access_denied`. */
  cancel: between(async ({ party, visitor, user, parameters }) => {
    const login = await visitor.open(await party.begin(parameters))
    const consent = await visitor.submit(login, 'submit', {
      login: user.login,
      password: user.password,
    })
    const { callback, form } = await visitor.submit(consent, 'cancel')
    const { error, tokens } = await party.finish(callback, form)
    return { error, redeemed: Boolean(tokens) }
  }),

  /** `prompt=none` for somebody who is not signed in. */
  nobody_there: between(async ({ party, visitor, parameters }) => {
    const { callback, form } = await visitor.open(
      await party.begin({ prompt: 'none', ...parameters }),
    )
    const { error } = await party.finish(callback, form)
    return { error }
  }),

  /** A second sign-in in the same session: its `auth_time` is that of the first. */
  session: between(async ({ party, visitor, user, second }) => {
    const times = []
    for (const parameters of [{ max_age: '1000' }, second]) {
      const { callback, form } = await signIn({ party, visitor, user }, parameters)
      const { error, cause, claims } = await party.finish(callback, form)
      assert.equal(error, undefined, cause?.stack)
      times.push(claims.auth_time)
    }
    return { times }
  }),

  /** What openid-client must refuse it refuses: so the checks above were real. */
  validation: between(async ({ party, visitor, user }) => {
    const refused = {}
    for (const [name, tamper] of Object.entries({
      nothing: () => {},
      'iss removed': (answer) => answer.delete('iss'),
      'iss of another': (answer) => answer.set('iss', 'https://other.example'),
      'code of nobody': (answer) => answer.set('code', `${answer.get('code')}x`),
      'state repeated': (answer) => answer.append('state', answer.get('state')),
    })) {
      const { callback } = await signIn({ party, visitor, user }, {})
      tamper(callback.searchParams)
      const { error } = await party.finish(callback, undefined, { tampered: name !== 'nothing' })
      refused[name] = error ?? null
    }
    return refused
  }),

  /** Any response type and mode; answers where the answer was, what it carried and said. */
  flow: between(async ({ parameters, wanted, ...given }) => {
    Object.assign(given.party.wanted, wanted)
    return told(await signInAndFinish(given, parameters))
  }),

  /** The provider answers at once, with an error. */
  refusal: between(async ({ party, visitor, parameters }) => {
    const { callback, form, status } = await visitor.open(await party.begin(parameters))
    if (!callback) return { page: status }
    return told(await party.finish(callback, form))
  }),

  /** The same for `response_mode=query`, which is not for tokens: the fragment has the error. */
  refusal_of_query: between(async ({ party, visitor, parameters }) => {
    const url = await party.begin(parameters)
    url.searchParams.set('response_mode', 'query')
    const { callback, form } = await visitor.open(url)
    return told(await party.finish(callback, form))
  }),

  /** A request object that is as it must be, or changed in one way; answers where it ends. */
  request_object: between(async ({ party, visitor, change }) => {
    const redirect_uri = `${party.origin}/cb`
    const { signing, client_id } = party.registered
    const claims = {
      iss: client_id,
      aud: party.issuer,
      client_id,
      redirect_uri,
      response_type: 'code id_token',
      scope: 'openid',
      state: 'the state of the object',
      nonce: 'n',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
      prompt: 'none',
    }
    const now = Math.floor(Date.now() / 1000)
    const foreign = await jose.generateKeyPair('ES256')
    if (change === 'other client') claims.iss = claims.client_id = 'trusted'
    if (change === 'other audience') claims.aud = 'https://other.example'
    claims.exp = change === 'expired' ? now - 3600 : now + 60
    const request =
      change === 'alg none'
        ? new jose.UnsecuredJWT(claims).encode()
        : await new jose.SignJWT(claims)
            .setProtectedHeader({ alg: 'ES256', kid: signing.kid })
            .sign(change === 'foreign key' ? foreign.privateKey : signing)
    const url = new URL(party.config.serverMetadata().authorization_endpoint)
    // All of it would be a request without the object, too.
    const { iss, aud, exp, ...outside } = { ...claims, client_id, state: 'the state outside' }
    url.search = new URLSearchParams(change === 'not signed' ? outside : { ...outside, request })
    const { callback, status, html } = await visitor.open(url)
    if (!callback) return { page: status, html }
    const parameters = new URLSearchParams(callback.hash.slice(1))
    checkAnswer(callback, parameters, {
      issuer: party.issuer,
      state: change === 'nothing' ? claims.state : outside.state,
      responseType: claims.response_type,
      place: 'fragment',
    })
    return Object.fromEntries(parameters)
  }),

  /** Signs in, and then again with `prompt=none` and the ID Token as a hint. */
  silent: between(async ({ parameters, ...given }) => {
    const { party, visitor } = given
    const first = await signInAndFinish(given, parameters)
    const id_token_hint = await hint(party, first)
    const again = await party.begin({ ...parameters, prompt: 'none', id_token_hint })
    const { callback, form, html } = await visitor.open(again)
    assert.ok(callback, html)
    return [told(first), told(await party.finish(callback, form))]
  }),

  /** Somebody is signed in, and the client expects somebody else. */
  hint_of_another: between(async ({ parameters, ...given }) => {
    const { party, visitor } = given
    await signInAndFinish(given, parameters)
    const elsewhere = { party, visitor: new Visitor(given.issuer), user: given.other }
    const id_token_hint = await hint(party, await signInAndFinish(elsewhere, parameters))
    const again = await party.begin({ ...parameters, prompt: 'none', id_token_hint })
    const { callback, form, html } = await visitor.open(again)
    assert.ok(callback, html)
    return told(await party.finish(callback, form))
  }),

  /** A second sign-in in the same session asks for the password; answers both. */
  again: between(async ({ parameters, second, ...given }) => {
    const first = await signInAndFinish(given, parameters)
    const login = await given.visitor.open(await given.party.begin({ ...parameters, ...second }))
    assert.match(login.html ?? '', /name="password"/, 'the password is asked for again')
    const { callback, form } = await given.visitor.consent(login, given.user)
    return [told(first), told(await given.party.finish(callback, form))]
  }),

  /** Answers that were changed on the way; openid-client or the checks by hand refuse them. */
  changed_on_the_way: between(async (given) => {
    const refused = {}
    for (const [name, response_type, change] of changes) {
      const { callback } = await signIn(given, { response_type })
      const parameters = new URLSearchParams(callback.hash.slice(1))
      const other = await signIn(given, { response_type })
      change(parameters, new URLSearchParams(other.callback.hash.slice(1)))
      callback.hash = parameters
      const { faults } = given.party
      const { error, cause } = await given.party.finish(callback, undefined, { tampered: true })
      const claim = cause?.cause?.claim ?? cause?.cause?.cause?.claim
      const fault = faults.splice(0).map(({ message }) => message.split('\n')[0])
      refused[name] = [error ?? null, claim ?? null, ...fault]
    }
    return refused
  }),

  /** The metadata, as they are and as openid-client understands them, which insists on TLS. */
  discovery: async ({ issuer, client: { client_id } }) => {
    const config = await client.discovery(new URL(issuer), client_id)
    const response = await fetch(`${issuer}/.well-known/openid-configuration`)
    return { document: await response.json(), understood: config.serverMetadata() }
  },

  /** The token endpoint beyond codes, introspection and revocation. */
  ...Object.fromEntries(
    Object.entries(backChannel).map(([name, scenario]) => [name, between(scenario)]),
  ),

  /** The checks by hand see what they are there for. */
  checks_can_fail: async () => {
    const expected = { issuer: 'https://op', state: 's', responseType: 'code token' }
    const url = new URL('https://rp/cb')
    const good = {
      iss: 'https://op',
      state: 's',
      code: 'aZ0bY1cX2dW3eV4fU5gT6hS7iR8jQ9kP',
      access_token: 'aZ0bY1cX2dW3eV4fU5gT6hS7iR8jQ9kP',
      token_type: 'Bearer',
      expires_in: '60',
      scope: 'openid',
    }
    const error = { iss: 'https://op', state: 's', error: 'invalid_request' }
    const seen = (parameters, more = {}) => {
      try {
        const place = more.place ?? 'fragment'
        const given = new URLSearchParams(parameters)
        checkAnswer(more.url ?? url, given, { ...expected, place, ...more })
        return null
      } catch ({ message }) {
        return message.split('\n')[0]
      }
    }
    assert.equal(seen(good), null)
    assert.equal(seen(error), null)
    return Object.fromEntries(
      Object.entries({
        place: seen(good, { place: 'query' }),
        mode: seen(good, { mode: 'form_post' }),
        query: seen(good, { url: new URL('https://rp/cb?code=1') }),
        iss: seen({ ...good, iss: 'https://op/' }),
        'no iss': seen({ ...error, iss: '' }),
        state: seen({ ...good, state: 'S' }),
        'id_token that nobody asked for': seen({ ...good, id_token: 'x' }),
        'short code': seen({ ...good, code: 'aZ0bY1cX2dW3eV4fU5gT' }),
        'dull code': seen({ ...good, code: 'ab'.repeat(40) }),
        'dull token': seen({ ...good, access_token: 'a'.repeat(500) }),
        'token type': seen({ ...good, token_type: 'mac' }),
        'no lifetime': seen({ ...good, expires_in: 'soon' }),
        'long lifetime': seen({ ...good, expires_in: '31536001' }),
        'code with an error': seen({ ...error, code: good.code }),
        'unknown member': seen({ ...error, reason: 'x' }),
        'line feed': seen({ ...error, error_description: 'a\nb' }),
        'quotation mark': seen({ ...error, error_description: 'a "b"' }),
        'beyond ASCII': seen({ ...error, error_description: 'ü' }),
        twice: seen([...Object.entries(error), ['state', 's']]),
      }).map(([name, fault]) => [name, fault !== null]),
    )
  },
})
