// Sessions: the frame that tells clients whether somebody has signed in or out.

import assert from 'node:assert/strict'

/** A page of the relying party's with the provider's frame in it. */
async function watching(visit, party) {
  const metadata = await (await visit.context.request.get(`${visit.issuer}/.well-known/openid-configuration`)).json()
  const page = await visit.tab()
  await page.goto(party.url('/frame'))
  await page.evaluate(
    (src) =>
      new Promise((resolve) => {
        const frame = document.createElement('iframe')
        frame.id = 'op'
        frame.src = src
        frame.onload = resolve
        document.body.append(frame)
      }),
    metadata.check_session_iframe,
  )
  const target = new URL(visit.issuer).origin
  return (message) =>
    page.evaluate(
      ([message, target]) =>
        new Promise((resolve) => {
          window.addEventListener('message', ({ data, origin }) => resolve(origin === target && data), {
            once: true,
          })
          document.querySelector('#op').contentWindow.postMessage(message, target)
        }),
      [message, target],
    )
}

/** Two relying parties on ports of their own watch one browser. */
export async function session_frame(visit) {
  const first = await visit.session()
  const second = await visit.party('trusted')
  await visit.start(second)
  await visit.outcome()
  const states = [first, second].map((party) => {
    const { session_state } = party.last.parameters
    assert.match(session_state, /^[\w-]{43}\.[\w-]+$/)
    return `${party.registered.client_id} ${session_state}`
  })
  const asks = [await watching(visit, first), await watching(visit, second)]
  const both = async () => [await asks[0](states[0]), await asks[1](states[1])]

  assert.deepEqual(await both(), ['unchanged', 'unchanged'])
  // what one may know tells nobody else anything
  assert.equal(await asks[1](states[0]), 'changed')
  for (const nonsense of ['', 'x', 'first-party x', 'first-party x.', { not: 'a text' }]) {
    assert.equal(await asks[0](nonsense), 'error')
  }

  await visit.page.goto(`${visit.issuer}/`)
  await visit.page.click('#sign-out')
  await visit.page.waitForURL(/signed-out|end_session/)
  assert.deepEqual(await both(), ['changed', 'changed'])

  // a new sign-in is another state
  await visit.start(first)
  await visit.logIn()
  await visit.outcome()
  assert.deepEqual(await both(), ['changed', 'changed'])
  const { session_state } = first.last.parameters
  assert.equal(await asks[0](`first-party ${session_state}`), 'unchanged')
}
