// A picture of every page, for people to look at. (Those of pages that are harder to come by are
// taken by the scenarios that come by.)

import assert from 'node:assert/strict'

export async function pictures(visit) {
  const { page } = visit
  const party = await visit.party('third-party')

  await page.goto(visit.issuer)
  await visit.picture('demo-signed-out')
  await page.click('#sign-in')
  await visit.logIn()
  await visit.allow()
  await page.locator('#sign-out').waitFor()
  await visit.picture('demo-signed-in')
  await visit.context.clearCookies()

  await visit.start(party)
  await visit.picture('login')
  await visit.logIn(page, 'not the password')
  await page.locator('#error').waitFor()
  await visit.picture('login-error')
  await visit.logIn()
  await page.locator('#return-host').waitFor()
  await visit.picture('consent')
  await visit.allow()
  await visit.outcome()

  await visit.start(party, { prompt: 'select_account' })
  await visit.picture('select-account')
  await visit.start(party, { prompt: 'create' })
  await visit.picture('create-account')
  await page.fill('input[name=name]', 'Bob')
  await page.fill('input[name=username]', 'bob')
  await page.fill('input[name=email]', 'bob@example.com')
  await page.fill('input[name=password]', 'a long enough password')
  await page.fill('input[name=again]', 'a long enough password')
  await page.click('button#submit')
  await page.locator('#error').waitFor()
  await visit.picture('create-account-error')

  await page.goto(`${visit.issuer}/authorize?client_id=nobody`)
  assert.match(await page.innerText('body'), /Oops! Something went wrong/)
  await visit.picture('error')
}
