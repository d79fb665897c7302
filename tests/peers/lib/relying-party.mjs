// A relying party on openid-client: a plain HTTP server on a loopback port of its own.
//
//   GET  /login?…  starts a sign-in; the query is added to the authorization request
//   GET  /post?…   the same, by a form that posts itself to the authorization endpoint
//   GET  /cb       the redirect URI: finishes the sign-in and shows what came of it
//   POST /cb       the same, for response_mode=form_post
//
// It is at 127.0.0.1 and the provider at localhost: for a browser these are two sites.

import { createServer } from 'node:http'
import * as client from 'openid-client'

const authentication = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
  none: () => client.None(),
}

export class RelyingParty {
  /** What came back from the provider, in order. */
  answers = []
  #begun = new Map()

  /** Reads the provider's metadata and opens a port. */
  static async start(issuer, registered, options = {}) {
    const party = new RelyingParty()
    party.redeems = options.redeems ?? true
    party.config = await configure(issuer, registered)
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

  /** A new authorization request. */
  async begin(extra = {}) {
    const [verifier, state, nonce] = [
      client.randomPKCECodeVerifier(),
      client.randomState(),
      client.randomNonce(),
    ]
    const maxAge = extra.max_age === undefined ? undefined : Number(extra.max_age)
    this.#begun.set(state, { verifier, nonce, maxAge })
    return client.buildAuthorizationUrl(this.config, {
      redirect_uri: `${this.origin}/cb`,
      scope: 'openid profile email',
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...extra,
    })
  }

  /** Takes the answer at the redirect URI: everything that openid-client checks is checked. */
  async finish(url, form) {
    const parameters = form ?? url.searchParams
    const answer = { method: form ? 'POST' : 'GET', parameters: Object.fromEntries(parameters) }
    this.answers.push(answer)
    const state = parameters.get('state')
    const { verifier, nonce, maxAge } = this.#begun.get(state) ?? {}
    if (!nonce) answer.error = 'unknown state'
    if (answer.error || (!this.redeems && parameters.has('code'))) return answer
    try {
      const current = form ? new Request(url, { method: 'POST', body: form }) : url
      const tokens = await client.authorizationCodeGrant(this.config, current, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        maxAge,
        idTokenExpected: true,
      })
      answer.tokens = tokens
      answer.claims = tokens.claims()
      answer.userinfo = await client.fetchUserInfo(
        this.config,
        tokens.access_token,
        answer.claims.sub,
      )
    } catch (error) {
      answer.error = error.error ?? error.cause?.error ?? error.code ?? error.message
      answer.cause = error
    }
    return answer
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.origin)
    const route = `${request.method} ${url.pathname}`
    const extra = Object.fromEntries(url.searchParams)
    if (route === 'GET /login') {
      response.writeHead(303, { location: (await this.begin(extra)).href }).end()
    } else if (route === 'GET /post') {
      show(response, selfPosting(await this.begin(extra)))
    } else if (route === 'GET /cb') {
      show(response, outcome(await this.finish(url)))
    } else if (route === 'POST /cb') {
      const chunks = await request.toArray()
      show(
        response,
        outcome(await this.finish(url, new URLSearchParams(Buffer.concat(chunks).toString()))),
      )
    } else {
      response.writeHead(404).end()
    }
  }
}

/**
 * What openid-client knows of the provider and the client; ID Token signatures are checked, too.
 */
export async function configure(issuer, { client_id, client_secret, auth, alg }) {
  const metadata = { id_token_signed_response_alg: alg ?? 'RS256', [client.clockTolerance]: 5 }
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks]
  const method = authentication[auth ?? 'client_secret_basic'](client_secret)
  return client.discovery(new URL(issuer), client_id, metadata, method, { execute })
}

function show(response, body) {
  const html = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Relying party</title>${body}`
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html)
}

function outcome({ claims, error, parameters }) {
  const text = error
    ? `Failed: ${error}`
    : claims
      ? `Signed in as ${claims.sub}`
      : `Code ${parameters.code}`
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
