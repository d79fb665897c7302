// The demo relying party at `/`.

import assert from 'node:assert/strict'

export async function demo_relying_party(visit) {
  const { page } = visit
  await page.goto(visit.issuer)
  await page.click('#sign-in')
  await visit.logIn()
  await visit.allow()
  await page.locator('#signed-in').waitFor()
  const text = await page.innerText('main')
  for (const part of ['at_hash', 'auth_time', visit.user.email, visit.user.sub]) {
    assert.ok(text.includes(part), `${part} in ${text}`)
  }
  await page.click('#sign-out')
  await page.click('#sign-in')
  await page.locator('input[name=password]').waitFor()
}
