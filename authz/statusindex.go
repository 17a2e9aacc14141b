package authz

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// StatusListSize is how many tokens one status list has room for.
	StatusListSize = 1 << statusIndexBits
	// StatusBlocks is how many blocks of indexes there are in a list.
	StatusBlocks = StatusListSize / statusBlockSize

	statusIndexBits = 20
	statusBlockSize = 1024
	// statusOpen is how long a list takes new tokens. Two lists a day are few
	// to fetch, and each dies soon after its last token.
	statusOpen = 12 * time.Hour
	// statusReserve is how many indexes before the end of a block, and how long
	// before the end of its list, the next one is reserved.
	statusReserve      = statusBlockSize / 4
	statusReserveAhead = 10 * time.Minute
	// statusRetry is how long the background waits after a failure. Whoever
	// finds no index left does not wait.
	statusRetry = time.Second
	// statusReserveFor is how long one reservation may take.
	statusReserveFor = 10 * time.Second
)

// statusIndexes hands out status indexes. A node reserves blocks of them with
// one write each, and hands out what is in a block from memory, in an order
// that tells nobody how many tokens there are, or which was first (Token
// Status List, section 12.4).
type statusIndexes struct {
	p     *Provider
	idKey []byte

	mu sync.Mutex
	// stock is what this node may hand out, the first block first.
	stock []*statusStock
	// reserving is closed when the reservation under way is done; nil when
	// none is. failed and failedAt tell of the last one if it failed.
	reserving chan struct{}
	failed    error
	failedAt  time.Time
}

// statusStock is a block, and how much of it is handed out.
type statusStock struct {
	StatusBlock
	order permutation
	used  int
}

func newStatusIndexes(p *Provider) (*statusIndexes, error) {
	key, err := hkdf.Key(sha256.New, p.cfg.Secret, nil, "signet status list id", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the status list key: %w", err)
	}
	return &statusIndexes{p: p, idKey: key}, nil
}

// take returns an index that no token has, without its Expires. It waits for
// the database only when this node has none left.
func (s *statusIndexes) take(ctx context.Context) (StatusIndex, error) {
	waited := false
	for {
		index, reserving, err := s.tryTake(waited)
		if reserving == nil {
			return index, err
		}
		select {
		case <-reserving:
			waited = true
		case <-ctx.Done():
			return StatusIndex{}, ctx.Err()
		}
	}
}

// tryTake returns an index, or what to wait for, or, once the caller has
// waited, why there is none.
func (s *statusIndexes) tryTake(waited bool) (index StatusIndex, reserving <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.p.now()
	s.stock = slices.DeleteFunc(s.stock, func(b *statusStock) bool { return b.used == statusBlockSize || !now.Before(b.List.ClosesAt) })
	if len(s.stock) == 0 {
		if waited && s.failed != nil {
			return StatusIndex{}, nil, s.failed
		}
		s.reserve()
		return StatusIndex{}, s.reserving, nil
	}
	b := s.stock[0]
	index = StatusIndex{List: b.List.ID, Index: b.order.at(b.Number*statusBlockSize + b.used)}
	b.used++
	low := statusBlockSize-b.used < statusReserve || b.List.ClosesAt.Sub(now) < statusReserveAhead
	if len(s.stock) == 1 && low && now.Sub(s.failedAt).Abs() >= statusRetry {
		s.reserve()
	}
	return index, nil, nil
}

// reserve has a block reserved in the background, unless that is under way. It
// belongs to no request: whoever waits for it may go, others wait too. The
// caller holds mu.
func (s *statusIndexes) reserve() {
	if s.reserving != nil {
		return
	}
	done := make(chan struct{})
	s.reserving = done
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), statusReserveFor)
		defer cancel()
		stock, err := s.reserveBlock(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reserving, s.failed, s.failedAt = nil, err, time.Time{}
		if err == nil {
			s.stock = append(s.stock, stock)
		} else {
			s.failedAt = s.p.now()
			s.p.cfg.Logger.LogAttrs(ctx, slog.LevelError, "status indexes could not be reserved", slog.Any("error", err))
		}
		close(done)
	}()
}

func (s *statusIndexes) reserveBlock(ctx context.Context) (*statusStock, error) {
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	now := s.p.now()
	closes := now.Add(statusOpen)
	fresh := StatusList{ID: id, CreatedAt: now, ClosesAt: closes, ExpiresAt: closes.Add(2 * s.p.longestIndexLifetime())}
	block, err := s.p.cfg.Status.ReserveStatusBlock(ctx, now.Add(statusReserveAhead), fresh)
	if err != nil {
		return nil, err
	}
	order, err := newPermutation(s.p.cfg.Secret, block.List.ID)
	return &statusStock{StatusBlock: block, order: order}, err
}

// Sizes in bytes of a list's id.
const (
	statusIDRandom = 12
	statusIDMAC    = 8
)

// newID returns the id of a new list: random, with the beginning of an HMAC
// behind it, so that asking for lists that never were costs no query.
func (s *statusIndexes) newID() (string, error) {
	b := make([]byte, statusIDRandom, statusIDRandom+statusIDMAC)
	if _, err := io.ReadFull(s.p.cfg.Rand, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, s.idMAC(b)...)), nil
}

// genuine reports whether id is one that newID of some node has made.
func (s *statusIndexes) genuine(id string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(b) == statusIDRandom+statusIDMAC && hmac.Equal(b[statusIDRandom:], s.idMAC(b[:statusIDRandom]))
}

func (s *statusIndexes) idMAC(random []byte) []byte {
	mac := hmac.New(sha256.New, s.idKey)
	mac.Write(random)
	return mac.Sum(nil)[:statusIDMAC]
}

// permutation is a keyed order of the indexes of one list, the same on every
// node: a Feistel network over two halves of the bits. Ten rounds are what
// NIST SP 800-38G has for its FF1, which also permutes small numbers.
type permutation struct{ key []byte }

const (
	feistelRounds = 10
	halfBits      = statusIndexBits / 2
	halfMask      = 1<<halfBits - 1
)

func newPermutation(secret []byte, list string) (permutation, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "signet status index "+list, 32)
	if err != nil {
		return permutation{}, fmt.Errorf("derive the order of a status list: %w", err)
	}
	return permutation{key: key}, nil
}

// at returns the index at place n, which is below StatusListSize.
func (p permutation) at(n int) int {
	mac := hmac.New(sha256.New, p.key)
	left, right := n>>halfBits, n&halfMask
	var sum [sha256.Size]byte
	for round := range feistelRounds {
		mac.Reset()
		mac.Write([]byte{byte(round), byte(right >> 8), byte(right)})
		f := int(binary.BigEndian.Uint16(mac.Sum(sum[:0]))) & halfMask
		left, right = right, left^f
	}
	return left<<halfBits | right
}
