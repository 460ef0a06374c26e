package cluster

import (
	"fmt"
	"net"
)

// listen opens the API server's socket: on the first of a range that was asked
// for, else on the port of the previous run, else on a free one.
func listen(base, kept int) (*net.TCPListener, error) {
	if base != 0 {
		l, err := bind(base)
		if err != nil {
			return nil, fmt.Errorf("port %d is taken (%w); choose another --ports, or 0 for free ones", base, err)
		}
		return l, nil
	}
	if kept != 0 {
		if l, err := bind(kept); err == nil {
			return l, nil
		}
		// Somebody took it meanwhile. All kubeconfigs are rewritten for the new
		// port, so this costs a client nothing but reading its file again.
	}
	l, err := bind(0)
	if err != nil {
		return nil, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
	}
	return l, nil
}

func bind(port int) (*net.TCPListener, error) {
	return net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

func portOf(l *net.TCPListener) int { return l.Addr().(*net.TCPAddr).Port }
