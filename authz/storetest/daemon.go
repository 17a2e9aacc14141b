package storetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// identity is the user that a daemon runs as: both Postgres and pgbouncer
// refuse root. It is nil for the user that we are.
type identity struct{ uid, gid int }

// unprivilegedDir makes a folder for a daemon, and says who may use it.
func unprivilegedDir(name string) (dir string, who *identity, err error) {
	if dir, err = os.MkdirTemp("", "signet-"+name+"-"); err != nil {
		return "", nil, err
	}
	if os.Geteuid() != 0 {
		return dir, nil, nil
	}
	for _, account := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(account)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		return dir, &identity{uid, gid}, errors.Join(errUID, errGID, os.Chown(dir, uid, gid))
	}
	return "", nil, errors.New("no user postgres or nobody to start Postgres as")
}

// attributes has a process run as who, away from the terminal's signals.
func (who *identity) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if who != nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid)}
	}
	return attributes
}

// writeFor writes a file that who alone may read.
func writeFor(who *identity, path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil || who == nil {
		return err
	}
	return os.Chown(path, who.uid, who.gid)
}

// untilEOF runs a program until standard input ends, which it does when the
// process at its other end does, however that happens: a test that times out
// or is killed leaves no daemon and no folder behind. SIGQUIT stops Postgres at
// once; older releases of pgbouncer go by SIGTERM alone.
const untilEOF = `dir=$1; shift
"$@" >>"$dir/log" 2>&1 &
cat >/dev/null
kill -QUIT $! 2>/dev/null
kill -TERM $! 2>/dev/null
wait
rm -rf "$dir"`

// startDaemon runs a program in its folder until this process ends, and waits
// until it is ready.
func startDaemon(dir string, who *identity, program string, args []string, ready func() error) error {
	sh := exec.Command("/bin/sh", append([]string{"-c", untilEOF, "sh", dir, program}, args...)...)
	sh.Dir, sh.SysProcAttr = dir, who.attributes()
	stdin, err := sh.StdinPipe()
	if err == nil {
		err = sh.Start()
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	ended := make(chan error, 1)
	go func() { ended <- sh.Wait() }() // and keeps stdin open until then
	if err := ready(); err != nil {
		said, _ := os.ReadFile(filepath.Join(dir, "log"))
		return errors.Join(fmt.Errorf("%s does not answer: %w\n%s", program, err, said), stdin.Close(), <-ended)
	}
	return nil
}
