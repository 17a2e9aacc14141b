package authz

import (
	"bytes"
	"compress/zlib"
	"crypto/rand"
	"encoding/base64"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"
)

func testPermutation(t testing.TB, secret byte, list string) permutation {
	t.Helper()
	p, err := newPermutation(bytes.Repeat([]byte{secret}, 32), list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every place of a list has an index of its own.
func TestStatusIndexesAreDistinct(t *testing.T) {
	p := testPermutation(t, 1, "list")
	seen := map[int]bool{}
	for n := 0; n < StatusListSize; n += 17 {
		i := p.at(n)
		if i < 0 || i >= StatusListSize || seen[i] {
			t.Fatalf("place %d has index %d, which is out of range or taken", n, i)
		}
		seen[i] = true
	}
}

// Neighbours in time are no neighbours in the list, and who knows the order of
// one list knows nothing of another (Token Status List, section 12.4).
func TestStatusIndexesTellNothing(t *testing.T) {
	p := testPermutation(t, 1, "list")
	for name, other := range map[string]permutation{
		"another list": testPermutation(t, 1, "list 2"), "another server": testPermutation(t, 2, "list"),
	} {
		same := 0
		for n := range statusBlockSize {
			if p.at(n) == other.at(n) {
				same++
			}
		}
		if same > 5 { // 0.001 are expected by chance
			t.Errorf("%s: %d of %d places have the same index", name, same, statusBlockSize)
		}
	}
	// A block is spread over the list: of 64 parts each gets 16 on average, and
	// chi-squared with 63 degrees of freedom passes 130 once in a million.
	var parts [64]float64
	near := 0
	for n := range statusBlockSize {
		parts[p.at(n)/(StatusListSize/len(parts))]++
		if d := p.at(n+1) - p.at(n); d > -64 && d < 64 {
			near++
		}
	}
	chi := 0.0
	for _, count := range parts {
		chi += (count - 16) * (count - 16) / 16
	}
	if chi > 130 || near > 5 {
		t.Errorf("a block is not spread evenly: chi-squared %.0f, %d places near the one before", chi, near)
	}
}

func unzip(t *testing.T, lst string) []byte {
	t.Helper()
	compressed, err := base64.RawURLEncoding.DecodeString(lst)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	bits, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return bits
}

// The test vector of the Token Status List for one bit, of 2^20 entries.
func TestStatusListTestVector(t *testing.T) {
	const vector = "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb"
	got, err := compressStatusList([]int{0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unzip(t, got), unzip(t, vector)) {
		t.Error("the bits are not those of the test vector")
	}
	for _, bad := range []int{-1, StatusListSize} {
		if _, err := compressStatusList([]int{bad}); err == nil {
			t.Errorf("index %d is written somewhere", bad)
		}
	}
}

// unsigned makes tokens of the size of RS256 with 2048 bits.
type unsigned struct{ Keyring }

func (*unsigned) SigningAlg(string) (string, error) { return "RS256", nil }

func (*unsigned) Sign(alg, typ string, payload []byte) (string, error) {
	header := `{"alg":"RS256","kid":"` + rand.Text() + `aaaaaaaaaaaaaaaaa","typ":"` + typ + `"}`
	signature := make([]byte, 256)
	_, err := rand.Read(signature)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode(payload) + "." + encode(signature), err
}

// What resource servers fetch stays small. The figures are in
// docs/revocation.md.
func TestStatusListSize(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for revoked, most := range map[int]int{0: 250, 1_000: 4_200, 10_000: 23_000} {
		indexes := random.Perm(StatusListSize)[:revoked]
		lst, err := compressStatusList(indexes)
		if err != nil {
			t.Fatal(err)
		}
		ring := &unsigned{}
		cfg := Config{Issuer: "https://id.example.test", AccessTokenTTL: time.Hour, StatusTTL: time.Minute, Keys: ring}
		now := time.Unix(1795408845, 0)
		doc, err := newStatusLists(&Provider{cfg: cfg}).sign(StatusList{ID: strings.Repeat("i", 27), ExpiresAt: now.Add(time.Hour)}, lst, now)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d of 1,048,576 revoked: lst has %d characters, the token %d, which gzip sends as %d bytes", revoked, len(lst), len(doc.body), len(doc.gzipped))
		if len(lst) > most {
			t.Errorf("%d revoked take %d characters, the bound is %d", revoked, len(lst), most)
		}
	}
}

// go test ./authz -run '^$' -bench StatusIndex
func BenchmarkStatusIndex(b *testing.B) {
	p := testPermutation(b, 1, "list")
	n := 0
	for b.Loop() {
		p.at(n % StatusListSize)
		n++
	}
}

// go test ./authz -run '^$' -bench CompressStatusList
func BenchmarkCompressStatusList(b *testing.B) {
	indexes := mathrand.New(mathrand.NewPCG(1, 2)).Perm(StatusListSize)[:1_000]
	for b.Loop() {
		if _, err := compressStatusList(indexes); err != nil {
			b.Fatal(err)
		}
	}
}
