package verify

import (
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// FuzzVerify: no token but one that the issuer signed is accepted, none panics
// and none leads to a request.
func FuzzVerify(f *testing.F) {
	key := newKey(f, "1")
	issuer := newIssuer(f, key)
	now := time.Now()
	v := newVerifier(f, issuer, func(c *Config) { c.Now = func() time.Time { return now } })
	good := goodToken(f, key)
	if _, err := v.Verify(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("a.b.c.d.e")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := v.Verify(t.Context(), token); err == nil && token != good {
			t.Errorf("accepted %q", token)
		}
		if n := issuer.total(); n != 2 { // the metadata and the keys, at first
			t.Errorf("%d requests", n)
		}
		if head, err := parseHeader(token, maxToken); err == nil {
			if _, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(head.alg)}); err != nil {
				return // stricter still
			}
			if head.alg == "" || head.kid == "" {
				t.Errorf("header %+v", head)
			}
		}
	})
}

// FuzzClaims: claims are complete, or refused as malformed.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"i","sub":"s","aud":["a"],"client_id":"c","exp":1e9,"iat":0.5,"jti":"j","status":{"status_list":{"idx":1,"uri":"u"}}}`))
	f.Add([]byte(`{"aud":null,"exp":null,"status":null,"cnf":null,"amr":[null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseClaims(raw)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Error(err)
			}
			return
		}
		c := p.claims(raw)
		if c.Issuer == "" || c.Subject == "" || len(c.Audience) == 0 || c.ClientID == "" || c.ID == "" || c.Expires.IsZero() || c.IssuedAt.IsZero() {
			t.Errorf("%s: %+v", raw, c)
		}
	})
}

// FuzzStatusList: a list that is decoded is within its bounds and can be read
// at any index.
func FuzzStatusList(f *testing.F) {
	f.Add(uint(1), "eNrbuRgAAhcBXQ", uint64(0))
	f.Add(uint(2), "eNo76fITAAPfAgc", uint64(11))
	f.Add(uint(8), encodeList(make([]byte, 1<<16)), uint64(1<<63))
	f.Fuzz(func(t *testing.T, bits uint, encoded string, index uint64) {
		list, err := (&encodedList{Bits: bits, List: encoded}).decode()
		if err != nil {
			return
		}
		if len(list.bytes) == 0 || len(list.bytes) > maxList {
			t.Errorf("%d bytes", len(list.bytes))
		}
		value, found := list.at(index)
		if entries := uint64(len(list.bytes)) * 8 / uint64(bits); found != (index < entries) || uint64(value) >= 1<<bits {
			t.Errorf("at(%d) of %d = %d, %v", index, entries, value, found)
		}
	})
}

// FuzzKeys: a set is never empty, and has nothing but public keys of use.
func FuzzKeys(f *testing.F) {
	key, _ := newKey(f, "1").jwk().MarshalJSON()
	f.Add([]byte(`{"keys":[` + string(key) + `]}`))
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		set, err := parseKeys(body, []string{"RS256", "ES256", "EdDSA"})
		if (err == nil) != (len(set) > 0) {
			t.Errorf("%v, %v", set, err)
		}
		for kid, key := range set {
			if kid == "" || keyFamily(key.alg) == "" || key.public == nil {
				t.Errorf("%q: %+v", kid, key)
			}
		}
	})
}
