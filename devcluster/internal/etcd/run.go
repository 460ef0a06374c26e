package etcd

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// Options say where the store keeps its data and whom it trusts.
type Options struct {
	Dir     string
	Log     string
	Port    int // 0 takes a free one
	NoFsync bool

	Cert, Key string // of the server
	CA        string // of the clients
}

// A Server is a running store.
type Server struct {
	etcd *embed.Etcd
	// URL of the client listener.
	URL string
}

// Start returns when the store takes requests.
func Start(ctx context.Context, o Options) (*Server, error) {
	listen := url.URL{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", o.Port)}

	c := embed.NewConfig()
	c.Name = "devcluster"
	c.Dir = o.Dir
	c.LogLevel = "warn"
	c.LogOutputs = []string{o.Log}
	c.UnsafeNoFsync = o.NoFsync
	c.ListenClientUrls = []url.URL{listen}
	c.AdvertiseClientUrls = []url.URL{listen}
	c.ClientTLSInfo = transport.TLSInfo{
		CertFile:       o.Cert,
		KeyFile:        o.Key,
		TrustedCAFile:  o.CA,
		ClientCertAuth: true,
	}
	// One member has no peers to listen to.
	c.ListenPeerUrls = nil
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	// A lone member waits for nobody, but still sits out an election at each
	// start; the defaults make that a second.
	c.TickMs, c.ElectionMs = 50, 250
	// The raft log is kept for followers that fell behind. There are none, and a
	// long one is memory: ten thousand entries of a busy cluster are 100 MB.
	c.SnapshotCount = 2000
	c.SnapshotCatchUpEntries = 100
	// The default of 2 GB is reached by a large benchmark.
	c.QuotaBackendBytes = 8 << 30

	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("start etcd in %s: %w", o.Dir, err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		server.Close()
		return nil, fmt.Errorf("etcd stopped while starting (see %s): %w", o.Log, err)
	case <-ctx.Done():
		server.Close()
		return nil, ctx.Err()
	}
	return &Server{etcd: server, URL: "https://" + server.Clients[0].Addr().String()}, nil
}

// Err tells when the store fails.
func (s *Server) Err() <-chan error { return s.etcd.Err() }

// Close writes everything down and stops.
func (s *Server) Close() { s.etcd.Close() }
