package storetest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"signet/authz"
)

func keptLive(live []authz.StatusIndex) []authz.StatusIndex {
	if len(live) == 0 {
		return nil
	}
	live = slices.Clone(live)
	for i := range live {
		live[i].Expires = kept(live[i].Expires)
	}
	return live
}

// mark marks an index. The caller holds the lock. As in the database, an index
// of a list that is not there is no error, and lists that come later show it.
func (m *Memory) mark(i authz.StatusIndex) {
	if m.marks[i.List] == nil {
		m.marks[i.List] = map[int]time.Time{}
	}
	if until := kept(i.Expires); until.After(m.marks[i.List][i.Index]) {
		m.marks[i.List][i.Index] = until
	}
}

// ReserveStatusBlock implements authz.StatusStore.
func (m *Memory) ReserveStatusBlock(ctx context.Context, open time.Time, fresh authz.StatusList) (authz.StatusBlock, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return authz.StatusBlock{}, err
	}
	defer leave()
	open = kept(open)
	fresh.CreatedAt, fresh.ClosesAt, fresh.ExpiresAt = kept(fresh.CreatedAt), kept(fresh.ClosesAt), kept(fresh.ExpiresAt)
	for _, l := range m.statusLists() {
		next := m.nextBlock[l.ID]
		if next < authz.StatusBlocks && l.ClosesAt.After(open) && l.ExpiresAt.Sub(l.ClosesAt) >= fresh.ExpiresAt.Sub(fresh.ClosesAt) {
			m.nextBlock[l.ID]++
			return authz.StatusBlock{List: l, Number: next}, nil
		}
	}
	if _, taken := m.lists[fresh.ID]; taken {
		return authz.StatusBlock{}, errors.New("storing a status list: its id is taken")
	}
	m.lists[fresh.ID], m.nextBlock[fresh.ID] = fresh, 1
	return authz.StatusBlock{List: fresh}, nil
}

// statusLists are all lists, the oldest first. The caller holds the lock.
func (m *Memory) statusLists() []authz.StatusList {
	all := slices.AppendSeq(make([]authz.StatusList, 0, len(m.lists)), maps.Values(m.lists))
	slices.SortFunc(all, func(a, b authz.StatusList) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// StatusList implements authz.StatusStore.
func (m *Memory) StatusList(ctx context.Context, id string) (authz.StatusList, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return authz.StatusList{}, err
	}
	defer leave()
	l, ok := m.lists[id]
	if !ok {
		return authz.StatusList{}, authz.ErrNotFound
	}
	return l, nil
}

// StatusLists implements authz.StatusStore.
func (m *Memory) StatusLists(ctx context.Context, now time.Time) ([]authz.StatusList, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.DeleteFunc(m.statusLists(), func(l authz.StatusList) bool { return !l.ExpiresAt.After(kept(now)) }), nil
}

// RevokedIndexes implements authz.StatusStore.
func (m *Memory) RevokedIndexes(ctx context.Context, list string) ([]int, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Sorted(maps.Keys(m.marks[list])), nil
}
