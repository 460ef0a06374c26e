package demo

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// commit is one step of a repository's past, told by what it did.
type commit struct {
	who     string
	ago     time.Duration
	subject string
	// put adds files of the sample, by the beginning of their path, as they are today.
	put []string
	// edit changes what is there. What is put and edited in one commit looked
	// different then.
	edit []edit
}

type edit struct{ file, from, to string }

const day = 24 * time.Hour

// past is how each repository came to be what its sample is. The last commit of each
// is of now: lead times are measured from it.
var past = map[string][]commit{
	"shop": {
		{who: "ana", ago: 20 * day, subject: "checkout: first version", put: []string{"apps/checkout/"}, edit: []edit{
			{"apps/checkout/values.yaml", "replicas: 3", "replicas: 1"}, {"apps/checkout/values.yaml", "2.3.0", "1.9.0"},
			{"apps/checkout/Chart.yaml", "2.3.0", "1.9.0"}}},
		{who: "jonas", ago: 18 * day, subject: "cart: first version", put: []string{"apps/cart/base/", "apps/cart/overlays/"}, edit: []edit{
			{"apps/cart/overlays/dev/kustomization.yaml", "2.1.0", "2.0.0"}, {"apps/cart/overlays/prod/kustomization.yaml", "2.0.3", "1.9.5"},
			{"apps/cart/overlays/prod/kustomization.yaml", "components:\n  - ../../components/availability\n", ""}}},
		{who: "ana", ago: 16 * day, subject: "checkout: 2 replicas", edit: []edit{{"apps/checkout/values.yaml", "replicas: 1", "replicas: 2"}}},
		{who: "mia", ago: 13 * day, subject: "cart: 2.0.3 in prod", edit: []edit{{"apps/cart/overlays/prod/kustomization.yaml", "1.9.5", "2.0.3"}}},
		{who: "ana", ago: 9 * day, subject: "uploads: first version", put: []string{"apps/uploads/uploads.yaml"}, edit: []edit{
			{"apps/uploads/uploads.yaml", claimed, scratch}, {"apps/uploads/uploads.yaml", "128Mi", "64Mi"}}},
		{who: "jonas", ago: 8 * day, subject: "checkout: 2.3.0", edit: []edit{
			{"apps/checkout/values.yaml", "1.9.0", "2.3.0"}, {"apps/checkout/Chart.yaml", "1.9.0", "2.3.0"}}},
		{who: "mia", ago: 6 * day, subject: "cart: never all pods at once", put: []string{"apps/cart/components/", "apps/cart/overlays/prod/"}},
		{who: "jonas", ago: 5 * day, subject: "cart: 2.1.0 in dev", edit: []edit{{"apps/cart/overlays/dev/kustomization.yaml", "2.0.0", "2.1.0"}}},
		{who: "ana", ago: 2 * day, subject: "checkout: 3 replicas for the weekend", edit: []edit{{"apps/checkout/values.yaml", "replicas: 2", "replicas: 3"}}},
		{who: "jonas", ago: day, subject: "uploads: more memory", edit: []edit{{"apps/uploads/uploads.yaml", "64Mi", "128Mi"}}},
		{who: "mia", subject: "readme: what is where", put: []string{"README.md"}},
		// From here on it is pushed once what came before is live.
		{who: "ana", subject: keeping, put: []string{"apps/uploads/claim.yaml"}, edit: []edit{{"apps/uploads/uploads.yaml", scratch, claimed}}},
	},
	"platform": {
		{who: "jonas", ago: 19 * day, subject: "a gateway for everybody", put: []string{
			"chart/Chart.yaml", "chart/values", "chart/templates/gateway.yaml", "chart/charts/"}, edit: []edit{
			{"chart/values.yaml", "replicas: 2", "replicas: 1"}, {"chart/values.yaml", "gateway:5.2", "gateway:5.0"}, {"chart/Chart.yaml", "5.2", "5.0"}}},
		{who: "jonas", ago: 15 * day, subject: "gateway: migrate before each release", put: []string{"chart/templates/migrate.yaml"}},
		{who: "ana", ago: 11 * day, subject: "backups are a kind of their own", put: []string{"chart/crds/", "chart/templates/backup.yaml"}},
		{who: "mia", ago: 7 * day, subject: "gateway: 2 replicas", edit: []edit{{"chart/values.yaml", "replicas: 1", "replicas: 2"}}},
		{who: "jonas", ago: 3 * day, subject: "gateway: 5.2", edit: []edit{{"chart/values.yaml", "gateway:5.0", "gateway:5.2"}, {"chart/Chart.yaml", "5.0", "5.2"}}},
		{who: "jonas", subject: "readme: how to try it", put: []string{"README.md"}},
	},
	"guestbook": {
		{who: "mia", ago: 30 * day, subject: "a guestbook", put: []string{"app/web.yaml", "app/settings.yaml"}, edit: []edit{
			{"app/web.yaml", "replicas: 3", "replicas: 1"}, {"app/web.yaml", "web:1.4.0", "web:1.2.0"}, {"app/settings.yaml", "Sign here, please", "Sign here"}}},
		{who: "mia", ago: 24 * day, subject: "a store of its own", put: []string{"app/store.yaml"}},
		{who: "ana", ago: 17 * day, subject: "web: 1.3.0", edit: []edit{{"app/web.yaml", "web:1.2.0", "web:1.3.0"}}},
		{who: "mia", ago: 10 * day, subject: "be polite", edit: []edit{{"app/settings.yaml", "Sign here", "Sign here, please"}}},
		{who: "ana", ago: 4 * day, subject: "web: 1.4.0, 3 replicas", edit: []edit{
			{"app/web.yaml", "web:1.3.0", "web:1.4.0"}, {"app/web.yaml", "replicas: 1", "replicas: 3"}}},
		{who: "mia", subject: "readme: what to try", put: []string{"README.md"}},
	},
}

