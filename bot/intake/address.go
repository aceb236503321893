package intake

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// newTransport is a client's connections without proxy, cookies or credentials, which connect to public addresses only. The
// address is checked when it is dialled, so a name that resolves to something else the second time gains nothing.
func newTransport(o Options) *http.Transport {
	dialer := &net.Dialer{
		Timeout: 10 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error { return o.mayDial(address) },
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // the digest is of what is sent
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           8,
	}
}

// errAddress refuses to connect.
var errAddress = errors.New("not a public address")

// mayDial decides on an address and port as resolved.
func (o *Options) mayDial(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return errAddress
	}
	ip := a.Addr().WithZone("").Unmap()
	switch {
	case ip.IsLoopback() && o.AllowLoopback:
		return nil
	case o.AllowPrivate && (ip.IsPrivate() || within(ip, carrierNAT)):
		return nil
	case public(ip):
		return nil
	}
	return errAddress
}

// What IANA registers as not globally reachable (RFC 6890 and its successors), as far as netip does not know it, and prefixes
// through which another address could be reached.
var (
	carrierNAT = netip.MustParsePrefix("100.64.0.0/10")
	special    = []netip.Prefix{
		carrierNAT,
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("192.88.99.0/24"), // 6to4 relays
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("240.0.0.0/4"),
		netip.MustParsePrefix("::/96"),          // IPv4-compatible
		netip.MustParsePrefix("64:ff9b:1::/48"), // NAT64, local use
		netip.MustParsePrefix("100::/64"),
		netip.MustParsePrefix("2001::/23"), // Teredo and other protocol assignments
		netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("2002::/16"), // 6to4
		netip.MustParsePrefix("3fff::/20"),
		netip.MustParsePrefix("5f00::/16"),
		netip.MustParsePrefix("fec0::/10"),
	}
	nat64 = netip.MustParsePrefix("64:ff9b::/96") // the last four bytes are an IPv4 address
)

// public reports whether an address is somebody's on the internet.
func public(ip netip.Addr) bool {
	if within(ip, nat64) {
		b := ip.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !within(ip, special...)
}

func within(ip netip.Addr, prefixes ...netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// mayFetch decides on a link or the target of a redirect before it is used.
func (o *Options) mayFetch(u *url.URL) *FetchError {
	const remedy = "artifacts are only fetched from where GitHub stores them"
	host := u.Hostname()
	switch {
	case u.Scheme == "http" && o.AllowLoopback && isLoopback(host):
	case u.Scheme != "https":
		return permanent(fmt.Sprintf("its link leads to %s, which is not https", harmless(cutTo(u.Scheme, 16))), remedy)
	}
	switch {
	case host == "" || u.Opaque != "":
		return permanent("its link has no host", remedy)
	case u.User != nil:
		return permanent("its link holds a user's name", remedy)
	case !o.knows(host):
		return permanent("its link leads to "+harmless(cutTo(host, 80))+", which is not among the hosts that may be used", "add it to the settings if it is GitHub's")
	}
	return nil
}

func (o *Options) knows(host string) bool {
	if len(o.Hosts) == 0 {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, h := range o.Hosts {
		h = strings.ToLower(h)
		below, wild := strings.CutPrefix(h, "*")
		if host == h || wild && strings.HasPrefix(below, ".") && strings.HasSuffix(host, below) {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func cutTo(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
