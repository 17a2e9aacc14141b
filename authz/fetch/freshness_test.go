package fetch

import (
	"net/http"
	"testing"
	"time"
)

func TestFreshness(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	const least, most = time.Minute, 24 * time.Hour
	for name, tt := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"nothing said":                {http.Header{}, least},
		"max-age":                     {http.Header{"Cache-Control": {"public, max-age=600"}}, 10 * time.Minute},
		"quoted, capitals":            {http.Header{"Cache-Control": {`Public,MAX-AGE="600"`}}, 10 * time.Minute},
		"in a second header":          {http.Header{"Cache-Control": {"public", "max-age=600"}}, 10 * time.Minute},
		"twice":                       {http.Header{"Cache-Control": {"max-age=600, max-age=900"}}, 10 * time.Minute},
		"less its age":                {http.Header{"Cache-Control": {"max-age=600"}, "Age": {"120"}}, 8 * time.Minute},
		"older than it may be":        {http.Header{"Cache-Control": {"max-age=600"}, "Age": {"700"}}, least},
		"too short":                   {http.Header{"Cache-Control": {"max-age=1"}}, least},
		"too long":                    {http.Header{"Cache-Control": {"max-age=31536000"}}, most},
		"far too long":                {http.Header{"Cache-Control": {"max-age=99999999999999999999999"}}, most},
		"negative":                    {http.Header{"Cache-Control": {"max-age=-5"}}, least},
		"no number":                   {http.Header{"Cache-Control": {"max-age=soon"}}, least},
		"no-store":                    {http.Header{"Cache-Control": {"no-store, max-age=600"}}, least},
		"no-cache":                    {http.Header{"Cache-Control": {"max-age=600, no-cache"}}, least},
		"shared caches do not count":  {http.Header{"Cache-Control": {"s-maxage=900, max-age=600"}}, 10 * time.Minute},
		"Expires":                     {http.Header{"Expires": {at(time.Hour)}}, time.Hour},
		"Expires by its own clock":    {http.Header{"Expires": {at(3 * time.Hour)}, "Date": {at(2 * time.Hour)}}, time.Hour},
		"Expires and Age":             {http.Header{"Expires": {at(time.Hour)}, "Age": {"600"}}, 50 * time.Minute},
		"expired":                     {http.Header{"Expires": {at(-time.Hour)}}, least},
		"Expires: 0":                  {http.Header{"Expires": {"0"}}, least},
		"max-age before Expires":      {http.Header{"Cache-Control": {"max-age=600"}, "Expires": {at(time.Hour)}}, 10 * time.Minute},
		"Expires in a thousand years": {http.Header{"Expires": {"Fri, 01 Mar 3026 12:00:00 GMT"}}, most},
	} {
		if got := Freshness(tt.header, now, least, most).Sub(now); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
