// Answers that pass through the browser: in the fragment, which a script of the relying party
// reads, and by a form, which sends itself or has a button.

import assert from 'node:assert/strict'

const hybrid = { response_type: 'code id_token token' }
const formPost = { ...hybrid, response_mode: 'form_post' }

/** Through login and consent up to the answer, which arrives where it is to. */
async function arrives(visit, party, place) {
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.answers.length, 1)
  assert.equal(party.last.place, place)
  assert.equal(party.last.frontClaims.sub, visit.user.sub)
  assert.equal(party.last.userinfo.email, visit.user.email)
}

async function fails(visit, party, error, place) {
  assert.equal(await visit.outcome(), `Failed: ${error}`)
  assert.equal(party.last.place, place)
}

/** Nothing of the answer is in an address that the browser was at or asked for. */
function nothingInAddresses(visit, party) {
  assert.equal(visit.page.url(), `${party.origin}/cb`)
  const { code, id_token, access_token, error } = party.last.parameters
  const parts = [code, id_token, access_token, error && `error=${error}`].filter(Boolean)
  assert.notEqual(parts.length, 0)
  for (const address of visit.addresses) {
    for (const part of parts) assert.ok(!address.includes(part), address)
  }
  assert.ok(visit.addresses.includes(`${party.origin}/cb`))
}

