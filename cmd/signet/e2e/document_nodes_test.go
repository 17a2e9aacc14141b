package e2e

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

// A node that has seen an older document does not take a client back to it.
func TestClientDocumentOnTwoNodes(t *testing.T) {
	host := newDocumentHost(t)
	a := start(t, host.trusted)
	b := start(t, host.trusted, func(c *config.Config) {
		c.DataDir, c.Database = a.Dir, "sqlite:"+filepath.Join(a.Dir, "signet.db")
	})
	a.person(t, "ada")
	id := host.publish("/client.json", nil)
	_, challenge := pkcePair(t)
	if p := newBrowser(t).get(a.documentURL(id, challenge, nil)); p.byID("sign-in") == nil {
		t.Fatalf("%d\n%s", p.Status, p.Body)
	}
	const moved = "https://app.example.test/moved"
	host.publish("/client.json", map[string]any{"redirect_uris": []string{moved}})
	newBrowser(t).authorize(b.documentURL(id, challenge, map[string]string{"redirect_uri": moved}), "ada")
	newBrowser(t).authorize(a.documentURL(id, challenge, map[string]string{"redirect_uri": moved}), "ada")
	newBrowser(t).get(a.documentURL(id, challenge, nil)).wantErrorPage(t)
	if c := a.storedDocument(t, id); !slices.Equal(c.RedirectURIs, []string{moved}) {
		t.Errorf("the row has gone back to %v", c.RedirectURIs)
	}
}

// While the document's host is down, an app that people have allowed goes on,
// and the host is not asked at every request.
func TestClientDocumentHostIsDown(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	ada := newBrowser(t)
	tokens := i.signInTo(t, ada, "ada", id, nil)
	host.serve("/client.json", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	i.clock.Advance(11 * time.Minute)
	fetched := host.fetches()
	for range 3 {
		tokens = i.refresh(t, id, "", tokens.str("refresh_token"))
		if tokens.Status != http.StatusOK {
			t.Fatalf("refresh: %d %s", tokens.Status, tokens.Raw)
		}
		i.signInTo(t, ada, "ada", id, nil)
		i.clock.Advance(time.Minute)
	}
	if n := host.fetches() - fetched; n != 1 {
		t.Errorf("the host was asked %d times", n)
	}
	// To somebody new it is an app that nobody vouches for.
	host.serve("/other.json", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_, challenge := pkcePair(t)
	ada.get(i.documentURL(host.URL+"/other.json", challenge, nil)).wantErrorPage(t)
}

// Its tokens cost the database what those of a registered client cost.
func TestClientDocumentCostsNoQuery(t *testing.T) {
	host := newDocumentHost(t)
	i := start(t, host.trusted)
	i.person(t, "ada")
	id := host.publish("/client.json", nil)
	i.webApp(t, "app", public)
	ada := newBrowser(t)
	cost := func(id string) (reads, writes int) {
		tokens := i.signInTo(t, ada, "ada", id, nil)
		i.refresh(t, id, "", tokens.str("refresh_token")) // what is looked up once has been
		tokens = i.signInTo(t, ada, "ada", id, nil)
		i.queries.take()
		if a := i.refresh(t, id, "", tokens.str("refresh_token")); a.Status != http.StatusOK {
			t.Fatalf("refresh: %d %s", a.Status, a.Raw)
		}
		r, w := i.queries.take()
		return len(r), len(w)
	}
	reads, writes := cost("app")
	if r, w := cost(id); r != reads || w != writes {
		t.Errorf("a refresh makes %d reads and %d writes, that of a registered client %d and %d", r, w, reads, writes)
	}
	if c := i.storedDocument(t, id); c.Source != clients.SourceDocument {
		t.Errorf("stored as %+v", c)
	}
}
