package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// mapping is where the API serves a kind.
type mapping struct {
	kind       lockstep.GroupKind
	resource   schema.GroupVersionResource
	namespaced bool
	verbs      []string
}

func (m mapping) can(verb string) bool { return slices.Contains(m.verbs, verb) }

// catalog is what an API serves at one moment. It is never changed.
type catalog struct {
	kinds       map[lockstep.GroupKind][]mapping // the preferred version first
	apiVersions []string
	broken      map[string]bool // groups whose server did not answer
	read        time.Time
}

// catalogs holds the newest catalog. Reading one costs two requests, whatever
// the number of groups (aggregated discovery).
type catalogs struct {
	turn  chan struct{} // held while reading, so that many misses cost one read
	now   *catalog      // guarded by turn
	stale bool          // guarded by turn
	// failure is how the last reading failed, and when; guarded by turn.
	failure error
	failed  time.Time
	drop    chan struct{} // a pending wish to read anew
}

// missPause is how long a kind that is not served stays an answer before the
// API is asked again.
const missPause = 2 * time.Second

func (s *catalogs) init() {
	s.turn = make(chan struct{}, 1)
	s.drop = make(chan struct{}, 1)
}

// invalidate makes the next question read the catalog anew.
func (s *catalogs) invalidate() {
	select {
	case s.drop <- struct{}{}:
	default:
	}
}

// use calls f with a catalog; f returns false to say that it misses something,
// and is called a second time if a newer catalog could be had.
func (c *Cluster) use(ctx context.Context, f func(*catalog) bool) error {
	s := &c.catalog
	asked := time.Now()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return c.interrupted(ctx)
	}
	defer func() { <-s.turn }()

	select {
	case <-s.drop:
		s.stale = true
	default:
	}
	if s.now != nil && !s.stale && (f(s.now) || time.Since(s.now.read) < missPause) {
		return nil
	}
	// A hundred units that wait for a Target which does not answer share one
	// failure, instead of each waiting for its own.
	if s.failed.After(asked) {
		return s.failure
	}
	if err := c.readCatalog(ctx); err != nil {
		if ctx.Err() == nil { // one caller's impatience is not the others'
			s.failure, s.failed = err, time.Now()
		}
		return err
	}
	f(s.now)
	return nil
}

func (c *Cluster) readCatalog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	groups, lists, err := c.discovery.ServerGroupsAndResourcesWithContext(ctx)
	var partial *discovery.ErrGroupDiscoveryFailed
	if err != nil && !errors.As(err, &partial) {
		return c.explain(ctx, err, attempt{doing: "reading what the API serves"})
	}
	now := newCatalog(groups, lists)
	now.read = time.Now()
	if partial != nil {
		for gv := range partial.Groups {
			now.broken[gv.Group] = true
		}
	}
	c.catalog.now, c.catalog.stale = now, false
	return nil
}

func newCatalog(groups []*metav1.APIGroup, lists []*metav1.APIResourceList) *catalog {
	preferred := map[string]string{}
	for _, g := range groups {
		preferred[g.Name] = g.PreferredVersion.Version
	}
	out := &catalog{kinds: map[lockstep.GroupKind][]mapping{}, broken: map[string]bool{}}
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			continue
		}
		out.apiVersions = append(out.apiVersions, l.GroupVersion)
		for _, r := range l.APIResources {
			if strings.Contains(r.Name, "/") {
				continue // a subresource
			}
			gk := lockstep.GroupKind{Group: gv.Group, Kind: r.Kind}
			out.apiVersions = append(out.apiVersions, l.GroupVersion+"/"+r.Kind)
			m := mapping{kind: gk, resource: gv.WithResource(r.Name), namespaced: r.Namespaced, verbs: r.Verbs}
			out.kinds[gk] = append(out.kinds[gk], m)
		}
	}
	for gk, ms := range out.kinds {
		slices.SortStableFunc(ms, func(a, b mapping) int {
			return cmp.Compare(rank(a, preferred[gk.Group]), rank(b, preferred[gk.Group]))
		})
	}
	slices.Sort(out.apiVersions)
	out.apiVersions = slices.Compact(out.apiVersions)
	return out
}

// rank puts the preferred version first and leaves the rest in the API's order.
func rank(m mapping, preferred string) int {
	if m.resource.Version == preferred {
		return 0
	}
	return 1
}

// find returns where kind is served, at version if that is served, else at the
// preferred one.
func (k *catalog) find(kind lockstep.GroupKind, version string) (mapping, bool) {
	ms := k.kinds[kind]
	for _, m := range ms {
		if m.resource.Version == version {
			return m, true
		}
	}
	if len(ms) == 0 {
		return mapping{}, false
	}
	return ms[0], true
}

// resolve finds where many kinds are served. A kind that is not served is left
// out of found and listed in missing.
func (c *Cluster) resolve(ctx context.Context, kinds map[lockstep.GroupKind]string) (found []mapping, missing []lockstep.GroupKind, err error) {
	var broken []string
	err = c.use(ctx, func(k *catalog) bool {
		found, missing, broken = nil, nil, nil
		for gk, version := range kinds {
			m, ok := k.find(gk, version)
			if ok {
				found = append(found, m)
				continue
			}
			missing = append(missing, gk)
			if k.broken[gk.Group] {
				broken = append(broken, gk.Group)
			}
		}
		return len(missing) == 0
	})
	if err != nil {
		return nil, nil, err
	}
	if len(broken) > 0 {
		slices.Sort(broken)
		return nil, nil, fault.Unavailable("the server of API group %q does not answer at %s", broken[0], c.host).
			WithHint("kubectl get apiservices names the service behind it")
	}
	slices.SortFunc(found, func(a, b mapping) int { return compareKinds(a.kind, b.kind) })
	slices.SortFunc(missing, compareKinds)
	return found, missing, nil
}

func compareKinds(a, b lockstep.GroupKind) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
}

// Capabilities says what the API serves.
func (c *Cluster) Capabilities(ctx context.Context) (driver.Capabilities, error) {
	if err := c.closed(); err != nil {
		return driver.Capabilities{}, err
	}
	version, err := c.Version(ctx)
	if err != nil {
		return driver.Capabilities{}, err
	}
	out := driver.Capabilities{KubeVersion: version, Namespaced: map[lockstep.GroupKind]bool{}}
	err = c.use(ctx, func(k *catalog) bool {
		out.APIVersions = slices.Clone(k.apiVersions)
		for gk, ms := range k.kinds {
			out.Namespaced[gk] = ms[0].namespaced
		}
		return true
	})
	return out, err
}

// Version returns the API's version, "v1.36.3".
func (c *Cluster) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	v, err := c.discovery.ServerVersionWithContext(ctx)
	if err != nil {
		return "", c.explain(ctx, err, attempt{doing: "reading the version of the API"})
	}
	return v.GitVersion, nil
}

// Probe says whether the API can be reached and takes the credential.
func (c *Cluster) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// Every authenticated identity may ask what it may do, and nobody else.
	_, err := c.may(ctx, identity{}, access{verb: "get", resource: "namespaces"})
	return err
}
