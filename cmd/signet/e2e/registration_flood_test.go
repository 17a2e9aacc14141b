package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A thousand registrations a second for ten seconds, as documented:
//
//	go test ./cmd/signet/e2e -run TestRegistrationFlood -v -registrations-for 10s
var registrationsFor = flag.Duration("registrations-for", time.Second, "how long TestRegistrationFlood throws registrations at the server")

const (
	floodRate    = 1000 // registrations a second
	floodSenders = 50
)

// TestRegistrationFlood: whatever strangers throw at an open endpoint of a real
// process, what is stored stays within the limits, everything else is told when
// to come again, and apps get their tokens meanwhile.
func TestRegistrationFlood(t *testing.T) {
	minutes := (*registrationsFor + time.Second).Minutes()
	for _, c := range []struct {
		name    string
		from    func(n int) string
		environ map[string]string
		most    int
	}{
		{"from one address", func(int) string { return "192.0.2.1" }, nil, 10 + int(10*minutes) + 1},
		{"from ten thousand addresses", func(n int) string { return fmt.Sprintf("10.0.%d.%d", n/100%100, n%100) }, nil, 60 + int(60*minutes) + 1},
		{"with the rate limits off", func(n int) string { return fmt.Sprintf("10.0.%d.%d", n/100%100, n%100) },
			map[string]string{"SIGNET_REGISTRATION_PER_ADDRESS": "100000", "SIGNET_REGISTRATION_PER_MINUTE": "1000000"}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SIGNET_REGISTRATION_MODE", "open")
			t.Setenv("SIGNET_TRUSTED_PROXIES", "127.0.0.1")
			for name, value := range c.environ {
				t.Setenv(name, value)
			}
			in := newInstall(t)
			in.serve()
			job := newTokenProbe(t, in)
			alone := job.run(t, *registrationsFor, nil)
			f := &flood{url: in.URL + "/oauth2/register", from: c.from}
			meanwhile := job.run(t, *registrationsFor, f.run)
			f.check(t)

			out, stderr, _ := in.run("clients", "list", "--json")
			var all []struct{ Source string }
			if err := json.Unmarshal([]byte(out), &all); err != nil {
				t.Fatalf("%v\n%s", err, stderr)
			}
			stored := len(slices.DeleteFunc(all, func(c struct{ Source string }) bool { return c.Source != "dynamic" }))
			t.Logf("%d registrations in %s: %d stored, %d refused (429); token endpoint p50 %s alone, %s meanwhile; p99 %s alone, %s meanwhile: %.1f times",
				f.sent, registrationsFor, stored, f.statuses[http.StatusTooManyRequests], percentile(alone, 50), percentile(meanwhile, 50), percentile(alone, 99), percentile(meanwhile, 99),
				float64(percentile(meanwhile, 99))/float64(percentile(alone, 99)))
			if stored != f.statuses[http.StatusCreated] || stored > c.most || stored == 0 {
				t.Errorf("%d are stored and %d were answered with 201; want the same, and 1 to %d", stored, f.statuses[http.StatusCreated], c.most)
			}
		})
	}
}

// flood sends registrations and counts the answers.
type flood struct {
	url  string
	from func(n int) string

	mu       sync.Mutex
	sent     int
	statuses map[int]int
	faults   []string
}

// run sends until stop, at floodRate if the server keeps up.
func (f *flood) run(stop <-chan struct{}) {
	f.statuses = map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: floodSenders}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	tickets := make(chan int)
	var senders sync.WaitGroup
	for range floodSenders {
		senders.Go(func() {
			for n := range tickets {
				f.send(client, n)
			}
		})
	}
	begun := time.Now()
	for n := 0; ; n++ {
		due := begun.Add(time.Duration(n) * time.Second / floodRate)
		select {
		case <-stop:
			close(tickets)
			senders.Wait()
			return
		case <-time.After(time.Until(due)):
		}
		select {
		case tickets <- n:
		case <-stop:
		}
	}
}

func (f *flood) send(client *http.Client, n int) {
	req, err := http.NewRequest(http.MethodPost, f.url, strings.NewReader(`{"client_name":"Flood","redirect_uris":["https://flood.example.test/cb"],"token_endpoint_auth_method":"none"}`))
	if err != nil {
		f.note(0, err.Error())
		return
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("X-Forwarded-For", f.from(n))
	resp, err := client.Do(req)
	if err != nil {
		f.note(0, err.Error())
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusCreated:
		f.note(resp.StatusCode, "")
	case resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "":
		f.note(resp.StatusCode, "")
	default:
		f.note(resp.StatusCode, fmt.Sprintf("%d, Retry-After %q: %s", resp.StatusCode, resp.Header.Get("Retry-After"), body))
	}
}

func (f *flood) note(status int, fault string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	f.statuses[status]++
	if fault != "" && len(f.faults) < 5 {
		f.faults = append(f.faults, fault)
	}
}

// check fails for every answer that was neither a registration nor a 429.
func (f *flood) check(t *testing.T) {
	t.Helper()
	for _, fault := range f.faults {
		t.Errorf("answered with %s", fault)
	}
}

// tokenProbe asks for tokens, one after the other, as an app does.
type tokenProbe struct{ url, secret string }

func newTokenProbe(t *testing.T, in *install) tokenProbe {
	t.Helper()
	out, stderr, code := in.run("clients", "create", "--id", "job", "--grant", "client_credentials", "--scope", "reports.read", "--json")
	var c struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 {
		t.Fatalf("clients create: exit %d, %v\n%s", code, err, stderr)
	}
	return tokenProbe{in.URL + "/oauth2/token", c.Secret}
}

// run asks for so long, while beside runs, and returns how long each answer
// took, sorted.
func (p tokenProbe) run(t *testing.T, d time.Duration, beside func(stop <-chan struct{})) []time.Duration {
	t.Helper()
	stop := make(chan struct{})
	var other sync.WaitGroup
	if beside != nil {
		other.Go(func() { beside(stop) })
	}
	var took []time.Duration
	for begun := time.Now(); time.Since(begun) < d || len(took) < 100; {
		asked := time.Now()
		resp, err := http.PostForm(p.url, url.Values{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {p.secret}})
		if err != nil {
			t.Error(err)
			break
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		took = append(took, time.Since(asked))
		if resp.StatusCode != http.StatusOK {
			t.Errorf("token: %d %s", resp.StatusCode, body)
			break
		}
	}
	close(stop)
	other.Wait()
	slices.Sort(took)
	return took
}

// percentile is one of sorted times.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)].Round(10 * time.Microsecond)
}
