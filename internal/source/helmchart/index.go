package helmchart

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// index is the part of index.yaml that is needed.
type index struct {
	Entries map[string][]release `yaml:"entries" json:"entries"`
}

type release struct {
	Version string   `yaml:"version" json:"version"`
	URLs    []string `yaml:"urls" json:"urls"`
	Digest  string   `yaml:"digest" json:"digest"`
}

type indexEntry struct {
	index   index
	etag    string
	checked time.Time
}

// http fetches a chart from a chart repository.
func (s *Store) http(ctx context.Context, ref render.ChartRef, cred Credential) (render.ChartArchive, error) {
	ix, err := s.index(ctx, ref.Repo, cred)
	if err != nil {
		return render.ChartArchive{}, err
	}
	rel, err := choose(ix, ref)
	if err != nil {
		return render.ChartArchive{}, err
	}
	digest := strings.TrimPrefix(rel.Digest, "sha256:")
	if digest != "" {
		digest = "sha256:" + digest
		if data, ok := s.load(digest); ok {
			return render.ChartArchive{Data: data, Version: rel.Version, Digest: digest}, nil
		}
	}
	data, err := s.archive(ctx, ref, rel, cred)
	if err != nil {
		return render.ChartArchive{}, err
	}
	got := sum(data)
	if digest != "" && got != digest {
		return render.ChartArchive{}, fault.Invalid("version %q of the chart has digest %q and the index says %q", rel.Version, got, digest).
			WithHint("the archive was changed after it was published, or on the way; ask who runs the repository")
	}
	s.save(got, data)
	return render.ChartArchive{Data: data, Version: rel.Version, Digest: got}, nil
}

// index returns the repository's index, at most an interval old.
func (s *Store) index(ctx context.Context, repo string, cred Credential) (index, error) {
	// What one credential may see is not for another.
	key := repo + "\n" + sum([]byte(cred.Username+"\n"+cred.Password))
	s.mu.Lock()
	old := s.indexes[key]
	s.mu.Unlock()
	if old != nil && s.opts.Now().Sub(old.checked) < s.opts.Interval {
		return old.index, nil
	}
	etag := ""
	if old != nil {
		etag = old.etag
	}
	body, newTag, err := s.get(ctx, strings.TrimSuffix(repo, "/")+"/index.yaml", "index.yaml", etag, s.opts.MaxIndex, cred, true)
	entry := &indexEntry{etag: newTag, checked: s.opts.Now()}
	switch {
	case errors.Is(err, errNotModified):
		entry.index, entry.etag = old.index, old.etag
	case err != nil:
		return index{}, err
	default:
		if entry.index, err = parseIndex(body); err != nil {
			return index{}, err
		}
	}
	s.mu.Lock()
	s.indexes[key] = entry
	s.mu.Unlock()
	return entry.index, nil
}

// parseIndex reads an index, which may be JSON, as large ones are.
func parseIndex(body []byte) (index, error) {
	var ix index
	if json.Valid(body) {
		if err := json.Unmarshal(body, &ix); err != nil {
			return index{}, fault.Invalid("index.yaml of the repository is not an index of charts")
		}
		return ix, nil
	}
	if err := yaml.Unmarshal(body, &ix); err != nil || ix.Entries == nil {
		return index{}, fault.Invalid("index.yaml of the repository is not an index of charts").
			WithHint("the URL must be the one that helm repo add takes; a page for people often stands where an index should").
			Because(err)
	}
	return ix, nil
}

// choose returns the newest release that the reference's version allows.
func choose(ix index, ref render.ChartRef) (release, error) {
	all, ok := ix.Entries[ref.Name]
	if !ok {
		return release{}, fault.NotFound("the repository has no chart %q", ref.Name).
			WithHint("charts that it has: %s", some(ix.Entries))
	}
	versions := make([]string, len(all))
	for i, r := range all {
		versions[i] = r.Version
	}
	v, err := newest(versions, ref.Version)
	if err != nil {
		return release{}, err
	}
	rel := all[slices.Index(versions, v)]
	if len(rel.URLs) == 0 {
		return release{}, fault.Invalid("the index names no URL for version %q", v)
	}
	return rel, nil
}

func some(entries map[string][]release) string {
	names := make([]string, 0, len(entries))
	for n := range entries {
		names = append(names, n)
	}
	slices.Sort(names)
	if len(names) > 10 {
		names = append(names[:10], "…")
	}
	return strings.Join(names, ", ")
}

// newest returns the version that want names exactly, or the highest that it
// allows as a range. Nothing means the highest that is no pre-release.
func newest(versions []string, want string) (string, error) {
	if want != "" && slices.Contains(versions, want) {
		return want, nil
	}
	rng, err := semver.NewConstraint(orStar(want))
	if err != nil {
		return "", fault.Invalid("%q is neither a version nor a range of versions", want).
			WithHint("write 1.2.3, ~1.2, or >=1.2.0 <2.0.0")
	}
	best, found := "", (*semver.Version)(nil)
	for _, s := range versions {
		v, err := semver.NewVersion(s)
		if err != nil || !rng.Check(v) || found != nil && !v.GreaterThan(found) {
			continue
		}
		best, found = s, v
	}
	if found == nil {
		return "", fault.NotFound("no version of the chart fits %q", want).WithHint("newest versions: %s", latest(versions))
	}
	return best, nil
}

// isExact says whether a version names one release.
func isExact(version string) bool {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v"))
	return err == nil
}

func orStar(s string) string {
	if s == "" {
		return "*"
	}
	return s
}

func latest(versions []string) string {
	var vs []*semver.Version
	for _, s := range versions {
		if v, err := semver.NewVersion(s); err == nil {
			vs = append(vs, v)
		}
	}
	slices.SortFunc(vs, func(a, b *semver.Version) int { return b.Compare(a) })
	var out []string
	for _, v := range vs[:min(len(vs), 5)] {
		out = append(out, v.Original())
	}
	return strings.Join(out, ", ")
}

// archive downloads a release.
func (s *Store) archive(ctx context.Context, ref render.ChartRef, rel release, cred Credential) ([]byte, error) {
	base, err := url.Parse(strings.TrimSuffix(ref.Repo, "/") + "/")
	if err != nil {
		return nil, fault.Invalid("not a URL")
	}
	u, err := base.Parse(rel.URLs[0])
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Invalid("the index names an address for version %q that cannot be fetched", rel.Version)
	}
	// Elsewhere than in the repository, a credential has no business.
	trusted := cred.PassCredentials || u.Host == base.Host && u.Scheme == base.Scheme
	data, _, err := s.get(ctx, u.String(), "version "+rel.Version, "", s.opts.MaxChart, cred, trusted)
	return data, err
}

var errNotModified = errors.New("not modified")

func (s *Store) get(ctx context.Context, from, what, etag string, limit int64, cred Credential, trusted bool) (body []byte, tag string, err error) {
	c, err := client(cred)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, "", fault.Invalid("not a URL")
	}
	if trusted && (cred.Username != "" || cred.Password != "") {
		req.SetBasicAuth(cred.Username, cred.Password)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, "", reachFault(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return nil, etag, errNotModified
	default:
		return nil, "", statusFault(res.StatusCode, what)
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, "", reachFault(ctx, err)
	}
	if int64(len(body)) > limit {
		return nil, "", fault.Invalid("%s has more than the limit of %d bytes", what, limit)
	}
	return body, res.Header.Get("ETag"), nil
}
