package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

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

	// AnnotationReconcileAt, on a Stack or Source, asks for a pass whenever its
	// value changes.
	AnnotationReconcileAt = "lockstep.dev/reconcile-at"

	// AnnotationTestAt, on a Stack, asks for its test hooks to be run whenever its
	// value changes.
	AnnotationTestAt = "lockstep.dev/test-at"

	// AnnotationPrune set to "disabled" on an object keeps it when it leaves Git.
	AnnotationPrune = "lockstep.dev/prune"

	// AnnotationReplace set to "true" on an object lets a change of an immutable
	// field delete and create it, whatever its Stack says.
	AnnotationReplace = "lockstep.dev/replace"

	// AnnotationReconcile set to "disabled" on an object, in Git or live, takes it
	// out of Lockstep's hands.
	AnnotationReconcile = "lockstep.dev/reconcile"

	// AnnotationDrift set to "ignore" or "report" on an object, in Git or live,
	// leaves its drift as it is.
	AnnotationDrift = "lockstep.dev/drift"

	// AnnotationIgnoreFields on an object, in Git or live, lists JSON pointers of
	// fields whose drift is ignored.
	AnnotationIgnoreFields = "lockstep.dev/ignore-fields"

	// LabelOf marks Secrets that Lockstep keeps beside a Stack, with its name.
	LabelOf = "lockstep.dev/of"

	// Finalizer keeps a Stack until its objects are dealt with.
	Finalizer = "lockstep.dev/stack"
)

// maxLabel is the longest value that Kubernetes takes for a label.
const maxLabel = 63

// StackLabelValue returns the value of LabelStack for the objects of u:
// "namespace.name", cut and told apart by a hash where that is too long for a
// label. AnnotationUnit says it in full.
func StackLabelValue(u lockstep.Unit) string {
	full := u.Namespace + "." + u.Name
	if len(full) <= maxLabel {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	tail := "-" + hex.EncodeToString(sum[:])[:10]
	// A label value must end in a letter or digit on both sides of the cut too,
	// or the cut could produce "..-".
	return strings.TrimRight(full[:maxLabel-len(tail)], "-._") + tail
}
