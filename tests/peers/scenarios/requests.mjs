// What a request may ask for: prompt, max_age, response_mode, and to come from another site by
// POST.

import assert from 'node:assert/strict'

export async function prompt_login(visit) {
  const party = await visit.session()
  await visit.start(party, { prompt: 'login' })
  await visit.picture('login-again')
  await visit.logIn()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  const [before, after] = party.answers.map(({ claims }) => claims)
  assert.ok(after.auth_time >= before.auth_time)
}

export async function prompt_none(visit) {
  const [first, third] = [await visit.party('first-party'), await visit.party('third-party')]
  await visit.start(first, { prompt: 'none' })
  assert.equal(await visit.outcome(), 'Failed: login_required')
  await visit.session()
  const before = visit.shown.length
  await visit.start(third, { prompt: 'none' })
  assert.equal(await visit.outcome(), 'Failed: consent_required')
  await visit.start(first, { prompt: 'none' })
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(visit.shown.length, before, 'prompt=none shows no page')
}

export async function max_age(visit) {
  const party = await visit.session({ max_age: '15000' })
  await visit.start(party, { max_age: '10000' })
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  const [before, after] = party.answers.map(({ claims }) => claims)
  assert.equal(after.auth_time, before.auth_time)
  await visit.start(party, { max_age: '0' })
  await visit.logIn()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
}

export async function form_post(visit) {
  const party = await visit.party('third-party')
  await visit.start(party, { response_mode: 'form_post' })
  await visit.logIn()
  await visit.allow()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.last.method, 'POST')
  assert.equal(visit.page.url(), `${party.origin}/cb`, 'nothing is in the address')
}

/** There is a button instead. */
export async function form_post_without_javascript(visit) {
  const party = await visit.party('third-party')
  await visit.start(party, { response_mode: 'form_post' })
  await visit.logIn()
  await visit.allow()
  const button = visit.page.getByRole('button', { name: 'Continue' })
  await button.waitFor()
  await visit.picture('form-post-without-javascript')
  await button.click()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.last.method, 'POST')
}
form_post_without_javascript.javaScript = false

export async function fragment(visit) {
  const party = await visit.party('first-party')
  await visit.start(party, { response_mode: 'fragment' })
  await visit.logIn()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  const { hash, search } = new URL(visit.page.url())
  assert.ok(new URLSearchParams(hash.slice(1)).has('code'))
  assert.equal(search, '')
}

/** Lax cookies do not come with it, and yet the person is not asked again. */
export async function cross_site_post(visit) {
  const party = await visit.session()
  const before = visit.shown.length
  await visit.page.goto(party.url('/post'))
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.answers.length, 2)
  assert.equal(visit.shown.length, before, `pages were shown: ${visit.shown.slice(before)}`)
}

/** The same for somebody who is not signed in yet. */
export async function cross_site_post_of_a_stranger(visit) {
  const party = await visit.party('third-party')
  await visit.page.goto(party.url('/post', { response_mode: 'form_post' }))
  await visit.logIn()
  await visit.allow()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
}

/** Threat UI-06: what clients and requests say stays text. */
export async function hostile_text(visit) {
  const { page } = visit
  const party = await visit.party('hostile')
  const hint = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
  await visit.start(party, { login_hint: hint, state: hint, ui_locales: hint })
  assert.equal(await page.inputValue('input[name=login]'), hint)
  await harmless(page)
  await page.fill('input[name=login]', hint)
  await page.fill('input[name=password]', hint)
  await page.click('button#submit')
  await page.locator('#error').waitFor()
  await harmless(page)
  await visit.logIn()
  await page.locator('#return-host').waitFor()
  await visit.picture('consent-hostile')
  await harmless(page)
  const text = await page.innerText('main')
  assert.ok(text.includes('<img src=x onerror=alert(1)>'), text)
  assert.ok(!/[\u202a-\u202e\u2066-\u2069]/.test(text), 'the name cannot turn the text around')
}

/** Nothing on the page came from the request. */
async function harmless(page) {
  const strange = await page.evaluate(() =>
    Array.from(
      document.querySelectorAll('script, iframe, object, img[src=x], [onerror], [onclick], base'),
      (node) => node.outerHTML,
    ),
  )
  assert.deepEqual(strange, [])
}
