package clients

import (
	"fmt"
	"slices"
	"strings"
)

// SigningAlgorithms are the JWS algorithms (RFC 7518, section 3.1; RFC 8037)
// that a client can have its tokens signed with. Package keys has the same
// list; it stands here too because clients imports nothing of ours, and a test
// in cmd/signet, which sees both, holds the two equal.
func SigningAlgorithms() []string { return []string{"RS256", "PS256", "ES256", "EdDSA"} }

// CheckSigningAlgorithm says why tokens cannot be signed with an algorithm, in
// words that follow its name, or returns nil. Names are case-sensitive
// (RFC 7515, section 4.1.1).
func CheckSigningAlgorithm(name string) error {
	known := SigningAlgorithms()
	if slices.Contains(known, name) {
		return nil
	}
	choice := choice(known)
	switch upper := strings.ToUpper(name); {
	case upper == "NONE":
		// RFC 8725, section 3.2.
		return fmt.Errorf("would leave tokens unsigned, for anyone to write; it must be %s", choice)
	case strings.HasPrefix(upper, "HS"):
		// RFC 8725, sections 2.2 and 3.5: and client secrets are stored as
		// hashes, which cannot sign.
		return fmt.Errorf("signs with a secret that whoever verifies would have to share, and could sign with; it must be %s", choice)
	}
	return fmt.Errorf("must be %s", choice)
}

// choice lists names as a sentence does: a, b or c.
func choice(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
