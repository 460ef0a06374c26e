package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/test/world"
)

// house is a server that reconciles, and people who ask it.
type house struct {
	*world.World
	t      *testing.T
	srv    *world.Server
	hidden string // a namespace that ana and vic know nothing of
	tokens map[string]string
	ids    map[string]string
}

const (
	one = `{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {v: "1"}}`
	two = `{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {v: "2"}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`
)

func (h *house) stack(namespace, name, path string) {
	h.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"env": "prod"}},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: h.Namespace + "/repo", Path: path}},
	})
}

// allow gives a machine verbs in a namespace, and returns what takes them away.
func (h *house) allow(machine, namespace string, rules ...rbacv1.PolicyRule) *rbacv1.RoleBinding {
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: machine}, Rules: rules}
	h.Create(role)
	b := &rbacv1.RoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: machine},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "machine:" + machine}},
	}
	b.ResourceVersion = ""
	h.Create(b)
	return b
}

func rule(resources, verbs string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{"lockstep.dev"}, Resources: strings.Fields(resources), Verbs: strings.Fields(verbs)}
}

// do sends a request as somebody: "" is nobody.
func (h *house) do(who, method, path, body string, head ...string) (int, string, http.Header) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.srv.Addr+httpapi.Prefix+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+h.tokens[who])
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// ask is do for what has to succeed.
func ask[T any](h *house, who, method, path, body string) T {
	h.t.Helper()
	var out T
	status, text, _ := h.do(who, method, path, body)
	if status >= 300 {
		h.t.Fatalf("%s %s as %s: %d %s", method, path, who, status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		h.t.Fatalf("%s %s: %v %s", method, path, err, text)
	}
	return out
}

// refused is do for what has to fail, with words that the answer has to have.
func (h *house) refused(who, method, path, body string, status int, says ...string) {
	h.t.Helper()
	got, text, head := h.do(who, method, path, body)
	if got != status || head.Get("Content-Type") != "application/problem+json" {
		h.t.Errorf("%s %s as %s: %d %s, want %d", method, path, who, got, text, status)
	}
	for _, s := range says {
		if !strings.Contains(text, s) {
			h.t.Errorf("%s %s as %s does not say %q: %s", method, path, who, s, text)
		}
	}
}

// signIn makes tokens as somebody does who has the link that a new server prints.
func (h *house) signIn(machines ...string) {
	h.t.Helper()
	link := regexp.MustCompile(`http://[^/]+/login#t=(\S+)`).FindStringSubmatch(h.srv.Log())
	if link == nil {
		h.t.Fatalf("the server printed no link\n%s", h.srv.Log())
	}
	redeem := func() *http.Response {
		resp, err := http.PostForm("http://"+h.srv.Addr+"/auth/link", url.Values{"t": {link[1]}})
		if err != nil {
			h.t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	resp := redeem()
	if resp.StatusCode != http.StatusNoContent || len(resp.Cookies()) != 1 {
		h.t.Fatalf("the link: %d, %d cookies", resp.StatusCode, len(resp.Cookies()))
	}
	if again := redeem(); again.StatusCode != http.StatusUnauthorized {
		h.t.Errorf("the link is good twice: %d", again.StatusCode)
	}
	cookie := resp.Cookies()[0]
	for _, name := range machines {
		status, text, _ := h.do("", http.MethodPost, "/auth/tokens", fmt.Sprintf(`{"name":%q,"machine":%q,"for":"1h"}`, name, name), "Cookie", cookie.Name+"="+cookie.Value)
		var made httpapi.CreatedToken
		if err := json.Unmarshal([]byte(text), &made); err != nil || status >= 300 || made.Secret == "" {
			h.t.Fatalf("no token for %s: %d %s", name, status, text)
		}
		h.tokens[name], h.ids[name] = made.Secret, made.ID
	}
	// Of another site: a browser sends the cookie, and says where the page is from.
	if status, _, _ := h.do("", http.MethodPost, "/auth/tokens", `{"name":"x"}`, "Cookie", cookie.Name+"="+cookie.Value, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		h.t.Errorf("a page of another site made a token: %d", status)
	}
	h.tokens["end"] = cookie.Name + "=" + cookie.Value
}

type event struct{ name, id, data string }

// watch opens a stream.
func (h *house) watch(ctx context.Context, who, path, last string) <-chan event {
	h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.srv.Addr+httpapi.Prefix+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.tokens[who])
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		h.t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
	}
	out := make(chan event, 1024)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		var e event
		lines := bufio.NewScanner(resp.Body)
		for lines.Buffer(nil, 4<<20); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "":
				if e.name != "" {
					out <- e
				}
				e = event{}
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			}
		}
	}()
	return out
}

