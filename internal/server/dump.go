package server

import (
	"os"
	"runtime"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fleet"
)

// dump is what /debug/fleet answers.
type dump struct {
	Version    string               `json:"version"`
	PID        int                  `json:"pid"`
	Up         string               `json:"up"`
	Goroutines int                  `json:"goroutines"`
	HeapBytes  uint64               `json:"heapBytes"`
	Workers    int                  `json:"workers"`
	Queues     map[string]queueDump `json:"queues"`
	Targets    []targetDump         `json:"targets"`
	fleet.Dump `json:",inline"`
}

type queueDump struct {
	Waiting int      `json:"waiting"`
	Later   int      `json:"later"`
	Oldest  string   `json:"oldest,omitempty"`
	First   []string `json:"first,omitempty"` // of those that wait, longest first
}

type targetDump struct {
	Name     string `json:"name"`
	Host     string `json:"host,omitempty"`
	Error    string `json:"error,omitempty"`
	Watches  int    `json:"watches"`
	Restarts int64  `json:"watchRestarts"`
	Objects  int    `json:"objects"`
}

func (s *server) dump() any {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	out := dump{
		Version: s.opts.Version, PID: os.Getpid(), Up: time.Since(s.started).Round(time.Second).String(),
		Goroutines: runtime.NumGoroutine(), HeapBytes: mem.HeapAlloc, Workers: s.opts.Workers,
		Queues: s.lines.dump(), Dump: s.fleet.Dump(), Targets: []targetDump{},
	}
	for _, t := range s.connections.Standings() {
		d := targetDump{Name: t.Name, Host: t.Host, Watches: t.Watches, Restarts: t.Restarts, Objects: t.Objects}
		if t.Err != nil {
			d.Error = t.Err.Error()
		}
		out.Targets = append(out.Targets, d)
	}
	return out
}
