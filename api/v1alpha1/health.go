package v1alpha1

// HealthRule says how the objects of one kind are doing.
//
// +kubebuilder:validation:XValidation:rule="(has(self.cel) ? 1 : 0) + (has(self.lua) ? 1 : 0) + (has(self.ignore) && self.ignore ? 1 : 0) == 1",message="set exactly one of cel, lua and ignore"
type HealthRule struct {
	// Group of the objects: exact, a glob such as *.example.com, or empty for the
	// core group.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
	// Kind of the objects; * is every kind of the group.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`
	// Namespace limits the entry to objects there.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// Name limits the entry to the object of that name.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// CEL are rules; the first of which `when` is true decides. When none is, the
	// next entry is asked, then what comes with Lockstep.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +listType=atomic
	CEL []HealthExpression `json:"cel,omitempty"`
	// Lua is a script as Argo CD has them: the global obj is the object, and a table
	// with status and message is returned.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	Lua string `json:"lua,omitempty"`
	// Ignore counts the objects as healthy whatever they say.
	//
	// +optional
	Ignore bool `json:"ignore,omitempty"`
}

// HealthExpression is one rule in CEL.
type HealthExpression struct {
	// When is true of the objects that the rule decides. A key that is missing
	// makes it false.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	When string `json:"when"`
	// Status is the verdict.
	//
	// +required
	// +kubebuilder:validation:Enum=Healthy;Suspended;Progressing;Degraded
	Status string `json:"status"`
	// Message is an expression that gives the words; without it they are those of
	// the object's own conditions.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Message string `json:"message,omitempty"`
}
