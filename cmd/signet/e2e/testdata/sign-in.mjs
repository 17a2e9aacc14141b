// Finishes a sign-in as an app written in JavaScript does, with the
// openid-client package, which also verifies the signature of the ID token. It
// prints {"sub": …}, as userinfo has it, or {"error": …}.
//
//   node sign-in.mjs ISSUER CLIENT_ID CLIENT_SECRET ALG CALLBACK VERIFIER
import { createRequire } from 'node:module'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const client = require('openid-client')
const [issuer, id, secret, alg, callback, pkceCodeVerifier] = process.argv.slice(2)

try {
  const config = await client.discovery(new URL(issuer), id, { client_secret: secret, id_token_signed_response_alg: alg }, undefined, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
  const tokens = await client.authorizationCodeGrant(config, new URL(callback), {
    pkceCodeVerifier, expectedNonce: 'a-nonce', expectedState: 'a-state', idTokenExpected: true,
  })
  const { sub } = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  console.log(JSON.stringify({ sub }))
} catch (e) {
  console.log(JSON.stringify({ error: [e.code, e.message, e.cause?.message].join(': ') }))
}
