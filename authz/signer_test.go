package authz

import "testing"

// The vector for SHA-256 is the example of OpenID Connect Core, appendix A.3.
func TestAccessTokenHash(t *testing.T) {
	const token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	const half256, half512 = "77QmUPtjPfzWtF2AnpK9RQ", "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"
	for alg, want := range map[string]string{"RS256": half256, "PS256": half256, "ES256": half256, "EdDSA": half512} {
		if got, err := accessTokenHash(alg, token); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", alg, got, err, want)
		}
	}
	for _, alg := range []string{"", "none", "HS256"} {
		if got, err := accessTokenHash(alg, token); err == nil {
			t.Errorf("%q has the at_hash %q", alg, got)
		}
	}
}
