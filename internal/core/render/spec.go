// Package render holds what is decided about rendering, apart from doing it:
// which renderer a directory asks for, how bytes become objects, how variables
// are substituted, in which order objects come out, and what the content key of
// a render is.
//
// Nothing here reads a file or opens a connection. The renderers that do live
// in internal/render and are handed a [lockstep.Tree].
package render

import (
	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Kind names a renderer.
type Kind string

// The renderers.
const (
	Directory Kind = "directory"
	Kustomize Kind = "kustomize"
	Helm      Kind = "helm"
)

// Request is all that one render depends on. Equal requests over trees that
// are equal where they were read give equal results, in equal order.
type Request struct {
	// Path of the unit's directory in Tree, cleaned.
	Path string
	Tree lockstep.Tree
	// Trees are other Sources that values files name, by "namespace/name".
	Trees map[string]lockstep.Tree

	// Release is the name that a chart sees; the Stack's name.
	Release string

	// At most one of the three is set; none means detect.
	Directory *DirectorySpec
	Kustomize *KustomizeSpec
	Helm      *HelmSpec

	// Namespace is where objects without one go, if their kind lives in one.
	Namespace string
	// Labels and Annotations are put on every object.
	Labels, Annotations map[string]string
	// Substitute replaces ${VAR} as Flux's postBuild does, after rendering.
	Substitute *SubstituteSpec

	// Capabilities of the Target, for Helm. Zero means a recent default.
	KubeVersion string
	APIVersions []string
	// Namespaced answers whether a kind lives in a namespace, for kinds that are
	// not built in; nil for nobody to ask. A kind that nobody knows gets the
	// namespace.
	Namespaced func(lockstep.GroupKind) (namespaced, known bool)

	// AllowRemote lets Kustomize fetch remote bases and resources.
	AllowRemote bool
}

// DirectorySpec renders plain files.
type DirectorySpec struct {
	// Recurse into sub-directories; default true.
	NoRecurse bool
	// Include and Exclude are globs with ** over paths relative to the unit's
	// directory. Include empty means every .yaml, .yml and .json file.
	Include, Exclude []string
}

// KustomizeSpec is what a Stack adds on top of a kustomization.
type KustomizeSpec struct {
	NamePrefix, NameSuffix  string
	Images                  []Image
	Patches                 []Patch
	Components              []string
	IgnoreMissingComponents bool
}

// Image replaces one image everywhere.
type Image struct{ Name, NewName, NewTag, Digest string }

// Patch is a strategic-merge or JSON 6902 patch with an optional selector.
type Patch struct {
	Patch  string
	Target *Selector
}

// Selector chooses objects; empty fields match everything, Name and Namespace
// are anchored regular expressions.
type Selector struct {
	Group, Version, Kind, Name, Namespace, LabelSelector, AnnotationSelector string
}

// HelmSpec renders a chart.
type HelmSpec struct {
	// Chart is set for a chart that is not the unit's directory.
	Chart *ChartRef
	// ReleaseName; default the Stack's name.
	ReleaseName string
	// ValuesFiles in order, later ones win; globs with **; relative to the unit's
	// directory, "/…" from the root of the Source, "$namespace/name/…" in another.
	ValuesFiles []string
	// IgnoreMissingValuesFiles passes over files that do not exist.
	IgnoreMissingValuesFiles bool
	// ValuesFrom are documents resolved by the caller, applied after ValuesFiles.
	ValuesFrom []ResolvedValues
	// Values as YAML or JSON, applied last.
	Values []byte
	// SkipCRDs leaves out the chart's crds/ directory.
	SkipCRDs bool
	// SkipTests leaves out test hooks; they are kept apart in any case.
	SkipSchemaValidation bool
	// Revision is the release's number: 1 installs, more upgrades.
	Revision int
	// Record asks for Result.Record as well. It changes nothing about the objects,
	// so it is no part of a content key.
	Record bool `json:"-"`
}

// ChartRef names a chart in a repository.
type ChartRef struct {
	Repo    string // https://…, http://… or oci://…
	Name    string
	Version string // exact or a semver range
	// Credentials are the keys of the Secret that goes with Repo: username,
	// password, ca.crt, tls.crt, tls.key, .dockerconfigjson. No part of a content
	// key.
	Credentials map[string][]byte
}

// ResolvedValues is the content of a ConfigMap or Secret that a Stack names.
type ResolvedValues struct {
	From       string // "Secret payments/shop-values", for messages
	TargetPath string // "" merges the document at the root; a.b.c sets one value
	Data       []byte
	Secret     bool
}

// SubstituteSpec is the resolved set of variables.
type SubstituteSpec struct {
	Vars map[string]string
	// Strict fails on a variable without value or default.
	Strict bool
}

// Result is a successful render.
type Result struct {
	Kind Kind
	// Objects that are to be live, sorted, namespaces and metadata settled.
	Objects []lockstep.Object
	// Hooks are the objects that run at moments of a release instead of being kept
	// live, by wave and key.
	Hooks []Hook
	// Chart says what was rendered by Helm.
	Chart *ChartInfo
	// Record is Helm's own record of the release, as JSON, without what only its
	// outcome tells; see package helmrecord. Only where HelmSpec.Record asks for it:
	// it holds values, which may be secret.
	Record []byte
	// Warnings are for the person, deterministic.
	Warnings []string
}

// ChartInfo names the chart that was rendered.
type ChartInfo struct{ Name, Version, AppVersion string }

// Hook is an object that runs at moments of a release.
type Hook struct {
	Object lockstep.Object
	hook.Role
}

// ChartArchive is a chart as it came from a repository.
type ChartArchive struct {
	// Data is the gzipped tar file. It is shared and must not be changed.
	Data []byte
	// Version is what the reference's range came to.
	Version string
	// Digest identifies what was fetched: of the archive for an HTTP repository,
	// of the manifest for an OCI registry. "sha256:…".
	Digest string
}
