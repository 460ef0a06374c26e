package health

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const pulls = `
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: shop}
status:
  phase: Pending
  containerStatuses:
  - {name: web, image: "ghcr.io/x:y", state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image "ghcr.io/x:y": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "ghcr.io/x:y": ghcr.io/x:y: not found'}}}`

const crashes = `
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: shop}
status:
  phase: Running
  containerStatuses:
  - {name: web, restartCount: 12, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 139}}}`

const runs = `
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: shop}
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}`

func TestTroubles(t *testing.T) {
	for name, tc := range map[string]struct {
		why  string
		pods []string
		last string
		want string
	}{
		"None":   {why: "Pods that are well say nothing.", pods: []string{runs, runs}, want: ""},
		"Alike":  {why: "Pods with the same trouble are counted.", pods: []string{pulls, runs, pulls, pulls}, want: `3 pods: container "web": image "ghcr.io/x:y" cannot be pulled: not found`},
		"Crash":  {why: "A crash has its signal, and its last words.", pods: []string{crashes}, last: "no database", want: `1 pod: container "web" keeps crashing with exit code 139 (SIGSEGV), restarted more than 10 times; its last words: "no database"`},
		"Sorted": {why: "The most frequent comes first, and two are enough.", pods: []string{crashes, pulls, pulls, strings.Replace(crashes, "139", "1", 1)}, want: `2 pods: container "web": image "ghcr.io/x:y" cannot be pulled: not found; 1 pod: container "web" keeps crashing with exit code 1, restarted more than 10 times; and other troubles`},
		"Going":  {why: "Pods that go are nobody's trouble.", pods: []string{strings.Replace(pulls, "{name: NAME", "{deletionTimestamp: now, name: NAME", 1)}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			var pods []map[string]any
			for _, p := range tc.pods {
				pods = append(pods, parse(t, p))
			}
			if got := Told(Troubles(pods), tc.last); got != tc.want {
				t.Errorf("%s\n got %s\nwant %s", tc.why, got, tc.want)
			}
		})
	}
}

func TestCrashIsFound(t *testing.T) {
	got := Troubles([]map[string]any{parse(t, crashes)})[0].Crash
	if diff := cmp.Diff(&Crash{Namespace: "shop", Pod: "NAME", Container: "web", Previous: true}, got); diff != "" {
		t.Error(diff)
	}
	if got := Troubles([]map[string]any{parse(t, pulls)})[0].Crash; got != nil {
		t.Error("an image that cannot be pulled has no last words", got)
	}
}

func TestParentOf(t *testing.T) {
	deployment := parse(t, `
apiVersion: apps/v1
kind: Deployment
spec: {selector: {matchLabels: {app: a, tier: b}, matchExpressions: [{key: env, operator: In, values: [v, x]}, {key: old, operator: DoesNotExist}]}}`)
	got, ok := ParentOf(deployment, lockstep.Health{Status: lockstep.Progressing})
	want := Parent{Selector: "!old,app=a,env in (v,x),tier=b", Between: replicaSets}
	if !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, status := range []lockstep.HealthStatus{lockstep.Healthy, lockstep.Suspended, lockstep.Terminating} {
		if _, ok := ParentOf(deployment, lockstep.Health{Status: status}); ok {
			t.Errorf("the pods of a workload that is %s are asked", status)
		}
	}
	for _, other := range []string{"apiVersion: v1\nkind: Service\nspec: {selector: {app: a}}", "apiVersion: apps/v1\nkind: Deployment"} {
		if p, ok := ParentOf(parse(t, other), lockstep.Health{Status: lockstep.Degraded}); ok {
			t.Errorf("%s has pods by %+v", other, p)
		}
	}
}

