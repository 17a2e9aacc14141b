package authz

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// logoutLanes is how many apps are sent logout tokens at once, and
	// logoutParallel how many are under way to one of them. The fetcher allows no
	// more to one host.
	logoutLanes, logoutParallel = 32, 4
	// logoutBatch is how many tokens to one app are claimed at once: what they
	// take in the worst case must be well within logoutClaim. An app that failed
	// is sent one round at a time.
	logoutBatch, logoutProbe = 64, logoutParallel
	// logoutClaim is how long a node that has died keeps others from sending.
	logoutClaim = 2 * time.Minute
	// logoutPoll is how often a node looks for what others left behind.
	logoutPoll = time.Minute
	// logoutPause follows a failure of the database.
	logoutPause = time.Second
	// logoutTimeout bounds one attempt.
	logoutTimeout = 3 * time.Second
)

// logoutRetries are the pauses after each attempt that failed; after the last of
// them, one more attempt is the last.
var logoutRetries = [...]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// logoutQueue sends what is in the queue of logout tokens. Each app has a lane of
// its own, so that one that sleeps holds up nobody but itself.
type logoutQueue struct {
	p *Provider
	// wake says that there may be something to do.
	wake chan struct{}
	// work counts the lanes that run.
	work sync.WaitGroup

	mu sync.Mutex
	// lanes are the clients that are being sent to; failing those whose last round
	// had a failure.
	lanes, failing map[string]bool
}

func newLogoutQueue(p *Provider) *logoutQueue {
	return &logoutQueue{p: p, wake: make(chan struct{}, 1), lanes: map[string]bool{}, failing: map[string]bool{}}
}

// WakeLogouts has RunLogouts look at once for logout tokens that are due.
func (p *Provider) WakeLogouts() {
	select {
	case p.logouts.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// RunLogouts sends logout tokens until ctx is done. Any number of nodes may do so
// at once: each token is sent by one of them.
func (p *Provider) RunLogouts(ctx context.Context) {
	if p.cfg.Logouts == nil || p.cfg.Fetch == nil {
		return
	}
	q := p.logouts
	defer q.work.Wait()
	for ctx.Err() == nil {
		wait := q.start(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-q.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// start opens a lane for each app that is due a token and has none, and returns
// how long to wait for the next one.
func (q *logoutQueue) start(ctx context.Context) time.Duration {
	pending, err := q.p.cfg.Logouts.PendingLogouts(ctx)
	if err != nil {
		q.report(ctx, err)
		return logoutPoll
	}
	now, wait := q.p.now(), logoutPoll
	q.mu.Lock()
	defer q.mu.Unlock()
	for client := range q.failing {
		if _, any := pending[client]; !any {
			delete(q.failing, client)
		}
	}
	for client, due := range pending {
		switch {
		case due.After(now):
			wait = min(wait, due.Sub(now))
		case !q.lanes[client] && len(q.lanes) < logoutLanes:
			q.lanes[client] = true
			q.work.Go(func() { q.lane(ctx, client) })
		} // one without a lane gets its turn when another ends, which wakes the queue
	}
	return wait
}

// lane sends to one app until it has all that is due, or has failed. Then others
// have their turn.
func (q *logoutQueue) lane(ctx context.Context, client string) {
	ok := true
	for full := true; full && ok && ctx.Err() == nil; {
		full, ok = q.round(ctx, client)
		q.mu.Lock()
		if q.failing[client] = !ok; ok {
			delete(q.failing, client)
		}
		q.mu.Unlock()
	}
	q.mu.Lock()
	delete(q.lanes, client)
	q.mu.Unlock()
	q.p.WakeLogouts()
}

// round claims some of what an app is due, sends it and stores the outcome. It
// reports whether there may be more, and whether all went well.
func (q *logoutQueue) round(ctx context.Context, client string) (full, ok bool) {
	limit := logoutBatch
	q.mu.Lock()
	if q.failing[client] {
		limit = logoutProbe
	}
	q.mu.Unlock()
	now := q.p.now()
	until := now.Add(logoutClaim)
	batch, err := q.p.cfg.Logouts.ClaimLogouts(ctx, client, now, until, limit)
	if err != nil {
		q.report(ctx, err)
		return false, false
	}
	q.sendAll(ctx, batch)
	ok = len(batch) == 0
	for i := range batch {
		ok = ok || !batch[i].DeliveredAt.IsZero()
	}
	// Also when the server stops: what was sent is not to be sent again.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
	defer cancel()
	if err := q.p.cfg.Logouts.SettleLogouts(end, until, batch); err != nil {
		q.report(ctx, err)
		return false, false
	}
	return len(batch) == limit, ok
}

// sendAll sends a batch, some at a time, and notes in it what became of each.
func (q *logoutQueue) sendAll(ctx context.Context, batch []LogoutDelivery) {
	var wait sync.WaitGroup
	turns := make(chan struct{}, logoutParallel)
	for i := range batch {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			q.attempt(ctx, &batch[i])
		})
	}
	wait.Wait()
}

// attempt sends one token, and notes in d what became of it.
func (q *logoutQueue) attempt(ctx context.Context, d *LogoutDelivery) {
	status, err := q.p.sendLogoutToken(ctx, d)
	now := q.p.now()
	switch {
	case err == nil:
		d.DeliveredAt, d.NextAt, d.Status, d.Error = now, time.Time{}, status, ""
	case ctx.Err() != nil: // the server stops: the next one tries again at once
		d.Attempts, d.NextAt = d.Attempts-1, now
	case errors.Is(err, errLogoutLater):
		d.Attempts, d.NextAt = d.Attempts-1, now.Add(time.Second)
	case errors.Is(err, errNoLogout) || d.Attempts > len(logoutRetries):
		d.NextAt, d.Status, d.Error = time.Time{}, status, clip(err.Error())
	default:
		d.NextAt, d.Status, d.Error = now.Add(logoutRetries[d.Attempts-1]), status, clip(err.Error())
	}
	q.p.auditLogout(ctx, d)
}

// report writes to the log what keeps the queue from being worked off, and gives
// a database that is in trouble a moment.
func (q *logoutQueue) report(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	q.p.cfg.Logger.LogAttrs(ctx, slog.LevelError, "logout tokens cannot be sent now; tried again later", slog.Any("error", err))
	select {
	case <-ctx.Done():
	case <-time.After(logoutPause):
	}
}