const (
	claimed = "persistentVolumeClaim:\n            claimName: uploads"
	scratch = "emptyDir: {}"
	// keeping is the second release of uploads. Going back before it would lose what
	// was uploaded.
	keeping = "uploads: keep files when pods move"
)

// commits counts the past of all repositories.
func commits() int {
	n := 0
	for _, c := range past {
		n += len(c)
	}
	return n
}

// snapshot is a repository after one of its commits.
type snapshot struct {
	commit
	files   map[string]string // all of them
	changed []string          // by this commit, in order
}

// unfold returns what a repository was after each commit of its past.
func unfold(name string) ([]snapshot, error) {
	today, err := sample(name)
	if err != nil {
		return nil, err
	}
	var out []snapshot
	files := map[string]string{}
	for _, c := range past[name] {
		before := maps.Clone(files)
		for _, start := range c.put {
			for file, text := range today {
				if strings.HasPrefix(file, start) {
					files[file] = text
				}
			}
		}
		for _, e := range c.edit {
			if !strings.Contains(files[e.file], e.from) {
				return nil, fault.Internal(fmt.Errorf("commit %q of %s: %s has no %q", c.subject, name, e.file, e.from))
			}
			files[e.file] = strings.ReplaceAll(files[e.file], e.from, e.to)
		}
		s := snapshot{commit: c, files: maps.Clone(files)}
		for _, file := range slices.Sorted(maps.Keys(files)) {
			if old, ok := before[file]; !ok || old != files[file] {
				s.changed = append(s.changed, file)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// sample is what a repository is today.
func sample(name string) (map[string]string, error) {
	files := map[string]string{}
	root := path.Join("samples", name)
	err := fs.WalkDir(samples, root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := samples.ReadFile(p)
		files[strings.TrimPrefix(p, root+"/")] = string(data)
		return err
	})
	if err != nil {
		return nil, fault.Internal(err)
	}
	return files, nil
}

// stream writes commits as git fast-import reads them. from is what they follow, ""
// for nothing.
func stream(list []snapshot, from string, now time.Time) []byte {
	var b bytes.Buffer
	for i, s := range list {
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter %s <%s@shop.example> %d +0000\ndata %d\n%s\n",
			s.who, s.who, now.Add(-s.ago).Unix(), len(s.subject), s.subject)
		if i == 0 && from != "" {
			fmt.Fprintf(&b, "from %s\n", from)
		}
		for _, file := range s.changed {
			fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", file, len(s.files[file]), s.files[file])
		}
	}
	return b.Bytes()
}
