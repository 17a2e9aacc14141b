package fetch

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// LoadCAs returns the system's certificate authorities and those of a file in
// PEM, or nil, which stands for the system's, when file is empty.
func LoadCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in PEM in it")
	}
	return pool, nil
}
