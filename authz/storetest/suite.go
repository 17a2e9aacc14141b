package storetest

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
	"signet/keys"
)

// Backend is everything a store offers.
type Backend interface {
	authz.GrantStore
	authz.GrantFinder
	authz.TokenStore
	authz.StatusStore
	authz.AssertionStore
	authz.LogoutStore
	authz.LogoutFinder
	authz.ConsentStore
	authz.OriginStore
	clients.Store
	authz.InvitationStore
	authz.DynamicClients
	clients.UseStore
	clients.Pager
	login.PeopleStore
	login.SessionStore
	login.StepUpStore
	login.Directory
	login.SetupStore
	keys.Store
	Fingerprints
	Sweeper
}

// Fingerprints remembers what must not change from one start to the next.
type Fingerprints interface {
	// Fingerprint remembers value under name on the first call and reports on
	// every later one whether value is the same.
	Fingerprint(ctx context.Context, name string, value []byte) (match bool, err error)
}

// Run runs the whole suite. It calls open for an empty store whenever it needs
// one; open registers its own clean-up with the test that it gets.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"grants/round trip", grantRoundTrip},
		{"grants/not found", grantNotFound},
		{"grants/id is unique", grantUnique},
		{"grants/code is redeemed once", redeemOnce},
		{"grants/refresh token rotates by its generation", rotateByGeneration},
		{"grants/revoked grant yields nothing", revokedGrant},
		{"grants/revoking is idempotent", revokeTwice},
		{"grants/a change touches one grant only", changeOneGrant},
		{"grants/race for a code", raceRedeem},
		{"grants/race for a refresh token", raceRotate},
		{"grants/race of redeeming and revoking", raceRevoke},
		{"grants/extending moves the expiry alone", extendGrant},
		{"grants/race of extending", raceExtend},
		{"grants/list by each field, page by page", listGrants},
		{"grants/list of those alive", listLiveGrants},
		{"grants/revoking many", revokeManyGrants},
		{"grants/revoking what a filter means", revokeByFilter},
		{"grants/race of revoking many", raceRevokeMany},
		{"tokens/revocation", tokenRevocation},
		{"status/blocks of a list, each once", statusBlocks},
		{"status/list is full, closed, or too short for its tokens", statusNewList},
		{"status/lists round trip and order", statusLists},
		{"status/revoked grant marks what is alive", statusGrant},
		{"status/revoked token is marked", statusToken},
		{"status/race for blocks", raceStatusBlocks},
		{"status/race of rotating and revoking", raceStatusRevoke},
		{"assertions/each once", assertionOnce},
		{"assertions/race", raceAssertion},
		{"logouts/an app is reached once for each session", reachedOnce},
		{"logouts/the end of a session queues its logout tokens", queuedLogouts},
		{"logouts/claimed, settled and tried again", claimedLogouts},
		{"logouts/what a session stood for is handed on", movedReached},
		{"logouts/swept, and gone with the client", sweptLogouts},
		{"logouts/race for deliveries", raceLogouts},
		{"consents/replaced and kept apart", consents},
		{"consents/race", raceConsent},
		{"clients/round trip", clientRoundTrip},
		{"clients/update keeps CreatedAt", clientUpdate},
		{"clients/not found and taken", clientErrors},
		{"clients/order", clientOrder},
		{"clients/race for an id", raceClient},
		{"clients/origins are found, and follow each change", clientOrigins},
		{"clients/failed change stores nothing", clientChangeFails},
		{"clients/race of changes loses none", raceClientChanges},
		{"invitations/round trip, order and revocation", invitationRoundTrip},
		{"invitations/one registration for each use", invitationUse},
		{"invitations/refused registration spends nothing", invitationKept},
		{"invitations/race for the last use", raceInvitation},
		{"registration/counted and swept while unused", unusedClients},
		{"registration/swept in batches", unusedBatches},
		{"registration/race of sweeping", raceUnused},
		{"clients/deleting takes what is kept about it", clientDelete},
		{"clients/race of deleting", raceClientDelete},
		{"clients/uses are kept to the hour", clientUses},
		{"clients/race of uses", raceClientUses},
		{"clients/page by page", pageClients},
		{"people/page by page", pagePeople},
		{"people/round trip", personRoundTrip},
		{"people/found by any spelling of a name", personByLogin},
		{"people/names are unique across usernames and emails", personTaken},
		{"people/update keeps CreatedAt and moves names", personUpdate},
		{"people/failed update changes nothing", personUpdateAtomic},
		{"people/order", personOrder},
		{"people/race for a name", racePerson},
		{"people/failed change stores nothing", personChangeFails},
		{"people/race of changes loses none", racePersonChanges},
		{"sessions/round trip", sessionRoundTrip},
		{"sessions/not found and unique", sessionErrors},
		{"sessions/ending is idempotent", sessionEnd},
		{"sessions/raised once", sessionRaise},
		{"sessions/page by page, by subject and state", pageSessions},
		{"sessions/ending all of a person", endSessions},
		{"sessions/last use", sessionTouch},
		{"sessions/last uses at once", raceTouch},
		{"sessions/the newest first", sessionLatest},
		{"consents/of a person, and forgotten", consentsOf},
		{"setup/one link at a time", setupReplace},
		{"setup/link dies with its use", setupUse},
		{"setup/taken name leaves the link", setupTaken},
		{"setup/race for the link", raceSetup},
		{"setup/race to replace the link", raceReplace},
		{"keys/round trip and order", keyRoundTrip},
		{"keys/change replaces every field", keyReplace},
		{"keys/change adds and replaces at once", keyAddAndReplace},
		{"keys/taken key or generation changes nothing", keyTaken},
		{"keys/failed change stores nothing", keyChangeFails},
		{"keys/change of a request that is gone stores nothing", keyChangeCancelled},
		{"keys/what change gets and returns is a copy", keyCopies},
		{"keys/race of changes", raceKeys},
		{"fingerprints/remembered and compared", fingerprints},
		{"fingerprints/race of the first value", raceFingerprint},
		{"sweep/what has expired goes", sweepExpired},
		{"sweep/in batches", sweepInBatches},
		{"sweep/race", raceSweep},
		{"everything/what goes in and out is a copy", copies},
		{"everything/what no row can hold is not found", unstorable},
		{"everything/cancelled context", cancelled},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open(t)) })
	}
}

// at returns a moment that has microseconds and is given in another zone than
// UTC, as a careless caller would.
func at(minute int) time.Time {
	zone := time.FixedZone("elsewhere", 2*60*60+30*60)
	return time.Date(2026, 3, 29, 1, minute, 59, 123_456_000, zone)
}

// fine is at with nanoseconds, which no store keeps.
func fine(minute int) time.Time { return at(minute).Add(789 * time.Nanosecond) }

// same fails unless got is want to the last field. The times in want must be
// as a store answers them: see utc.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// utc is how a store must answer at(minute) and fine(minute).
func utc(minute int) time.Time { return at(minute).UTC() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// race calls do n times at once and counts the outcomes: nil, lost, and any
// other, which fails the test.
func race(t *testing.T, n int, lost func(error) bool, do func(i int) error) (won, lostCount int) {
	t.Helper()
	var (
		start = make(chan struct{})
		done  sync.WaitGroup
		errs  = make([]error, n)
	)
	for i := range n {
		done.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	done.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case lost(err):
			lostCount++
		default:
			t.Errorf("contender %d: unexpected error: %v", i, err)
		}
	}
	return won, lostCount
}
