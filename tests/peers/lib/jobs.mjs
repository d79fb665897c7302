// How the Rust tests drive these scripts: a job per line of JSON on stdin, `{ id, scenario,
// ...given }`, and an answer per line on stdout, `{ id, ok }` or `{ id, error }`. Jobs run side
// by side. When stdin ends, which it also does when the test process dies, the script finishes
// and exits.

import { createInterface } from 'node:readline'

/** Runs the scenarios that are asked for by name, until nobody asks any more. */
export async function serve(scenarios) {
  const running = new Set()
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, scenario, ...given } = JSON.parse(line)
    const job = run(scenarios[scenario], given).then((answer) => {
      process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`)
      running.delete(job)
    })
    running.add(job)
  }
  await Promise.all(running)
}

async function run(scenario, given) {
  if (!scenario) return { error: 'there is no such scenario' }
  try {
    return { ok: (await scenario(given)) ?? {} }
  } catch (error) {
    return {
      error: [error.stack, error.cause && `cause: ${inspect(error.cause)}`]
        .filter(Boolean)
        .join('\n'),
    }
  }
}

function inspect(cause) {
  return cause instanceof Error ? cause.stack : String(cause)
}