/** The page with the form may do nothing but send it to the client. */
function policyOfTheForm(visit, party) {
  const page = visit.documents.findLast(({ url }) => url.startsWith(visit.issuer))
  assert.equal(page.status, 200)
  const policy = page.headers['content-security-policy'].split(/;\s*/)
  for (const directive of [
    "default-src 'none'",
    `form-action ${party.origin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]) {
    assert.ok(policy.includes(directive), `${directive} in ${policy}`)
  }
  const scripts = policy.find((directive) => directive.startsWith('script-src '))
  assert.match(scripts, /^script-src 'sha256-[\w+/]{43}='$/)
  assert.match(page.headers['cache-control'], /no-store/)
}

/** Cancel at the consent page. */
async function cancel(visit) {
  await visit.logIn()
  await visit.page.locator('#return-host').waitFor()
  await visit.page.click('button#cancel')
}

export async function fragment_hybrid(visit) {
  const party = await visit.party('app')
  await visit.start(party, hybrid)
  await visit.logIn()
  await visit.allow()
  await arrives(visit, party, 'fragment')
  const { hash, search } = new URL(visit.page.url())
  assert.equal(search, '')
  assert.ok(new URLSearchParams(hash.slice(1)).has('id_token'))
  visit.isQuiet()
}

export async function fragment_implicit(visit) {
  for (const response_type of ['id_token token', 'id_token', 'token']) {
    const party = await visit.party('trusted')
    await visit.start(party, { response_type })
    if (response_type === 'id_token token') await visit.logIn()
    assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
    assert.equal(party.last.place, 'fragment')
    assert.equal(party.last.tokens, undefined)
  }
  visit.isQuiet()
}

export async function fragment_errors(visit) {
  const party = await visit.party('app')
  await visit.start(party, hybrid)
  await cancel(visit)
  await fails(visit, party, 'access_denied', 'fragment')
  await visit.context.clearCookies()
  const before = visit.shown.length
  await visit.start(party, { ...hybrid, prompt: 'none' })
  await fails(visit, party, 'login_required', 'fragment')
  assert.equal(visit.shown.length, before, 'prompt=none shows no page')
  visit.isQuiet()
}

export async function form_post_hybrid(visit) {
  const party = await visit.party('app')
  await visit.start(party, formPost)
  await visit.logIn()
  await visit.allow()
  await arrives(visit, party, 'form')
  nothingInAddresses(visit, party)
  policyOfTheForm(visit, party)
  visit.isQuiet()
}

export async function form_post_hybrid_without_javascript(visit) {
  const party = await visit.party('app')
  await visit.start(party, formPost)
  await visit.logIn()
  await visit.allow()
  await pressContinue(visit)
  await arrives(visit, party, 'form')
  nothingInAddresses(visit, party)
  policyOfTheForm(visit, party)
  visit.isQuiet()
}
form_post_hybrid_without_javascript.javaScript = false

/** The page explains itself, and waits. */
async function pressContinue({ page }) {
  const button = page.getByRole('button', { name: 'Continue' })
  await button.waitFor()
  assert.match(await page.innerText('h1'), /One more step/)
  await button.click()
}

export async function form_post_errors(visit) {
  await formPostErrors(visit, () => {})
}

export async function form_post_errors_without_javascript(visit) {
  await formPostErrors(visit, () => pressContinue(visit))
}
form_post_errors_without_javascript.javaScript = false

async function formPostErrors(visit, proceed) {
  const party = await visit.party('app')
  await visit.start(party, formPost)
  await cancel(visit)
  await proceed()
  await fails(visit, party, 'access_denied', 'form')
  nothingInAddresses(visit, party)
  policyOfTheForm(visit, party)
  await visit.context.clearCookies()
  await visit.start(party, { ...formPost, prompt: 'none' })
  await proceed()
  await fails(visit, party, 'login_required', 'form')
  nothingInAddresses(visit, party)
  visit.isQuiet()
}

/** `prompt=none` in a session: no page that anybody sees, and no login. */
export async function form_post_silently(visit) {
  const party = await visit.party('trusted')
  await visit.start(party, formPost)
  await visit.logIn()
  await visit.outcome()
  const { auth_time } = party.last.claims
  await visit.start(party, { ...formPost, prompt: 'none' })
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.answers.length, 2)
  assert.equal(party.last.claims.auth_time, auth_time)
  assert.equal(party.last.place, 'form')
  nothingInAddresses(visit, party)
  visit.isQuiet()
}

/**
 * Back from the relying party: whatever is sent again, there is one code. Once it is redeemed, a
 * page says that all is done.
 */
export async function form_post_and_back(visit) {
  const party = await visit.party('app')
  await visit.start(party, formPost)
  await visit.logIn()
  await visit.allow()
  await arrives(visit, party, 'form')
  await visit.page.goBack()
  // The form replaced itself, so that this is the page before it.
  await visit.allow()
  await completed(visit, party)
}

export async function form_post_and_back_unredeemed(visit) {
  const party = await visit.party('app', { redeems: false })
  await visit.start(party, formPost)
  await visit.logIn()
  await visit.allow()
  await visit.outcome()
  await visit.page.goBack()
  await visit.allow()
  await visit.page.locator('#outcome').waitFor()
  assert.equal(party.answers.length, 2)
  oneCode(party)
}

/** Here the form is in the history, as the answer to the consent. */
export async function form_post_and_back_without_javascript(visit) {
  const party = await visit.party('app')
  await visit.start(party, formPost)
  await visit.logIn()
  await visit.allow()
  await pressContinue(visit)
  await arrives(visit, party, 'form')
  // The page is not kept, and sending the consent again is for the person to decide.
  const missing = visit.page.waitForEvent('framenavigated', (frame) =>
    frame.url().startsWith('chrome-error:'),
  )
  await assert.rejects(visit.page.goBack(), /ERR_CACHE_MISS/)
  await missing
  await reloadOnceAttached(visit.page)
  await completed(visit, party)
}
form_post_and_back_without_javascript.javaScript = false

export async function fragment_and_back(visit) {
  const party = await visit.party('app')
  await visit.start(party, hybrid)
  await visit.logIn()
  await visit.allow()
  await arrives(visit, party, 'fragment')
  await visit.page.goBack()
  await visit.allow()
  await completed(visit, party)
}

/** The error page takes its place a moment after it is told of; a reload is refused until then. */
async function reloadOnceAttached(page) {
  for (let tries = 0; ; tries++) {
    try {
      return await page.reload()
    } catch (error) {
      if (tries === 50 || !error.message.includes('Not attached to an active page')) throw error
      await page.waitForTimeout(20)
    }
  }
}

async function completed(visit, party) {
  await visit.page.getByText('already been completed').waitFor()
  assert.equal(party.answers.length, 1)
}

function oneCode(party) {
  assert.equal(new Set(party.answers.map(({ parameters }) => parameters.code)).size, 1)
}