// next returns the next event of a name whose data has a text.
func (h *house) next(in <-chan event, name, has string, never ...string) event {
	h.t.Helper()
	deadline := time.After(20 * time.Second)
	var seen []string
	for {
		select {
		case e, ok := <-in:
			if !ok {
				h.t.Fatalf("the stream ended before %s with %q; it had %v", name, has, seen)
			}
			for _, n := range never {
				if strings.Contains(e.data, n) {
					h.t.Fatalf("event %s has %q: %s", e.name, n, e.data)
				}
			}
			if seen = append(seen, e.name); e.name == name && strings.Contains(e.data, has) {
				return e
			}
		case <-deadline:
			h.t.Fatalf("no event %s with %q; there were %v", name, has, seen)
		}
	}
}

func (h *house) detail(who, stack string) httpapi.StackDetail {
	h.t.Helper()
	return ask[httpapi.StackDetail](h, who, http.MethodGet, "/stacks/"+stack, "")
}

// TestAPI is a day of one server: people look, do and are refused, as a real one
// reconciles from Git.
func TestAPI(t *testing.T) {
	w := world.New(t)
	h := &house{World: w, t: t, hidden: w.Cluster.Namespace(t), tokens: map[string]string{}, ids: map[string]string{}}
	h.srv = w.Serve(world.ServeOptions{})
	t.Cleanup(func() {
		if log := h.srv.Log(); t.Failed() {
			t.Logf("log of the server:\n%s", log[max(0, len(log)-8000):])
		}
	})
	repo, address := w.Repo("repo")
	commit := func(message string, files map[string]string) string {
		t.Helper()
		c, err := repo.Change("main", message, files)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	files := map[string]string{"shop/all.yaml": one}
	for i := range 4 {
		files[fmt.Sprintf("s%d/all.yaml", i)] = fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: s%d}}`, i)
	}
	files["secret/all.yaml"] = `{apiVersion: v1, kind: ConfigMap, metadata: {name: secret}}`
	first := commit("the first <b>release</b>", files)
	w.Source("repo", address)
	h.stack(w.Namespace, "shop", "shop")
	for i := range 4 {
		h.stack(w.Namespace, fmt.Sprintf("s%d", i), fmt.Sprintf("s%d", i))
	}
	h.stack(h.hidden, "secret", "secret")

	h.signIn("ana", "vic", "aud", "leaver")
	see := []rbacv1.PolicyRule{rule("stacks sources targets", "get list watch"), rule("stacks", "logs")}
	h.allow("ana", w.Namespace, append(see, rule("stacks", "reconcile pause rollback actions"), rule("sources", "reconcile"))...)
	seeing := h.allow("vic", w.Namespace, see...)
	h.allow("leaver", w.Namespace, see...)
	auditor := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "aud-" + w.Namespace}, Rules: []rbacv1.PolicyRule{rule("auditentries stacks", "get list")}}
	w.Create(auditor)
	w.Create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: auditor.Name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: auditor.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "machine:aud"}},
	})
	shop := w.Namespace + "/shop"
	w.Eventually("all are in step, for who may see them", 20*time.Second, func() (bool, string) {
		_, text, _ := h.do("ana", http.MethodGet, "/stacks", "")
		var p httpapi.StackPage
		return json.Unmarshal([]byte(text), &p) == nil && p.Counts.InStep == 5, text
	})
	leaving := h.watch(t.Context(), "leaver", "/events?topics=fleet", "")
	h.next(leaving, "hello", "")
	if status, text, _ := h.do("", http.MethodDelete, "/auth/tokens/"+h.ids["leaver"], "", "Cookie", h.tokens["end"]); status != http.StatusNoContent {
		t.Fatalf("the token is not revoked: %d %s", status, text)
	}

	step := func(name string, f func(h *house)) {
		t.Run(name, func(t *testing.T) {
			inner := *h
			inner.t = t
			f(&inner)
		})
	}
	step("Nobody", func(h *house) {
		for _, path := range []string{"/stacks", "/stacks/map", "/stacks/" + shop, "/events?topics=fleet", "/audit", "/openapi.yaml", "/me"} {
			h.refused("", http.MethodGet, path, "", 401)
		}
		h.tokens["forged"] = h.tokens["ana"][:len(h.tokens["ana"])-1] + "x"
		h.refused("forged", http.MethodGet, "/stacks", "", 401)
		h.refused("leaver", http.MethodGet, "/stacks", "", 401, "revoked")
	})
	step("List", (*house).list)
	step("Map", (*house).mapped)
	step("Viewer", func(h *house) { h.viewer(shop) })
	step("Acts", func(h *house) { h.acts(shop) })
	step("Resources", func(h *house) { h.resources(shop, first) })
	step("Events", func(h *house) {
		commit("a claim", map[string]string{"shop/all.yaml": two})
		ctx, cancel := context.WithCancel(h.t.Context())
		in := h.watch(ctx, "ana", "/events?topics=fleet,sources,stack:"+shop, "")
		h.next(in, "hello", `"resumed":false`)
		ask[httpapi.Asked](h, "ana", http.MethodPost, "/sources/"+w.Namespace+"/repo/fetch", `{"reason":"now"}`)
		h.next(in, "stack", `"release":2`, h.hidden)
		last := h.next(in, "fleet", `"total":5`, h.hidden)
		cancel()
		commit("while nobody listens", map[string]string{"s0/all.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: s0}, data: {a: b}}`})
		ask[httpapi.Asked](h, "ana", http.MethodPost, "/sources/"+w.Namespace+"/repo/fetch", "")
		w.Eventually("released", 20*time.Second, func() (bool, string) {
			d := h.detail("ana", w.Namespace+"/s0")
			return d.Release == 2, d.Message
		})
		in = h.watch(h.t.Context(), "ana", "/events?topics=fleet", last.id)
		h.next(in, "hello", `"resumed":true`)
		h.next(in, "rows", `"name":"s0"`, h.hidden)
		in = h.watch(h.t.Context(), "ana", "/events?topics=fleet", "another-7")
		h.next(in, "resync", `"restarted"`)
	})
	step("Rollback", func(h *house) { h.rollback(shop, first) })
	step("Audit", (*house).audit)
	step("AccessTakenAway", func(h *house) {
		in := h.watch(h.t.Context(), "vic", "/events?topics=fleet,stack:"+shop, "")
		h.next(in, "fleet", `"total":5`)
		if err := w.Client.Delete(h.t.Context(), seeing); err != nil {
			h.t.Fatal(err)
		}
		w.Eventually("vic sees nothing", 10*time.Second, func() (bool, string) {
			status, text, _ := h.do("vic", http.MethodGet, "/stacks", "")
			return status == 200 && strings.Contains(text, `"items":[]`), text
		})
		ask[httpapi.Asked](h, "ana", http.MethodPost, "/stacks/"+shop+"/reconcile", "")
		// What was on its way when the binding went may still come; after resync nothing does.
		h.next(in, "resync", `"access"`)
		ask[httpapi.Asked](h, "ana", http.MethodPost, "/stacks/"+shop+"/reconcile", "")
		h.next(in, "fleet", `"total":0`, "shop", w.Namespace)
		// What was allowed a moment ago is believed for some seconds.
		w.Eventually("vic is told of nothing", 15*time.Second, func() (bool, string) {
			status, text, _ := h.do("vic", http.MethodGet, "/stacks/"+shop, "")
			return status == 404, text
		})
	})
	step("SignedOut", func(h *house) { h.next(leaving, "bye", `"signedOut"`) })
	step("Shutdown", func(h *house) {
		in := h.watch(h.t.Context(), "ana", "/events?topics=fleet", "")
		h.next(in, "hello", "")
		began := time.Now()
		h.srv.Stop()
		h.next(in, "bye", `"shutdown"`)
		if took := time.Since(began); took > 8*time.Second {
			h.t.Errorf("a stream held the server up for %s", took)
		}
	})
}

