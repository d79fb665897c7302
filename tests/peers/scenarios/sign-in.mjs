// Signing in: the right and the wrong password, consent, single sign-on, accounts.

import assert from 'node:assert/strict'

export async function sign_in(visit) {
  const party = await visit.party('third-party')
  await visit.start(party)
  await visit.logIn()
  await visit.allow()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.last.userinfo.email, visit.user.email)
}

export async function wrong_password_then_right(visit) {
  const { page } = visit
  const party = await visit.party('first-party')
  await visit.start(party)
  await visit.logIn(page, 'not the password')
  const error = page.locator('#error')
  assert.equal(await error.getAttribute('role'), 'alert')
  assert.notEqual((await error.innerText()).trim(), '')
  assert.equal(
    await page.inputValue('input[name=login]'),
    visit.user.login,
    'the name need not be typed again',
  )
  assert.equal(await page.inputValue('input[name=password]'), '')
  assert.equal(party.answers.length, 0)
  await visit.logIn()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
}

export async function without_javascript(visit) {
  const party = await visit.party('third-party')
  await visit.start(party)
  await visit.logIn(visit.page, 'not the password')
  await visit.page.locator('#error').waitFor()
  await visit.logIn()
  await visit.allow()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
}
without_javascript.javaScript = false

/** The login field has the focus; Tab and Enter do the rest. */
export async function keyboard_only(visit) {
  const { page } = visit
  const { keyboard } = page
  const party = await visit.party('third-party')
  await visit.start(party)
  await page.locator('input[name=login]:focus').waitFor()
  await keyboard.type(visit.user.login)
  await keyboard.press('Tab')
  await keyboard.type(visit.user.password)
  await keyboard.press('Enter')
  await page.locator('#return-host').waitFor()
  for (let presses = 0; presses < 20; presses++) {
    if (await page.evaluate(() => document.activeElement.id === 'submit')) break
    await keyboard.press('Tab')
  }
  await keyboard.press('Enter')
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
}

export async function consent_names_who_asks_for_what(visit) {
  const party = await visit.party('third-party')
  await visit.start(party, { scope: 'openid profile email phone' })
  await visit.logIn()
  await visit.page.locator('#return-host').waitFor()
  const text = await visit.page.innerText('main')
  for (const part of ['Third Party', '127.0.0.1', visit.user.login]) {
    assert.ok(text.includes(part), `${part} in ${text}`)
  }
  await visit.page.uncheck('input[value=phone]')
  await visit.allow()
  await visit.outcome()
  assert.equal(party.last.userinfo.email, visit.user.email)
  assert.equal(party.last.userinfo.phone_number, undefined, 'what was taken out is not given')
  assert.equal(party.last.tokens.scope, 'openid profile email')
}

export async function cancel(visit) {
  const party = await visit.party('third-party')
  await visit.start(party)
  await visit.logIn()
  await visit.page.locator('#return-host').waitFor()
  await visit.page.click('button#cancel')
  assert.equal(await visit.outcome(), 'Failed: access_denied')
  assert.deepEqual(Object.keys(party.last.parameters).sort(), [
    'error',
    'error_description',
    'iss',
    'state',
  ])
}

/** Once signed in, a client that needs no consent shows no page at all. */
export async function single_sign_on(visit) {
  const first = await visit.party('third-party')
  const second = await visit.party('first-party')
  await visit.start(first)
  await visit.logIn()
  await visit.allow()
  await visit.outcome()
  await single_sign_on_to(visit, second)
  assert.equal(second.last.claims.auth_time, first.last.claims.auth_time)
  assert.notEqual(
    second.last.claims.sid,
    first.last.claims.sid,
    'a session has another name for each client',
  )
}

async function single_sign_on_to(visit, party) {
  const before = visit.shown.length
  await visit.start(party)
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(visit.shown.length, before, `pages were shown: ${visit.shown.slice(before)}`)
}

/** From the page where an account is chosen, and from the consent page. */
export async function another_account(visit) {
  const [first, third] = [await visit.session(), await visit.party('third-party')]
  for (const [party, parameters] of [
    [first, { prompt: 'select_account' }],
    [third, {}],
  ]) {
    await visit.start(party, parameters)
    await visit.page.click('a#other')
    visit.user = visit.users.find(({ sub }) => sub !== visit.user.sub)
    await visit.logIn()
    if (party === third) await visit.allow()
    assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  }
}

export async function create_account(visit) {
  const { page } = visit
  const party = await visit.party('first-party')
  await visit.start(party, { prompt: 'create' })
  await page.fill('input[name=name]', 'Nora Newcomer')
  await page.fill('input[name=username]', 'nora')
  await page.fill('input[name=email]', 'nora@example.com')
  await page.fill('input[name=password]', 'a password that nobody else has')
  await page.fill('input[name=again]', 'a password that nobody else has')
  await page.click('button#submit')
  assert.match(await visit.outcome(), /^Signed in as /)
  assert.equal(party.last.userinfo.preferred_username, 'nora')
}

export async function select_account(visit) {
  const party = await visit.session()
  await visit.start(party, { prompt: 'select_account' })
  assert.ok((await visit.page.innerText('main')).includes(visit.user.login))
  await visit.page.click('button#submit')
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.answers.length, 2)
}

/** The cookies are bound to the host (`__Host-`), and to TLS. */
export async function over_tls(visit) {
  await sign_in(visit)
  await single_sign_on_to(visit, await visit.party('first-party'))
  const cookies = await visit.context.cookies(visit.issuer)
  assert.deepEqual(cookies.map(({ name }) => name).sort(), [
    '__Host-op_browser',
    '__Host-op_session',
  ])
  for (const { secure, httpOnly, sameSite, path, domain } of cookies) {
    const attributes = { secure, httpOnly, sameSite, path, domain }
    const wanted = { secure: true, httpOnly: true, sameSite: 'Lax', path: '/', domain: 'localhost' }
    assert.deepEqual(attributes, wanted)
  }
}
