package soak

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
)

// witness keeps, of a soak that failed, what is needed to find out why without
// running it again, which may not show it: what each server knows and every pass
// that it made, what its goroutines were doing at the end, and what is live, with
// who manages which field. go test -artifacts keeps the files.
func (s *scene) witness() {
	if !s.t.Failed() {
		return
	}
	s.keepLive()
	for i, r := range s.replicas {
		s.keep(fmt.Sprintf("replica-%d.json", i), s.known(r))
	}
	for i, r := range s.replicas {
		_ = syscall.Kill(r.server.PID, syscall.SIGQUIT) // it may have ended
		r.server.Wait()
		s.keep(fmt.Sprintf("replica-%d.log", i), []byte(r.server.Log()))
	}
}

func (s *scene) keep(name string, text []byte) {
	file := filepath.Join(s.t.ArtifactDir(), name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.t.Error(err)
	}
	s.t.Logf("kept %s", file)
}

// known is what a server knows, of the fleet and of each Stack.
func (s *scene) known(r *replica) []byte {
	out := map[string]any{"fleet": dumped(r, "fleet")}
	for _, name := range slices.Sorted(maps.Keys(s.model.stacks)) {
		out[name] = dumped(r, "stacks/"+s.Namespace+"/"+name)
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		s.t.Error(err)
	}
	return text
}

// dumped is one dump of a server, or why there is none.
func dumped(r *replica, path string) any {
	c := http.Client{Timeout: 5 * time.Second}
	resp, err := c.Get("http://" + r.server.Debug + "/debug/" + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(body) {
		return fmt.Sprintf("%v %s", err, body)
	}
	return json.RawMessage(body)
}

// keepLive keeps everything that the soak plays with, as the API has it.
func (s *scene) keepLive() {
	var all []any
	for _, list := range []client.ObjectList{
		&v1alpha1.StackList{}, &v1alpha1.SourceList{}, &coordinationv1.LeaseList{},
		&corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.ServiceAccountList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{},
	} {
		if err := s.Client.List(s.ctx(), list, client.InNamespace(s.Namespace)); err != nil {
			s.t.Error(err)
		}
		all = append(all, list)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		s.t.Error(err)
	}
	s.keep("live.json", text)
}
