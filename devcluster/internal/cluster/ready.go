package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/lockstep-dev/lockstep/devcluster/internal/component"
)

const (
	// patience is generous: two cores shared with a build can be ten times slower
	// than an idle machine, and giving up too early helps nobody.
	patience = 3 * time.Minute
	// pause between two questions. A person notices nothing below it, and it is
	// long enough not to slow the start down by asking.
	pause = 25 * time.Millisecond
)

var errNotReady = errors.New("not ready yet")

// awaitReady returns once /readyz answers, which includes the RBAC roles that
// every cluster has from the start.
func awaitReady(ctx context.Context, client kubernetes.Interface, api *component.Child) error {
	return await(ctx, "/readyz of kube-apiserver", []*component.Child{api}, func(ctx context.Context) error {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err
	})
}

// awaitServiceAccount returns once pods can be created in the default namespace.
func awaitServiceAccount(ctx context.Context, client kubernetes.Interface, needed []*component.Child) error {
	return await(ctx, "the default service account", needed, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return errNotReady
		}
		return err
	})
}

// await asks until the answer is nil, and stops asking when a process that the
// answer depends on has ended.
func await(ctx context.Context, what string, needed []*component.Child, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		for _, child := range needed {
			select {
			case <-child.Done():
				return child.Failure()
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", patience, what, err)
		case <-time.After(pause):
		}
	}
}
