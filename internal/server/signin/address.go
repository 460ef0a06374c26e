package signin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Front is how requests reach the server.
type Front struct {
	// External is where people find the server; "" where that is what they ask for.
	External string
	// Proxies are those whose word on where a request comes from is taken.
	Proxies []netip.Prefix
}

// ParseFront reads what flags say.
func ParseFront(external string, proxies []string) (Front, error) {
	f := Front{}
	if external != "" {
		u, err := url.Parse(external)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return f, fault.Usage("--external-url is %q", external).WithHint("where people find Lockstep, without a path: https://lockstep.example.org")
		}
		if u.Scheme == "http" && !loopbackName(u.Hostname()) {
			return f, fault.Usage("--external-url is %q, which is not https", external).WithHint("anybody on the way could take a session over; only localhost may do without")
		}
		f.External = u.Scheme + "://" + u.Host
	}
	for _, p := range proxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			addr, err := netip.ParseAddr(p)
			if err != nil {
				return f, fault.Usage("--trusted-proxies has %q", p).WithHint("an address or a range: 10.0.0.0/8")
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		f.Proxies = append(f.Proxies, prefix)
	}
	return f, nil
}

// Address returns where a request comes from. Of the addresses that proxies
// appended, the last that is no proxy of ours counts: whatever is before it the
// client may have written itself.
func (f Front) Address(r *http.Request) string {
	peer := peerOf(r)
	if !f.trusts(peer) {
		return peer.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if peer = addr.Unmap(); !f.trusts(peer) {
			break
		}
	}
	return peer.String()
}

func peerOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, _ := netip.ParseAddr(host)
	return addr.Unmap()
}

func (f Front) trusts(addr netip.Addr) bool {
	for _, p := range f.Proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// secure says whether nobody on the way reads along.
func (f Front) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(f.External, "https://") ||
		f.trusts(peerOf(r)) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// base returns the address that a browser uses, without a slash at the end. A host
// that a request names is believed on this machine and behind TLS: the provider
// knows where it may send people back to.
func (f Front) base(r *http.Request) string {
	if f.External != "" {
		return f.External
	}
	if f.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// fit refuses to sign in where a session could be read on its way.
func (f Front) fit(r *http.Request) error {
	if f.secure(r) || loopbackName(hostOf(r.Host)) && peerOf(r).IsLoopback() {
		return nil
	}
	return fault.Denied("signing in needs https").
		WithHint("serve with --tls-cert and --tls-key, or behind a proxy that does, with --external-url https://…")
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

func loopbackAddr(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// local returns an address on this server that a browser may be sent to, and "/"
// for anything that could lead elsewhere.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return to
}
