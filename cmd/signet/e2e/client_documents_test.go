package e2e

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

// An app that nobody has registered signs in with the URL of its document.
// Nothing is stored before the person allows it; then it is known everywhere,
// also where its host cannot be reached.
func TestClientDocument(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted, func(c *config.Config) { c.Registration.Audiences = []string{testAPI} })
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	if m := i.send(t, http.MethodGet, "/.well-known/openid-configuration", "", "", nil); m.Body["client_id_metadata_document_supported"] != true {
		t.Errorf("the metadata does not say so: %s", m.Raw)
	}

	before := i.stored(t)
	ada := newBrowser(t)
	verifier, challenge := pkcePair(t)
	target := i.documentURL(id, challenge, nil)
	p := ada.get(target)
	p = ada.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if p.byID("allow") == nil {
		t.Fatalf("was not asked: %d\n%s", p.Status, p.Body)
	}
	published, err := url.Parse(host.URL)
	if err != nil {
		t.Fatal(err)
	}
	if n := p.byID("client-host"); n == nil || !strings.Contains(p.Body, "<strong>"+published.Host+"</strong>") {
		t.Errorf("the page does not say who published the app:\n%s", p.Body)
	}
	if p.byID("device-warning") != nil {
		t.Error("a warning of this device, though the answer goes to a website")
	}
	if now := i.stored(t); now != before {
		t.Errorf("%d clients are stored before anyone has allowed one, %d before", now, before)
	}
	denied := ada.submit(p, "deny", nil)
	if denied.param("error") != "access_denied" || i.stored(t) != before {
		t.Errorf("denied: %s, %d clients", denied.Location, i.stored(t))
	}

	p = ada.get(target)
	code := ada.submit(p, "allow", nil).param("code")
	if c := i.storedDocument(t, id); c.Source != clients.SourceDocument || !c.Public() || c.FirstParty || c.Name != "Agent Smith" {
		t.Errorf("stored as %+v", c)
	}
	tokens := i.exchange(t, id, "", code, verifier)
	if tokens.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", tokens.Status, tokens.Raw)
	}
	if aud := decodeSegment(t, tokens.str("access_token"), 1)["aud"]; aud != testAPI {
		t.Errorf("aud is %v", aud)
	}
	if p := ada.get(target); p.byID("allow") == nil {
		t.Errorf("the second time nobody is asked: %d %s", p.Status, p.Location)
	}
	if p := ada.get(i.documentURL(id, challenge, map[string]string{"prompt": "none"})); p.param("error") != "consent_required" {
		t.Errorf("prompt=none: %s", p.Location)
	}
	if n := host.fetches("/client.json"); n != 1 {
		t.Errorf("the document was fetched %d times", n)
	}

	// Another node, and no document any more.
	host.Close()
	other := start(t, host.trusted, func(c *config.Config) {
		c.DataDir, c.Database = i.Dir, "sqlite:"+filepath.Join(i.Dir, "signet.db")
		c.Registration.Audiences = []string{testAPI}
	})
	again := other.refresh(t, id, "", tokens.str("refresh_token"))
	if again.Status != http.StatusOK {
		t.Fatalf("refresh at another node: %d %s", again.Status, again.Raw)
	}
	other.signInTo(t, newBrowser(t), "ada", id, nil)
	// A week on, nobody vouches for it any more; what was granted goes on.
	other.clock.Advance(8 * 24 * time.Hour)
	newBrowser(t).get(other.documentURL(id, challenge, nil)).wantErrorPage(t)
	if a := other.refresh(t, id, "", again.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("refresh after a week: %d %s", a.Status, a.Raw)
	}
}

// An agent on the person's own device: any port, and a warning.
func TestClientDocumentOnThisDevice(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/agent.json", nil)
	_, challenge := pkcePair(t)
	b := newBrowser(t)
	const callback = "http://localhost:49152/callback"
	p := b.get(i.documentURL(id, challenge, map[string]string{"redirect_uri": callback}))
	p = b.submit(p, "sign-in", map[string]string{"username": "ada", "password": testPassword})
	if p.byID("device-warning") == nil {
		t.Errorf("no warning:\n%s", p.Body)
	}
	if p = b.submit(p, "allow", nil); p.param("code") == "" || !strings.HasPrefix(p.Location.String(), callback+"?") {
		t.Errorf("%d %s", p.Status, p.Location)
	}
}

