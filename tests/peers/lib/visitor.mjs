// A person without a browser: follows redirects at the provider, keeps its cookies, fills in its
// forms.

export class Visitor {
  #cookies = new Map()

  constructor(issuer) {
    this.origin = new URL(issuer).origin
  }

  /** Opens an address; stops at a page, or where the answer for the client leaves the provider. */
  async open(address, options = {}) {
    let url = new URL(address)
    for (let hops = 0; hops < 10; hops++) {
      if (url.origin !== this.origin) return { callback: url }
      const response = await fetch(url, {
        ...options,
        redirect: 'manual',
        headers: {
          ...options.headers,
          cookie: Array.from(this.#cookies, (pair) => pair.join('=')).join('; '),
        },
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)
        this.#cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (!location) return page(url, response.status, await response.text(), this.origin)
      url = new URL(location, url)
      options = {}
    }
    throw new Error('the redirects do not end')
  }

  /** Submits the form that has a button with this id. */
  async submit(page, button, values = {}) {
    const form = page.forms.find((form) => form.buttons.some(({ id }) => id === button))
    if (!form) throw new Error(`no button #${button} on ${page.url}:\n${page.html}`)
    const { name, value } = form.buttons.find(({ id }) => id === button)
    const body = new URLSearchParams(form.fields)
    if (name) body.append(name, value ?? '')
    for (const [name, value] of Object.entries(values)) body.set(name, value)
    return this.open(form.action, { method: 'POST', body, headers: { origin: this.origin } })
  }

  /** Signs in and agrees, whichever of it is asked. */
  async consent(at, user) {
    const login = at.html?.includes('name="password"')
    const next = login
      ? await this.submit(at, 'submit', { login: user.login, password: user.password })
      : at
    return next.callback ? next : this.submit(next, 'submit')
  }
}

/** Goes through a sign-in, whatever is asked on the way, up to the answer to the client. */
export async function signIn({ party, visitor, user }, parameters) {
  let at = await visitor.open(await party.begin(parameters))
  if (!at.callback) at = await visitor.consent(at, user)
  return at
}

function page(url, status, html, origin) {
  const forms = Array.from(html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs), ([, head, body]) => {
    const { action = '' } = attributes(head)
    const inputs = Array.from(body.matchAll(/<input\b([^>]*)>/gs), ([, tag]) => attributes(tag))
    const sent = inputs.filter(
      ({ name, type, checked, disabled }) =>
        name && disabled === undefined && (type !== 'checkbox' || checked !== undefined),
    )
    const buttons = Array.from(body.matchAll(/<button\b([^>]*)>/gs), ([, tag]) => attributes(tag))
    return {
      action: new URL(action, url),
      fields: sent.map(({ name, value }) => [name, value ?? 'on']),
      buttons,
    }
  })
  // response_mode=form_post: the form goes to the client.
  const away = forms.find(({ action }) => action.origin !== origin)
  if (away) return { callback: away.action, form: new URLSearchParams(away.fields) }
  return { url, status, html, forms }
}

function attributes(tag) {
  const all = tag.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)
  return Object.fromEntries(
    Array.from(all, ([, name, a, b, c]) => [name.toLowerCase(), unescape(a ?? b ?? c ?? '')]),
  )
}

const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescape(text) {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (entity, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(parseInt(hex, 16))
    return decimal ? String.fromCodePoint(Number(decimal)) : (named[name] ?? entity)
  })
}
