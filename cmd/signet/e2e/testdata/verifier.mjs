// Verifies access tokens as an API written in JavaScript does, with the
// createRemoteJWKSet of jose. It reads one JSON object a line from standard
// input ({"token": …}) and answers each with one: {"error": …, "held": [KID, …],
// "age": SECONDS}, where error is empty for a good token.
//
// jose's own limits are fixed numbers. Here the headers decide instead, and to
// the last moment they allow: a set is used until max-age and
// stale-while-revalidate (RFC 5861, section 3) have both passed, counted from
// the request (RFC 9111, section 4.2.3). cooldownDuration keeps jose from asking
// earlier because it met a kid that it does not know.
//
//   node verifier.mjs ISSUER AUDIENCE
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const { createRemoteJWKSet, customFetch, jwtVerify } = require('jose')
const [issuer, audience] = process.argv.slice(2)

let held = { asked: -Infinity, lifetime: 0 }

async function ask(url, { headers, ...options }) {
  const asked = performance.now()
  if (held.etag) headers.set('if-none-match', held.etag)
  const response = await fetch(url, { ...options, headers })
  if (response.status !== 200 && response.status !== 304) return response
  const seconds = (directive) => Number(response.headers.get('cache-control')?.match(directive)?.[1] ?? 0)
  held = {
    asked,
    lifetime: 1000 * (seconds(/\bmax-age=(\d+)/) + seconds(/\bstale-while-revalidate=(\d+)/)),
    etag: response.headers.get('etag'),
    body: response.status === 304 ? held.body : await response.text(),
  }
  return new Response(held.body)
}

const keys = createRemoteJWKSet(new URL(issuer + '/.well-known/jwks.json'), {
  cacheMaxAge: Infinity,
  cooldownDuration: Infinity,
  timeoutDuration: 60_000,
  [customFetch]: ask,
})

for await (const line of createInterface({ input: process.stdin })) {
  let error = ''
  try {
    if (performance.now() >= held.asked + held.lifetime) await keys.reload()
    await jwtVerify(JSON.parse(line).token, keys, { issuer, audience, typ: 'at+jwt', requiredClaims: ['exp'] })
  } catch (e) {
    error = `${e.code ?? e.name}: ${e.message}`
  }
  const age = (performance.now() - held.asked) / 1000
  console.log(JSON.stringify({ error, held: keys.jwks()?.keys.map((k) => k.kid), age }))
}
