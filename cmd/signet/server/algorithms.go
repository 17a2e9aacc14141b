package server

import (
	"context"
	"log/slog"

	"signet/authz/store"
	"signet/cmd/signet/config"
)

// warnOfAlgorithms tells of clients whose tokens are to be signed with what is
// not, or no longer, in keys.algorithms. A key of it may be there and sign until
// it retires; no other follows it. Clients that config.yaml declares cannot be
// among them: they were refused when it was read.
func warnOfAlgorithms(ctx context.Context, cfg *config.Config, st *store.Store, log *slog.Logger) error {
	all, err := st.Clients(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Disabled {
			continue
		}
		for _, fault := range cfg.SigningFaults(&all[i]) {
			log.WarnContext(ctx, "a client will get no tokens once no key of its algorithm signs any more", "client_id", all[i].ID, "field", fault.Field, "reason", fault.Reason)
		}
	}
	return nil
}
