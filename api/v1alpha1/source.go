package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Source is where desired state is pulled from.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=lockstep
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.status.shortRevision`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="URL",type=string,priority=1,JSONPath=`.spec.git.url`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Source struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what to pull, how often, and with which credential.
	//
	// +required
	Spec SourceSpec `json:"spec"`
	// Status is what the last look at the remote found. Lockstep writes it.
	Status SourceStatus `json:"status,omitempty"`
}

// SourceList is a list of Sources.
//
// +kubebuilder:object:root=true
type SourceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Source `json:"items"`
}

// SourceSpec says what to pull and how often.
//
// +kubebuilder:validation:XValidation:rule="has(self.git)",message="say where to pull from: spec.git is missing"
type SourceSpec struct {
	// Interval between two looks at the remote; up to a tenth is added at random.
	// A webhook makes a look happen at once.
	//
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('5s') && duration(self) <= duration('24h')",message="interval must be between 5s and 24h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// Timeout of one fetch, the first clone included. Raise it for a large
	// repository.
	//
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="timeout must be between 1s and 1h"
	// +optional
	Timeout metav1.Duration `json:"timeout,omitzero"`

	// Suspend stops fetching, also by webhook; Stacks stay at the commit they know
	// and still heal drift and follow changes of their own spec.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Git pulls from a Git repository. It is the only kind of Source so far, so it
	// is needed.
	//
	// +optional
	Git *GitSource `json:"git,omitempty"`

	// Webhook lets a push trigger a fetch at once.
	//
	// +optional
	Webhook *Webhook `json:"webhook,omitempty"`
}

// GitSource is a Git repository.
//
// +kubebuilder:validation:XValidation:rule="!has(self.secretRef) && !has(self.write) || !self.url.startsWith('http://') || self.url.startsWith('http://127.0.0.1') || self.url.startsWith('http://localhost')",message="credentials are not sent over plain http; use https or ssh"
type GitSource struct {
	// URL of the repository: https, http, ssh or the form user@host:path. It holds no
	// password: that goes into a Secret. Sources with one URL share one mirror.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^(https?|ssh|file)://[^ ]+$') || self.matches('^[^ @:/-][^ @:/]*@[^ :/]+:[^ ]+$')",message="url must be https://…, http://…, ssh://… or user@host:path"
	URL string `json:"url"`

	// Ref is the branch, tag, version range, full ref or commit to follow.
	// Without it, branch "main".
	//
	// +optional
	Ref *GitRef `json:"ref,omitempty"`

	// SecretRef names a Secret in the Source's namespace. Its keys over http(s):
	// username and password, or bearerToken, and ca.crt, tls.crt and tls.key; over
	// ssh: identity and known_hosts, and password for a key with a passphrase.
	//
	// +optional
	SecretRef *LocalRef `json:"secretRef,omitempty"`

	// ProxySecretRef names a Secret with the key address (http, https or socks5) and,
	// if the proxy asks for them, username and password.
	//
	// +optional
	ProxySecretRef *LocalRef `json:"proxySecretRef,omitempty"`

	// Submodules are fetched too. The credential is sent to submodules on the same
	// server only.
	//
	// +optional
	Submodules bool `json:"submodules,omitempty"`

	// LFS replaces pointers of Git LFS by the content they stand for.
	//
	// +optional
	LFS bool `json:"lfs,omitempty"`

	// Write lets Lockstep commit to the repository where somebody asks for it, a
	// rollback in Git for one. Without it nothing is ever written there.
	//
	// +optional
	Write *GitWrite `json:"write,omitempty"`
}

// GitWrite is how commits are made and pushed.
type GitWrite struct {
	// SecretRef names a Secret in the Source's namespace with the keys that
	// spec.git.secretRef has. Its credential may read and push; it is read when
	// something is written, and not before.
	//
	// +required
	SecretRef LocalRef `json:"secretRef"`

	// Author of the commits, and committer. Who asked for one stands in its message.
	//
	// +required
	Author GitAuthor `json:"author"`

	// Signing says which key commits are signed with; without it they are not.
	//
	// +optional
	Signing *GitSigning `json:"signing,omitempty"`

	// BranchPrefix begins the name of every branch that Lockstep makes.
	//
	// +kubebuilder:default="lockstep/"
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_]([A-Za-z0-9_-]|[./][A-Za-z0-9_-])*/?$`
	// +optional
	BranchPrefix string `json:"branchPrefix,omitempty"`
}

