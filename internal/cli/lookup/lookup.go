// Package lookup finds what a Stack's spec names for a command: Secrets by GET,
// Sources by a mirror of the user's own, Targets by their credentials.
//
// With it the CLI renders and plans by the very code that the server runs.
package lookup

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	coreplan "github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes/access"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/stack/renderers"
)

// Lookup implements [stack.Lookup] for one command. Close it.
type Lookup struct {
	api    *api.Client
	config *rest.Config
	store  *git.Store
	// renderers run in processes that Close ends.
	renderers *renderers.Renderers
	// key masks secrets. It is the server's, so that digests of plans and content
	// are the same as the server's, or this process's own where that may not be read.
	key []byte

	mu      sync.Mutex
	instead map[lockstep.Unit]source.Snapshot
	mirrors []source.Mirror
	snaps   map[string]source.Snapshot
	drivers map[lockstep.TargetRef]*kubernetes.Cluster
}

// New returns a Lookup over the cluster of e.
func New(e *env.Env, c *api.Client) (*Lookup, error) {
	config, err := e.Config()
	if err != nil {
		return nil, err
	}
	cache, err := e.CacheDir()
	if err != nil {
		return nil, err
	}
	key, err := digestKey(e, c)
	if err != nil {
		return nil, err
	}
	render, err := renderers.All(renderers.Options{Dir: filepath.Join(cache, "charts")})
	if err != nil {
		return nil, err
	}
	return &Lookup{
		api: c, config: config, renderers: render, key: key,
		store:   git.New(git.Options{Dir: filepath.Join(cache, "git"), AllowFile: true}),
		instead: map[lockstep.Unit]source.Snapshot{},
		snaps:   map[string]source.Snapshot{},
		drivers: map[lockstep.TargetRef]*kubernetes.Cluster{},
	}, nil
}

// keyTime bounds the look for the server's key: a command that cannot have it goes
// on without.
const keyTime = 5 * time.Second

// digestKey returns the server's key if it may be read, else one that is made up.
func digestKey(e *env.Env, c *api.Client) ([]byte, error) {
	namespace := e.Getenv("LOCKSTEP_SYSTEM_NAMESPACE")
	if namespace == "" {
		namespace = v1alpha1.SystemNamespace
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyTime)
	defer cancel()
	if data, err := c.Secret(ctx, namespace, v1alpha1.DigestKeySecret); err == nil && len(data[v1alpha1.DigestKeyField]) > 0 {
		return data[v1alpha1.DigestKeyField], nil
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fault.Internal(err)
	}
	return key, nil
}

// Instead makes src be what snap holds, whatever its remote says.
func (l *Lookup) Instead(src lockstep.Unit, snap source.Snapshot) { l.instead[src] = snap }

// Close lets go of mirrors and connections.
func (l *Lookup) Close() {
	l.renderers.Close()
	for _, d := range l.drivers {
		d.Close()
	}
	for _, m := range l.mirrors {
		_ = m.Close()
	}
}

// Engine returns the engine over l.
func (l *Lookup) Engine() stack.Engine {
	return stack.Engine{Lookup: l, Render: l.renderers.Render, Key: l.key}
}

// Secret reads a Secret.
func (l *Lookup) Secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	return l.api.Secret(ctx, namespace, name)
}

// ConfigMap reads a ConfigMap.
func (l *Lookup) ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	return l.api.ConfigMap(ctx, namespace, name)
}

// Snapshot fetches src, or finds commit in its mirror.
func (l *Lookup) Snapshot(ctx context.Context, src lockstep.Unit, commit string) (source.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.instead[src]; ok {
		return s, nil
	}
	id := src.String() + "@" + commit
	if s, ok := l.snaps[id]; ok {
		return s, nil
	}
	s, err := l.snapshot(ctx, src, commit)
	if err == nil {
		l.snaps[id] = s
	}
	return s, err
}

func (l *Lookup) snapshot(ctx context.Context, src lockstep.Unit, commit string) (source.Snapshot, error) {
	obj, err := l.api.Source(ctx, src)
	if err != nil {
		return nil, err
	}
	spec, ref, err := stack.SourceSpec(ctx, l, obj)
	if err != nil {
		return nil, err
	}
	m, err := l.open(ctx, spec)
	if err != nil {
		return nil, err
	}
	l.mirrors = append(l.mirrors, m)
	snap, err := m.Fetch(ctx, ref)
	if err != nil || commit == "" {
		return snap, err
	}
	return m.At(ctx, commit)
}

const (
	// lockTime is how long another command may hold the mirror.
	lockTime = 10 * time.Second
	lockTick = 100 * time.Millisecond
)

func (l *Lookup) open(ctx context.Context, spec source.Spec) (source.Mirror, error) {
	for end := time.Now().Add(lockTime); ; {
		m, err := l.store.Open(ctx, spec)
		if !errors.Is(err, fault.KindConflict) || time.Now().After(end) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockTick):
		}
	}
}

