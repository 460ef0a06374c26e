package place

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// A Dir is the absolute path of a cluster's directory.
type Dir string

// Open names a directory without creating anything.
func Open(path string) (Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("directory %q: %w", path, err)
	}
	return Dir(abs), nil
}

// Create makes the directory and its folders, readable by the owner only: they
// hold private keys and every Secret of the cluster.
func (d Dir) Create() error {
	for _, dir := range []string{string(d), d.PKI(), d.Logs(), d.Users()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create %s: %w", dir, err)
		}
	}
	return nil
}

func (d Dir) in(name string) string { return filepath.Join(string(d), name) }

func (d Dir) Kubeconfig() string { return d.in("kubeconfig") }
func (d Dir) PKI() string        { return d.in("pki") }
func (d Dir) Etcd() string       { return d.in("etcd") }
func (d Dir) Logs() string       { return d.in("logs") }
func (d Dir) Users() string      { return d.in("users") }
func (d Dir) lock() string       { return d.in("lock") }
func (d Dir) state() string      { return d.in("state.json") }

// Log is the log file of one component.
func (d Dir) Log(component string) string { return filepath.Join(d.Logs(), component+".log") }

// User is the kubeconfig of one user. Names such as system:serviceaccount:a:b or
// team/anna are legal in Kubernetes but not everywhere in a file system.
func (d Dir) User(name string) string {
	return filepath.Join(d.Users(), url.PathEscape(name)+".kubeconfig")
}

// Exists tells whether a cluster was ever started here.
func (d Dir) Exists() bool {
	_, err := os.Stat(d.state())
	return err == nil
}

// Wipe removes what a cluster stored. Only what this program creates is removed:
// the directory may be a person's home by mistake. The caller holds the lock.
func (d Dir) Wipe() error {
	for _, path := range []string{d.Kubeconfig(), d.PKI(), d.Etcd(), d.Logs(), d.Users(), d.state()} {
		if err := os.RemoveAll(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("wipe %s: %w", path, err)
		}
	}
	return nil
}
