package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"signet/clients"
	"signet/cmd/signet/config"
)

const (
	mcpScope    = "mcp:tools"
	mcpCallback = "http://127.0.0.1:49152/callback"
)

// mcpServer is an MCP server with one tool, whoami, that asks for a token of
// the issuer and verifies it by the published keys alone.
type mcpServer struct {
	*httptest.Server
	t      *testing.T
	issuer string

	mu       sync.Mutex
	verify   *oidc.IDTokenVerifier
	expelled map[string]bool
}

func newMCPServer(t *testing.T) *mcpServer {
	m := &mcpServer{t: t, expelled: map[string]bool{}}
	mux := http.NewServeMux()
	// RFC 9728, section 3.1: the path of the resource goes after the well-known one.
	mux.HandleFunc("GET /.well-known/oauth-protected-resource/mcp", func(w http.ResponseWriter, _ *http.Request) {
		m.json(w, http.StatusOK, map[string]any{
			"resource": m.resource(), "authorization_servers": []string{m.issuer},
			"scopes_supported": []string{mcpScope, "offline_access"}, "bearer_methods_supported": []string{"header"},
		})
	})
	mux.HandleFunc("POST /mcp", m.serve)
	m.Server = httptest.NewServer(mux)
	t.Cleanup(m.Close)
	return m
}

func (m *mcpServer) resource() string { return m.URL + "/mcp" }

// trusts points the MCP server at its authorization server.
func (m *mcpServer) trusts(i *issuer) {
	m.issuer = i.URL
	keys := oidc.NewRemoteKeySet(m.t.Context(), i.URL+"/.well-known/jwks.json")
	m.verify = oidc.NewVerifier(i.URL, keys, &oidc.Config{ClientID: m.resource()}) // `aud` is this resource
}

// expel no longer takes a token, as if it had expired.
func (m *mcpServer) expel(token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expelled[token] = true
}

