package demo

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server"
)

// serverTime is how long the server may take to be ready.
const serverTime = 60 * time.Second

// lockstepServer is the server, in this process.
type lockstepServer struct {
	url    string
	cancel context.CancelFunc
	ended  chan struct{}
	log    *os.File
}

// startServer starts the server and waits until it listens. failed is called
// when it ends by itself.
func (s *session) startServer(ctx context.Context, failed context.CancelCauseFunc, config *rest.Config) (*lockstepServer, error) {
	log, err := os.OpenFile(s.place.path("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fault.Invalid("server.log cannot be written").Because(err)
	}
	l, port, err := listen(s.state.ServerPort, firstServerPort)
	if err != nil {
		return nil, err
	}
	// The server opens its own listener; nobody else is likely to take the port
	// in between.
	_ = l.Close()
	s.state.ServerPort = port

	ctx, cancel := context.WithCancel(ctx)
	out := &lockstepServer{url: fmt.Sprintf("http://127.0.0.1:%d", port), cancel: cancel, ended: make(chan struct{}), log: log}
	ready := make(chan struct{})
	go func() {
		defer close(out.ended)
		err := server.Run(ctx, server.Options{
			Config: config, DataDir: s.place.path("data"), Listen: fmt.Sprintf("127.0.0.1:%d", port),
			Log:   slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})),
			Ready: func(string) { close(ready) },
		})
		if ctx.Err() == nil {
			failed(fault.As(fault.Join(err, fault.Unavailable("the server has stopped").WithHint("its log is %s", log.Name()))))
		}
	}()
	select {
	case <-ready:
		return out, nil
	case <-ctx.Done():
		out.stop()
		return nil, context.Cause(ctx)
	case <-time.After(serverTime):
		out.stop()
		return nil, fault.Timeout("the server is not ready after %s", serverTime).WithHint("its log is %s", log.Name())
	}
}

func (l *lockstepServer) stop() {
	l.cancel()
	select {
	case <-l.ended:
	case <-time.After(stopTime):
	}
	_ = l.log.Close()
}
