package server

import (
	"context"
	"os"
	"runtime"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
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

// stackDump is what /debug/stacks answers.
type stackDump struct {
	Replica shareDump               `json:"replica"`
	Cached  *cachedDump             `json:"cached"` // nil: this replica knows of no such Stack
	Fleet   fleet.UnitDump          `json:"fleet"`
	Objects []kubernetes.Remembered `json:"objects"`
}

// shareDump says whose a Stack is, as this replica sees it.
type shareDump struct {
	Members string `json:"members"`
	Acts    bool   `json:"acts"`  // now
	Wins    bool   `json:"wins"`  // whether or not its time is up
	Mine    bool   `json:"mine"`  // once all agree
	Owned   bool   `json:"owned"` // at the last balance
	Late    bool   `json:"late"`  // is looked at once somebody may act
}

// cachedDump is the Stack as the last pass would have read it.
type cachedDump struct {
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion"`
	Generation      int64  `json:"generation"`
	Deleting        bool   `json:"deleting,omitempty"`
	Key             string `json:"key,omitempty"`
	Run             string `json:"run,omitempty"`
}

func (s *server) dumpStack(namespace, name string) any {
	u := lockstep.Unit{Namespace: namespace, Name: name}
	out := stackDump{Fleet: s.fleet.DumpOf(u), Replica: s.share.dump(u), Objects: []kubernetes.Remembered{}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	cached := &v1alpha1.Stack{}
	if err := s.mgr.GetClient().Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, cached); err != nil {
		return out
	}
	cached = s.reporter.Latest(cached).(*v1alpha1.Stack)
	out.Cached = &cachedDump{
		UID: string(cached.UID), ResourceVersion: cached.ResourceVersion, Generation: cached.Generation,
		Deleting: !cached.DeletionTimestamp.IsZero(), Key: cached.Status.Key,
	}
	if r := cached.Status.Run; r != nil {
		out.Cached.Run = r.State
	}
	if d, err := s.connections.Driver(ctx, stack.TargetOf(cached)); err == nil {
		if c, ok := d.(*kubernetes.Cluster); ok {
			out.Objects = c.Remembered(u)
		}
	}
	return out
}

func (h *share) dump(u lockstep.Unit) shareDump {
	it := itemOf(kindStack, u)
	d := shareDump{
		Members: h.member.Members().String(),
		Acts:    h.member.Acts(it), Wins: h.member.Wins(it), Mine: h.member.Mine(it), Owned: h.had(it),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d.Late = h.late[it]
	return d
}
