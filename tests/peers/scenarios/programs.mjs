// Programs that are signed in to by an address that they print.

import assert from 'node:assert/strict'

/** The person goes to the address, agrees, and ends at a page of the program's own. */
export async function at_a_program(visit) {
  const { page, address, ends } = visit
  await page.goto(address)
  await visit.logIn()
  await visit.allow()
  await page.waitForURL((url) => url.origin === ends.origin)
  assert.match(await page.innerText('body'), new RegExp(ends.says))
}
