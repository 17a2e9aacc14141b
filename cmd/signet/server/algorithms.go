package server

import (
	"context"
	"log/slog"

	"signet/clients"
	"signet/cmd/signet/config"
)

// clientsAtOnce is how many clients are held while all are looked at.
const clientsAtOnce = 500

// warnOfAlgorithms tells of clients whose tokens are to be signed with what is
// not, or no longer, in keys.algorithms. A key of it may be there and sign until
// it retires; no other follows it. Clients that config.yaml declares cannot be
// among them: they were refused when it was read.
//
// It looks at the clients after an id, and returns the id to go on from, empty at
// the end: the first of them are looked at before the server serves, the rest, if
// there are a great many, meanwhile.
func warnOfAlgorithms(ctx context.Context, cfg *config.Config, st clients.Pager, log *slog.Logger, after string) (next string, err error) {
	page, err := st.ClientsPage(ctx, after, clientsAtOnce)
	if err != nil {
		return "", err
	}
	for i := range page {
		if page[i].Disabled {
			continue
		}
		for _, fault := range cfg.SigningFaults(&page[i]) {
			log.WarnContext(ctx, "a client will get no tokens once no key of its algorithm signs any more", "client_id", page[i].ID, "field", fault.Field, "reason", fault.Reason)
		}
	}
	if len(page) < clientsAtOnce {
		return "", nil
	}
	return page[len(page)-1].ID, nil
}

// warnOfOthers is warnOfAlgorithms for the clients after the first page.
func warnOfOthers(ctx context.Context, cfg *config.Config, st clients.Pager, log *slog.Logger, after string) {
	for after != "" {
		next, err := warnOfAlgorithms(ctx, cfg, st, log, after)
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the algorithms of the other clients could not be checked", slog.Any("error", err))
		}
		after = next
	}
}