func (h *house) list() {
	var seen []string
	path := "/stacks?q=" + url.QueryEscape("env:prod step:instep -name:shop") + "&sort=-name&limit=3"
	for cursor := ""; ; {
		p := ask[httpapi.StackPage](h, "ana", http.MethodGet, path+"&cursor="+cursor, "")
		for _, r := range p.Items {
			seen = append(seen, r.Name)
		}
		if p.Matches != 4 || p.Counts.Total != 4 || p.Fleet.Total != 5 || len(p.Facets.Env) != 1 || p.Facets.Env[0].Count != 4 {
			h.t.Errorf("numbers: %d of %+v, %+v", p.Matches, p.Fleet, p.Facets.Env)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(seen, []string{"s3", "s2", "s1", "s0"}) {
		h.t.Errorf("the pages have %v", seen)
	}
	h.refused("ana", http.MethodGet, "/stacks?q=evn:prod", "", 400, "character 1", "env")
	h.refused("ana", http.MethodGet, "/stacks?cursor=x", "", 400)
	p := ask[httpapi.StackPage](h, "ana", http.MethodGet, "/stacks?q="+url.QueryEscape(`"';DROP TABLE entries;--<script>"`), "")
	if p.Matches != 0 {
		h.t.Errorf("that matches %d", p.Matches)
	}
}

func (h *house) mapped() {
	status, text, head := h.do("ana", http.MethodGet, "/stacks/map", "")
	if status != 200 || strings.Contains(text, "secret") {
		h.t.Errorf("%d %s", status, text)
	}
	if again, body, _ := h.do("ana", http.MethodGet, "/stacks/map", "", "If-None-Match", head.Get("ETag")); again != 304 || body != "" {
		h.t.Errorf("the same again: %d %s", again, body)
	}
}

// viewer: vic sees what ana does, may change nothing, and neither learns what is hidden.
func (h *house) viewer(shop string) {
	secret := h.hidden + "/secret"
	for _, who := range []string{"ana", "vic"} {
		for _, path := range []string{"/stacks", "/stacks?q=namespace:" + h.hidden[:3] + "*", "/stacks/map", "/stacks/map?group=source", "/sources", "/targets", "/stacks/" + shop, "/audit", "/drift", "/graph"} {
			status, text, _ := h.do(who, http.MethodGet, path, "")
			if status != 200 || strings.Contains(text, secret) || strings.Contains(text, `"namespace":"`+h.hidden) || strings.Contains(text, `"total":6`) {
				h.t.Errorf("%s as %s: %d %s", path, who, status, text)
			}
		}
		for _, path := range []string{"", "/resources", "/diff", "/manifest", "/events", "/releases", "/timeline", "/drift", "/plan", "/plan?revision=1", "/rollback?to=1", "/logs", "/events/stream"} {
			got, text, _ := h.do(who, http.MethodGet, "/stacks/"+secret+path, "")
			other, none, _ := h.do(who, http.MethodGet, "/stacks/"+h.hidden+"/absent"+path, "")
			if got < 400 || got != other || alike(text, "secret") != alike(none, "absent") {
				h.t.Errorf("GET %s as %s tells what is hidden from what is not there:\n%d %s\n%d %s", path, who, got, text, other, none)
			}
		}
	}
	if p := ask[httpapi.StackPage](h, "vic", http.MethodGet, "/stacks", ""); p.Fleet.Total != 5 || p.Matches != 5 {
		h.t.Errorf("vic sees %+v", p.Fleet)
	}
	for path, body := range map[string]string{
		"reconcile": "", "test": "", "pause": `{}`, "resume": "", "release-hold": "",
		"rollback": `{"to":"1","digest":"x","reason":"mischief"}`, "actions": `{"object":"ConfigMap/x/web","action":"restart"}`,
	} {
		h.refused("vic", http.MethodPost, "/stacks/"+shop+"/"+path, body, 403, "may not")
		h.refused("ana", http.MethodPost, "/stacks/"+secret+"/"+path, body, 403, "may not")
	}
	h.refused("vic", http.MethodPost, "/sources/"+h.Namespace+"/repo/fetch", "", 403)
	h.refused("vic", http.MethodGet, "/audit/verify", "", 403)
	h.refused("vic", http.MethodGet, "/insights", "", 403)
	h.refused("vic", http.MethodPost, "/auth/tokens", `{"name":"x"}`, 403)
	in := h.watch(h.t.Context(), "vic", "/events?topics=fleet,stack:"+secret, "")
	s := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: h.hidden, Name: "secret"}}
	h.Poke(s)
	if e := h.next(in, "fleet", "", "secret", h.hidden); !strings.Contains(e.data, `"total":5`) {
		h.t.Errorf("numbers: %s", e.data)
	}
	select {
	case e := <-in:
		h.t.Errorf("vic hears of what is hidden: %+v", e)
	case <-time.After(500 * time.Millisecond):
	}
}

