package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/world"
)

const monitoring = "../../../deploy/monitoring"

// tools is the directory of prometheus and promtool.
func tools(t testing.TB) string {
	t.Helper()
	cmd := exec.Command("bash", "../../prometheus.sh")
	var why bytes.Buffer
	cmd.Stderr = &why
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("no Prometheus to test with: %v\n%s\nbash test/prepare.sh fetches it", err, why.String())
	}
	return strings.TrimSpace(string(out))
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// TestRules has Prometheus' own tool read the rules, and play each alert through:
// when it fires and when not.
func TestRules(t *testing.T) {
	promtool := filepath.Join(tools(t), "promtool")
	run(t, promtool, "check", "rules", "--lint-fatal", monitoring+"/rules.yaml")
	run(t, promtool, "test", "rules", monitoring+"/rules_test.yaml")
}

// question is one query of a dashboard or an alert.
type question struct {
	where, expr string
	// quiet: that it returns nothing is what it says while all is well.
	quiet bool
}

// questions are all queries of all dashboards, with the variables as they are when
// somebody opens them, and the expressions of all rules.
func questions(t testing.TB) []question {
	t.Helper()
	files, err := filepath.Glob(monitoring + "/dashboards/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("dashboards: %v %v", files, err)
	}
	// What Grafana puts in: all values, and four times the interval of the scrapes.
	variables := strings.NewReplacer("$__rate_interval", "8s", "$job", ".*", "$instance", ".*", "$namespace", ".*", "$name", ".*", "$target", ".*")
	var out []question
	for _, file := range files {
		var d struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		read(t, file, &d)
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				out = append(out, question{where: filepath.Base(file) + ", " + p.Title, expr: variables.Replace(q.Expr)})
			}
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Record, Expr string }
		}
	}
	read(t, monitoring+"/rules.yaml", &rules)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			out = append(out, question{where: "rules.yaml, " + r.Alert + r.Record, expr: r.Expr, quiet: r.Alert != ""})
		}
	}
	return out
}

func read(t testing.TB, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestPrometheus has a real Prometheus scrape a real Lockstep, with a Stack that is
// well, one that fails, one that is held and one that is not healed, and asks it
// what the dashboards ask.
func TestPrometheus(t *testing.T) {
	w := world.New(t)
	server := w.Serve(world.ServeOptions{})
	aFleet(t, w)
	p := startPrometheus(t, server.Addr)

	w.Eventually("Prometheus has scraped twice", within, func() (bool, string) {
		n := p.count("count_over_time(lockstep_build_info[1m]) >= 3")
		return n == 1, fmt.Sprint(n, " series")
	})
	defer traffic(t, w, server)()

	metric := regexp.MustCompile(`\b(lockstep_[a-z_]+|process_[a-z_]+|go_[a-z_]+)\b`)
	for _, q := range questions(t) {
		t.Run(q.where, func(t *testing.T) {
			names := p.names()
			for _, name := range metric.FindAllString(q.expr, -1) {
				if !slices.Contains(names, name) {
					t.Errorf("it can never match: no scrape has %s\n%s", name, q.expr)
				}
			}
			var n int
			deadline := time.Now().Add(15 * time.Second)
			for {
				if n = p.count(q.expr); n > 0 || q.quiet || time.Now().After(deadline) {
					break
				}
				time.Sleep(500 * time.Millisecond)
			}
			if n == 0 && !q.quiet {
				t.Errorf("returns nothing: %s", q.expr)
			}
		})
	}
	if n := p.count(`max(lockstep_store_behind) == 0 and max(lockstep_store_tampered) == 0 and sum(lockstep_store_lost_entries_total) == 0`); n != 1 {
		t.Errorf("the history is not said to be well: %d series", n)
	}
	// The alert of a Stack that fails, made impatient.
	if n := p.count(`time() - max by (namespace, name, reason) (lockstep_stack_unready_timestamp_seconds{namespace="` + w.Namespace + `",name="bad",reason!~"Suspended|Held|Progressing|WaitingForDependency|Deleting"}) > 0`); n != 1 {
		t.Errorf("the Stack that fails has %d series that would fire, want 1", n)
	}
	if n := p.count(`lockstep_stacks{ready="true",reason="Drifted"} == 1 and on () lockstep_drift_objects{state="reported"} == 1`); n != 1 {
		t.Errorf("the Stack that drifts has %d series, want 1", n)
	}
}

// aFleet is one Stack of each sort, a Source that fails, and a Target.
func aFleet(t *testing.T, w *world.World) {
	t.Helper()
	repo, url := w.Repo("fleet")
	commit(t, repo, map[string]string{
		"good/a.yaml":   configMap("good", "one"),
		"bad/a.yaml":    "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: -1}]}\n",
		"held/a.yaml":   configMap("held", "one"),
		"drifts/a.yaml": configMap("drifts", "one"),
		"healed/a.yaml": configMap("healed", "one"),
		// Rendered in a worker process.
		"healed/kustomization.yaml": "resources: [a.yaml]\n",
	})
	secret(w, "hook", map[string]string{"token": "t0ken"})
	src := w.Source("fleet", url)
	patch(w, src, `{"spec":{"webhook":{"secretRef":{"name":"hook"}}}}`)
	w.Source("gone", url+"-gone")
	kubeconfig, err := os.ReadFile(w.Cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	secret(w, "here", map[string]string{"value": string(kubeconfig)})
	w.Create(&v1alpha1.Target{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "here"},
		Spec:       v1alpha1.TargetSpec{Kubernetes: &v1alpha1.KubernetesTarget{KubeconfigSecretRef: &v1alpha1.KeyRef{Name: "here"}}},
	})
	good := stackOf(w, "good", "fleet")
	good.Spec.Target = v1alpha1.StackTarget{Name: "here", Namespace: w.Namespace}
	bad, held, drifts := stackOf(w, "bad", "fleet"), stackOf(w, "held", "fleet"), stackOf(w, "drifts", "fleet")
	held.Spec.Sync.Mode = v1alpha1.SyncManual
	drifts.Spec.Sync.Drift = v1alpha1.DriftReport
	healed := stackOf(w, "healed", "fleet")
	for _, s := range []*v1alpha1.Stack{good, bad, held, drifts, healed} {
		w.Create(s)
	}
	reason(w, good, v1alpha1.ReasonReady)
	reason(w, bad, "Invalid")
	reason(w, held, v1alpha1.ReasonHeld)
	reason(w, drifts, v1alpha1.ReasonReady)
	reason(w, healed, v1alpha1.ReasonReady)
	live := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "drifts"}}
	patch(w, live, `{"data":{"key":"by hand"}}`)
	reason(w, drifts, v1alpha1.ReasonDrifted)
}

