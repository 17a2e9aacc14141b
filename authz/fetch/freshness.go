package fetch

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Freshness returns until when an answer that came at now may be used without
// asking again (RFC 9111, section 4.2): by max-age or Expires, less its Age, and
// never sooner than least or later than most from now. An answer that says
// nothing, or that it must not be kept, is kept for least: whoever asks on every
// request makes somebody else's server part of each of them.
func Freshness(h http.Header, now time.Time, least, most time.Duration) (until time.Time) {
	return now.Add(min(max(lifetime(h, now), least), most))
}

// lifetime is what the headers say, and 0 where they say nothing.
func lifetime(h http.Header, now time.Time) time.Duration {
	age := seconds(h.Get("Age"))
	directives := cacheControl(h)
	for _, name := range []string{"no-store", "no-cache"} {
		if _, ok := directives[name]; ok {
			return 0
		}
	}
	if value, ok := directives["max-age"]; ok {
		return seconds(value) - age
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0
	}
	// By the clock that set Expires (section 4.2.1), where it tells the time.
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		sent = now
	}
	return expires.Sub(sent) - age
}

// cacheControl returns the directives of Cache-Control; of one that stands there
// twice, the first counts (section 4.2.1).
func cacheControl(h http.Header) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		name = strings.ToLower(name)
		if _, twice := out[name]; !twice {
			out[name] = strings.Trim(value, `"`)
		}
	}
	return out
}

// seconds reads delta-seconds (section 1.2.2): too many are very many, and what
// is no number is none.
func seconds(text string) time.Duration {
	const most = 1 << 31
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0
	case err != nil || n > most:
		n = most
	}
	return time.Duration(n) * time.Second
}