func alike(text, name string) string {
	text = regexp.MustCompile(`"request":"[^"]*"`).ReplaceAllString(text, "")
	return strings.ReplaceAll(text, name, "X")
}

func (h *house) acts(shop string) {
	a := ask[httpapi.Asked](h, "ana", http.MethodPost, "/stacks/"+shop+"/reconcile", `{"reason":"look"}`)
	h.Eventually("the pass was done", 10*time.Second, func() (bool, string) {
		d := h.detail("ana", shop)
		return d.Request == nil && a.Request != "", fmt.Sprint(d.Request)
	})
	ask[map[string]any](h, "ana", http.MethodPost, "/stacks/"+shop+"/pause", `{"reason":"migration <i>","for":"2h"}`)
	h.Eventually("paused", 10*time.Second, func() (bool, string) {
		d := h.detail("vic", shop)
		return d.Step == "Paused" && d.Pause != nil && d.Pause.Reason == "migration <i>" && d.Pause.By == "machine:ana" && d.Pause.Until != nil, d.Step
	})
	if p := ask[httpapi.StackPage](h, "vic", http.MethodGet, "/stacks?q=step:paused", ""); p.Matches != 1 || p.Counts.Paused != 1 {
		h.t.Errorf("the list does not know: %+v", p.Counts)
	}
	ask[map[string]any](h, "ana", http.MethodPost, "/stacks/"+shop+"/resume", "")
	h.Eventually("goes on", 10*time.Second, func() (bool, string) {
		d := h.detail("vic", shop)
		return d.Step == "InStep" && d.Pause == nil, d.Step
	})
}

