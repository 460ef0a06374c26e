// Package expr compiles and evaluates the CEL expressions of health rules.
//
// An expression sees one object and nothing else: no clock, no cluster, no other
// object. Equal objects give equal answers.
//
// A key that is not there is no accident but the common case: controllers leave
// out what they have not worked out yet. It ends the evaluation with [ErrMissing],
// which rules count as "does not apply". So that this is known by its type and
// not by the text of an error, every selection and index in an expression is
// turned into a call of ours before it is checked.
package expr
