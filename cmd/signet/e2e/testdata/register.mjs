// An app that has nothing but the issuer's URL: it registers itself with the
// openid-client package and signs a person in. It reads one JSON object a line
// from standard input: {"metadata": …, "token": …} is answered with {"client_id",
// "url"}, where the person has to go; {"callback": …} with {"sub"}, as userinfo
// has it. Anything that fails is {"error": …}.
//
//   node register.mjs ISSUER
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const client = require('openid-client')
const [issuer] = process.argv.slice(2)
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const pkceCodeVerifier = client.randomPKCECodeVerifier()
let config

async function register({ metadata, token }) {
  config = await client.dynamicClientRegistration(new URL(issuer), metadata, undefined, {
    initialAccessToken: token, execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: metadata.redirect_uris[0], scope: config.clientMetadata().scope, state: expectedState, nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
  })
  return { client_id: config.clientMetadata().client_id, url: url.href }
}

async function finish({ callback }) {
  const tokens = await client.authorizationCodeGrant(config, new URL(callback), { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true })
  const again = tokens.refresh_token ? await client.refreshTokenGrant(config, tokens.refresh_token) : tokens
  const { sub } = await client.fetchUserInfo(config, again.access_token, tokens.claims().sub)
  return { sub, refreshed: again !== tokens }
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line)
  try {
    console.log(JSON.stringify(await (question.callback ? finish(question) : register(question))))
  } catch (e) {
    console.log(JSON.stringify({ error: [e.code, e.message, e.cause?.message ?? JSON.stringify(e.cause)].join(': ') }))
  }
}