func (h *house) resources(shop, commit string) {
	r := ask[live.Resources](h, "vic", http.MethodGet, "/stacks/"+shop+"/resources", "")
	if len(r.Items) != 1 {
		h.t.Errorf("resources: %+v", r)
	}
	for _, path := range []string{"/diff", "/manifest", "/manifest?revision=" + commit, "/events", "/releases", "/timeline", "/resources/-/ConfigMap/" + h.Namespace + "/web"} {
		if status, text, _ := h.do("vic", http.MethodGet, "/stacks/"+shop+path, ""); status != 200 {
			h.t.Errorf("%s: %d %s", path, status, text)
		}
	}
	h.refused("vic", http.MethodGet, "/stacks/"+shop+"/resources/-/Secret/kube-system/x", "", 404)
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	in := h.watch(ctx, "vic", "/stacks/"+shop+"/events/stream", "")
	web := &corev1.ConfigMap{}
	if err := h.Client.Get(ctx, client.ObjectKey{Namespace: h.Namespace, Name: "web"}, web); err != nil {
		h.t.Fatal(err)
	}
	h.Create(&corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: h.Namespace, Name: "web.1"}, Reason: "Noted", Message: "<b>this</b>", Type: corev1.EventTypeWarning,
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: h.Namespace, Name: "web", UID: web.UID},
		LastTimestamp:  metav1.Now(), FirstTimestamp: metav1.Now(), Count: 1, Source: corev1.EventSource{Component: "test"},
	})
	h.next(in, "events", "Noted")
	logs := h.watch(ctx, "vic", "/stacks/"+shop+"/logs", "")
	h.next(logs, "lines", "there is no pod")
	h.next(logs, "end", "")
}

