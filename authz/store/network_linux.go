package store

import "syscall"

// fileSystem is the magic number of the file system that holds path.
func fileSystem(path string) (magic uint32, known bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, false
	}
	// The type of the field, and whether it has a sign, depends on the
	// architecture; the numbers have 32 bits.
	return uint32(st.Type), true
}
