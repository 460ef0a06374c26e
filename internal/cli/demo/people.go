package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	rbac "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
)

// Who is there beside whoever has the link.
const (
	// mia may edit what runs, and does so without asking Git.
	mia = "mia"
	// vera is one of the viewers, who may only look.
	vera    = "vera"
	viewers = "viewers"
)

// admit makes the ready-made roles of the installation, and says who has which. What
// is there already stays as it is: it may be somebody's experiment.
func admit(ctx context.Context, config *rest.Config) error {
	c, err := rbac.NewForConfig(config)
	if err != nil {
		return fault.Internal(err)
	}
	roles, err := readyMade()
	if err != nil {
		return err
	}
	for _, r := range roles {
		_, err := c.ClusterRoles().Create(ctx, r, metav1.CreateOptions{})
		if err := there(err); err != nil {
			return err
		}
	}
	for name, group := range map[string]string{"lockstep-admin": signin.Admins, "lockstep-viewer": viewers} {
		_, err := c.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "demo-" + name}, RoleRef: roleRef(name), Subjects: subjects(rbacv1.GroupKind, group),
		}, metav1.CreateOptions{})
		if err := there(err); err != nil {
			return err
		}
	}
	for _, namespace := range []string{"shop", "guestbook"} {
		_, err := c.RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: named(namespace, "demo-mia"), RoleRef: roleRef("edit"), Subjects: subjects(rbacv1.UserKind, mia),
		}, metav1.CreateOptions{})
		if err := there(err); err != nil {
			return err
		}
	}
	return nil
}

func readyMade() ([]*rbacv1.ClusterRole, error) {
	var out []*rbacv1.ClusterRole
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(deploy.Roles), 4096)
	for {
		r := &rbacv1.ClusterRole{}
		err := d.Decode(r)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fault.Internal(err)
		}
		if r.Name != "" {
			out = append(out, r)
		}
	}
}

func roleRef(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

func subjects(kind, name string) []rbacv1.Subject {
	return []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}}
}

func there(err error) error {
	if err == nil || apierrors.IsAlreadyExists(err) {
		return nil
	}
	return fault.Unavailable("the cluster does not take who may do what: %v", err).Because(err)
}

// viewer is the kubeconfig of vera.
func (s *session) viewer() string { return s.place.path("cluster", "users", vera+".kubeconfig") }

// issue has the cluster make the kubeconfig of vera, once.
func (s *session) issue(ctx context.Context) error {
	if _, err := os.Stat(s.viewer()); err == nil {
		return nil
	}
	program, err := s.devcluster()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, program, "user", "--dir", s.place.path("cluster"), vera, "--group", viewers).CombinedOutput()
	if err != nil {
		return fault.Unavailable("the cluster makes no kubeconfig for %s: %s", vera, bytes.TrimSpace(out)).Because(err)
	}
	return nil
}
