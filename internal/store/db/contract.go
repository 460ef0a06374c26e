package db

import "github.com/lockstep-dev/lockstep/internal/store"

var _ store.Store = (*DB)(nil)
