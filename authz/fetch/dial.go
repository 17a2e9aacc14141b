package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// dialer returns what connects to a host whose every address may be reached. The
// name is resolved here, once, and the connection goes to the very address that
// was judged: a name server that answers differently a moment later is not asked
// again.
func (c *Client) dialer(may func(netip.Addr) bool, refusal error) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		// net/http dials in a context of its own, which outlives the request.
		ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		addrs, err := c.resolve(ctx, host)
		if err != nil {
			return nil, err
		}
		// All of them: a name with one private address among public ones is up
		// to no good.
		for _, a := range addrs {
			if !may(a) {
				return nil, fmt.Errorf("%w: %s is %s", refusal, host, a)
			}
		}
		return connect(ctx, network, addrs, port)
	}
}

// connect tries addresses that were judged in their order.
func connect(ctx context.Context, network string, addrs []netip.Addr, port string) (net.Conn, error) {
	var failed error
	for i, a := range addrs {
		conn, err := connectOne(ctx, network, net.JoinHostPort(a.String(), port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// connectOne leaves the addresses after it their share of the time that is left,
// so that one that swallows packets does not hide one that answers.
func connectOne(ctx context.Context, network, address string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := c.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = errors.New("it has no address")
	}
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", host, err)
	}
	return addrs, nil
}

// reachable reports whether the server may connect to a by https.
func (c *Client) reachable(a netip.Addr) bool {
	return a.Zone() == "" && (public(a.Unmap()) || c.inside(a))
}

// inside reports whether the operator has allowed a: then http will do too.
func (c *Client) inside(a netip.Addr) bool {
	a = a.Unmap()
	return a.Zone() == "" && slices.ContainsFunc(c.cfg.AllowNetworks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// special are the blocks of the IANA special-purpose registries (RFC 6890) that
// are not global, and those that embed an IPv4 address, which a translator on the
// way would turn into a private one.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),           // IPv4-compatible (RFC 4291)
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4-translated (RFC 2765)
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64 (RFC 6052)
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64 (RFC 8215)
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo, ORCHID and others
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4 (RFC 3056)
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fec0::/10"),
	netip.MustParsePrefix("ff00::/8"),
}

// public reports whether a is an address of the public Internet. Of IPv6 that is
// 2000::/3 alone: nothing else has been given out (RFC 4291, section 2.4).
func public(a netip.Addr) bool {
	if a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	return a.IsValid() && a.IsGlobalUnicast() &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

var globalUnicast = netip.MustParsePrefix("2000::/3")
