package login

import (
	"strings"
	"testing"
)

// Twins are names that people, or fonts, cannot tell apart from each other by
// case, width or composition: each row is one person.
func TestKeyFoldsTwins(t *testing.T) {
	for _, twins := range [][]string{
		{"john", "JOHN", "John", "ｊｏｈｎ", "ＪＯＨＮ", "joHn"},
		{"zoë", "ZOË", "zoe\u0308", "ZOE\u0308"},
		{"john@example.com", "John@Example.COM", "ｊohn＠ｅxample．com"},
		{"\uac00", "\u1100\u1161"},
		{"k", "K", "\uff2b"},
	} {
		want, err := Key(twins[0])
		if err != nil {
			t.Fatalf("Key(%q): %v", twins[0], err)
		}
		for _, twin := range twins {
			if got, err := Key(twin); err != nil || got != want {
				t.Errorf("Key(%q) = %q, %v, want %q", twin, got, err, want)
			}
		}
	}
}

func TestKeyRefusesWhatHidesOrImitates(t *testing.T) {
	for _, name := range []string{
		"", " ", "john doe", "john\u00a0doe", "john\n", "john\x00", "jo\u200bhn", "john\u202e", "\ufeffjohn", "ﬁsh", "x²", "\xff", "🙂", "john\u00ad",
		strings.Repeat("a", maxName+1),
	} {
		if key, err := Key(name); err == nil {
			t.Errorf("Key(%q) = %q", name, key)
		}
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"john", "ＪＯＨＮ", "zoe\u0308", "john＠example.com", "İ", "ǅ", "ΣΑΣ", "\u0345\u1f80", "אב", "ß", "ẞ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		key, err := Key(name)
		if err != nil {
			return
		}
		if key == "" || strings.ContainsAny(key, " \t\n\x00ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Fatalf("Key(%q) = %q", name, key)
		}
		if again, err := Key(key); err != nil || again != key {
			t.Fatalf("Key(%q) = %q, whose key is %q, %v", name, key, again, err)
		}
		if tidy, err := tidyName(name); err == nil {
			if again, err := Key(tidy); err != nil || again != key {
				t.Fatalf("%q is kept as %q, whose key is %q and not %q (%v)", name, tidy, again, key, err)
			}
		}
	})
}
