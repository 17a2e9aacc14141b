package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	// File and Line say where it stands; Line is 0 for what concerns the whole
	// file. Variable is set instead when it came from the environment.
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Variable string `json:"variable,omitempty"`
	// Key is the full path of the key, such as tokens.access_ttl.
	Key string `json:"key,omitempty"`
	// Text says what is wrong and how to mend it. It never holds a secret.
	Text string `json:"message"`
}

// Error returns the fault as one line: where, which key, what and how to mend.
func (f Fault) Error() string {
	where := f.File
	switch {
	case f.Variable != "":
		return f.Variable + ": " + f.Text
	case f.Line > 0:
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Key == "" {
		return where + ": " + f.Text
	}
	return where + ": " + f.Key + ": " + f.Text
}

// Faults is everything that is wrong with the configuration: first what stands
// in the file, by line, then what stands in the environment, by name.
type Faults []Fault

// Error returns one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

func (fs Faults) sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(
			cmp.Compare(a.Variable, b.Variable),
			cmp.Compare(a.Line, b.Line),
		)
	})
}
