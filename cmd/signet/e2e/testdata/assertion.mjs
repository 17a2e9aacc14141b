// Authenticates as an app written in JavaScript does that signs with a key of its
// own (private_key_jwt), with the openid-client package: for a token of its own,
// for that of a person, and to ask about it. It prints {"service": …, "sub": …,
// "active": …}, or {"error": …}.
//
//   node assertion.mjs ISSUER CLIENT_ID KEY_FILE CALLBACK VERIFIER
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const client = require('openid-client')
const [issuer, id, file, callback, pkceCodeVerifier] = process.argv.slice(2)

const algorithms = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
}

try {
  const { alg, ...jwk } = JSON.parse(await readFile(file))
  const key = await crypto.subtle.importKey('jwk', jwk, algorithms[alg], false, ['sign'])
  const config = await client.discovery(new URL(issuer), id, undefined, client.PrivateKeyJwt({ key, kid: jwk.kid }), {
    execute: [client.allowInsecureRequests],
  })
  const own = await client.clientCredentialsGrant(config)
  const service = JSON.parse(Buffer.from(own.access_token.split('.')[1], 'base64url')).sub
  const tokens = await client.authorizationCodeGrant(config, new URL(callback), {
    pkceCodeVerifier, expectedNonce: 'a-nonce', expectedState: 'a-state', idTokenExpected: true,
  })
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  const { sub } = await client.fetchUserInfo(config, refreshed.access_token, tokens.claims().sub)
  const { active } = await client.tokenIntrospection(config, refreshed.access_token)
  await client.tokenRevocation(config, refreshed.refresh_token)
  console.log(JSON.stringify({ service, sub, active }))
} catch (e) {
  console.log(JSON.stringify({ error: [e.code, e.message, e.error_description, e.cause?.message].join(': ') }))
}
