package v1alpha1

// Names that Lockstep writes on objects. They are part of the API.
const (
	// FieldManager is the server-side-apply manager of everything that Lockstep
	// applies to a Target.
	FieldManager = "lockstep"

	// LabelStack marks an object on a Target with the unit it belongs to: the
	// value of StackLabelValue. Watches select on its presence.
	LabelStack = "lockstep.dev/stack"

	// AnnotationUnit is "namespace/name" of the unit, in full, beside LabelStack.
	AnnotationUnit = "lockstep.dev/unit"

	// AnnotationDigest is the digest of the desired object that was last applied.
	AnnotationDigest = "lockstep.dev/digest"

	// AnnotationKinds, on a Stack, lists the kinds that it has or is about to have
	// objects of: the intent that is recorded before the first write. Together
	// with LabelStack it is the inventory (docs/adr/0005-inventory.md).
	AnnotationKinds = "lockstep.dev/kinds"

	// AnnotationReconcileAt, on a Stack or Source, asks for a pass whenever its
	// value changes.
	AnnotationReconcileAt = "lockstep.dev/reconcile-at"

	// AnnotationPrune set to "disabled" on an object keeps it when it leaves Git.
	AnnotationPrune = "lockstep.dev/prune"

	// AnnotationReplace set to "true" on an object lets a change of an immutable
	// field delete and create it, whatever its Stack says.
	AnnotationReplace = "lockstep.dev/replace"

	// Finalizer keeps a Stack until its objects are dealt with.
	Finalizer = "lockstep.dev/stack"
)
