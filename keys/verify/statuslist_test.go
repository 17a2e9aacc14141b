package verify

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestStatusListVectors decodes the lists that the specification prints
// (draft-ietf-oauth-status-list-20, section 4.1 and the appendix of test
// vectors) and compares every entry, also the ones that are not mentioned there
// and so are 0.
func TestStatusListVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/status_list_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name     string
		Bits     uint
		Lst      string
		Statuses map[string]byte
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) != 6 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			list, err := (&encodedList{Bits: vector.Bits, List: vector.Lst}).decode()
			if err != nil {
				t.Fatal(err)
			}
			entries := uint64(1 << 20)
			if strings.HasPrefix(vector.Name, "section") {
				entries = uint64(len(vector.Statuses))
			}
			for i := range entries {
				got, found := list.at(i)
				if want := vector.Statuses[strconv.FormatUint(i, 10)]; !found || got != want {
					t.Fatalf("status[%d] = %d, %v; want %d", i, got, found, want)
				}
			}
			for _, beyond := range []uint64{entries, 1 << 32, 1 << 63, 1<<64 - 1} {
				if _, found := list.at(beyond); found {
					t.Errorf("the list has an entry %d", beyond)
				}
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := encodeList([]byte{0xb9, 0xa3})
	compressed, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	wrongSum := bytes.Clone(compressed)
	wrongSum[len(wrongSum)-1] ^= 1
	var dictionary bytes.Buffer
	w, err := zlib.NewWriterLevelDict(&dictionary, zlib.BestCompression, []byte("dictionary"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("dictionary"))
	_ = w.Close()
	bomb := encodeList(make([]byte, 16<<20))
	if len(bomb) > maxBody {
		t.Fatalf("the bomb has %d bytes and would not be read anyway", len(bomb))
	}
	for name, list := range map[string]encodedList{
		"0 bits":             {0, good},
		"3 bits":             {3, good},
		"16 bits":            {16, good},
		"nothing":            {1, ""},
		"padding":            {1, good + "="},
		"plain base64":       {1, "+/+/"},
		"not ZLIB":           {1, encode([]byte("not ZLIB"))},
		"DEFLATE alone":      {1, encode(compressed[2 : len(compressed)-4])},
		"cut":                {1, encode(compressed[:len(compressed)-3])},
		"wrong checksum":     {1, encode(wrongSum)},
		"something behind":   {1, encode(append(bytes.Clone(compressed), 0))},
		"an empty list":      {1, encodeList(nil)},
		"a preset":           {1, encode(dictionary.Bytes())},
		"a byte too large":   {1, encodeList(make([]byte, maxList+1))},
		"a bomb of 16 MiB":   {8, bomb},
		"a line break in it": {1, good[:4] + "\n" + good[4:]},
	} {
		if _, err := list.decode(); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	for name, list := range map[string]encodedList{"good": {1, good}, "as large as can be": {8, encodeList(make([]byte, maxList))}} {
		if _, err := list.decode(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bomb costs no more memory than the largest list that is accepted.
func TestBombIsNotInflated(t *testing.T) {
	bomb := encodedList{8, encodeList(make([]byte, 32<<20))}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := bomb.decode(); err == nil {
		t.Error("decoded")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8*maxList {
		t.Errorf("%d bytes allocated", n)
	}
}
