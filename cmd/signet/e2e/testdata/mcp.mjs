// An agent, written with the MCP SDK: all that it knows is the URL of an MCP
// server. It reads a command a line, as JSON, and answers with a line:
//
//   {"do": "connect"}            → {"authorize": URL} when a person has to sign in
//   {"do": "finish", "code": …}  → {"tool": …, "client_id": …, "tokens": …}
//   {"do": "call"}               → {"tool": …, "client_id": …, "tokens": …}
//
//   node mcp.mjs MCP_SERVER REDIRECT_URI [CLIENT_METADATA_URL]
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(process.env.SIGNET_NODE_MODULES + '/')
const { Client } = require('@modelcontextprotocol/sdk/client/index.js')
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js')
const { UnauthorizedError } = require('@modelcontextprotocol/sdk/client/auth.js')
const [server, redirectUrl, clientMetadataUrl] = process.argv.slice(2)

let clientInformation, tokens, codeVerifier, authorize
const provider = {
  redirectUrl,
  clientMetadataUrl,
  clientMetadata: {
    client_name: 'Agent Smith', redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  },
  state: () => 'a-state',
  clientInformation: () => clientInformation,
  saveClientInformation: (v) => { clientInformation = v },
  tokens: () => tokens,
  saveTokens: (v) => { tokens = v },
  redirectToAuthorization: (url) => { authorize = url.href },
  saveCodeVerifier: (v) => { codeVerifier = v },
  codeVerifier: () => codeVerifier,
}

let client, transport
const connect = async () => {
  client = new Client({ name: 'agent-smith', version: '1' })
  transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: provider })
  await client.connect(transport)
}
const call = async () => {
  const result = await client.callTool({ name: 'whoami', arguments: {} })
  return { tool: result.content[0].text, client_id: clientInformation.client_id, tokens }
}
const steps = {
  connect: async () => {
    try {
      await connect()
    } catch (e) {
      if (e instanceof UnauthorizedError) return { authorize }
      throw e
    }
    return call()
  },
  finish: async ({ code }) => {
    await transport.finishAuth(code)
    await connect()
    return call()
  },
  call,
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  let answer
  try {
    answer = await steps[command.do](command)
  } catch (e) {
    answer = { error: [e.name, e.code, e.message, e.cause?.message].join(': ') }
  }
  console.log(JSON.stringify(answer))
}
process.exit(0)