func (m *mcpServer) json(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (m *mcpServer) serve(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	m.mu.Lock()
	expelled := m.expelled[token]
	m.mu.Unlock()
	verified, err := m.verify.Verify(r.Context(), token)
	if err != nil || expelled {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="invalid_token", resource_metadata="%s/.well-known/oauth-protected-resource/mcp"`, m.URL))
		m.json(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	var call struct {
		ID     any
		Method string
		Params struct{ ProtocolVersion string }
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		m.json(w, http.StatusBadRequest, map[string]any{})
		return
	}
	var result map[string]any
	switch call.Method {
	case "initialize":
		result = map[string]any{"protocolVersion": call.Params.ProtocolVersion, "capabilities": map[string]any{"tools": map[string]any{}},
			"serverInfo": map[string]any{"name": "whoami", "version": "1"}}
	case "tools/call":
		result = map[string]any{"content": []any{map[string]any{"type": "text", "text": verified.Subject}}}
	default: // a notification
		w.WriteHeader(http.StatusAccepted)
		return
	}
	m.json(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": call.ID, "result": result})
}

// agentAnswer is what testdata/mcp.mjs says.
type agentAnswer struct {
	Authorize, Tool, Error string
	ClientID               string `json:"client_id"`
	Tokens                 struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		Scope        string
	}
}

// agent is the MCP SDK's client in a Node process.
type agent struct {
	t   *testing.T
	ask asker
}

func newAgent(t *testing.T, args ...string) *agent {
	return &agent{t, askNode(t, "@modelcontextprotocol/sdk", "mcp.mjs", args...)}
}

func (a *agent) do(command map[string]string) (answer agentAnswer) {
	a.t.Helper()
	if err := a.ask(command, &answer); err != nil {
		a.t.Fatal(err)
	}
	if answer.Error != "" {
		a.t.Fatalf("%s: %s", command["do"], answer.Error)
	}
	return answer
}

// agentIssuer is a server that lets agents in for one MCP server.
func agentIssuer(t *testing.T, m *mcpServer, configure ...func(*config.Config)) *issuer {
	i := start(t, append(configure, func(c *config.Config) {
		c.Scopes = map[string]string{mcpScope: "Use the tools"}
		c.Registration.Scopes = []string{mcpScope, "offline_access"}
		c.Registration.Audiences = []string{m.resource()}
	})...)
	m.trusts(i)
	return i
}

// runAgent has the agent connect, ada sign in and allow it, its tool called, and
// its token refreshed; it returns what the agent had at the end.
func runAgent(t *testing.T, i *issuer, m *mcpServer, a *agent) agentAnswer {
	t.Helper()
	ada := i.person(t, "ada")
	begun := a.do(map[string]string{"do": "connect"})
	target, err := url.Parse(begun.Authorize)
	if err != nil || target.Query().Get("resource") != m.resource() || target.Query().Get("code_challenge_method") != "S256" {
		t.Fatalf("the agent sends the person to %s", begun.Authorize)
	}
	b := newBrowser(t)
	p := b.get(begun.Authorize)
	p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if p.byID("allow") == nil {
		t.Fatalf("nobody was asked: %d\n%s", p.Status, p.Body)
	}
	p = b.submit(p, "allow", nil)
	if p.param("code") == "" || p.param("iss") != i.URL {
		t.Fatalf("%d %s", p.Status, p.Location)
	}
	first := a.do(map[string]string{"do": "finish", "code": p.param("code")})
	if first.Tool != ada.ID {
		t.Errorf("the tool says %q, want %s", first.Tool, ada.ID)
	}
	if aud := decodeSegment(t, first.Tokens.AccessToken, 1)["aud"]; aud != m.resource() {
		t.Errorf("aud is %v, want %s", aud, m.resource())
	}
	m.expel(first.Tokens.AccessToken)
	second := a.do(map[string]string{"do": "call"})
	if second.Tool != ada.ID || second.Tokens.AccessToken == first.Tokens.AccessToken || second.Tokens.RefreshToken == first.Tokens.RefreshToken {
		t.Errorf("after a refresh: %+v", second)
	}
	if aud := decodeSegment(t, second.Tokens.AccessToken, 1)["aud"]; aud != m.resource() {
		t.Errorf("aud is %v after a refresh, want %s", aud, m.resource())
	}
	return second
}

// An agent that knows nothing but the MCP server's URL signs in by the document
// that its makers publish.
func TestMCPWithClientDocument(t *testing.T) {
	host, m := newDocumentHost(t), newMCPServer(t)
	i := agentIssuer(t, m, host.trusted)
	id := host.publish("/agent.json", map[string]any{"redirect_uris": []string{"http://127.0.0.1/callback"}})
	got := runAgent(t, i, m, newAgent(t, m.resource(), mcpCallback, id))
	if got.ClientID != id {
		t.Errorf("the agent has the client_id %s", got.ClientID)
	}
	if c := i.storedDocument(t, id); c.Source != clients.SourceDocument {
		t.Errorf("stored as %+v", c)
	}
}

// The same where the issuer has a path.
func TestMCPWithPathInIssuer(t *testing.T) {
	host, m := newDocumentHost(t), newMCPServer(t)
	i := agentIssuer(t, m, host.trusted, func(c *config.Config) { c.Issuer += "/tenant" })
	id := host.publish("/agent.json", map[string]any{"redirect_uris": []string{"http://127.0.0.1/callback"}})
	runAgent(t, i, m, newAgent(t, m.resource(), mcpCallback, id))
}

// An agent without a document registers itself.
func TestMCPWithDynamicRegistration(t *testing.T) {
	m := newMCPServer(t)
	i := agentIssuer(t, m, openRegistration)
	got := runAgent(t, i, m, newAgent(t, m.resource(), mcpCallback))
	all, err := i.Store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := slices.IndexFunc(all, func(c clients.Client) bool { return c.ID == got.ClientID }); n < 0 || all[n].Source != clients.SourceDynamic {
		t.Errorf("the client %s is not stored as one that registered itself", got.ClientID)
	}
}

// openRegistration lets anybody register a client.
func openRegistration(c *config.Config) { c.Registration.Mode = "open" }

// Every place where a client of some kind looks for the metadata (RFC 8414,
// section 3.1; OpenID Connect Discovery, section 4.1; MCP Authorization).
func TestMetadataIsFoundEverywhere(t *testing.T) {
	for path, places := range map[string][]string{
		"": {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"},
		"/tenant": {
			"/.well-known/oauth-authorization-server/tenant", // RFC 8414
			"/.well-known/openid-configuration/tenant",       // RFC 8414, section 5
			"/tenant/.well-known/openid-configuration",       // OpenID Connect Discovery
			"/tenant/.well-known/oauth-authorization-server", // what some clients take RFC 8414 for
			"/.well-known/oauth-authorization-server",        // older MCP clients look at the root alone
			"/.well-known/openid-configuration",
		},
	} {
		var root string
		i := start(t, func(c *config.Config) { root = c.Issuer; c.Issuer += path })
		var first string
		for _, place := range places {
			a := do(t, mustRequest(t, root+place))
			if a.Status != http.StatusOK || a.str("issuer") != i.URL || a.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: %d %s", place, a.Status, a.Raw)
			}
			if first == "" {
				first = a.Raw
			}
			if a.Raw != first {
				t.Errorf("%s has another document", place)
			}
			for _, name := range []string{"client_id_metadata_document_supported", "authorization_response_iss_parameter_supported"} {
				if a.Body[name] != true {
					t.Errorf("%s: %s is %v", place, name, a.Body[name])
				}
			}
			if methods, _ := a.Body["token_endpoint_auth_methods_supported"].([]any); !slices.Contains(methods, any("none")) {
				t.Errorf("%s: methods are %v", place, methods)
			}
		}
	}
}

// Some libraries write a slash after a bare host, whatever the MCP server calls
// itself: `aud` is what the operator has written.
func TestResourceOfABareHost(t *testing.T) {
	host := newDocumentHost(t)
	const resource = "https://mcp.example.test"
	i := start(t, host.trusted, func(c *config.Config) { c.Registration.Audiences = []string{resource} })
	i.person(t, "ada")
	id := host.publish("/agent.json", nil)
	ada := newBrowser(t)
	a := i.signInTo(t, ada, "ada", id, map[string]string{"resource": resource + "/"})
	if aud := decodeSegment(t, a.str("access_token"), 1)["aud"]; aud != resource {
		t.Errorf("aud is %v", aud)
	}
	_, challenge := pkcePair(t)
	for _, other := range []string{resource + "//", resource + "/x", "http://mcp.example.test/", resource + ".evil.test/", resource + "/?", "https://mcp.example.test:443/"} {
		ada.get(i.documentURL(id, challenge, map[string]string{"resource": other})).wantErrorRedirect(t, i.URL, testCallback, "invalid_target", "a-state")
	}
}
