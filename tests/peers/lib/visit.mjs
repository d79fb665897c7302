// One person at one browser: a context of its own, relying parties as needed, and the steps that
// most scenarios are made of.

import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { RelyingParty } from './relying-party.mjs'

const sizes = {
  phone: { width: 390, height: 844, mobile: true },
  desktop: { width: 1280, height: 800, mobile: false },
}

export class Visit {
  #parties = []
  /** The addresses of the provider's pages that were shown. */
  shown = []
  /** What the browser refused to do for a page because of its Content-Security-Policy. */
  violations = []
  /** What else went wrong in the browser: errors on its console and in scripts. */
  errors = []
  /** Every address that the browser was at or asked for. */
  addresses = []
  /** The answers that were shown as pages. */
  documents = []

  /** Wraps a scenario: everything is closed when it ends, and a failure leaves a picture. */
  static during(browser, scenario) {
    return async (given) => {
      const visit = new Visit()
      Object.assign(visit, given)
      const failed = `${given.screenshots}/failed-${scenario.name}.png`
      await rm(failed, { force: true })
      visit.context = await browser.newContext({
        javaScriptEnabled: scenario.javaScript ?? true,
        reducedMotion: 'reduce',
        ignoreHTTPSErrors: true,
      })
      visit.context.setDefaultTimeout(10_000)
      visit.page = await visit.tab()
      try {
        await scenario(visit)
        if (visit.violations.length > 0)
          throw new Error(`policy violations:\n${visit.violations.join('\n')}`)
      } catch (error) {
        await visit.page
          .screenshot({ path: `${given.screenshots}/failed-${scenario.name}.png` })
          .catch(() => {})
        const text = await visit.page.innerText('body').catch(() => '')
        error.stack += `\nat ${visit.page.url().slice(0, 100)}:\n${text}`
        throw error
      } finally {
        await visit.context.close()
        for (const party of visit.#parties) party.close()
        const [fault] = visit.#parties.flatMap(({ faults }) => faults)
        if (fault) throw fault
      }
    }
  }

  /** Another tab of the same browser. */
  async tab() {
    const page = await this.context.newPage()
    page.on('framenavigated', (frame) => {
      this.addresses.push(frame.url())
      if (frame.url().startsWith(this.issuer)) this.shown.push(frame.url())
    })
    page.on('request', (request) => this.addresses.push(request.url()))
    page.on('response', (response) => {
      if (!response.request().isNavigationRequest()) return
      const [url, status, headers] = [response.url(), response.status(), response.headers()]
      this.documents.push({ url, status, headers })
    })
    page.on('pageerror', (error) => this.errors.push(error.stack))
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
      if (/content security policy/i.test(message.text())) this.violations.push(message.text())
    })
    page.on('dialog', (dialog) => {
      this.violations.push(`a dialog: ${dialog.message()}`)
      dialog.dismiss()
    })
    return page
  }

  /** Nothing went wrong in the browser so far. */
  isQuiet() {
    assert.deepEqual(this.errors, [])
  }

  /** A relying party for a client of the server's configuration, by its identifier. */
  async party(id, options) {
    const registered = this.clients.find(({ client_id }) => client_id === id)
    const party = await RelyingParty.start(this.issuer, registered, options)
    this.#parties.push(party)
    return party
  }

  /** Begins a sign-in at a relying party. */
  start(party, parameters, page = this.page) {
    return page.goto(party.url('/login', parameters))
  }

  /** Fills in the login form and sends it. */
  async logIn(page = this.page, password = this.user.password) {
    await page.fill('input[name=login]', this.user.login)
    await page.fill('input[name=password]', password)
    await page.click('button#submit')
  }

  /** Agrees on the consent page. */
  async allow(page = this.page) {
    await page.locator('#return-host').waitFor()
    await page.click('button#submit')
  }

  /** What the relying party shows in the end. */
  outcome(page = this.page) {
    return page.innerText('#outcome')
  }

  /** Signs in, so that there is a session; with a client that needs no consent. */
  async session(parameters) {
    const party = await this.party('first-party')
    await this.start(party, parameters)
    await this.logIn()
    await this.outcome()
    return party
  }

  /**
   * Pictures of the page on a phone, light and dark, and on a desktop; it is no wider than they
   * are.
   */
  async picture(name) {
    const screen = await this.context.newCDPSession(this.page)
    for (const [size, { width, height, mobile }] of Object.entries(sizes)) {
      await screen.send('Emulation.setDeviceMetricsOverride', {
        width,
        height,
        mobile,
        deviceScaleFactor: 1,
      })
      for (const value of mobile ? ['light', 'dark'] : ['light']) {
        await screen.send('Emulation.setEmulatedMedia', {
          features: [{ name: 'prefers-color-scheme', value }],
        })
        const { cssContentSize: content } = await screen.send('Page.getLayoutMetrics')
        const clip = { x: 0, y: 0, width, height: Math.max(height, content.height), scale: 1 }
        const { data } = await screen.send('Page.captureScreenshot', {
          captureBeyondViewport: true,
          clip,
        })
        await writeFile(`${this.screenshots}/${name}-${size}-${value}.png`, data, 'base64')
        assert.ok(content.width <= width, `${name} is ${content.width} pixels wide on a ${size}`)
      }
    }
    await screen.send('Emulation.clearDeviceMetricsOverride')
    await screen.detach()
  }
}
