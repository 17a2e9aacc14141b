// Verifies access tokens as an API written in JavaScript does, with the jose
// package. It reads one JSON object a line from standard input
// ({"token": …}) and answers each with {"sub": …} or {"error": …}.
//
//   node verify.mjs ISSUER AUDIENCE
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const { createRemoteJWKSet, jwtVerify } = require('jose')
const [issuer, audience] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(issuer + '/.well-known/jwks.json'))

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(JSON.parse(line).token, keys, { issuer, audience, typ: 'at+jwt', requiredClaims: ['sub', 'exp', 'client_id'] })
    console.log(JSON.stringify({ sub: payload.sub }))
  } catch (e) {
    console.log(JSON.stringify({ error: e.code ?? e.message }))
  }
}
