// Creating an account with an e-mail address and a phone number that are verified. The codes are where
// the demo has them: in the server's log.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const password = 'a password of my own'

/** Fills in the form and sends it. */
async function fillIn({ page }, username, phone = '', clickCount = 1) {
  await page.fill('input[name=name]', 'Nora Newcomer')
  await page.fill('input[name=username]', username)
  await page.fill('input[name=password]', password)
  await page.fill('input[name=again]', password)
  await page.fill('input[name=email]', `${username}@${username}.example`)
  await page.fill('input[name=phone]', phone)
  await page.click('button#submit', { clickCount })
  await page.locator('#sent-to').waitFor()
}

/** All codes that were sent to where the page says. */
async function codes({ page, log }) {
  const sent = `verification code for ${await page.innerText('#sent-to')}: `
  const lines = (await readFile(log, 'utf8')).split('\n')
  return lines.filter((line) => line.includes(sent)).map((line) => line.trimEnd().slice(-6))
}

async function enter({ page }, code) {
  await page.fill('input[name=code]', code)
  await page.click('button#submit')
}

const another = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

/** From the login page, with slips, reloads and the back button on the way. */
export async function sign_up(visit) {
  const { page } = visit
  const party = await visit.party('first-party')
  await visit.start(party, { scope: 'openid profile email phone' })
  await page.click('a#create')
  assert.equal(await page.getAttribute('input[name=again]', 'type'), 'password')
  await visit.picture('sign-up')
  await fillIn(visit, 'ruth', '+1 555 0190')
  await visit.picture('sign-up-code')
  assert.equal(await page.innerText('#sent-to'), 'r…@ruth.example')
  const [right] = await codes(visit)
  await page.locator('input[name=code]:focus').waitFor()
  await enter(visit, another(right))
  const error = page.locator('#error')
  assert.equal(await error.getAttribute('role'), 'alert')
  assert.equal(await page.getAttribute('input[name=code]', 'aria-invalid'), 'true')
  await visit.picture('sign-up-wrong-code')

  await page.goBack()
  await page.reload()
  assert.equal((await codes(visit)).length, 1, 'a reload sends nothing')
  await enter(visit, right)
  await page.getByText('Check your phone').waitFor()
  assert.equal(await page.innerText('#sent-to'), '+15…90')

  // Another number: what was filled in is there, and the address is verified already.
  await page.click('a#change')
  assert.equal(await page.inputValue('input[name=username]'), 'ruth')
  await fillIn(visit, 'ruth', '+1 555 0191')
  assert.equal(await page.innerText('#sent-to'), '+15…91')
  await page.click('button#again')
  await page.locator('#notice').waitFor()
  const sent = await codes(visit)
  assert.equal(sent.length, 2)
  await page.fill('input[name=code]', `${sent[1].slice(0, 3)} ${sent[1].slice(3)}`)
  await page.click('button#submit')
  assert.match(await visit.outcome(), /^Signed in as /)
  const { email_verified, phone_number, phone_number_verified } = party.last.userinfo
  assert.deepEqual(
    { email_verified, phone_number, phone_number_verified },
    { email_verified: true, phone_number: '+15550191', phone_number_verified: true },
  )
  assert.equal(party.answers.length, 1)
  visit.isQuiet()
}

/** Every form sent twice by a double click: one code, one account, one answer. */
export async function sign_up_double_click(visit) {
  const { page } = visit
  const party = await visit.party('first-party', { redeems: false })
  await visit.start(party, { prompt: 'create' })
  await fillIn(visit, 'tove', '', 2)
  const [code, ...more] = await codes(visit)
  assert.deepEqual(more, [])
  await page.fill('input[name=code]', code)
  await page.dblclick('button#submit')
  await visit.outcome()
  assert.equal(new Set(party.answers.map(({ parameters }) => parameters.code)).size, 1)
  assert.ok(party.answers[0].parameters.code)
}

/** By keyboard, and without scripts: Enter in the field of the code goes on. */
export async function sign_up_by_keyboard(visit) {
  const { page } = visit
  const { keyboard } = page
  const party = await visit.party('first-party')
  await visit.start(party, { prompt: 'create' })
  await page.locator('input[name=name]:focus').waitFor()
  for (const text of ['Sten', 'sten', password, password, 'sten@sten.example']) {
    await keyboard.type(text)
    await keyboard.press('Tab')
  }
  await keyboard.press('Enter')
  await page.locator('input[name=code]:focus').waitFor()
  const [code] = await codes(visit)
  await keyboard.type(code)
  await keyboard.press('Enter')
  assert.match(await visit.outcome(), /^Signed in as /)
  assert.equal(party.last.userinfo.email_verified, true)
}
sign_up_by_keyboard.javaScript = false
