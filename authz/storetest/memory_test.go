package storetest_test

import (
	"testing"

	"signet/authz/storetest"
)

func TestMemoryConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Backend { return storetest.NewMemory() })
}
