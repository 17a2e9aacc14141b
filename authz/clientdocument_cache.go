package authz

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"signet/authz/fetch"
	"signet/clients"
)

// Limits of what strangers can have this server fetch and remember.
const (
	// maxDocument bounds a document, in bytes. The draft recommends 5 kilobytes;
	// keys inline and names in other languages can take more.
	maxDocument = 10 << 10
	// maxDocuments bounds how many are remembered; the one that was used the
	// longest ago goes first.
	maxDocuments = 1000
	// A document is kept for as long as its headers say, within these bounds, and
	// for documentDefault when they say nothing.
	documentLeast   = 5 * time.Minute
	documentMost    = 24 * time.Hour
	documentDefault = 10 * time.Minute
	// documentRetry is how long the same address is not asked again after it has
	// failed. Nothing of the answer is kept but why it was no good.
	documentRetry = 30 * time.Second
	// fetchesPerMinute bounds the fetches for clients that nobody has allowed,
	// and fetchesPerAddress those that requests from one address cause.
	fetchesPerMinute  = 120
	fetchesPerAddress = 20
)

// clientDocument is what one fetch has brought: a client, or a fault.
type clientDocument struct {
	id   string
	body []byte
	// client is what the document says on its own.
	client clients.Client
	fault  *documentFault
	// fetched is when, and fresh until when it counts.
	fetched, fresh time.Time
	// synced says that the stored client agrees with it.
	synced bool
}

// documentFlight is a fetch that is under way; whoever wants the same document
// waits for it.
type documentFlight struct {
	done chan struct{}
	doc  *clientDocument
	err  error
}

// get returns a client's document, from the cache or from its host. known says
// that the client is stored: a stranger's is fetched only within the budget. It
// returns a *documentFault, or an *Error when the server is busy.
func (d *documentClients) get(ctx context.Context, id string, known bool) (*clientDocument, error) {
	d.mu.Lock()
	if doc := d.cache.get(id); doc != nil && d.now().Before(doc.fresh) {
		d.mu.Unlock()
		return doc.result()
	}
	flight, joined := d.flights[id]
	if !joined {
		if !known && !d.budget.take(d.now(), remoteOf(ctx)) {
			d.mu.Unlock()
			return nil, refuse(CodeTemporarilyUnavailable, "Too many apps that nobody has used here yet were asked for. Try again in a minute.").
				compared("at most "+strconv.Itoa(fetchesPerMinute)+" fetches a minute, "+strconv.Itoa(fetchesPerAddress)+" for one address", "one more, for "+clip(id))
		}
		flight = &documentFlight{done: make(chan struct{})}
		d.flights[id] = flight
	}
	d.mu.Unlock()
	if joined {
		select {
		case <-flight.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	} else {
		// Others wait for it too: it goes on when this visitor leaves.
		d.fly(context.WithoutCancel(ctx), id, known, flight)
	}
	if flight.err != nil {
		return nil, flight.err
	}
	return flight.doc.result()
}

func (doc *clientDocument) result() (*clientDocument, error) {
	if doc.fault != nil {
		return nil, doc.fault
	}
	return doc, nil
}

// fly fetches a document, remembers what came and lets those who wait go on.
func (d *documentClients) fly(ctx context.Context, id string, known bool, flight *documentFlight) {
	flight.err = refuse(CodeServerError, serverErrorText) // should the fetch panic
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.flights, id)
		if flight.doc != nil {
			flight.err = nil
			d.cache.put(flight.doc)
		}
		close(flight.done)
	}()
	doc := &clientDocument{id: id, fetched: d.now()}
	answer, err := d.fetch.Do(ctx, fetch.Request{URL: id, Header: http.Header{"Accept": {"application/json"}}, MaxBytes: maxDocument})
	switch {
	case errors.Is(err, fetch.ErrBusy): // nobody was asked
		flight.err = unreachable(err)
		return
	case err != nil:
		doc.fault = unreachable(err)
	default:
		doc.read(d, answer)
	}
	var said slog.Attr
	switch {
	case doc.fault == nil:
		doc.fresh = doc.fetched.Add(freshFor(answer.Header))
		said = slog.Duration("kept_for", doc.fresh.Sub(doc.fetched))
	case known && doc.fault.temporary:
		// The stored client stands in: no other request need wait for a host that
		// is down so soon.
		doc.fresh, said = d.now().Add(documentLeast), slog.String("fault", doc.fault.text)
	default:
		doc.fresh, said = d.now().Add(documentRetry), slog.String("fault", doc.fault.text)
	}
	d.log.LogAttrs(ctx, slog.LevelInfo, "client metadata document fetched", slog.String("client_id", id), said)
	flight.doc = doc
}

