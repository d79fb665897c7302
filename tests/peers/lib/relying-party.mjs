// A relying party on openid-client: a plain HTTP server on a loopback port of its own.
//
//   GET  /login?…  starts a sign-in; the query is added to the authorization request
//   GET  /post?…   the same, by a form that posts itself to the authorization endpoint
//   GET  /frame    an empty page, for frames of the provider's
//   GET  /cb       the redirect URI: finishes the sign-in and shows what came of it. Without a
//                  query, the answer is in the fragment, which only the browser sees: a script
//                  posts it to /fragment
//   POST /cb       the same, for response_mode=form_post
//
// It is at 127.0.0.1 and the provider at localhost: for a browser these are two sites.
//
// Every answer passes through the checks of conformance.mjs; what they find is in `faults`, with
// which whoever started the relying party fails in the end.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import * as jose from 'jose'
import * as client from 'openid-client'
import { carries, checkAnswer, checkIdToken, checkTokens, checkUserInfo } from './conformance.mjs'

const authentication = {
  client_secret_jwt: client.ClientSecretJwt,
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
  none: () => client.None(),
}

export class RelyingParty {
  /** What came back from the provider, in order. */
  answers = []
  /** What was wrong with it. */
  faults = []
  /**
   * The claims of an ID Token besides the protocol's own: when no access token gives access to
   * UserInfo, and when one does.
   */
  wanted = {
    alone: ['name', 'preferred_username', 'email', 'email_verified'],
    idToken: [],
  }
  #begun = new Map()
  #configs = new Map()

