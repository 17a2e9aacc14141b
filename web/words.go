package web

import (
	"strconv"
	"strings"
	"time"
)

// moment is a time in words, with the exact one beside it.
type moment struct {
	// Words is empty for a time that is not known.
	Words string
	// Exact is for people, ISO for programs; both are in UTC.
	Exact, ISO string
}

// moment says how long ago t was.
func (t *texts) moment(at, now time.Time) moment {
	if at.IsZero() {
		return moment{}
	}
	at = at.UTC()
	m := moment{Exact: at.Format("2006-01-02 15:04:05 UTC"), ISO: at.Format(time.RFC3339)}
	ago := now.Sub(at)
	switch {
	case ago < time.Minute:
		m.Words = t.JustNow
	case ago < time.Hour:
		m.Words = t.MinutesAgo.of(int(ago / time.Minute))
	case ago < 24*time.Hour:
		m.Words = t.HoursAgo.of(int(ago / time.Hour))
	case ago < 30*24*time.Hour:
		m.Words = t.DaysAgo.of(int(ago / (24 * time.Hour)))
	default:
		m.Words = fillPlain(t.OnDate, at.Format(t.DateFormat))
	}
	return m
}

// count is a text for one and one for several.
type count struct{ one, many string }

func (c count) of(n int) string {
	if n == 1 {
		return c.one
	}
	return fillPlain(c.many, strconv.Itoa(n))
}

// browserNames are what browsers call themselves, the particular ones first:
// most of them claim to be others too.
var browserNames = []struct{ part, name string }{
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"},
	{"SamsungBrowser/", "Samsung Internet"}, {"YaBrowser/", "Yandex Browser"}, {"DuckDuckGo/", "DuckDuckGo"},
	{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Chrome"},
	{"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Epiphany/", "GNOME Web"}, {"Safari/", "Safari"},
	{"curl/", "curl"},
}

// systemNames are the same for systems.
var systemNames = []struct{ part, name string }{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
	{"Mac OS X", "macOS"}, {"Macintosh", "macOS"}, {"FreeBSD", "FreeBSD"}, {"Linux", "Linux"},
}

// device names the browser and the system of a User-Agent header, as far as it
// can be told. Only names from these lists come out, whatever a stranger sends.
func (t *texts) device(agent string) string {
	browser, system := "", ""
	for _, b := range browserNames {
		if strings.Contains(agent, b.part) {
			browser = b.name
			break
		}
	}
	for _, s := range systemNames {
		if strings.Contains(agent, s.part) {
			system = s.name
			break
		}
	}
	switch {
	case browser == "" && system == "":
		return t.DeviceUnknown
	case browser == "":
		return fillPlain(t.DeviceOn, t.DeviceBrowser, system)
	case system == "":
		return browser
	}
	return fillPlain(t.DeviceOn, browser, system)
}
