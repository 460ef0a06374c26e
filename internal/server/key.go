package server

import (
	"context"
	"crypto/rand"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// keyLength is that of a digest key.
const keyLength = 32

// digestKey returns the key that makes digests of secret values useless to whoever
// reads them without it. It is in the cluster, so that all replicas have the same
// one and none is lost with a data directory; whoever comes first makes it. Losing
// it costs one apply of each Secret, and the states that are sealed with a key made
// of it.
func digestKey(ctx context.Context, core typed.CoreV1Interface, namespace string) ([]byte, error) {
	secrets := core.Secrets(namespace)
	found, err := secrets.Get(ctx, v1alpha1.DigestKeySecret, metav1.GetOptions{})
	if err == nil {
		return keyOf(found)
	}
	if !apierrors.IsNotFound(err) {
		return nil, noKey(namespace, err)
	}
	key := make([]byte, keyLength)
	if _, err := rand.Read(key); err != nil {
		return nil, fault.Internal(err)
	}
	made := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: v1alpha1.DigestKeySecret, Namespace: namespace,
			Labels: map[string]string{"app.kubernetes.io/name": "lockstep"},
		},
		Data: map[string][]byte{v1alpha1.DigestKeyField: key},
	}
	_, err = secrets.Create(ctx, made, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		if err := makeNamespace(ctx, core, namespace); err != nil {
			return nil, err
		}
		_, err = secrets.Create(ctx, made, metav1.CreateOptions{})
	}
	switch {
	case err == nil:
		return key, nil
	case !apierrors.IsAlreadyExists(err):
		return nil, noKey(namespace, err)
	}
	// Another replica was faster.
	if found, err = secrets.Get(ctx, v1alpha1.DigestKeySecret, metav1.GetOptions{}); err != nil {
		return nil, noKey(namespace, err)
	}
	return keyOf(found)
}

func keyOf(s *corev1.Secret) ([]byte, error) {
	key := s.Data[v1alpha1.DigestKeyField]
	if len(key) != keyLength {
		return nil, fault.Invalid("Secret %q has no digest key of %d bytes under %q", s.Namespace+"/"+s.Name, keyLength, v1alpha1.DigestKeyField).
			WithHint("put it back from a backup; where no states are kept by Lockstep it may be deleted: the server makes a new one, and applies each Secret of each Stack once more")
	}
	return key, nil
}

func noKey(namespace string, err error) error {
	where := namespace + "/" + v1alpha1.DigestKeySecret
	if apierrors.IsForbidden(err) {
		return fault.Denied("Secret %q with the digest key may not be read or made", where).Because(err).
			WithHint("apply deploy/install, whose Role lockstep-system allows it, or name another namespace with --system-namespace")
	}
	return fault.Unavailable("Secret %q with the digest key cannot be read: %s", where, err).Because(err).
		WithHint("is the Kubernetes API up, and the kubeconfig the right one?")
}

// makeNamespace makes the server's own namespace for a server on a machine, where
// nobody has installed anything.
func makeNamespace(ctx context.Context, core typed.CoreV1Interface, name string) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app.kubernetes.io/name": "lockstep"}}}
	_, err := core.Namespaces().Create(ctx, ns, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fault.Denied("namespace %q does not exist and cannot be made", name).Because(err).
			WithHint("create it, or name another one with --system-namespace")
	}
	return nil
}
