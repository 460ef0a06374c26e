package signin

import "github.com/lockstep-dev/lockstep/internal/server/access"

// checkScope refuses a scope that would be met by nothing.
func checkScope(s string) error {
	_, err := access.ParseScope(s)
	return err
}
