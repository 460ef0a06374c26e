package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Target is where Stacks run. A Stack that names none runs on the cluster that
// holds it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=lockstep
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Server",type=string,priority=1,JSONPath=`.status.server`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Target struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says how to reach the Target and with which credential.
	//
	// +required
	Spec TargetSpec `json:"spec"`
	// Status is what the last connection found. Lockstep writes it.
	Status TargetStatus `json:"status,omitempty"`
}

// TargetList is a list of Targets.
//
// +kubebuilder:object:root=true
type TargetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Target `json:"items"`
}

// TargetSpec says how to reach the Target.
//
// +kubebuilder:validation:XValidation:rule="has(self.kubernetes)",message="say what the target is: spec.kubernetes is missing"
type TargetSpec struct {
	// Kubernetes is a Kubernetes API. It is the only kind of Target so far, so it is
	// needed.
	//
	// +optional
	Kubernetes *KubernetesTarget `json:"kubernetes,omitempty"`

	// Suspend keeps everything on this Target as it is.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// KubernetesTarget is a Kubernetes API and the credential for it; exactly one
// way of getting there is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.inCluster) && self.inCluster, has(self.kubeconfigSecretRef), has(self.token), has(self.exec)].filter(x, x).size() == 1",message="set exactly one of inCluster, kubeconfigSecretRef, token and exec"
// +kubebuilder:validation:XValidation:rule="(has(self.token) || has(self.exec)) == has(self.server)",message="server goes with token or exec, and is needed there"
type KubernetesTarget struct {
	// InCluster is the cluster that holds this Target, with the server's own
	// credential.
	//
	// +optional
	InCluster bool `json:"inCluster,omitempty"`

	// KubeconfigSecretRef names a Secret with a kubeconfig; key defaults to
	// "value", then "kubeconfig". Exec plugins in it are subject to the server's
	// --exec-credential-commands.
	//
	// +optional
	KubeconfigSecretRef *KeyRef `json:"kubeconfigSecretRef,omitempty"`

	// Server is the API's address, https://host[:port]. It goes with token or exec; a
	// kubeconfig has its own.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.startsWith('https://')",message="server must start with https://"
	Server string `json:"server,omitempty"`

	// CASecretRef names the Secret with the API's certificate authority; key
	// defaults to "ca.crt". Without it the system's roots are used.
	//
	// +optional
	CASecretRef *KeyRef `json:"caSecretRef,omitempty"`

	// Token authenticates with a bearer token.
	//
	// +optional
	Token *TokenCredential `json:"token,omitempty"`

	// Exec runs a credential plugin (client.authentication.k8s.io) that the server
	// allows by --exec-credential-commands.
	//
	// +optional
	Exec *ExecCredential `json:"exec,omitempty"`

	// Namespaces limits what is watched to these namespaces, for credentials that may
	// not list the whole cluster. Empty means all.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=set
	Namespaces []string `json:"namespaces,omitempty"`
}

// TokenCredential is a bearer token in a Secret.
type TokenCredential struct {
	// SecretRef names the Secret; key defaults to "token".
	//
	// +required
	SecretRef KeyRef `json:"secretRef"`
}

// ExecCredential is a credential plugin.
type ExecCredential struct {
	// Command to run, spelt exactly as the server's --exec-credential-commands allows
	// it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Command string `json:"command"`
	// Args of the command.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// Env is added to the plugin's environment, which otherwise holds PATH, HOME and
	// KUBERNETES_EXEC_INFO only. PATH and the loader's variables cannot be set.
	//
	// +optional
	Env map[string]string `json:"env,omitempty"`
	// APIVersion of the ExecCredential that the plugin speaks.
	//
	// +kubebuilder:default="client.authentication.k8s.io/v1"
	// +kubebuilder:validation:Enum=client.authentication.k8s.io/v1;client.authentication.k8s.io/v1beta1
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
}

// TargetStatus is what is known of a Target.
type TargetStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of;
	// while it is smaller than metadata.generation, the status is of an older spec.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Version of Kubernetes that the API last said it is.
	//
	// +optional
	Version string `json:"version,omitempty"`
	// Server is the address in use.
	//
	// +optional
	Server string `json:"server,omitempty"`
	// Conditions are Ready, always, and Stalled while it is true. The reason and
	// message of Ready say whether the API answered.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
