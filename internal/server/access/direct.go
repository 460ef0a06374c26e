package access

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access/rules"
)

// Direct asks a cluster with somebody's own credential, without a server of
// Lockstep in between.
type Direct struct{ k kubernetes.Interface }

// NewDirect returns one for the cluster at cfg. It does not connect.
func NewDirect(cfg *rest.Config) (*Direct, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	k, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	return &Direct{k}, nil
}

// Myself returns who the cluster takes the credential for.
func (d *Direct) Myself(ctx context.Context) (lockstep.Person, error) {
	got, err := d.k.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return lockstep.Person{}, refused(err)
	}
	u := got.Status.UserInfo
	return lockstep.Person{Name: u.Username, Groups: u.Groups, Display: u.Username, Via: lockstep.ProofToken}, nil
}

// Explain says whether the one with the credential may do q, and by which rules.
func (d *Direct) Explain(ctx context.Context, q Question) (lockstep.Person, Explanation, error) {
	p, err := d.Myself(ctx)
	if err != nil {
		return p, Explanation{}, err
	}
	got, err := d.k.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: q.attributes()},
	}, metav1.CreateOptions{})
	if err != nil {
		return p, Explanation{}, refused(err)
	}
	return p, d.account(ctx, got.Status, rules.Subject{User: p.Name, Groups: p.Groups}, q), nil
}

// ExplainOther says it of somebody else. The cluster decides whether that may be
// asked.
func (d *Direct) ExplainOther(ctx context.Context, p lockstep.Person, q Question) (Explanation, error) {
	who := rules.Subject{User: p.Name, Groups: append(slices.Clone(p.Groups), authenticated)}
	if id, err := identify(p); err == nil {
		who = id.subject()
	}
	got, err := d.k.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: who.User, Groups: who.Groups, ResourceAttributes: q.attributes()},
	}, metav1.CreateOptions{})
	if apierrors.IsForbidden(err) {
		return Explanation{}, fault.Denied("you may not ask what others may do").Because(err).
			WithHint("the role lockstep-auditor allows it: create subjectaccessreviews.authorization.k8s.io")
	}
	if err != nil {
		return Explanation{}, refused(err)
	}
	return d.account(ctx, got.Status, who, q), nil
}

func (d *Direct) account(ctx context.Context, s authorizationv1.SubjectAccessReviewStatus, who rules.Subject, q Question) Explanation {
	book, err := d.read(ctx)
	out := Account(answerOf(s), book, who, q)
	if err != nil {
		out.Unread = fault.As(err).What
	}
	return out
}

// read lists the rules of the cluster once.
func (d *Direct) read(ctx context.Context) (*rules.Snapshot, error) {
	var l rules.Lists
	r := d.k.RbacV1()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		got, err := r.ClusterRoles().List(ctx, metav1.ListOptions{})
		if err == nil {
			l.ClusterRoles = got.Items
		}
		return err
	})
	g.Go(func() error {
		got, err := r.Roles("").List(ctx, metav1.ListOptions{})
		if err == nil {
			l.Roles = got.Items
		}
		return err
	})
	g.Go(func() error {
		got, err := r.ClusterRoleBindings().List(ctx, metav1.ListOptions{})
		if err == nil {
			l.ClusterRoleBindings = got.Items
		}
		return err
	})
	g.Go(func() error {
		got, err := r.RoleBindings("").List(ctx, metav1.ListOptions{})
		if err == nil {
			l.RoleBindings = got.Items
		}
		return err
	})
	if err := g.Wait(); err != nil {
		if apierrors.IsForbidden(err) {
			return nil, fault.Denied("you may not read the roles and bindings of the cluster").Because(err)
		}
		return nil, refused(err)
	}
	return rules.New(l), nil
}

func refused(err error) error {
	if apierrors.IsUnauthorized(err) {
		return fault.Unauthenticated("the cluster does not accept the credential").Because(err)
	}
	if apierrors.IsForbidden(err) {
		return fault.Denied("the cluster does not answer who may do what").Because(err)
	}
	return fault.Unavailable("the Kubernetes API cannot be asked who may do what").Because(err).WithHint("lockstep doctor looks at the way there")
}
