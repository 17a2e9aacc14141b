// Looks up access tokens in their status list as an API written in JavaScript
// does: the list is fetched from where the token says and verified with the
// jose package; what is in it is read by @sd-jwt/jwt-status-list. It reads one
// JSON object a line from standard input ({"token": …}) and answers each with
// {"status": …} or {"error": …}.
//
//   node status.mjs ISSUER
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const { createRemoteJWKSet, jwtVerify } = require('jose')
const { getListFromStatusListJWT, getStatusListFromJWT } = require('@sd-jwt/jwt-status-list')
const [issuer] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(issuer + '/.well-known/jwks.json'))

for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { token } = JSON.parse(line)
    const { idx, uri } = getStatusListFromJWT(token)
    const response = await fetch(uri, { headers: { Accept: 'application/statuslist+jwt' } })
    const list = await response.text()
    await jwtVerify(list, keys, { issuer, subject: uri, typ: 'statuslist+jwt', requiredClaims: ['iat', 'exp', 'ttl', 'status_list'] })
    console.log(JSON.stringify({ status: getListFromStatusListJWT(list).getStatus(idx) }))
  } catch (e) {
    console.log(JSON.stringify({ error: e.code ?? e.message }))
  }
}
