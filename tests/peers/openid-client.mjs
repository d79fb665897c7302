// The npm package openid-client as relying party, without a browser: the forms are submitted with
// fetch. Every scenario is given `issuer`, `client` (an entry of the server's configuration) and
// `user`.

import assert from 'node:assert/strict'
import { serve } from './lib/jobs.mjs'
import { RelyingParty } from './lib/relying-party.mjs'
import { Visitor } from './lib/visitor.mjs'

/** A relying party and a person, for as long as the scenario takes. */
function between(scenario) {
  return async (given) => {
    const party = await RelyingParty.start(given.issuer, given.client)
    try {
      return await scenario({ ...given, party, visitor: new Visitor(given.issuer) })
    } finally {
      party.close()
    }
  }
}

/** Goes through a sign-in, whatever is asked on the way, up to the answer to the client. */
async function signIn({ party, visitor, user }, parameters) {
  let at = await visitor.open(await party.begin(parameters))
  if (!at.callback) at = await visitor.consent(at, user)
  return at
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
      const { error } = await party.finish(callback)
      refused[name] = error ?? null
    }
    return refused
  }),
})
