package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/devcluster/internal/credential"
	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
)

// IssueUser writes a kubeconfig for a certificate user and returns its path. The
// cluster need not be running, but must have been.
func IssueUser(path, name string, groups []string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("a user needs a name")
	}
	dir, state, err := known(path)
	if err != nil {
		return "", err
	}
	keys, err := credential.Prepare(dir)
	if err != nil {
		return "", err
	}
	return keys.User(state.Server(), credential.Subject{Name: name, Groups: groups})
}

// IssueToken asks the running cluster for a token of NAMESPACE/NAME.
func IssueToken(ctx context.Context, path, account string, lifetime time.Duration) (string, error) {
	namespace, name, found := strings.Cut(account, "/")
	if !found || namespace == "" || name == "" {
		return "", fmt.Errorf("service account %q: write it as NAMESPACE/NAME", account)
	}
	client, err := adminClient(path)
	if err != nil {
		return "", err
	}
	seconds := int64(lifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		return "", fmt.Errorf("service account %q does not exist; create it with: kubectl create serviceaccount -n %s %s", account, namespace, name)
	}
	if err != nil {
		return "", fmt.Errorf("token of %q: %w", account, err)
	}
	return answer.Status.Token, nil
}

// known opens a directory that a cluster has used.
func known(path string) (place.Dir, place.State, error) {
	dir, err := place.Open(path)
	if err != nil {
		return "", place.State{}, err
	}
	if !dir.Exists() {
		return "", place.State{}, fmt.Errorf("no cluster in %s; start one with: devcluster up --dir %s", dir, dir)
	}
	state, err := dir.Load()
	return dir, state, err
}

func adminClient(path string) (kubernetes.Interface, error) {
	dir, _, err := known(path)
	if err != nil {
		return nil, err
	}
	pid, err := dir.Holder()
	if err != nil {
		return nil, err
	}
	if pid == 0 {
		return nil, fmt.Errorf("the cluster in %s is not running; start it with: devcluster up --dir %s", dir, dir)
	}
	config, err := clientcmd.BuildConfigFromFlags("", dir.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read the admin kubeconfig: %w", err)
	}
	return kubernetes.NewForConfig(config)
}
