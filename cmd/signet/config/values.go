package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseDuration reads a Go duration in which a day may be written too: 10m,
// 1h30m, 90d, 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return parseGoDuration(text)
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 0 || n > 36500 {
		return 0, errBadDuration
	}
	if rest == "" {
		return time.Duration(n) * day, nil
	}
	d, err := parseGoDuration(rest)
	return time.Duration(n)*day + d, err
}

var errBadDuration = errors.New("is not a duration; write a number and a unit, such as 90s, 10m, 12h or 30d")

func parseGoDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errBadDuration
	}
	return d, nil
}

// FormatDuration writes d as ParseDuration reads it, in the largest units.
func FormatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parsePrefix reads a CIDR, or one address for the network of it alone.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not an address or a network; write it like 10.0.0.0/8", text)
	}
	return prefix.Masked(), nil
}

// setScalar sets v, which is not a list, from text. Its error reads on from
// the key's name and quotes text only where that cannot be a secret.
func setScalar(v reflect.Value, text string) error {
	switch {
	case v.Type() == durationType:
		d, err := ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q %w", text, err)
		}
		v.SetInt(int64(d))
	case v.Type() == prefixType:
		p, err := parsePrefix(text)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(p))
	case v.Kind() == reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		if err := setScalar(fresh.Elem(), text); err != nil {
			return err
		}
		v.Set(fresh)
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q must be true or false", text)
		}
		v.SetBool(text == "true")
	case v.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q must be a whole number", text)
		}
		v.SetInt(int64(n))
	default:
		v.SetString(text)
	}
	return nil
}

// setList sets the list v from its parts.
func setList(v reflect.Value, parts []string) error {
	list := reflect.MakeSlice(v.Type(), len(parts), len(parts))
	for i, part := range parts {
		if err := setScalar(list.Index(i), part); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}
