package access

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/cache"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	rbac "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// How long an answer is believed. A yes is asked again less often than a no: who
// was just given a role tries again at once, and finds it works.
const (
	keepYes = 10 * time.Second
	keepNo  = 5 * time.Second
	// patience bounds one question.
	patience = 5 * time.Second
	// Each answer is some 200 bytes; who asks more than this at once is asked for
	// again.
	maxAnswers = 20_000
	maxPeople  = 1_000
)

// Options says whom a Checker asks.
type Options struct {
	// Config reaches the cluster that holds the Stacks, as Lockstep itself.
	Config *rest.Config
	// Namespaces returns those that hold Stacks, from memory.
	Namespaces func(context.Context) ([]string, error)
	Metrics    *Metrics
}

// Checker knows what people may do. It keeps nothing but what it was told a
// moment ago, and while nobody asks it asks nobody.
type Checker struct {
	config     *rest.Config
	mapper     meta.RESTMapper
	scheme     *runtime.Scheme
	reviews    authorization.SubjectAccessReviewInterface
	namespaces func(context.Context) ([]string, error)
	metrics    *Metrics
	book       *book

	mu      sync.Mutex            // of sights: two who come at once get the same one
	answers *cache.LRUExpireCache // answer by key
	sights  *cache.LRUExpireCache // *sight by identity
	clients *cache.LRUExpireCache // client.Client by identity and scopes
	flight  singleflight.Group
}

// New returns a Checker. It sends nothing yet.
func New(o Options) (*Checker, error) {
	cfg := rest.CopyConfig(o.Config)
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	reviews, err := authorization.NewForConfigAndClient(cfg, hc)
	if err != nil {
		return nil, fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	roles, err := rbac.NewForConfigAndClient(cfg, hc)
	if err != nil {
		return nil, fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fault.Internal(err)
	}
	return &Checker{
		config: cfg, scheme: scheme, mapper: ownKinds(),
		reviews: reviews.SubjectAccessReviews(), namespaces: o.Namespaces, metrics: o.Metrics, book: &book{client: roles},
		answers: cache.NewLRUExpireCache(maxAnswers), sights: cache.NewLRUExpireCache(maxPeople), clients: cache.NewLRUExpireCache(maxPeople),
	}, nil
}

// Close ends what watches. A Checker can be used again afterwards.
func (c *Checker) Close() { c.book.close() }

func ownKinds() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for kind, plural := range map[string]string{"Source": "sources", "Stack": "stacks", "Target": "targets"} {
		gv := v1alpha1.GroupVersion
		m.AddSpecific(gv.WithKind(kind), gv.WithResource(plural), gv.WithResource(plural), meta.RESTScopeNamespace)
	}
	return m
}

// Can returns nil if p may do v with the Stack u, or with all of u's namespace if u
// has no name, or with all there are. Otherwise a fault.Denied says what is
// missing, and a fault.Unavailable that it cannot be known now.
//
// Ask it before looking u up: a person is then told the same of what they may not
// see and of what does not exist.
func (c *Checker) Can(ctx context.Context, p lockstep.Person, v Verb, u lockstep.Unit) error {
	return c.Ask(ctx, p, Of(v, u))
}

// Ask is Can for any resource.
func (c *Checker) Ask(ctx context.Context, p lockstep.Person, q Question) error {
	id, err := identify(p)
	if err != nil {
		c.metrics.checked(resultDenied, fromScope)
		return err
	}
	if err := narrow(p, q); err != nil {
		c.metrics.checked(resultDenied, fromScope)
		return err
	}
	a, err := c.answer(ctx, id, q)
	if err != nil {
		return err
	}
	if !a.Allowed {
		return denied(p, q)
	}
	return nil
}

func denied(p lockstep.Person, q Question) error {
	f := fault.Denied("%s may not %s", p.Name, q)
	if hint := q.Hint(); hint != "" {
		return f.WithHint("%s; ask the cluster: %s", hint, q.Command(p))
	}
	return f.WithHint("ask the cluster: %s", q.Command(p))
}

// Answer is what the Kubernetes API says to a question.
type Answer struct {
	Allowed bool
	// Reason is what the authorizer says, in its own words.
	Reason string
	// Trouble is what kept it from looking at all rules.
	Trouble string
}

type answerKey struct {
	who [32]byte
	q   Question
}

// answer returns what the API says, or said a moment ago. Of those who ask the
// same at once one is sent.
func (c *Checker) answer(ctx context.Context, id identity, q Question) (Answer, error) {
	key := answerKey{id.key, q}
	if a, ok := c.answers.Get(key); ok {
		c.metrics.checked(result(a.(Answer)), fromMemory)
		return a.(Answer), nil
	}
	name := string(id.key[:]) + "\x00" + string(q.Verb) + "\x00" + q.group() + "\x00" + string(q.Resource) + "\x00" + q.Unit.Namespace + "\x00" + q.Unit.Name
	ch := c.flight.DoChan(name, func() (any, error) {
		// Not the context of who came first: others wait for the same answer.
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return c.review(within, id, key)
	})
	select {
	case <-ctx.Done():
		return Answer{}, fault.Unavailable("nobody waited for the answer whether it is allowed").Because(ctx.Err())
	case r := <-ch:
		if r.Err != nil {
			return Answer{}, r.Err
		}
		return r.Val.(Answer), nil
	}
}

func (c *Checker) review(ctx context.Context, id identity, key answerKey) (Answer, error) {
	q := key.q
	began := time.Now()
	got, err := c.reviews.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: id.user, Groups: id.groups,
		ResourceAttributes: q.attributes(),
	}}, metav1.CreateOptions{})
	c.metrics.took(time.Since(began).Seconds())
	if err != nil {
		c.metrics.checked(resultFailed, fromAPI)
		return Answer{}, unknown(err)
	}
	a := answerOf(got.Status)
	c.metrics.checked(result(a), fromAPI)
	c.answers.Add(key, a, a.keep())
	return a, nil
}

func (q Question) attributes() *authorizationv1.ResourceAttributes {
	return &authorizationv1.ResourceAttributes{
		Verb: string(q.Verb), Group: q.group(), Version: "*", Resource: string(q.Resource), Namespace: q.Unit.Namespace, Name: q.Unit.Name,
	}
}

func answerOf(s authorizationv1.SubjectAccessReviewStatus) Answer {
	return Answer{Allowed: s.Allowed && !s.Denied, Reason: s.Reason, Trouble: s.EvaluationError}
}

// unknown is the error of not knowing whether something is allowed. It is never
// taken for a yes.
func unknown(err error) error {
	f := fault.Unavailable("the Kubernetes API cannot be asked who may do what").Because(err)
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return f.WithHint("may Lockstep's own account create subjectaccessreviews.authorization.k8s.io? it is part of the ClusterRole lockstep-server")
	}
	return f.WithHint("try again; nothing is allowed while it does not answer")
}

func (a Answer) keep() time.Duration {
	if a.Allowed {
		return keepYes
	}
	return keepNo
}

func result(a Answer) string {
	if a.Allowed {
		return resultAllowed
	}
	return resultDenied
}
