package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// printJSON writes v for scripts.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table writes rows under a header, or the sentence empty when there are none.
func (a *app) table(empty string, header []string, rows [][]string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.stdout, empty)
		return err
	}
	return tabulate(a.stdout, header, rows)
}

// tabulate writes rows under a header, one line for each.
func tabulate(to io.Writer, header []string, rows [][]string) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = clean(cell); cells[i] == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// pair is one line about one thing. A value of several lines goes on under
// itself; an empty one is left out.
type pair struct{ name, value string }

// pairs writes what there is to say about one thing.
func (a *app) pairs(list ...pair) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, p := range list {
		name := p.name
		for line := range strings.Lines(p.value) {
			fmt.Fprintf(w, "%s\t%s\n", name, clean(strings.TrimSuffix(line, "\n")))
			name = ""
		}
	}
	return w.Flush()
}

// say writes one sentence for people.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.stdout, clean(fmt.Sprintf(format, args...)))
}

// clean takes out of a text what could move the cursor of a terminal: names
// and claims are written by strangers.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == ' ' {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// moment writes t for people, in UTC; nothing for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// span writes a length of time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// yes writes "yes", or nothing, which pairs leave out.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// lines writes one value a line, for pairs.
func lines(values []string) string { return strings.Join(values, "\n") }
