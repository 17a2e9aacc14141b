package store

import (
	"log/slog"
	"path/filepath"
)

// networkNames are the file systems on which SQLite's locks, or the memory
// that its write-ahead log shares between processes, cannot be relied on
// (https://sqlite.org/wal.html, "Overview"), by the magic number that statfs(2)
// of Linux gives them.
var networkNames = map[uint32]string{
	0x00006969: "NFS",
	0x0000517b: "SMB",
	0xfe534d42: "SMB",
	0xff534d42: "CIFS",
	0x01021997: "9p",
	0x65735546: "FUSE",
	0x5346414f: "AFS",
	0x6b414653: "AFS",
	0x00c36400: "Ceph",
	0x73757245: "Coda",
	0x0000564c: "NCP",
	0x0bd00bd0: "Lustre",
	0x01161970: "GFS2",
	0x7461636f: "OCFS2",
}

// warnOfNetwork says so when the database is on a file system where two
// processes can damage it.
func warnOfNetwork(path string, log *slog.Logger) {
	if magic, known := fileSystem(filepath.Dir(path)); known {
		warnOfFileSystem(path, magic, log)
	}
}

func warnOfFileSystem(path string, magic uint32, log *slog.Logger) {
	if name := networkNames[magic]; name != "" {
		log.Warn("the database is on a file system that may be shared over a network ("+name+"), where SQLite's locks cannot be relied on: "+
			"move it to a local disk, or use Postgres", "file", path)
	}
}