// read makes a client of an answer.
func (doc *clientDocument) read(d *documentClients, answer *fetch.Response) {
	err := readAnswer(answer)
	if err == nil {
		doc.body = answer.Body
		doc.client = clients.Client{ID: doc.id, UpdatedAt: doc.fetched}
		err = d.apply(&doc.client, doc.body)
	}
	if err == nil {
		return
	}
	if !errors.As(err, &doc.fault) {
		doc.fault = &documentFault{text: "it cannot be read", cause: err}
	}
}

func (d *documentClients) synced(doc *clientDocument) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return doc.synced
}

func (d *documentClients) setSynced(doc *clientDocument) {
	d.mu.Lock()
	defer d.mu.Unlock()
	doc.synced = true
}

// freshFor is how long an answer counts by its headers (RFC 9111, section 4.2),
// within our bounds.
func freshFor(h http.Header) time.Duration {
	life, told := documentDefault, false
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return documentLeast
		case "max-age":
			if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil {
				life, told = time.Duration(n)*time.Second, true
			}
		}
	}
	if told {
		if age, err := strconv.ParseInt(h.Get("Age"), 10, 32); err == nil && age > 0 {
			life -= time.Duration(age) * time.Second
		}
	} else if raw := h.Get("Expires"); raw != "" {
		life = 0 // one that cannot be read has passed (RFC 9111, section 5.3)
		expires, err := http.ParseTime(raw)
		date, errDate := http.ParseTime(h.Get("Date"))
		if err == nil && errDate == nil {
			life = expires.Sub(date)
		}
	}
	return min(max(life, documentLeast), documentMost)
}

// documentCache remembers the documents that were used last. Its owner locks.
type documentCache struct {
	byID map[string]*list.Element
	used *list.List // of *clientDocument, the last used one in front
}

func newDocumentCache() documentCache {
	return documentCache{byID: map[string]*list.Element{}, used: list.New()}
}

func (c *documentCache) get(id string) *clientDocument {
	at, ok := c.byID[id]
	if !ok {
		return nil
	}
	c.used.MoveToFront(at)
	return at.Value.(*clientDocument)
}

func (c *documentCache) put(doc *clientDocument) {
	if at, ok := c.byID[doc.id]; ok {
		at.Value = doc
		c.used.MoveToFront(at)
		return
	}
	c.byID[doc.id] = c.used.PushFront(doc)
	if c.used.Len() > maxDocuments {
		delete(c.byID, c.used.Remove(c.used.Back()).(*clientDocument).id)
	}
}

// fetchBudget counts, minute by minute, the fetches that strangers cause. Its
// owner locks.
type fetchBudget struct {
	since time.Time
	total int
	by    map[string]int
}

// take counts one fetch for a request from this address, if there is one left.
func (b *fetchBudget) take(now time.Time, remote string) bool {
	if b.by == nil || now.Sub(b.since) >= time.Minute {
		*b = fetchBudget{since: now, by: map[string]int{}}
	}
	if b.total >= fetchesPerMinute || b.by[remote] >= fetchesPerAddress {
		return false
	}
	b.total++
	b.by[remote]++
	return true
}
