package v1alpha1

// Where the server keeps what is its own.
const (
	// SystemNamespace is the server's own unless it runs as a pod of another.
	SystemNamespace = "lockstep-system"
	// DigestKeySecret holds, in the server's namespace and under DigestKeyField, the
	// key that makes digests of secret values useless to whoever reads them without
	// it. All replicas use the same.
	DigestKeySecret = "lockstep-digest-key"
	DigestKeyField  = "key"
)
