// Headless Chromium through the pages of the example server. Every scenario has a browser context
// of its own, is given `issuer`, `clients`, `user` and `screenshots`, and throws if anything is
// amiss.

import { chromium } from 'playwright-core'
import { Visit } from './lib/visit.mjs'
import { serve } from './lib/jobs.mjs'
import * as demo from './scenarios/demo.mjs'
import * as frontChannel from './scenarios/front-channel.mjs'
import * as logout from './scenarios/logout.mjs'
import * as programs from './scenarios/programs.mjs'
import * as requests from './scenarios/requests.mjs'
import * as resubmission from './scenarios/resubmission.mjs'
import * as sessions from './scenarios/sessions.mjs'
import * as screenshots from './scenarios/screenshots.mjs'
import * as signIn from './scenarios/sign-in.mjs'
import * as signUp from './scenarios/sign-up.mjs'

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})

const all = {
  ...demo,
  ...frontChannel,
  ...logout,
  ...programs,
  ...requests,
  ...resubmission,
  ...screenshots,
  ...sessions,
  ...signIn,
  ...signUp,
}
await serve(
  Object.fromEntries(
    Object.entries(all).map(([name, scenario]) => [name, Visit.during(browser, scenario)]),
  ),
)
await browser.close()
