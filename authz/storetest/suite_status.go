package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"signet/authz"
)

// freshList is a list made at(minute): open for ten minutes, and alive for
// five more.
func freshList(id string, minute int) authz.StatusList {
	return authz.StatusList{ID: id, CreatedAt: utc(minute), ClosesAt: utc(minute + 10), ExpiresAt: utc(minute + 15)}
}

// reserve reserves a block at(minute).
func reserve(t *testing.T, b Backend, minute int, fresh authz.StatusList) authz.StatusBlock {
	t.Helper()
	block, err := b.ReserveStatusBlock(t.Context(), fine(minute), fresh)
	must(t, err)
	return block
}

// marked checks which indexes of a list are revoked.
func marked(t *testing.T, b Backend, list string, want ...int) {
	t.Helper()
	got, err := b.RevokedIndexes(t.Context(), list)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("list %s: %v are revoked, want %v", list, got, want)
	}
}

func statusBlocks(t *testing.T, b Backend) {
	fresh := authz.StatusList{ID: "first", CreatedAt: fine(1), ClosesAt: fine(11), ExpiresAt: fine(16)}
	for n := range 3 {
		same(t, "block", reserve(t, b, 1+n, fresh), authz.StatusBlock{List: freshList("first", 1), Number: n})
		fresh = freshList(fmt.Sprint("not needed ", n), 1+n)
	}
	all, err := b.StatusLists(t.Context(), at(1))
	must(t, err)
	same(t, "lists", all, []authz.StatusList{freshList("first", 1)})
}

func statusNewList(t *testing.T, b Backend) {
	for range authz.StatusBlocks {
		reserve(t, b, 1, freshList("full", 1))
	}
	same(t, "after a full one", reserve(t, b, 2, freshList("next", 2)), authz.StatusBlock{List: freshList("next", 2)})
	same(t, "open a little longer", reserve(t, b, 11, freshList("x", 11)), authz.StatusBlock{List: freshList("next", 2), Number: 1})
	same(t, "after a closed one", reserve(t, b, 12, freshList("third", 12)), authz.StatusBlock{List: freshList("third", 12)})

	long := freshList("long", 13)
	long.ExpiresAt = utc(40)
	same(t, "for tokens that live longer", reserve(t, b, 13, long), authz.StatusBlock{List: long})
	same(t, "for those of before", reserve(t, b, 13, freshList("x", 13)), authz.StatusBlock{List: freshList("third", 12), Number: 1})

	if _, err := b.ReserveStatusBlock(t.Context(), at(50), freshList("third", 50)); err == nil {
		t.Error("a second list with the same id was stored")
	}
}

func statusLists(t *testing.T, b Backend) {
	if all, err := b.StatusLists(t.Context(), at(1)); err != nil || all == nil || len(all) != 0 {
		t.Errorf("StatusLists of an empty store: %#v, %v", all, err)
	}
	if _, err := b.StatusList(t.Context(), "nowhere"); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("StatusList: got %v, want ErrNotFound", err)
	}
	marked(t, b, "nowhere")
	older, newer := freshList("b", 1), freshList("a", 20)
	reserve(t, b, 1, older)
	reserve(t, b, 20, newer)
	got, err := b.StatusList(t.Context(), "b")
	must(t, err)
	same(t, "list", got, older)
	for _, c := range []struct {
		minute int
		want   []authz.StatusList
	}{{15, []authz.StatusList{older, newer}}, {16, []authz.StatusList{newer}}, {35, []authz.StatusList{}}} {
		all, err := b.StatusLists(t.Context(), at(c.minute))
		must(t, err)
		same(t, fmt.Sprintf("lists alive at %d", c.minute), all, c.want)
	}
}

func live(list string, minute int, indexes ...int) []authz.StatusIndex {
	var out []authz.StatusIndex
	for _, i := range indexes {
		out = append(out, authz.StatusIndex{List: list, Index: i, Expires: fine(minute)})
	}
	return out
}