  /** Reads the provider's metadata and opens a port. */
  static async start(issuer, registered, options = {}) {
    const party = new RelyingParty()
    party.redeems = options.redeems ?? true
    party.issuer = issuer
    party.registered = registered
    party.config = await party.#configFor('code')
    party.server = createServer((request, response) => party.#serve(request, response))
    await new Promise((resolve) => party.server.listen(0, '127.0.0.1', resolve))
    party.origin = `http://127.0.0.1:${party.server.address().port}`
    return party
  }

  close() {
    this.server.closeAllConnections()
    this.server.close()
  }

  get last() {
    return this.answers.at(-1)
  }

  /** The address on this site that starts a sign-in. */
  url(path, parameters = {}) {
    return `${this.origin}${path}?${new URLSearchParams(parameters)}`
  }

  /** A new authorization request; what is null in `extra` is left out, a list is sent in parts. */
  async begin(extra = {}) {
    const [verifier, state, nonce] = [
      client.randomPKCECodeVerifier(),
      client.randomState(),
      client.randomNonce(),
    ]
    const parameters = {
      redirect_uri: `${this.origin}/cb`,
      response_type: 'code',
      scope: 'openid profile email',
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...Object.fromEntries(Object.entries(extra).filter(([, value]) => value !== null)),
    }
    const omitted = Object.keys(extra).filter((name) => extra[name] === null)
    this.#begun.set(parameters.state, {
      verifier,
      nonce: omitted.includes('nonce') ? undefined : nonce,
      maxAge: extra.max_age === undefined ? undefined : Number(extra.max_age),
      mode: parameters.response_mode,
      responseType: parameters.response_type,
    })
    const config = await this.#configFor(parameters.response_type)
    const { signing } = this.registered
    const url = signing
      ? await client.buildAuthorizationUrlWithJAR(config, parameters, await imported(signing))
      : client.buildAuthorizationUrl(config, repeated(parameters))
    // openid-client itself would not leave out a nonce.
    for (const name of omitted) url.searchParams.delete(name)
    return url
  }

  /**
   * Takes the answer at the redirect URI: everything that openid-client checks is checked. The code
   * is redeemed for a token of the `resource`, if there is one; UserInfo is not asked then.
   */
  async finish(url, form, { tampered = false, resource } = {}) {
    const place = form ? 'form' : url.hash ? 'fragment' : 'query'
    const inUrl = place === 'fragment' ? new URLSearchParams(url.hash.slice(1)) : url.searchParams
    const parameters = form ?? inUrl
    const answer = {
      method: form ? 'POST' : 'GET',
      place,
      parameters: Object.fromEntries(parameters),
    }
    this.answers.push(answer)
    const state = parameters.get('state')
    const begun = this.#begun.get(state)
    if (!begun) {
      answer.error = 'unknown state'
      this.faults.push(new Error(`an answer of unknown state: ${url} ${parameters}`))
      return answer
    }
    const { responseType, mode } = begun
    if (!tampered) {
      await this.#check(() =>
        checkAnswer(url, parameters, { issuer: this.issuer, state, responseType, mode, place }),
      )
    }
    if (!this.redeems && parameters.has('code')) return answer
    try {
      await this.#accept(answer, { ...begun, resource }, url, parameters)
    } catch (error) {
      answer.error = error.error ?? error.cause?.error ?? error.code ?? error.message
      answer.cause = error
      return answer
    }
    await this.#check(() => this.#examine(answer, begun))
    return answer
  }

  /** What openid-client makes of an answer. */
  async #accept(answer, { verifier, nonce, maxAge, responseType, resource }, url, parameters) {
    const config = await this.#configFor(responseType)
    const { code, token, idToken } = carries(responseType)
    const state = parameters.get('state')
    // A function that looks at ID Tokens of the front channel insists on one.
    const expectedNonce = idToken ? (nonce ?? '') : nonce
    const current =
      answer.place === 'form' ? new Request(url, { method: 'POST', body: parameters }) : url
    if (code) {
      const tokens = await client.authorizationCodeGrant(
        config,
        // For `code token` it has no function of its own: an access token that came along is
        // nothing to it, and it reads the rest from the query.
        answer.place === 'fragment' && !idToken ? queried(url, parameters) : current,
        {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce,
          maxAge,
          idTokenExpected: true,
        },
        resource ? { resource } : undefined,
      )
      answer.tokens = tokens
      answer.claims = tokens.claims()
    } else if (idToken) {
      answer.claims = await client.implicitAuthentication(config, current, expectedNonce, {
        expectedState: state,
        maxAge,
      })
    } else if (parameters.has('error')) {
      throw Object.assign(new Error('refused'), { error: parameters.get('error') })
    }
    if (resource) return
    const sub = answer.claims?.sub ?? client.skipSubjectCheck
    const front = token ? parameters.get('access_token') : undefined
    for (const bearer of [answer.tokens?.access_token, front]) {
      if (bearer) answer.userinfo = await client.fetchUserInfo(config, bearer, sub)
    }
  }

  /** Everything once more, by hand: the tokens of both channels, and what UserInfo says. */
  async #examine(answer, { nonce, responseType }) {
    const { access_token: frontToken, id_token: frontIdToken, code, state } = answer.parameters
    const { client_id, alg } = this.registered
    const { token, idToken, implicit, code: hasCode } = carries(responseType)
    const { jwks_uri } = this.config.serverMetadata()
    const { keys } = await (await fetch(jwks_uri)).json()
    const [issuer, audience] = [this.issuer, client_id]
    const expected = { keys, issuer, audience, alg: alg ?? 'RS256', nonce, code, state }
    if (idToken) {
      answer.frontClaims = await checkIdToken(await this.opened(frontIdToken), {
        ...expected,
        front: true,
        accessToken: frontToken,
        wanted: this.wanted[token || hasCode ? 'idToken' : 'alone'],
      })
    }
    if (hasCode) {
      checkTokens(answer.tokens)
      const back = await checkIdToken(await this.opened(answer.tokens.id_token), {
        ...expected,
        front: false,
        accessToken: answer.tokens.access_token,
        wanted: this.wanted.idToken,
      })
      // OIDC Core §3.3.3.6: what both tokens say is the same.
      for (const name of implicit && idToken ? ['iss', 'sub', 'aud', 'auth_time', 'sid'] : []) {
        assert.deepEqual(back[name], answer.frontClaims[name], name)
      }
    }
    if (answer.userinfo) checkUserInfo(answer.userinfo, answer.claims?.sub ?? answer.userinfo.sub)
    const bearers = answer.userinfo ? [answer.tokens?.access_token, frontToken] : []
    for (const bearer of bearers.filter(Boolean)) {
      await this.#examineUserInfo(bearer, answer, keys)
    }
  }

  /** OIDC Core §5.3.2: plain JSON, or a JWT if that is registered. */
  async #examineUserInfo(bearer, { userinfo }, keys) {
    const { userinfo_endpoint } = this.config.serverMetadata()
    const headers = { authorization: `Bearer ${bearer}` }
    const response = await fetch(userinfo_endpoint, { headers })
    assert.equal(response.status, 200)
    const [type] = response.headers.get('content-type').split(';')
    const { client_id, userinfoAlg } = this.registered
    assert.equal(type, userinfoAlg ? 'application/jwt' : 'application/json')
    if (!userinfoAlg) return assert.deepEqual(await response.json(), { ...userinfo })
    const { payload } = await jose.jwtVerify(
      await response.text(),
      jose.createLocalJWKSet({ keys }),
      { issuer: this.issuer, audience: client_id, algorithms: [userinfoAlg] },
    )
    assert.equal(payload.sub, userinfo.sub)
    assert.equal(payload.nonce, undefined)
  }

  /** The signed token inside of an encrypted one. */
  async opened(token) {
    const { decryption, encryption } = this.registered
    const parts = token.split('.').length
    assert.equal(parts, decryption ? 5 : 3, 'encrypted if that is registered')
    if (!decryption) return token
    const { plaintext, protectedHeader } = await jose.compactDecrypt(
      token,
      await jose.importJWK(decryption, encryption.alg),
    )
    const { alg, enc, cty } = protectedHeader
    assert.deepEqual({ alg, enc, cty }, { ...encryption, cty: 'JWT' })
    return new TextDecoder().decode(plaintext)
  }

  async #check(check) {
    try {
      await check()
    } catch (error) {
      this.faults.push(error)
    }
  }

  /** openid-client, configured for a response type. */
  #configFor(responseType) {
    if (!this.#configs.has(responseType)) {
      this.#configs.set(responseType, configure(this.issuer, this.registered, responseType))
    }
    return this.#configs.get(responseType)
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.origin)
    const route = `${request.method} ${url.pathname}`
    const extra = Object.fromEntries(url.searchParams)
    if (route === 'GET /login') {
      response.writeHead(303, { location: (await this.begin(extra)).href }).end()
    } else if (route === 'GET /frame') {
      show(response, '<title>Frame</title>')
    } else if (route === 'GET /post') {
      show(response, selfPosting(await this.begin(extra)))
    } else if (route === 'GET /cb') {
      show(response, url.search ? outcome(await this.finish(url)) : fragmentReader)
    } else if (route === 'POST /cb') {
      show(response, outcome(await this.finish(url, new URLSearchParams(await body(request)))))
    } else if (route === 'POST /fragment') {
      const callback = new URL(`${this.origin}/cb#${await body(request)}`)
      show(response, outcome(await this.finish(callback)))
    } else {
      response.writeHead(404).end()
    }
  }
}