// Driver connects to a Target.
func (l *Lookup) Driver(ctx context.Context, ref lockstep.TargetRef) (driver.Driver, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, ok := l.drivers[ref]; ok {
		return d, nil
	}
	config, namespaces := l.config, []string(nil)
	if !ref.IsLocal() {
		t, err := l.api.Target(ctx, lockstep.Unit(ref))
		if err != nil {
			return nil, err
		}
		if config, err = l.remote(ctx, t); err != nil {
			return nil, err
		}
		namespaces = t.Spec.Kubernetes.Namespaces
	}
	d, err := kubernetes.Connect(kubernetes.Options{Config: config, Namespaces: namespaces, Digester: diff.Digester{Key: l.key}})
	if err != nil {
		return nil, err
	}
	l.drivers[ref] = d
	return d, nil
}

func (l *Lookup) remote(ctx context.Context, t *v1alpha1.Target) (*rest.Config, error) {
	if t.Spec.Kubernetes == nil {
		return nil, fault.Invalid("spec.kubernetes is missing").At("target %s/%s", t.Namespace, t.Name)
	}
	secret := func(name string) (map[string][]byte, error) { return l.api.Secret(ctx, t.Namespace, name) }
	o := access.Options{InCluster: l.config}
	if x := t.Spec.Kubernetes.Exec; x != nil {
		// The user runs it with their own rights, as kubectl would.
		o.ExecCommands = []string{x.Command}
	}
	return access.Config(*t.Spec.Kubernetes, secret, o)
}

// Looked is one Stack with all that is known of it.
type Looked struct {
	Inputs  stack.Inputs
	Desired stack.Rendered
	Live    lockstep.Live
	Plan    coreplan.Plan
}

// Plan renders s at its newest revision, looks at its Target and plans. It may
// return a plan and an error together, as [stack.Engine.Plan] does.
func (l *Lookup) Plan(ctx context.Context, s *v1alpha1.Stack) (Looked, error) {
	e := l.Engine()
	var out Looked
	s, _ = stack.InForce(s, time.Now())
	in, err := stack.Resolve(ctx, l, s)
	if err != nil {
		return out, at(s, err)
	}
	out.Inputs = in
	if out.Desired, err = e.Desired(ctx, in); err != nil {
		return out, at(s, err)
	}
	if out.Live, err = e.Observe(ctx, in, out.Desired.Objects); err != nil {
		return out, at(s, err)
	}
	l.recognise(&out)
	in.Carried = stack.Carried(in.Stack, out.Desired.Key) || stack.Applied(in.Stack, out.Desired.Key)
	in.Ran = stack.Ran(in.Stack, out.Desired.Key)
	in.Hooks = stack.HooksDue(in.Stack, out.Desired.Key, run.NewProgram(out.Desired.Hooks), l.key)
	out.Plan, err = e.Plan(in, out.Desired.Objects, out.Live)
	return out, at(s, err)
}

// Observe returns what is live of s, judged against what it last rendered to.
func (l *Lookup) Observe(ctx context.Context, s *v1alpha1.Stack) (lockstep.Live, error) {
	d, err := l.Driver(ctx, stack.TargetOf(s))
	if err != nil {
		return lockstep.Live{}, at(s, err)
	}
	rules, err := stack.HealthOf(s)
	if err != nil {
		return lockstep.Live{}, at(s, err)
	}
	live, err := d.Observe(ctx, driver.Query{Unit: stack.UnitOf(s), Kinds: stack.KindsOf(s), Health: rules})
	return live, at(s, err)
}

// recognise gives live Secrets the digest that their content has under our key,
// where nothing differs: where the server's key may not be read, each would look
// changed to us.
func (l *Lookup) recognise(k *Looked) {
	d := diff.Digester{Key: l.key}
	want := map[lockstep.Key]lockstep.Object{}
	for _, o := range k.Desired.Objects {
		if gk := o.Key().GroupKind(); gk == (lockstep.GroupKind{Kind: "Secret"}) {
			want[o.Key()] = o
		}
	}
	for i, o := range k.Live.Objects {
		desired, ok := want[o.Key]
		if !ok || o.Digest == "" || o.Owned == nil || len(diff.Changes(desired.Tree, o.Owned, d)) > 0 {
			continue
		}
		k.Live.Objects[i].Digest = d.Object(desired)
	}
}

// at says which Stack every fault of err is about.
func at(s *v1alpha1.Stack, err error) error {
	if err == nil {
		return nil
	}
	var out []error
	for _, f := range fault.All(err) {
		named := *f
		named.Where = "stack " + stack.UnitOf(s).String()
		if f.Where != "" {
			named.Where += ": " + f.Where
		}
		out = append(out, &named)
	}
	return fault.Join(out...)
}
