package render

import (
	"errors"
	"path"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// KustomizationFiles are the names that kustomize looks for, in its order.
var KustomizationFiles = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// IsKustomizationFile says whether a file name is one that kustomize claims.
func IsKustomizationFile(name string) bool {
	for _, k := range KustomizationFiles {
		if name == k {
			return true
		}
	}
	return false
}

// Detect says which renderer the directory at dir asks for. Only the names that
// it looks for are read, so that adding another file changes nothing.
func Detect(tree lockstep.Tree, dir string) (Kind, error) {
	for _, c := range []struct {
		files []string
		kind  Kind
	}{
		{KustomizationFiles, Kustomize},
		{[]string{"Chart.yaml"}, Helm},
	} {
		for _, f := range c.files {
			found, err := isFile(tree, path.Join(dir, f))
			if err != nil {
				return "", err
			}
			if found {
				return c.kind, nil
			}
		}
	}
	return Directory, nil
}

func isFile(tree lockstep.Tree, p string) (bool, error) {
	e, err := tree.Stat(p)
	if errors.Is(err, lockstep.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return e.Type == lockstep.File, nil
}

// KindOf returns the renderer that req names, or detects it.
func KindOf(req Request) (Kind, error) {
	switch {
	case req.Directory != nil:
		return Directory, nil
	case req.Kustomize != nil:
		return Kustomize, nil
	case req.Helm != nil:
		return Helm, nil
	}
	return Detect(req.Tree, req.Path)
}