func TestPodWords(t *testing.T) {
	for name, tc := range map[string]struct{ why, object, want string }{
		"Killed":      {why: "137 is a signal.", object: strings.Replace(crashes, "139", "137", 1), want: `Degraded: container "web" keeps crashing with exit code 137 (SIGKILL), restarted more than 10 times`},
		"NoWords":     {why: "Older kubelets only say that they wait.", object: strings.Replace(pulls, ": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image \"ghcr.io/x:y\": ghcr.io/x:y: not found", "", 1), want: `Degraded: container "web": image "ghcr.io/x:y" cannot be pulled`},
		"InitRunning": {why: "What the others wait for.", object: "apiVersion: v1\nkind: Pod\nstatus: {phase: Pending, initContainerStatuses: [{name: a, state: {terminated: {exitCode: 0}}}, {name: migrate, state: {running: {}}}]}", want: `Progressing: init container "migrate" has not finished`},
		"Readiness":   {why: "The probe is named.", object: "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web, readinessProbe: {httpGet: {port: 80}}}]}\nstatus: {phase: Running, containerStatuses: [{name: web, started: true, ready: false, state: {running: {}}}]}", want: `Progressing: container "web" does not pass its readiness probe`},
		"Startup":     {why: "So is the one before it.", object: "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web, startupProbe: {httpGet: {port: 80}}}]}\nstatus: {phase: Running, containerStatuses: [{name: web, started: false, ready: false, state: {running: {}}}]}", want: `Progressing: container "web" has not passed its startup probe`},
		"BetweenTwo":  {why: "A container that runs until it crashes again reads like one that crashed, so that words stay.", object: "apiVersion: v1\nkind: Pod\nstatus: {phase: Running, containerStatuses: [{name: web, restartCount: 5, ready: false, state: {running: {}}, lastState: {terminated: {exitCode: 1}}}]}", want: `Progressing: container "web" keeps crashing with exit code 1`},
		"FailedCode":  {why: "A pod of a Job.", object: "apiVersion: v1\nkind: Pod\nstatus: {phase: Failed, containerStatuses: [{name: run, state: {terminated: {exitCode: 2}}}]}", want: `Degraded: failed: container "run" ended with exit code 2`},
	} {
		t.Run(name, func(t *testing.T) {
			h := Of(parse(t, tc.object))
			if got := h.Status.String() + ": " + h.Message; got != tc.want {
				t.Errorf("%s\n got %s\nwant %s", tc.why, got, tc.want)
			}
		})
	}
}

func TestLastWords(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\n":                                 "b",
		"panic: no \x1b[31mdatabase\x1b[0m\n":    "panic: no [31mdatabase [0m",
		`connect postgres://app:hunter2@db:5432`: "connect postgres://***@db:5432",
		`DB_PASSWORD=hunter2 is wrong`:           "DB_PASSWORD=*** is wrong",
		`{"password": "hun ter2", "user": "a"}`:  `{"password": ***, "user": "a"}`,
		`login with token: abc123, user x`:       "login with token: ***, user x",
		`Authorization: Bearer abcdef12345`:      "Authorization: *** ***",
		`got "Bearer abcdef12345"`:               `got "Bearer ***"`,
		`key AKIAIOSFODNN7EXAMPLE refused`:       "key *** refused",
		`jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.abc`:  "jwt ***",
		`blob ` + strings.Repeat("Ab1", 20):      "blob ***",
		strings.Repeat("word ", 100):             strings.Repeat("word ", 32) + "…",
		"":                                       "",
	} {
		if got := LastWords(in); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}

// FuzzTroubles: any object may be taken for a pod.
func FuzzTroubles(f *testing.F) {
	for _, s := range samples {
		f.Add(s.object)
	}
	f.Add(crashes)
	f.Add("kind: Certificate\napiVersion: cert-manager.io/v1\nstatus: {conditions: {a: b}}")
	f.Fuzz(func(t *testing.T, object string) {
		m := parseAny(object)
		h := Of(m)
		if strings.Contains(h.Message, "\n") || len(h.Message) > maxMessage+8 {
			t.Errorf("%q", h.Message)
		}
		Told(Troubles([]map[string]any{m}), LastWords(object))
		ParentOf(m, lockstep.Health{Status: lockstep.Degraded})
	})
}