// GitAuthor is who a commit is of.
type GitAuthor struct {
	// Name as Git shows it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^<>\x00-\x20\x7f]([^<>\x00-\x1f\x7f]*[^<>\x00-\x20\x7f])?$`
	Name string `json:"name"`
	// Email address, by which forges know whose a commit and its signature are.
	//
	// +required
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^[^<>@\x00-\x20\x7f]+@[^<>@\x00-\x20\x7f]+$`
	Email string `json:"email"`
}

// SigningFormat is a kind of signature on commits.
//
// +kubebuilder:validation:Enum=ssh;openpgp
type SigningFormat string

// The formats that git verifies and forges show.
const (
	SigningSSH     SigningFormat = "ssh"
	SigningOpenPGP SigningFormat = "openpgp"
)

// GitSigning names the key that commits are signed with.
type GitSigning struct {
	// Format of key and signature.
	//
	// +kubebuilder:default=ssh
	// +optional
	Format SigningFormat `json:"format,omitempty"`
	// SecretRef names the Secret in the Source's namespace and the key in it, default
	// "signingKey": an ssh private key, or an armored OpenPGP one. Its passphrase, if
	// it has one, is under "signingPassphrase".
	//
	// +required
	SecretRef KeyRef `json:"secretRef"`
}

// GitRef chooses what to follow; exactly one field is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.branch), has(self.tag), has(self.semver), has(self.name), has(self.commit)].filter(x, x).size() == 1",message="set exactly one of branch, tag, semver, name and commit"
type GitRef struct {
	// Branch whose tip is followed, also when it is force-pushed.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-') && !self.contains(' ')",message="branch is not a valid Git branch name"
	Branch string `json:"branch,omitempty"`
	// Tag to follow, also when it is moved.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('-') && !self.contains(' ')",message="tag is not a valid Git tag name"
	Tag string `json:"tag,omitempty"`
	// Semver is a range over tags; the highest version in it is followed:
	// ">=1.2.0 <2.0.0". Pre-releases count only if the range names one.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Semver string `json:"semver,omitempty"`
	// Name is a full ref: refs/pull/7/head.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.startsWith('refs/')",message="name must be a full ref such as refs/pull/7/head"
	Name string `json:"name,omitempty"`
	// Commit is the full hash of one commit that is kept to, whatever is pushed.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9a-f]{40}|[0-9a-f]{64})$')",message="commit must be a full hash of 40 or 64 lower-case hex digits"
	Commit string `json:"commit,omitempty"`
}

// Webhook accepts pushes for a Source at /hooks/<namespace>/<name>, from GitHub,
// GitLab, Gitea, Forgejo, Bitbucket, and whoever signs with HMAC-SHA256.
type Webhook struct {
	// SecretRef names the Secret and key that payloads are verified with; key
	// defaults to "token".
	//
	// +required
	SecretRef KeyRef `json:"secretRef"`
}

// LocalRef names an object in the same namespace.
type LocalRef struct {
	// Name of the object.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// KeyRef names a key of a Secret in the same namespace.
type KeyRef struct {
	// Name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Key in the Secret; the default is said where the reference stands.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// SourceStatus is what is known of a Source. It is written when it changes, so a
// quiet remote costs no write.
type SourceStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of;
	// while it is smaller than metadata.generation, the status is of an older spec.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Revision is the full hash of the newest commit.
	//
	// +optional
	Revision string `json:"revision,omitempty"`
	// ShortRevision is ref and hash as people read them: main@1a2b3c4.
	//
	// +optional
	ShortRevision string `json:"shortRevision,omitempty"`
	// Ref that the revision was found under, in full: refs/heads/main.
	//
	// +optional
	Ref string `json:"ref,omitempty"`
	// Subject is the first line of the commit's message.
	//
	// +optional
	Subject string `json:"subject,omitempty"`
	// Author of the commit, as Git names them.
	//
	// +optional
	Author string `json:"author,omitempty"`
	// LastHandledReconcileAt is the value of the annotation
	// lockstep.dev/reconcile-at that was dealt with last. While it differs from the
	// annotation, a request is still open.
	//
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
	// Conditions are Ready, always, and Reconciling and Stalled while they are true.
	// The reason and message of Ready say how the last look at the remote went.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
