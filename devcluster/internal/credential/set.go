package credential

import (
	"path/filepath"

	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
)

// AdminUser is the certificate user of DIR/kubeconfig. Its group is allowed
// everything before any RBAC rule is asked.
const AdminUser = "devcluster-admin"

// A Set is all that a cluster needs before its first process starts.
type Set struct {
	dir   place.Dir
	users *Authority
}

// Prepare makes what is missing and keeps what is there.
func Prepare(dir place.Dir) (*Set, error) {
	s := &Set{dir: dir}
	var err error
	if s.users, err = OpenAuthority(s.Path("ca"), "devcluster"); err != nil {
		return nil, err
	}
	// etcd trusts an authority of its own: a certificate for the API must not
	// open the store behind it, where no RBAC is asked.
	store, err := OpenAuthority(s.Path("etcd-ca"), "devcluster-etcd")
	if err != nil {
		return nil, err
	}
	if _, err := store.Keep(s.Path("etcd"), Subject{Name: "etcd", Hosts: []string{"127.0.0.1"}}); err != nil {
		return nil, err
	}
	if _, err := store.Keep(s.Path("etcd-client"), Subject{Name: "kube-apiserver"}); err != nil {
		return nil, err
	}
	api := Subject{Name: "kube-apiserver", Hosts: []string{
		"127.0.0.1", "localhost",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		"10.96.0.1",
	}}
	if _, err := s.users.Keep(s.Path("apiserver"), api); err != nil {
		return nil, err
	}
	return s, KeepSigningKey(s.Path("service-account"))
}

// Path is where a credential lies, without its ending.
func (s *Set) Path(name string) string { return filepath.Join(s.dir.PKI(), name) }

// Kubeconfigs writes the kubeconfigs of the admin and of the components, for a
// server that may have moved to another port, and moves those of users along.
func (s *Set) Kubeconfigs(server string) error {
	for path, who := range map[string]Subject{
		s.dir.Kubeconfig():            {Name: AdminUser, Groups: []string{"system:masters"}},
		s.Component("kube-scheduler"): {Name: "system:kube-scheduler"},
		// The controllers act as one identity with all rights. Giving each its
		// own service account would cost some forty tokens at every start.
		s.Component("kube-controller-manager"): {Name: "system:kube-controller-manager", Groups: []string{"system:masters"}},
		s.Component("kwok"):                    {Name: "system:kwok", Groups: []string{"system:masters"}},
	} {
		pair, err := s.users.Keep(s.Path(who.Name), who)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(path, kubeconfig(server, s.users.PEM, who.Name, pair)); err != nil {
			return err
		}
	}
	return moveUsers(s.dir, server)
}

// Component is the kubeconfig of a component.
func (s *Set) Component(name string) string { return s.Path(name + ".kubeconfig") }

// User issues a certificate and writes its kubeconfig.
func (s *Set) User(server string, who Subject) (string, error) {
	pair, err := s.users.Issue(who)
	if err != nil {
		return "", err
	}
	path := s.dir.User(who.Name)
	return path, writeKubeconfig(path, kubeconfig(server, s.users.PEM, who.Name, pair))
}