func statusGrant(t *testing.T, b Backend) {
	for _, id := range []string{"mine", "other", "code alone"} {
		must(t, b.CreateGrant(t.Context(), freshGrant(id)))
	}
	redeemed := spent(1, at(10), at(40))
	redeemed.Live = live("one", 20, 9)
	must(t, b.RedeemCode(t.Context(), "mine", redeemed))
	rotated := spent(2, at(11), at(41))
	rotated.Live = slices.Concat(live("one", 20, 9), live("one", 30, 3), live("two", 30, 3, 1))
	must(t, b.Rotate(t.Context(), "mine", 1, rotated))
	other := spent(1, at(10), at(40))
	other.Live = live("one", 30, 4)
	must(t, b.RedeemCode(t.Context(), "other", other))

	got, err := b.Grant(t.Context(), "mine")
	must(t, err)
	want := []authz.StatusIndex{
		{List: "one", Index: 9, Expires: utc(20)}, {List: "one", Index: 3, Expires: utc(30)},
		{List: "two", Index: 3, Expires: utc(30)}, {List: "two", Index: 1, Expires: utc(30)},
	}
	same(t, "indexes of the grant", got.Live, want)
	marked(t, b, "one")

	// The first token has expired by then.
	must(t, b.RevokeGrant(t.Context(), "mine", at(20).Add(time.Second), "stolen"))
	must(t, b.RevokeGrant(t.Context(), "mine", at(21), "again"))
	must(t, b.RevokeGrant(t.Context(), "code alone", at(21), "no tokens"))
	marked(t, b, "one", 3)
	marked(t, b, "two", 1, 3)
}

func statusToken(t *testing.T, b Backend) {
	index := authz.StatusIndex{List: "list", Index: 5, Expires: at(20)}
	must(t, b.RevokeToken(t.Context(), "a", index, at(10)))
	must(t, b.RevokeToken(t.Context(), "a", index, at(10)))
	must(t, b.RevokeToken(t.Context(), "sibling", index, at(11)))
	must(t, b.RevokeToken(t.Context(), "of no list", authz.StatusIndex{}, at(10)))
	marked(t, b, "list", 5)
	marked(t, b, "")
	for _, jti := range []string{"a", "sibling", "of no list"} {
		if revoked, err := b.TokenRevoked(t.Context(), jti); err != nil || !revoked {
			t.Errorf("%s: revoked %v, error %v", jti, revoked, err)
		}
	}

	// The grant of a token that was revoked alone.
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	redeemed := spent(1, at(10), at(40))
	redeemed.Live = live("list", 30, 5, 6)
	must(t, b.RedeemCode(t.Context(), "g", redeemed))
	must(t, b.RevokeGrant(t.Context(), "g", at(12), "stolen"))
	marked(t, b, "list", 5, 6)
}

// raceStatusBlocks: no two nodes get the same block, also when they need a new
// list at once.
func raceStatusBlocks(t *testing.T, b Backend) {
	type place struct {
		list   string
		number int
	}
	var mu sync.Mutex
	seen := map[place]int{}
	race(t, 50, func(error) bool { return false }, func(i int) error {
		for range 4 {
			block, err := b.ReserveStatusBlock(t.Context(), at(1), freshList(fmt.Sprint("list ", i), 1))
			if err != nil {
				return err
			}
			mu.Lock()
			seen[place{block.List.ID, block.Number}]++
			mu.Unlock()
		}
		return nil
	})
	if len(seen) != 200 {
		t.Errorf("200 reservations gave %d blocks: %v", len(seen), seen)
	}
}

// raceStatusRevoke: whether a rotation comes before the revocation or after,
// no token goes out whose index is not marked.
func raceStatusRevoke(t *testing.T, b Backend) {
	for round := range 20 {
		id := fmt.Sprint("g", round)
		must(t, b.CreateGrant(t.Context(), freshGrant(id)))
		redeemed := spent(1, at(10), at(40))
		redeemed.Live = live(id, 30, 0)
		must(t, b.RedeemCode(t.Context(), id, redeemed))
		issued := []int{0}
		race(t, 2, isConflict, func(i int) error {
			if i == 0 {
				return b.RevokeGrant(t.Context(), id, at(12), "stolen")
			}
			for n := 1; ; n++ { // until the revocation has come
				rotated := spent(n+1, at(11), at(41))
				for k := range n + 1 {
					rotated.Live = append(rotated.Live, live(id, 30, k)...)
				}
				if err := b.Rotate(t.Context(), id, n, rotated); err != nil {
					return err
				}
				issued = append(issued, n)
			}
		})
		marked(t, b, id, issued...)
	}
}
