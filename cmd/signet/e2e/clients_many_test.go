package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// The whole of it, with as many clients as it is meant for:
//
//	go test ./cmd/signet/e2e -run - -bench TokenByClients -benchtime 2000x -clients 100000
var manyClients = flag.Int("clients", 1000, "how many clients BenchmarkTokenByClients and TestManyClients store")

// TestManyClients: a server with many clients starts, finds each of them, and
// answers a token request with the same few queries.
func TestManyClients(t *testing.T) {
	i := start(t)
	ids, secret := i.jobs(t, *manyClients)
	i.queries.take()
	i.jobToken(t, http.DefaultClient, ids[0], secret)
	first, _ := i.queries.take()
	i.jobToken(t, http.DefaultClient, ids[len(ids)-1], secret)
	if reads, writes := i.queries.take(); len(reads) != len(first) || len(writes) != 0 {
		t.Errorf("%d reads and %d writes for the last client, %d reads for the first", len(reads), len(writes), len(first))
	}
}

// BenchmarkTokenByClients: a token costs as much among a hundred thousand
// clients as among ten. Both servers run at once and take turns, so that what
// else the machine does hits both alike.
func BenchmarkTokenByClients(b *testing.B) {
	type side struct {
		*issuer
		ids    []string
		secret string
		took   []time.Duration
	}
	var sides []*side
	for _, n := range []int{10, *manyClients} {
		s := &side{issuer: start(b)}
		s.ids, s.secret = s.jobs(b, n)
		sides = append(sides, s)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	defer client.CloseIdleConnections()
	n := 0
	for b.Loop() {
		for _, s := range sides {
			began := time.Now()
			// Another client each time: a cache of the last one would tell nothing.
			s.jobToken(b, client, s.ids[n*7919%len(s.ids)], s.secret)
			s.took = append(s.took, time.Since(began))
		}
		n++
	}
	p50 := func(s *side) float64 {
		slices.Sort(s.took)
		return float64(s.took[len(s.took)/2].Microseconds())
	}
	few, many := p50(sides[0]), p50(sides[1])
	b.ReportMetric(few, "p50-µs-of-10")
	b.ReportMetric(many, fmt.Sprintf("p50-µs-of-%d", *manyClients))
	b.ReportMetric(many/few, "ratio")
}

// jobs stores n clients that speak for themselves, all with one secret.
func (i *issuer) jobs(t testing.TB, n int) (ids []string, secret string) {
	t.Helper()
	plain, hashed, err := clients.NewSecret(nil, i.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for k := range n {
		c := clients.Client{
			ID: fmt.Sprintf("job-%06d", k), Name: "Job", Secrets: []clients.Secret{hashed}, Source: clients.SourceCLI,
			GrantTypes: []string{clients.GrantClientCredentials}, Scopes: []string{"photos.read"}, Audiences: []string{testAPI},
			CreatedAt: i.clock.Now().UTC(), UpdatedAt: i.clock.Now().UTC(),
		}
		if err := i.Store.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	return ids, plain
}

// jobToken gets a client's token for itself over client.
func (i *issuer) jobToken(t testing.TB, client *http.Client, id, secret string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+"/oauth2/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth(id, secret)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", id, resp.StatusCode)
	}
}
