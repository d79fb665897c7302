// A picture of every page, on a phone and on a desktop, for people to look at.

import assert from 'node:assert/strict'

const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }

export async function pictures(visit) {
  const { page } = visit
  const party = await visit.party('third-party')

  await page.goto(visit.issuer)
  await picture(visit, 'demo-signed-out')
  await page.click('#sign-in')
  await visit.logIn()
  await page.locator('#sign-out').waitFor()
  await picture(visit, 'demo-signed-in')
  await visit.context.clearCookies()

  await visit.start(party)
  await picture(visit, 'login')
  await visit.logIn(page, 'not the password')
  await page.locator('#error').waitFor()
  await picture(visit, 'login-error')
  await visit.logIn()
  await page.locator('#return-host').waitFor()
  await picture(visit, 'consent')
  await visit.allow()
  await visit.outcome()

  await visit.start(party, { prompt: 'select_account' })
  await picture(visit, 'select-account')
  await visit.start(party, { prompt: 'create' })
  await picture(visit, 'create-account')

  await page.goto(`${visit.issuer}/authorize?client_id=nobody`)
  assert.match(await page.innerText('body'), /Oops! Something went wrong/)
  await picture(visit, 'error')
}

/** Both sizes, in light and in dark; nothing is wider than the screen. */
async function picture({ page, screenshots }, name) {
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await page.screenshot({ path: `${screenshots}/${name}-${size}-${colorScheme}.png`, fullPage: true })
    }
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= viewport.width, `${name} is ${width} pixels wide on a ${size}`)
  }
}
