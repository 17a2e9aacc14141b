package authz

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// statusLookEvery is how often a node asks the database what others have
	// revoked, and only when it is asked itself.
	statusLookEvery = time.Second
	// statusLookFor is how long that may take.
	statusLookFor = 5 * time.Second
)

// published is a document, and who may bring it up to date.
type published struct {
	mu  sync.Mutex
	doc atomic.Pointer[document]
}

// document is what one endpoint answers. It does not change once it is
// published.
type document struct {
	// refusal is the answer when there is no list.
	refusal     *Error
	contentType string
	// body is also there compressed, if that is any shorter.
	body, gzipped []byte
	etag          string
	// expires is when body says nothing any more.
	expires time.Time

	// list and revoked are what body was made of, and lst is revoked as it
	// stands there. resign is when body has to be made anew in any case, and
	// keys is the ETag of the JWKS it goes with.
	list    StatusList
	revoked []int
	lst     string
	resign  time.Time
	keys    string

	// looked is when the database was asked, and revocations how many there
	// had been on this node.
	looked      time.Time
	revocations int64
}

// builder makes the next version of a document, or returns the old one.
type builder func(ctx context.Context, old *document, now time.Time) (*document, error)

func (l *statusLists) serve(w http.ResponseWriter, r *http.Request, d *published, build builder) {
	now := l.p.now()
	doc, err := l.current(r.Context(), d, now, build)
	if err == nil && doc.refusal != nil {
		err = doc.refusal
	}
	if err != nil {
		if e := asError(err); e.Code == CodeServerError {
			err = refuse(CodeTemporarilyUnavailable, "The status list cannot be read at the moment. Try again.").because(err)
		}
		l.p.writeError(w, r, err)
		return
	}
	h := w.Header()
	age := min(l.ttl, doc.expires.Sub(now)).Truncate(time.Second)
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", age/time.Second))
	h.Set("Access-Control-Allow-Origin", "*") // section 8.1
	h.Set("Content-Type", doc.contentType)
	body, etag := doc.body, doc.etag
	if doc.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header) {
			h.Set("Content-Encoding", "gzip")
			body, etag = doc.gzipped, doc.etag+"-gzip" // another representation (RFC 9110, section 8.8.3.3)
		}
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body)) // answers If-None-Match
}

func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(h.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.TrimSpace(name) == "gzip" {
			return !strings.HasPrefix(strings.ReplaceAll(weight, " ", ""), "q=0") || strings.ContainsAny(weight, "123456789")
		}
	}
	return false
}

// current returns the document of now. One request at a time asks the database
// and makes the next version; meanwhile others get the one that is there, unless
// this node has revoked something since.
func (l *statusLists) current(ctx context.Context, d *published, now time.Time, build builder) (*document, error) {
	revocations := l.revocations.Load()
	doc := d.doc.Load()
	if doc.fresh(now, revocations) {
		return doc, nil
	}
	if doc == nil || doc.revocations != revocations || !now.Before(doc.expires) {
		d.mu.Lock()
	} else if !d.mu.TryLock() {
		return doc, nil
	}
	defer d.mu.Unlock()
	revocations = l.revocations.Load() // before the database is read
	if doc = d.doc.Load(); doc.fresh(now, revocations) {
		return doc, nil
	}
	// What is read serves others too, should the one who asks now be gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusLookFor)
	defer cancel()
	next, err := build(ctx, doc, now)
	if err != nil {
		if doc == nil || !now.Before(doc.expires) {
			return nil, err
		}
		l.p.cfg.Logger.LogAttrs(ctx, slog.LevelError, "a status list could not be brought up to date; going on with the one in memory",
			slog.Time("until", doc.expires), slog.Any("error", err))
		next = doc
	}
	seen := *next
	seen.looked, seen.revocations = now, revocations
	d.doc.Store(&seen)
	return &seen, nil
}

// fresh reports whether nothing has to be asked before d is served. The clock
// may have been set back.
func (d *document) fresh(now time.Time, revocations int64) bool {
	return d != nil && d.revocations == revocations && now.Before(d.expires) && now.Sub(d.looked).Abs() < statusLookEvery
}

func compress(data []byte, format func(io.Writer) io.WriteCloser) ([]byte, error) {
	var b bytes.Buffer
	w := format(&b)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("compress a status list: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress a status list: %w", err)
	}
	return b.Bytes(), nil
}

// newDocument compresses a body once for all who ask for it. Base64 leaves a
// quarter to gain (Token Status List, section 8.2).
func newDocument(contentType string, body []byte) (*document, error) {
	sum := sha256.Sum256(body)
	d := &document{contentType: contentType, body: body, etag: base64.RawURLEncoding.EncodeToString(sum[:16])}
	gzipped, err := compress(body, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	if err != nil {
		return nil, err
	}
	if len(gzipped) < len(body) {
		d.gzipped = gzipped
	}
	return d, nil
}