func (h *house) rollback(shop, first string) {
	claim := "PersistentVolumeClaim/" + h.Namespace + "/data"
	path := "/stacks/" + shop + "/rollback"
	p := ask[live.Rollback](h, "ana", http.MethodGet, path+"?to=1", "")
	if p.Revision != first || p.Guard != 3 || !slices.Equal(p.Accept, []string{claim}) || p.Newest == first {
		h.t.Fatalf("preview: %+v", p)
	}
	wish := func(digest string, accept ...string) string {
		text, _ := json.Marshal(httpapi.RollbackWish{To: "1", Digest: digest, For: "1h", Reason: "it breaks", Accept: accept})
		return string(text)
	}
	h.refused("ana", http.MethodGet, path+"?to=99", "", 404, "not in its history")
	h.refused("ana", http.MethodPost, path, wish("sha256:other", claim), 409, "has changed since it was read")
	h.refused("ana", http.MethodPost, path, wish(p.Digest), 409, claim)
	h.refused("ana", http.MethodPost, path, wish(p.Digest, "PersistentVolumeClaim/x/other"), 409, claim)
	if d := h.detail("ana", shop); d.Hold != nil {
		h.t.Fatalf("what was refused was done: %+v", d.Hold)
	}
	done := ask[httpapi.RollbackDone](h, "ana", http.MethodPost, path, wish(p.Digest, claim))
	if done.Revision != first || len(done.Commands) != 2 {
		h.t.Errorf("done: %+v", done)
	}
	h.Eventually("the first release is live, and everybody sees why", 20*time.Second, func() (bool, string) {
		d := h.detail("vic", shop)
		cm := &corev1.ConfigMap{}
		err := h.Client.Get(h.t.Context(), client.ObjectKey{Namespace: h.Namespace, Name: "web"}, cm)
		return err == nil && cm.Data["v"] == "1" && d.Revision == first && d.Hold != nil && d.Hold.By == "machine:ana" && d.Hold.Reason == "it breaks", d.Message
	})
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: h.Namespace, Name: "data"}}
	h.Eventually("the claim goes, as was accepted", 20*time.Second, func() (bool, string) {
		if h.Gone(pvc) {
			return true, ""
		}
		if pvc.DeletionTimestamp != nil && len(pvc.Finalizers) > 0 { // nobody here ends the protection of claims
			_ = h.Client.Patch(h.t.Context(), pvc, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))
		}
		return false, "it is there"
	})
	status, text, _ := h.do("ana", http.MethodPost, "/stacks/"+shop+"/release-hold", `{"reason":"fixed"}`)
	if status != http.StatusNoContent {
		h.t.Fatalf("release: %d %s", status, text)
	}
	h.Eventually("it goes on to what Git says", 20*time.Second, func() (bool, string) {
		d := h.detail("vic", shop)
		return d.Hold == nil && d.Revision != first && !h.Gone(pvc), d.Message
	})
}

// audit: each attempt is on record, the refused ones as well.
func (h *house) audit() {
	var got []string
	for path, cursor := "/audit?limit=100", ""; ; {
		p := ask[httpapi.AuditPage](h, "aud", http.MethodGet, path+"&cursor="+cursor, "")
		for _, e := range p.Items {
			if e.Kind == "call" || e.Kind == "pause" || e.Kind == "rollback" || e.Kind == "token" {
				got = append(got, strings.Join([]string{e.Person.Name, e.Verb, e.Name, e.Outcome}, " "))
			}
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	for _, want := range []string{
		"machine:ana reconcile shop Succeeded", "machine:ana pause shop Succeeded", "machine:ana resume shop Succeeded", "machine:ana fetch repo Succeeded",
		"machine:ana rollback shop Succeeded", "machine:ana rollback shop Conflict", "machine:ana rollback shop Blocked", "machine:ana release-hold shop Succeeded",
		"machine:ana reconcile secret Denied", "machine:vic reconcile shop Denied", "machine:vic pause shop Denied", "machine:vic resume shop Denied",
		"machine:vic rollback shop Denied", "machine:vic release-hold shop Denied", "machine:vic restart shop Denied", "machine:vic test shop Denied", "machine:ana test secret Denied", "machine:vic fetch repo Denied",
		"lockstep:local-admin create  Succeeded", "lockstep:local-admin revoke  Succeeded",
	} {
		if !slices.Contains(got, want) {
			h.t.Errorf("%q is not on record: %s", want, strings.Join(got, ", "))
		}
	}
	if v := ask[httpapi.AuditVerdict](h, "aud", http.MethodGet, "/audit/verify", ""); !v.OK {
		h.t.Errorf("the record: %+v", v)
	}
}
