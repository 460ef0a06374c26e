// Package bench measures Lockstep against the limit: a client that makes the
// same writes to the same API server and does nothing else.
//
// Machines differ and are noisy, so no wall time is held to a number. What is
// held, in ranges.yaml with a reason for each, are ratios to the limit measured
// in the same run, API requests, and memory.
//
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Cold         # 1,000 × 1 and 1,000 × 5
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench TenThousand
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Commit       # one path, all paths
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Monorepo
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Quiet        # idle, drift, restart
//
// Control and measured take turns, and medians are compared, so that a machine
// that others use favours neither. TestCounts holds counts alone, which no machine
// can move, and is part of the full lane.
//
// The objects are those that GitOps tools are compared with elsewhere: one
// ConfigMap of about 2 KB for each Stack ("cm"), or that and a ServiceAccount, a
// Service, a Deployment without pods and an Ingress ("five"); one directory for
// each Stack in one repository, served over smart HTTP by git's own backend. The
// control creates Stack objects under the same admission policy as Lockstep's.
package bench
