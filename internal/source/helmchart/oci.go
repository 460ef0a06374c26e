package helmchart

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// maxManifest bounds a manifest, which is a page of JSON.
const maxManifest = 4 << 20

// maxTags bounds how many tags of a repository are looked at.
const maxTags = 50_000

// chartLayers are the media types of a chart's archive in an OCI manifest; the
// second is that of the first registries.
var chartLayers = []string{
	"application/vnd.cncf.helm.chart.content.v1.tar+gzip",
	"application/tar+gzip",
}

// resolved is what a version came to.
type resolved struct {
	version, manifest, layer string
	checked                  time.Time
}

// oci fetches a chart from a registry. Registries on this machine may speak
// plain HTTP, others not.
func (s *Store) oci(ctx context.Context, ref render.ChartRef, cred Credential) (render.ChartArchive, error) {
	path := strings.TrimSuffix(strings.TrimPrefix(ref.Repo, "oci://"), "/")
	if ref.Name != "" {
		path += "/" + ref.Name
	}
	repo, err := repository(path, cred)
	if err != nil {
		return render.ChartArchive{}, err
	}
	key := path + "\n" + ref.Version + "\n" + sum([]byte(cred.Username+"\n"+cred.Password))
	s.mu.Lock()
	known, ok := s.tags[key]
	s.mu.Unlock()
	if ok && s.opts.Now().Sub(known.checked) < s.opts.Interval {
		if data, ok := s.load(known.layer); ok {
			return render.ChartArchive{Data: data, Version: known.version, Digest: known.manifest}, nil
		}
	}
	now, data, err := s.pull(ctx, repo, ref.Version)
	if err != nil {
		return render.ChartArchive{}, err
	}
	now.checked = s.opts.Now()
	s.mu.Lock()
	s.tags[key] = now
	s.mu.Unlock()
	return render.ChartArchive{Data: data, Version: now.version, Digest: now.manifest}, nil
}

func (s *Store) pull(ctx context.Context, repo *remote.Repository, want string) (resolved, []byte, error) {
	chosen, err := version(ctx, repo, want)
	if err != nil {
		return resolved{}, nil, err
	}
	digest, layer, err := manifest(ctx, repo, chosen)
	if err != nil {
		return resolved{}, nil, err
	}
	out := resolved{version: chosen, manifest: digest, layer: layer.Digest.String()}
	if data, ok := s.load(out.layer); ok {
		return out, data, nil
	}
	data, err := s.layer(ctx, repo, layer)
	if err != nil {
		return resolved{}, nil, err
	}
	s.save(out.layer, data)
	return out, data, nil
}

// version returns the version that is meant. An exact one is not looked for
// among the tags: the list may be long, and the manifest will tell.
func version(ctx context.Context, repo *remote.Repository, want string) (string, error) {
	if isExact(want) {
		return want, nil
	}
	var tags []string
	err := repo.Tags(ctx, "", func(page []string) error {
		for _, t := range page {
			tags = append(tags, strings.ReplaceAll(t, "_", "+"))
		}
		if len(tags) > maxTags {
			return errMany
		}
		return nil
	})
	if errors.Is(err, errMany) {
		return "", fault.Invalid("the chart has more than %d tags", maxTags).WithHint("name an exact version")
	}
	if err != nil {
		return "", registryFault(ctx, err, "list of versions")
	}
	return newest(tags, want)
}

var errMany = errors.New("too many tags")

// toTag writes a version as a tag, which may not hold a plus sign.
func toTag(version string) string { return strings.ReplaceAll(version, "+", "_") }

// manifest returns the digest of the chart's manifest and where its archive is.
func manifest(ctx context.Context, repo *remote.Repository, chosen string) (string, ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	what := "version " + chosen
	desc, body, err := repo.FetchReference(ctx, toTag(chosen))
	if err != nil {
		return "", none, registryFault(ctx, err, what)
	}
	defer func() { _ = body.Close() }()
	if desc.Size > maxManifest {
		return "", none, fault.Invalid("the manifest of %s has %d bytes, more than the limit of %d", what, desc.Size, maxManifest)
	}
	data, err := content.ReadAll(body, desc)
	if err != nil {
		return "", none, registryFault(ctx, err, what)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return "", none, fault.Invalid("what the registry holds under %q is no manifest", chosen)
	}
	at := slices.IndexFunc(m.Layers, func(l ocispec.Descriptor) bool { return slices.Contains(chartLayers, l.MediaType) })
	if at < 0 {
		return "", none, fault.Invalid("what the registry holds under %q is not a Helm chart", chosen).
			WithHint("a container image often has the same name; charts are pushed with helm push")
	}
	return desc.Digest.String(), m.Layers[at], nil
}

func (s *Store) layer(ctx context.Context, repo *remote.Repository, d ocispec.Descriptor) ([]byte, error) {
	if d.Size > s.opts.MaxChart || d.Size < 0 {
		return nil, fault.Invalid("the chart has %d bytes, more than the limit of %d", d.Size, s.opts.MaxChart)
	}
	body, err := repo.Blobs().Fetch(ctx, d)
	if err != nil {
		return nil, registryFault(ctx, err, "archive")
	}
	defer func() { _ = body.Close() }()
	data, err := content.ReadAll(body, d)
	if errors.Is(err, content.ErrMismatchedDigest) || errors.Is(err, content.ErrTrailingData) {
		return nil, fault.Invalid("the chart's archive is not what its manifest says").
			WithHint("it was changed in the registry, or on the way; ask who runs the registry").Because(err)
	}
	if err != nil {
		return nil, registryFault(ctx, err, "archive")
	}
	return data, nil
}

// repository opens path for cred, without asking anything yet.
func repository(path string, cred Credential) (*remote.Repository, error) {
	repo, err := remote.NewRepository(path)
	if err != nil {
		return nil, fault.Invalid("%q is not a repository of a registry", path).
			WithHint("write it as oci://host/path, in lower case")
	}
	c, err := client(cred)
	if err != nil {
		return nil, err
	}
	host := repo.Reference.Host()
	repo.PlainHTTP = isLoopback(host)
	a := &auth.Client{Client: c, Cache: auth.NewCache(), Header: http.Header{"User-Agent": {"lockstep"}}}
	if cred.Username != "" || cred.Password != "" {
		a.Credential = auth.StaticCredential(host, auth.Credential{Username: cred.Username, Password: cred.Password})
	}
	repo.Client = a
	return repo, nil
}

// isLoopback says whether host is this machine, where registries of tests speak
// plain HTTP.
func isLoopback(host string) bool {
	h, _, err := net.SplitHostPort(host)
	if err != nil {
		h = host
	}
	ip := net.ParseIP(h)
	return h == "localhost" || ip != nil && ip.IsLoopback()
}

// registryFault says what an error of the registry means.
func registryFault(ctx context.Context, err error, what string) error {
	var status *errcode.ErrorResponse
	switch {
	case errors.As(err, &status):
		return statusFault(status.StatusCode, what)
	case errors.Is(err, errdef.ErrNotFound):
		return statusFault(http.StatusNotFound, what)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return statusFault(http.StatusUnauthorized, what)
	}
	return reachFault(ctx, err)
}
