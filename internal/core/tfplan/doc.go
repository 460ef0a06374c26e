// Package tfplan reads what OpenTofu and Terraform say: a saved plan in the form that
// show -json prints, and the lines that plan -json and apply -json write while they
// work. Both tools speak one format; what one of them lacks is not relied on.
//
// The tools print secrets in clear and mark them beside the values, and a value that
// was sensitive where it came from turns up unmarked where it went. So reading a plan
// begins with gathering all that is sensitive in it, and nothing leaves this package
// that has not been held against that: see [Redactor].
//
// Start at [Read]. fields.go compares resources, stream.go reads lines.
package tfplan