/**
 * What openid-client knows of the provider and the client; ID Token signatures are checked, too.
 * `asserting` are options of its assertions.
 */
export async function configure(issuer, registered, responseType = 'code', asserting = {}) {
  const { client_id, client_secret, auth, alg, userinfoAlg, decryption, encryption } = registered
  const metadata = { id_token_signed_response_alg: alg ?? 'RS256', [client.clockTolerance]: 5 }
  if (userinfoAlg) metadata.userinfo_signed_response_alg = userinfoAlg
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks]
  const { code, idToken } = carries(responseType)
  // With the second one, `s_hash` must be there; the first only checks it if it is.
  if (code && idToken) {
    execute.push(client.useCodeIdTokenResponseType, client.enableDetachedSignatureResponseChecks)
  }
  if (!code && idToken) execute.push(client.useIdTokenResponseType)
  const method = registered.assertion
    ? client.PrivateKeyJwt(await imported(registered.assertion), asserting)
    : authentication[auth ?? 'client_secret_basic'](client_secret, asserting)
  const config = await client.discovery(new URL(issuer), client_id, metadata, method, { execute })
  if (decryption) {
    const { key } = await imported({ ...decryption, alg: encryption.alg })
    client.enableDecryptingResponses(config, [encryption.enc], {
      key,
      alg: encryption.alg,
      kid: decryption.kid,
    })
  }
  return config
}

/** A private key as openid-client wants it. */
async function imported(jwk) {
  return { key: await jose.importJWK(jwk, jwk.alg), kid: jwk.kid }
}

/** Parameters of which those that are lists come more than once. */
function repeated(parameters) {
  const each = ([name, value]) => [value].flat().map((value) => [name, value])
  return new URLSearchParams(Object.entries(parameters).flatMap(each))
}

function queried(url, parameters) {
  const moved = new URL(url)
  moved.hash = ''
  moved.search = parameters
  return moved
}

async function body(request) {
  return Buffer.concat(await request.toArray()).toString()
}

const fragmentReader = `<script>
fetch('/fragment', { method: 'POST', body: location.hash.slice(1) })
  .then((response) => response.text())
  .then((html) => new DOMParser().parseFromString(html, 'text/html'))
  .then((page) => document.body.append(...page.body.childNodes))
</script>`

function show(response, body) {
  const head = '<meta charset="utf-8"><title>Relying party</title><link rel="icon" href="data:,">'
  const html = `<!DOCTYPE html><html lang="en"><head>${head}</head><body>${body}</body></html>`
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html)
}

function outcome({ claims, error, parameters, userinfo }) {
  const sub = claims?.sub ?? userinfo?.sub
  const text = error ? `Failed: ${error}` : sub ? `Signed in as ${sub}` : `Code ${parameters.code}`
  return `<h1 id="outcome">${escape(text)}</h1>`
}

function selfPosting(url) {
  const inputs = Array.from(
    url.searchParams,
    ([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`,
  )
  const action = escape(url.origin + url.pathname)
  return `<form method="post" action="${action}">${inputs.join('')}</form><script>document.forms[0].submit()</script>`
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
