package lockstep

import "slices"

// Person is who asks: a human or a machine, by the names that Kubernetes' own
// access rules know them by.
type Person struct {
	// Name is the user name, "oidc:ana@example.org" as a rule; a service account is
	// "system:serviceaccount:NAMESPACE:NAME".
	Name string
	// Groups in the order in which they were learned.
	Groups []string
	// Display is how people call the person; never used to decide.
	Display string
	// Via is how the person proved who they are.
	Via Proof
	// Scopes narrow what a token may do below what the person may; nil is all.
	Scopes []string
}

// Proof says how a Person proved who they are.
type Proof string

// The ways to prove who one is.
const (
	ProofSession Proof = "session" // a browser, or a CLI that signed in
	ProofToken   Proof = "token"   // a token for machines
	ProofCI      Proof = "ci"      // a job's own OIDC token, exchanged
	ProofLink    Proof = "link"    // the one-time link of a first start
	ProofServer  Proof = "server"  // Lockstep itself, by its controllers
)

// Itself is Lockstep acting by what Git says and nobody's wish.
func Itself() Person { return Person{Name: "lockstep", Display: "Lockstep", Via: ProofServer} }

// Equal says whether p and q are the same person with the same rights.
func (p Person) Equal(q Person) bool {
	return p.Name == q.Name && slices.Equal(p.Groups, q.Groups) && slices.Equal(p.Scopes, q.Scopes)
}
