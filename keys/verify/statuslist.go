package verify

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxList is the size in bytes of the largest list after decompression: 2^20
// statuses of 8 bits, 2^23 of one bit. A kilobyte of DEFLATE can stand for a
// megabyte.
const maxList = 1 << 20

// Status types (Token Status List, section 7.1).
const (
	statusValid     = 0x00
	statusSuspended = 0x02
)

// encodedList is the status_list claim of a status list token (Token Status
// List, section 4.2).
type encodedList struct {
	Bits uint   `json:"bits"`
	List string `json:"lst"`
}

// statusList holds a status of some bits for each index.
type statusList struct {
	bits  uint
	bytes []byte

	issuedAt time.Time
	// expires is zero, and ttl too, when the list does not say.
	expires time.Time
	ttl     time.Duration
}

// decode unpacks a list: base64url, ZLIB (RFC 1950), an array of bits.
func (e *encodedList) decode() (*statusList, error) {
	switch e.Bits {
	case 1, 2, 4, 8:
	default:
		return nil, fmt.Errorf("a status list of %d bits", e.Bits)
	}
	if !canonical(e.List) {
		return nil, errors.New("the status list is not base64url")
	}
	compressed, err := base64.RawURLEncoding.DecodeString(e.List)
	if err != nil {
		return nil, fmt.Errorf("the status list: %w", err)
	}
	source := bytes.NewReader(compressed)
	inflater, err := zlib.NewReader(source)
	if err != nil {
		return nil, fmt.Errorf("the status list: %w", err)
	}
	defer inflater.Close()
	list, err := io.ReadAll(io.LimitReader(inflater, maxList+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the status list: %w", err)
	case len(list) > maxList:
		return nil, fmt.Errorf("the status list has more than %d bytes", maxList)
	case len(list) == 0:
		return nil, errors.New("the status list is empty")
	case source.Len() > 0:
		return nil, errors.New("the status list has something behind it")
	}
	return &statusList{bits: e.Bits, bytes: bytes.Clone(list)}, nil
}

// at returns the status at an index, and whether the list reaches so far.
// Statuses are packed into bytes from the least significant bit on.
func (l *statusList) at(index uint64) (value byte, found bool) {
	each := uint64(8 / l.bits)
	if index/each >= uint64(len(l.bytes)) {
		return 0, false
	}
	shift := uint(index%each) * l.bits
	return l.bytes[index/each] >> shift & (1<<l.bits - 1), true
}

// checkTimes refuses a list that has expired, or is of the future. There is no
// leeway for exp, beyond which a list must not be relied upon.
func (l *statusList) checkTimes(now time.Time, leeway time.Duration) error {
	if !l.expires.IsZero() && !now.Before(l.expires) {
		return fmt.Errorf("the status list expired at %s", l.expires.UTC().Format(time.RFC3339))
	}
	if now.Add(leeway).Before(l.issuedAt) {
		return fmt.Errorf("the status list was issued at %s, in the future", l.issuedAt.UTC().Format(time.RFC3339))
	}
	return nil
}
