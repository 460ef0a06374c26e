// Package v1alpha1 holds the kinds of API group lockstep.dev: Source, Stack and
// Target.
//
// A kind's defaults and rules are markers beside its fields and become the CRD;
// what CEL can check is checked by the API server, before anything is stored.
// Conditions are made by the constructors in conditions.go only, so that type,
// status and reason cannot drift apart.
//
// +kubebuilder:object:generate=true
// +groupName=lockstep.dev
package v1alpha1
