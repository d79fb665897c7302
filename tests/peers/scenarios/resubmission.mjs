// Back button, reload, tabs and forms sent twice: the same code comes back, and never a crash.

import assert from 'node:assert/strict'

/** The relying party does not redeem: the same code comes again. */
export async function back_button(visit) {
  const party = await visit.party('third-party', { redeems: false })
  await visit.start(party)
  await visit.logIn()
  await visit.allow()
  const code = await visit.outcome()
  await visit.page.goBack()
  await visit.allow()
  assert.equal(await visit.outcome(), code)
  assert.equal(party.answers.length, 2)
}

/** The relying party has redeemed the code: a page says that all is done. */
export async function back_button_after_redemption(visit) {
  const party = await visit.party('third-party')
  await visit.start(party)
  await visit.logIn()
  await visit.allow()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  await visit.page.goBack()
  await visit.allow()
  await visit.page.getByText('already been completed').waitFor()
  await visit.picture('error-completed')
  assert.equal(party.answers.length, 1)
}

/**
 * Back to the login page of a client that needs no consent: the browser is signed in, so it goes
 * on.
 */
export async function back_to_the_login_page(visit) {
  const party = await visit.party('first-party', { redeems: false })
  await visit.start(party)
  await visit.logIn()
  const code = await visit.outcome()
  await visit.page.goBack()
  if (await visit.page.locator('input[name=password]').isVisible()) await visit.logIn()
  assert.equal(await visit.outcome(), code)
}

export async function reload(visit) {
  const party = await visit.party('third-party')
  await visit.start(party)
  await visit.page.reload()
  await visit.logIn()
  await visit.page.locator('#return-host').waitFor()
  await visit.page.reload()
  await visit.allow()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
  assert.equal(party.answers.length, 1)
}

/** Reloading the answer to a wrong password sends it again, which is as wrong as before. */
export async function reload_after_a_wrong_password(visit) {
  const party = await visit.party('first-party')
  await visit.start(party)
  await visit.logIn(visit.page, 'not the password')
  await visit.page.locator('#error').waitFor()
  await visit.page.reload()
  await visit.logIn()
  assert.equal(await visit.outcome(), `Signed in as ${visit.user.sub}`)
}

export async function double_click(visit) {
  const { page } = visit
  const party = await visit.party('third-party', { redeems: false })
  await visit.start(party)
  await page.fill('input[name=login]', visit.user.login)
  await page.fill('input[name=password]', visit.user.password)
  await page.dblclick('button#submit')
  await page.locator('#return-host').waitFor()
  await page.dblclick('button#submit')
  await visit.outcome()
  assert.equal(new Set(party.answers.map(({ parameters }) => parameters.code)).size, 1)
}

/** The same page in two tabs, both submitted: both get the same code. */
export async function the_same_form_twice(visit) {
  const party = await visit.party('third-party', { redeems: false })
  await visit.start(party)
  await visit.logIn()
  await visit.page.locator('#return-host').waitFor()
  const twin = await visit.tab()
  await twin.goto(visit.page.url())
  await Promise.all([visit.allow(), visit.allow(twin)])
  assert.equal(await visit.outcome(), await visit.outcome(twin))
  assert.equal(party.answers.length, 2)
}

/** Two clients ask in two tabs; who signs in in the one goes on in the other. */
export async function two_tabs(visit) {
  const [first, second] = [await visit.party('third-party'), await visit.party('first-party')]
  const [one, two, three] = [visit.page, await visit.tab(), await visit.tab()]
  await visit.start(first, {}, one)
  await visit.start(second, {}, two)
  await visit.start(second, {}, three)
  await visit.logIn(one)
  await visit.allow(one)
  assert.equal(await visit.outcome(one), `Signed in as ${visit.user.sub}`)
  await two.reload()
  assert.equal(await visit.outcome(two), `Signed in as ${visit.user.sub}`)
  await visit.logIn(three)
  assert.equal(await visit.outcome(three), `Signed in as ${visit.user.sub}`)
  assert.equal(second.answers.length, 2)
}

/** An account is created once, and its form may be sent again. */
export async function the_same_account_twice(visit) {
  const party = await visit.party('first-party', { redeems: false })
  await visit.start(party, { prompt: 'create' })
  const twin = await visit.tab()
  await twin.goto(visit.page.url())
  for (const page of [visit.page, twin]) {
    await page.fill('input[name=name]', 'Theo Twin')
    await page.fill('input[name=username]', 'theo')
    await page.fill('input[name=email]', 'theo@example.com')
    await page.fill('input[name=password]', 'a password for both of them')
    await page.fill('input[name=again]', 'a password for both of them')
  }
  await Promise.all([visit.page, twin].map((page) => page.click('button#submit')))
  assert.equal(await visit.outcome(), await visit.outcome(twin))
}
