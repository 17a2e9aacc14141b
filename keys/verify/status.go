package verify

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// status is the status claim of a token (Token Status List, section 6.1).
type status struct {
	StatusList *statusReference `json:"status_list"`
}

// statusReference says where the status of a token stands.
type statusReference struct {
	Index *uint64 `json:"idx"`
	URI   string  `json:"uri"`
}

const (
	// maxLists is how many status lists are kept. An issuer has a few at a time.
	maxLists = 64
	// listFresh is how long a list is used when neither it nor its
	// Cache-Control says; minListFresh and maxListFresh bound what they may say
	// (Token Status List, section 11.5).
	listFresh    = 5 * time.Minute
	minListFresh = time.Second
	maxListFresh = time.Hour
)

// checkStatus looks the token up in the status list that it names, if it names
// one (Token Status List, section 8.3).
func (v *Verifier) checkStatus(ctx context.Context, s *status) error {
	if s == nil || v.cfg.Status == StatusIgnored {
		return nil
	}
	ref := s.StatusList
	if ref == nil || ref.Index == nil {
		return fmt.Errorf("%w: it names no status list and index", ErrStatus)
	}
	if err := v.checkStatusURI(ref.URI); err != nil {
		return fmt.Errorf("%w: %w", ErrStatus, err)
	}
	value, err := v.statusAt(ctx, ref.URI, *ref.Index)
	switch {
	case errors.Is(err, ErrUnavailable) && v.cfg.Status == StatusBestEffort:
		return nil // the failed fetch is in the log
	case err != nil:
		return err
	case value == statusValid:
		return nil
	case value == statusSuspended:
		return ErrSuspended
	}
	return fmt.Errorf("%w: its status is %#02x", ErrRevoked, value)
}

// statusAt reads a status list at an index. An index beyond its end may be of a
// list that has grown since, so the list is fetched once more; at most once in
// each KeyRefetch, as for an unknown key.
func (v *Verifier) statusAt(ctx context.Context, uri string, index uint64) (byte, error) {
	document := v.lists.list(v, uri)
	list, err := document.get(ctx)
	if err != nil {
		return 0, err
	}
	value, found := list.value.at(index)
	if found {
		return value, nil
	}
	if list, err = document.newer(ctx, list, v.cfg.KeyRefetch); err != nil {
		return 0, err
	}
	if value, found = list.value.at(index); !found {
		return 0, fmt.Errorf("%w: index %d is beyond the end of the list", ErrStatus, index)
	}
	return value, nil
}

// checkStatusURI sees that a list is at the issuer's origin and below its path,
// so that no token makes this API send requests elsewhere. Characters that
// servers and proxies read in different ways are refused.
func (v *Verifier) checkStatusURI(uri string) error {
	u, err := parseSecureURL(uri)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(v.issuer.Path, "/") + "/"
	if u.Scheme != v.issuer.Scheme || !strings.EqualFold(u.Host, v.issuer.Host) || !strings.HasPrefix(u.Path, base) {
		return fmt.Errorf("the status list %q is not the issuer's", clip(uri))
	}
	if strings.ContainsAny(uri, `%\?#`) || path.Clean(u.Path) != u.Path {
		return fmt.Errorf("the path of the status list %q is not plain", clip(uri))
	}
	return nil
}

// statusLists are the lists that tokens have named. Only verified tokens come
// this far, so the issuer alone decides how many there are.
type statusLists struct {
	mu    sync.Mutex
	byURI map[string]*listEntry
}

type listEntry struct {
	list *document[*statusList]
	used time.Time
}

