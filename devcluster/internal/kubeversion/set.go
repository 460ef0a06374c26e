package kubeversion

import (
	"fmt"
	"runtime/debug"
	"strings"
	_ "unsafe" // for linkname

	"k8s.io/component-base/version"

	// Linked for its variables below.
	_ "k8s.io/client-go/pkg/version"
)

// SetDynamicVersion refuses to leave v0.0.0, so the variables that the linker
// flags of an official build would fill are filled here.
var (
	//go:linkname baseMajor k8s.io/component-base/version.gitMajor
	baseMajor string
	//go:linkname baseMinor k8s.io/component-base/version.gitMinor
	baseMinor string
	//go:linkname baseVersion k8s.io/component-base/version.gitVersion
	baseVersion string
	//go:linkname baseCommit k8s.io/component-base/version.gitCommit
	baseCommit string
	//go:linkname clientVersion k8s.io/client-go/pkg/version.gitVersion
	clientVersion string
	//go:linkname clientCommit k8s.io/client-go/pkg/version.gitCommit
	clientCommit string
)

// Set must run before any component starts.
func Set() error {
	v := moduleVersion("k8s.io/kubernetes")
	number, found := strings.CutPrefix(v, "v")
	fields := strings.SplitN(number, ".", 3)
	if !found || len(fields) != 3 {
		return fmt.Errorf("this binary does not say which k8s.io/kubernetes it was built from (got %q); build it with devcluster/build.sh", v)
	}
	baseMajor, baseMinor, baseVersion = fields[0], fields[1], v
	clientVersion = v
	// The commit is not in the module list; the placeholder would end up in
	// every User-Agent.
	baseCommit, clientCommit = "module", "module"
	return version.SetDynamicVersion(v)
}

// A Part is a component in this binary and its version.
type Part struct {
	Name    string
	Version string
}

// Parts lists what is inside, in the order it starts.
func Parts() []Part {
	return []Part{
		{Name: "kubernetes", Version: moduleVersion("k8s.io/kubernetes")},
		{Name: "etcd", Version: moduleVersion("go.etcd.io/etcd/server/v3")},
		{Name: "kwok", Version: moduleVersion("sigs.k8s.io/kwok")},
	}
}

func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}
