package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminalPrompt asks on the terminal, or is nil when standard input is none.
func terminalPrompt() func(string) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return nil
	}
	return func(question string) (string, error) {
		fmt.Fprint(os.Stderr, question)
		answer, err := term.ReadPassword(in)
		fmt.Fprintln(os.Stderr)
		return string(answer), err
	}
}

// readPassword reads a person's new password from standard input, or asks for
// it twice. There is no flag for it: a command line is seen by every process
// and kept in the shell's history.
func (a *app) readPassword(fromStdin bool) (string, error) {
	switch {
	case fromStdin:
		content, err := io.ReadAll(io.LimitReader(a.stdin, 64<<10))
		if err != nil {
			return "", fmt.Errorf("cannot read the password from standard input: %w", err)
		}
		return notEmpty(strings.TrimRight(string(content), "\r\n"))
	case a.prompt == nil:
		return "", errors.New("there is no terminal to ask for the password on; pipe it in with --password-stdin")
	}
	first, err := a.prompt("Password: ")
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	again, err := a.prompt("The same again: ")
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	if first != again {
		return "", errors.New("the two passwords are not the same; nothing was changed, try again")
	}
	return notEmpty(first)
}

func notEmpty(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty; nothing was changed")
	}
	return password, nil
}
