package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	typed "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// adminRole is the ready-made role of administrators.
const adminRole = "lockstep-admin"

// installAdmin lets the local administrator do what there is in Lockstep. What is
// there already is left as somebody made it, and one that is costs a GET. Nothing
// depends on it but what the person of a link may do.
func installAdmin(ctx context.Context, cfg *rest.Config, log *slog.Logger) error {
	client, err := typed.NewForConfig(quick(cfg))
	if err != nil {
		return fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	err = bindAdmin(ctx, client)
	if apierrors.IsForbidden(err) {
		// A server with the permissions of the installation leaves it to the manifests.
		log.Info("whether the local administrator has its role is left to deploy/install/local-admin.yaml")
		return nil
	}
	if err != nil && ctx.Err() == nil {
		log.Warn("the local administrator was not bound to its role, and may do nothing",
			"cause", err.Error(), "hint", "kubectl apply -f deploy/install/roles.yaml -f deploy/install/local-admin.yaml")
	}
	return nil
}

func bindAdmin(ctx context.Context, client typed.RbacV1Interface) error {
	binding, err := localAdmin()
	if err != nil {
		return err
	}
	_, err = client.ClusterRoleBindings().Get(ctx, binding.Name, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	role, err := readyMade(adminRole)
	if err != nil {
		return err
	}
	// The role first: somebody who may not grant what it grants may bind it neither.
	if _, err := client.ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	_, err = client.ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func localAdmin() (*rbacv1.ClusterRoleBinding, error) {
	out := &rbacv1.ClusterRoleBinding{}
	if err := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(deploy.LocalAdmin), len(deploy.LocalAdmin)).Decode(out); err != nil {
		return nil, fault.Internal(err)
	}
	return out, nil
}

// readyMade returns one of the roles that an installation brings.
func readyMade(name string) (*rbacv1.ClusterRole, error) {
	docs := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(deploy.Roles), len(deploy.Roles))
	for {
		out := &rbacv1.ClusterRole{}
		err := docs.Decode(out)
		if errors.Is(err, io.EOF) {
			return nil, fault.Internal(errors.New("there is no role " + name))
		}
		if err != nil {
			return nil, fault.Internal(err)
		}
		if out.Name == name {
			return out, nil
		}
	}
}
