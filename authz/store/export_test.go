package store

// WarnOfFileSystem lets tests stand on file systems that are not to be had.
var WarnOfFileSystem = warnOfFileSystem
