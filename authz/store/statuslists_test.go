package store_test

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/store"
)

func TestTwoStoresNeverReserveTheSameBlock(t *testing.T) {
	path := newFile(t)
	stores := []*store.Store{open(t, path), open(t, path)}
	now := time.Now()
	var mu sync.Mutex
	seen := map[string]bool{}
	var done sync.WaitGroup
	for i := range 20 {
		done.Go(func() {
			for range 10 {
				b, err := stores[i%2].ReserveStatusBlock(t.Context(), now, authz.StatusList{
					ID: fmt.Sprint(i), CreatedAt: now, ClosesAt: now.Add(time.Hour), ExpiresAt: now.Add(2 * time.Hour),
				})
				mu.Lock()
				if at := fmt.Sprint(b.List.ID, "/", b.Number); err != nil || seen[at] {
					t.Errorf("block %s again, or %v", at, err)
				} else {
					seen[at] = true
				}
				mu.Unlock()
			}
		})
	}
	done.Wait()
	if all, err := stores[0].StatusLists(t.Context(), now); err != nil || len(all) != 1 {
		t.Errorf("%d lists were made (%v), want 1", len(all), err)
	}
}

// A mark stays until the last token that has the index has expired, in
// whichever order the revocations come.
func TestMarkStaysAsLongAsTheLaterSays(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, minutes := range []int64{2, 1, 3} {
		index := authz.StatusIndex{List: "l", Index: 1, Expires: time.Unix(minutes*60, 0)}
		if err := s.RevokeToken(t.Context(), fmt.Sprint(minutes), index, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		var got int64
		if err := db.QueryRow("SELECT expires_at FROM status_entries WHERE list_id = 'l' AND idx = 1").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if want := max(minutes, 2) * 60_000_000; got != want {
			t.Errorf("after one until minute %d the mark stays until %d, want %d", minutes, got, want)
		}
	}
}