// The document changes after a person has allowed the app: what it no longer
// says is refused, what it newly says counts, what an operator set stays.
func TestClientDocumentChanges(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	ada := newBrowser(t)
	tokens := i.signInTo(t, ada, "ada", id, nil)
	i.change(t, id, func(c *clients.Client) { c.AllowedGroups = []string{"staff"} })

	const moved = "https://app.example.test/moved"
	host.publish("/client.json", map[string]any{"redirect_uris": []string{moved}, "client_name": "Agent Jones"})
	i.clock.Advance(11 * time.Minute) // longer than a document without headers counts
	_, challenge := pkcePair(t)
	ada.get(i.documentURL(id, challenge, nil)).wantErrorPage(t)
	if p := ada.get(i.documentURL(id, challenge, map[string]string{"redirect_uri": moved})); p.byID("allow") == nil || !strings.Contains(p.Body, "Agent Jones") {
		t.Errorf("the new redirect URI: %d\n%s", p.Status, p.Body)
	}
	c := i.storedDocument(t, id)
	if !slices.Equal(c.RedirectURIs, []string{moved}) || c.Name != "Agent Jones" || !slices.Equal(c.AllowedGroups, []string{"staff"}) {
		t.Errorf("stored as %+v", c)
	}
	if log := i.log.String(); !strings.Contains(log, `"event":"client_document_changed"`) || !strings.Contains(log, `"fields":"client_name redirect_uris"`) {
		t.Errorf("the log does not tell of the change:\n%s", log)
	}

	// It is withdrawn: no new sign-ins, and what was granted goes on.
	host.serve("/client.json", http.NotFound)
	i.clock.Advance(11 * time.Minute)
	ada.get(i.documentURL(id, challenge, map[string]string{"redirect_uri": moved})).wantErrorPage(t)
	if a := i.refresh(t, id, "", tokens.str("refresh_token")); a.Status != http.StatusOK {
		t.Errorf("refresh: %d %s", a.Status, a.Raw)
	}
}

// An operator stops an app, whatever its document says.
func TestClientDocumentDisabled(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	ada := newBrowser(t)
	tokens := i.signInTo(t, ada, "ada", id, nil)
	i.change(t, id, func(c *clients.Client) { c.Disabled = true })
	host.publish("/client.json", map[string]any{"client_name": "Agent Jones", "disabled": false})
	i.clock.Advance(11 * time.Minute)
	_, challenge := pkcePair(t)
	ada.get(i.documentURL(id, challenge, nil)).wantErrorPage(t)
	i.refresh(t, id, "", tokens.str("refresh_token")).wantRefused(t, http.StatusUnauthorized, "invalid_client")
	if !i.storedDocument(t, id).Disabled {
		t.Error("the document has enabled it again")
	}
}

// A client_id that is a URL and that an operator has registered is what was
// registered: nothing is fetched.
func TestRegisteredURLIsNotFetched(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	i.webApp(t, id, public, firstParty)
	i.signInTo(t, newBrowser(t), "ada", id, nil)
	if n := host.fetches(); n != 0 {
		t.Errorf("%d fetches", n)
	}
}

// Switched off, URLs are unknown clients, also those that were allowed before.
func TestClientDocumentsOff(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	tokens := i.signInTo(t, newBrowser(t), "ada", id, nil)
	fetched := host.fetches()

	off := start(t, host.trusted, func(c *config.Config) {
		c.DataDir, c.Database = i.Dir, "sqlite:"+filepath.Join(i.Dir, "signet.db")
		c.ClientDocuments.Enabled = false
	})
	if m := off.send(t, http.MethodGet, "/.well-known/openid-configuration", "", "", nil); m.Body["client_id_metadata_document_supported"] == true {
		t.Errorf("the metadata promises it: %s", m.Raw)
	}
	_, challenge := pkcePair(t)
	for _, client := range []string{id, host.publish("/other.json", nil)} {
		newBrowser(t).get(off.documentURL(client, challenge, nil)).wantErrorPage(t)
	}
	off.refresh(t, id, "", tokens.str("refresh_token")).wantRefused(t, http.StatusUnauthorized, "invalid_client")
	if host.fetches() != fetched {
		t.Error("a document was fetched")
	}
}
