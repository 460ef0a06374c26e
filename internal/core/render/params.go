package render

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
)

// RendererVersion is part of every content key. It is raised when equal input
// comes to give another output: a new kustomize or Helm, or a fix of ours.
const RendererVersion = "1"

// params is what of a Request goes into its content key. Its fields are in a
// fixed order, and encoding/json sorts the keys of maps.
type params struct {
	Version             string
	Path                string
	Trees               []string
	Directory           *DirectorySpec
	Kustomize           *KustomizeSpec
	Helm                *HelmSpec
	Namespace           string
	Labels, Annotations map[string]string
	Substitute          *substituteParams
	KubeVersion         string
	APIVersions         []string
	AllowRemote         bool
}

type substituteParams struct {
	Vars   map[string]string
	Strict bool
}

// Params returns everything in req besides its trees, in one canonical form.
// Values that may come from Secrets are in it only as a keyed hash, so the form
// may be kept. What Namespaced answers is not in it: whoever learns of a new kind
// on the Target renders again.
func Params(req Request, secretKey []byte) []byte {
	p := params{
		Version: RendererVersion, Path: req.Path, Trees: slices.Sorted(maps.Keys(req.Trees)),
		Directory: req.Directory, Kustomize: req.Kustomize,
		Namespace: req.Namespace, Labels: req.Labels, Annotations: req.Annotations,
		KubeVersion: req.KubeVersion, APIVersions: slices.Sorted(slices.Values(req.APIVersions)),
		AllowRemote: req.AllowRemote,
	}
	if s := req.Substitute; s != nil {
		p.Substitute = &substituteParams{Vars: map[string]string{}, Strict: s.Strict}
		for k, v := range s.Vars {
			p.Substitute.Vars[k] = Keyed(secretKey, []byte(v))
		}
	}
	if req.Helm != nil {
		h := *req.Helm
		h.Values = []byte(Keyed(secretKey, h.Values))
		h.ValuesFrom = slices.Clone(h.ValuesFrom)
		for i, v := range h.ValuesFrom {
			h.ValuesFrom[i].Data = []byte(Keyed(secretKey, v.Data))
		}
		p.Helm = &h
	}
	out, err := json.Marshal(p)
	if err != nil {
		// Strings, bools and maps of strings have no way to fail.
		panic(err)
	}
	return out
}

// Keyed is a hash of value that only whoever holds key can test guesses at.
func Keyed(key, value []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write(value)
	return hex.EncodeToString(m.Sum(nil))
}
