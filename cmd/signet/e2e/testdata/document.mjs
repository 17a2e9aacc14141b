// An app written with the openid-client package whose client_id is the URL of
// its metadata document. It prints {"authorize": URL}, reads the URL that the
// person came back to, as a JSON string, and prints {"sub": …, "refreshed": …}
// or {"error": …}.
//
//   node document.mjs ISSUER CLIENT_ID REDIRECT_URI
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const client = require('openid-client')
const [issuer, id, redirect_uri] = process.argv.slice(2)
const say = (value) => console.log(JSON.stringify(value))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
await lines.next() // "begin"

try {
  const config = await client.discovery(new URL(issuer), id, undefined, client.None(), {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const code_challenge = await client.calculatePKCECodeChallenge(pkceCodeVerifier)
  say({
    authorize: client.buildAuthorizationUrl(config, {
      redirect_uri, scope: 'openid offline_access', code_challenge, code_challenge_method: 'S256',
    }).href,
  })
  const back = new URL(JSON.parse((await lines.next()).value))
  const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier, idTokenExpected: true })
  const { sub } = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  say({ sub, refreshed: refreshed.refresh_token !== tokens.refresh_token })
} catch (e) {
  say({ error: [e.code, e.message, e.cause?.message].join(': ') })
}
process.exit(0)
