package clients

import (
	"fmt"
	"strings"
)

// unknownField refuses a name that is no field, with the one that was probably
// meant.
func unknownField(name, base string, known bool) error {
	if known {
		return &FieldError{Field: name, Reason: "has a language, but " + base + " is the same in every one"}
	}
	reason := "is not a field of a client that can be set"
	if near := nearestField(base); near != "" {
		reason += fmt.Sprintf("; did you mean %s?", near)
	}
	return &FieldError{Field: clippedText(name), Reason: reason}
}

// nearestField is the field with the fewest letters to change, or "" when none
// is near.
func nearestField(name string) string {
	if len(name) > 60 {
		return ""
	}
	best, fewest := "", len(name)/3+1
	for _, f := range fieldTable() {
		if n := edits(strings.ToLower(name), f.Name); n < fewest {
			best, fewest = f.Name, n
		}
	}
	return best
}

// edits counts the letters to insert, delete or replace to get from a to b.
func edits(a, b string) int {
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j])
			if a[i] != b[j] {
				row[j+1] = min(last[j+1], row[j], last[j]) + 1
			}
		}
		last = row
	}
	return last[len(b)]
}
