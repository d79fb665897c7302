// Signing out at a relying party's wish, and the frames in which others hear of it. But for one scenario the
// relying parties are at https addresses that are answered here, so that no page of theirs needs a
// certificate.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'

const SHOP = 'https://shop.example:8443'
const NEWS = 'https://news.example:9443'
const OUT = `${SHOP}/out`

/** Answers for both relying parties; what their frames heard is in the list. */
async function parties(visit) {
  const heard = []
  await visit.context.route(/^https:\/\/(shop|news)\.example/, async (route) => {
    const url = new URL(route.request().url())
    let body = `<!doctype html><title>${url.host}</title><p id="at">${url.pathname}</p>`
    if (url.pathname === '/bye') {
      heard.push(url)
      // A frame that would like to be the page.
      body += '<script>try { top.location = "https://news.example:9443/taken" } catch {}</script>'
    }
    if (url.pathname === '/leave') {
      const fields = [...url.searchParams].map(([name, value]) => `<input name="${name}" value="${value}">`)
      body += `<form method="post" action="${visit.issuer}/end_session">${fields.join('')}<button id="go">Go</button></form>`
    }
    await route.fulfill({ contentType: 'text/html', headers: { 'cache-control': 'no-store' }, body })
  })
  return heard
}

/** Signs in at one of them, and answers the ID token. */
async function idToken(visit, client, origin) {
  const { page } = visit
  const query = new URLSearchParams({
    client_id: client,
    redirect_uri: `${origin}/cb`,
    response_type: 'id_token',
    scope: 'openid',
    nonce: 'n-0S6_WzA2Mj',
  })
  // A redirect is not answered here: what counts is where it led.
  await page.goto(`${visit.issuer}/authorize?${query}`).catch(() => {})
  if (page.url().startsWith(visit.issuer)) await visit.logIn()
  await page.waitForURL(`${origin}/cb**`)
  return new URLSearchParams(new URL(page.url()).hash.slice(1)).get('id_token')
}

const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

const endSession = (visit, parameters) => `${visit.issuer}/end_session?${new URLSearchParams(parameters)}`

/** Nobody is signed in: the next request asks for a password. */
async function isSignedOut(visit) {
  await visit.page.goto(`${visit.issuer}/`)
  assert.equal(await visit.page.locator('#provider-session').count(), 0)
}

/** Both hear of it, none of them takes the page, and then it goes on with the state. */
export async function front_channel_logout(visit) {
  const heard = await parties(visit)
  const hint = await idToken(visit, 'fc-shop', SHOP)
  await idToken(visit, 'fc-news', NEWS)
  const request = { id_token_hint: hint, post_logout_redirect_uri: OUT, state: 'a&b="c' }
  await visit.page.goto(endSession(visit, request))
  await visit.page.waitForURL(`${OUT}?state=a%26b%3D%22c`)
  assert.deepEqual(heard.map(({ origin }) => origin).sort(), [NEWS, SHOP])
  const [shop] = heard.filter(({ origin }) => origin === SHOP)
  assert.deepEqual(Object.fromEntries(shop.searchParams), {
    x: '1',
    iss: visit.issuer,
    sid: claims(hint).sid,
  })
  assert.ok(!visit.addresses.some((address) => address.endsWith('/taken')), 'a frame took the page')
  await isSignedOut(visit)
}

/** With servers of their own, on ports beside the provider's. */
export async function front_channel_logout_on_other_ports(visit) {
  const heard = []
  const [cert, key] = await Promise.all([readFile(visit.tls.cert), readFile(visit.tls.key)])
  const start = async (port) => {
    const server = createServer({ cert, key }, (request, response) => {
      const url = new URL(request.url, `https://127.0.0.1:${port}`)
      if (url.pathname === '/bye') heard.push(url)
      response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-store' })
      response.end(`<!doctype html><title>${port}</title><p>${port}</p>`)
    })
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
    return server
  }
  const servers = await Promise.all(visit.ports.map(start))
  try {
    const [shop, news] = visit.ports.map((port) => `https://127.0.0.1:${port}`)
    const hint = await idToken(visit, 'fc-shop', shop)
    await idToken(visit, 'fc-news', news)
    const request = { id_token_hint: hint, post_logout_redirect_uri: `${shop}/out`, state: 'x' }
    await visit.page.goto(endSession(visit, request))
    await visit.page.waitForURL(`${shop}/out?state=x`)
    assert.deepEqual(heard.map(({ origin }) => origin).sort(), [news, shop].sort())
    const told = heard.find(({ origin }) => origin === shop)
    assert.equal(told.searchParams.get('sid'), claims(hint).sid)
    assert.equal(heard.find(({ origin }) => origin === news).search, '')
    await isSignedOut(visit)
  } finally {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  }
}

export async function front_channel_logout_without_javascript(visit) {
  const heard = await parties(visit)
  const hint = await idToken(visit, 'fc-shop', SHOP)
  await visit.page.goto(endSession(visit, { id_token_hint: hint, post_logout_redirect_uri: OUT }))
  await visit.page.waitForURL(OUT)
  assert.equal(heard.length, 1)
  await isSignedOut(visit)
}
front_channel_logout_without_javascript.javaScript = false

/** A form on a page of another site comes without cookies, and is sent once more from ours. */
export async function logout_by_post(visit) {
  const heard = await parties(visit)
  const hint = await idToken(visit, 'fc-shop', SHOP)
  const fields = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: OUT, state: 'x' })
  await visit.page.goto(`${SHOP}/leave?${fields}`)
  await visit.page.click('#go')
  await visit.page.waitForURL(`${OUT}?state=x`)
  assert.equal(heard.length, 1)
  await isSignedOut(visit)
}

/** Without an ID token the person is asked, and may stay. */
export async function logout_confirmed(visit) {
  const heard = await parties(visit)
  await idToken(visit, 'fc-shop', SHOP)
  const request = { client_id: 'fc-shop', post_logout_redirect_uri: OUT, state: 'x' }
  await visit.page.goto(endSession(visit, request))
  await visit.picture('logout')
  await visit.page.click('#stay')
  await visit.page.locator('#stayed').waitFor()
  assert.equal(heard.length, 0)
  await visit.page.goBack()
  await visit.page.click('#submit')
  await visit.page.waitForURL(`${OUT}?state=x`)
  assert.equal(heard.length, 1)
  await isSignedOut(visit)
}

/** Nobody asked: a page says so, and its frames are heard. */
export async function logout_without_a_way_back(visit) {
  const heard = await parties(visit)
  const hint = await idToken(visit, 'fc-shop', SHOP)
  await visit.page.goto(endSession(visit, { id_token_hint: hint }))
  await visit.page.locator('#signed-out').waitFor()
  await visit.picture('signed-out')
  assert.equal(heard.length, 1)
  await isSignedOut(visit)
}