// traffic is something of everything that the dashboards show as rates, until stop.
func traffic(t *testing.T, w *world.World, server *world.Server) (end func()) {
	t.Helper()
	bad := stackOf(w, "bad", "fleet")
	healed := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "healed"}}
	repo, _ := w.Repo("fleet")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(700 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			push(w, server, "fleet", "t0ken")
			push(w, server, "fleet", "guess")
			w.Poke(bad)
			if i%3 == 0 {
				patch(w, healed, fmt.Sprintf(`{"data":{"key":"by hand %d"}}`, i))
				commit(t, repo, map[string]string{"healed/a.yaml": configMap("healed", fmt.Sprint("from Git ", i))})
			}
		}
	}()
	return func() { close(stop); <-done }
}

// prometheus is a running one.
type prometheus struct {
	t   testing.TB
	url string
}

func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs(monitoring + "/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 2s, evaluation_interval: 2s}\nrule_files: [%q]\n"+
		"scrape_configs:\n- {job_name: lockstep, honor_labels: true, static_configs: [{targets: [%q]}]}\n", rules, target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(tools(t), "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	p := &prometheus{t: t, url: "http://" + addr}
	for deadline := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get(p.url + "/-/ready"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p
			}
		}
		select {
		case <-ended:
			t.Fatalf("prometheus ended\n%s", log.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("prometheus is not ready")
		}
	}
}

// count returns how many series an expression has now.
func (p *prometheus) count(expr string) int {
	p.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Value []any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	p.ask("/api/v1/query?query="+url.QueryEscape(expr), &answer)
	n := 0
	for _, r := range answer.Data.Result {
		if len(r.Value) == 2 && r.Value[1] != "NaN" {
			n++
		}
	}
	return n
}

// names are those of all metrics that were scraped.
func (p *prometheus) names() []string {
	var answer struct {
		Data []string `json:"data"`
	}
	p.ask("/api/v1/label/__name__/values", &answer)
	return answer.Data
}

func (p *prometheus) ask(path string, into any) {
	p.t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var why bytes.Buffer
		_, _ = why.ReadFrom(resp.Body)
		p.t.Fatalf("%s: %s\n%s", path, resp.Status, why.String())
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		p.t.Fatal(err)
	}
}