// list returns the document at a URI, making room for it if it is new.
func (l *statusLists) list(v *Verifier, uri string) *document[*statusList] {
	now := v.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, found := l.byURI[uri]; found {
		e.used = now
		return e.list
	}
	if len(l.byURI) >= maxLists {
		oldest := ""
		for uri, e := range l.byURI {
			if oldest == "" || e.used.Before(l.byURI[oldest].used) {
				oldest = uri
			}
		}
		delete(l.byURI, oldest)
	}
	e := &listEntry{used: now}
	e.list = newDocument(v, uri, func(ctx context.Context, last *edition[*statusList]) (*edition[*statusList], error) {
		return v.loadStatusList(ctx, uri, last)
	})
	l.byURI[uri] = e
	return e.list
}

// loadStatusList fetches a list and verifies it.
func (v *Verifier) loadStatusList(ctx context.Context, uri string, last *edition[*statusList]) (*edition[*statusList], error) {
	etag := ""
	if last != nil {
		etag = last.etag
	}
	a, err := v.get(ctx, uri, "application/"+typeStatusList, etag)
	if err != nil {
		return nil, err
	}
	var list *statusList
	if a.notModified {
		list = last.value
		if err := list.checkTimes(a.fetched, v.cfg.Leeway); err != nil {
			return nil, err
		}
	} else if list, err = v.openStatusList(ctx, uri, a); err != nil {
		// Not wrapped: an ErrSignature of the list's is none of the token's.
		return nil, fmt.Errorf("%s: %v", uri, err)
	}
	// Of two, the one that was issued later knows more: another node, or a
	// cache, may be behind, and a revocation must not be undone by that.
	if last != nil && list.issuedAt.Before(last.value.issuedAt) && last.value.checkTimes(a.fetched, v.cfg.Leeway) == nil {
		list, a.etag = last.value, last.etag
	}
	fresh := list.ttl // has precedence over Cache-Control (section 8.2)
	if fresh == 0 {
		fresh = a.fresh
	}
	if fresh == 0 && !a.cached {
		fresh = listFresh
	}
	fresh = min(max(fresh, minListFresh), maxListFresh)
	e := newEdition(list, a.etag, a.fetched, fresh, 0, v.cfg.StatusMaxStale)
	if !list.expires.IsZero() {
		e.until(list.expires)
	}
	return e, nil
}

// openStatusList verifies a status list token (Token Status List, sections 5.1
// and 8.3).
func (v *Verifier) openStatusList(ctx context.Context, uri string, a *answer) (*statusList, error) {
	if media, _, err := mime.ParseMediaType(a.contentType); err != nil || media != "application/"+typeStatusList {
		return nil, fmt.Errorf("its Content-Type is %q", clip(a.contentType))
	}
	raw, err := v.open(ctx, strings.TrimSpace(string(a.body)), typeStatusList, maxBody)
	if err != nil {
		return nil, err
	}
	var claims struct {
		Issuer     string       `json:"iss"`
		Subject    string       `json:"sub"`
		IssuedAt   *numericDate `json:"iat"`
		Expires    *numericDate `json:"exp"`
		TTL        *float64     `json:"ttl"`
		StatusList *encodedList `json:"status_list"`
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, fmt.Errorf("the claims: %w", err)
	}
	switch {
	case claims.Subject != uri:
		return nil, fmt.Errorf("its sub is %q", clip(claims.Subject))
	case claims.Issuer != "" && claims.Issuer != v.cfg.Issuer:
		return nil, fmt.Errorf("its iss is %q", clip(claims.Issuer))
	case claims.IssuedAt == nil || claims.StatusList == nil:
		return nil, errors.New("iat or status_list is missing")
	case claims.TTL != nil && !(*claims.TTL > 0):
		return nil, errors.New("its ttl is not positive")
	}
	list, err := claims.StatusList.decode()
	if err != nil {
		return nil, err
	}
	list.issuedAt = claims.IssuedAt.Time
	if claims.Expires != nil {
		list.expires = claims.Expires.Time
	}
	if claims.TTL != nil {
		list.ttl = time.Duration(min(*claims.TTL, maxListFresh.Seconds()) * float64(time.Second))
	}
	return list, list.checkTimes(a.fetched, v.cfg.Leeway)
}
