package store

import "time"

// micros is how a time is stored: microseconds since 1970 in UTC, nil (NULL)
// for the zero time. An integer compares and sorts the same in every dialect,
// which the text forms of SQLite's drivers do not.
func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

// moment is the reverse of micros.
func moment(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}
