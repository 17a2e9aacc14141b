package server

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"signet/authz/storetest"
	"signet/clients"
)

// Last uses are written in the background, and once more at the end.
func TestUsesAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, uses := storetest.NewMemory(), clients.NewUseRecorder()
		for _, id := range []string{"a", "b"} {
			if err := db.CreateClient(t.Context(), clients.Client{ID: id}); err != nil {
				t.Fatal(err)
			}
		}
		stored := func() int {
			all, err := db.ClientUses(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { recordUses(ctx, uses, db, slog.New(slog.DiscardHandler)); close(ended) }()
		uses.Note("a", "", time.Now())
		synctest.Wait()
		if stored() != 0 {
			t.Error("a use is written at once")
		}
		time.Sleep(flushEvery + time.Second)
		if stored() != 1 {
			t.Errorf("%d uses after a minute", stored())
		}
		uses.Note("b", "", time.Now())
		stop()
		<-ended
		if stored() != 2 {
			t.Errorf("%d uses at the end", stored())
		}
	})
}
