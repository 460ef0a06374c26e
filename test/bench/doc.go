// Package bench measures Lockstep against the limit: a client that makes the
// same writes to the same API server and does nothing else.
//
// Machines differ and are noisy, so no wall time is held to a number. What is
// held, in ranges.yaml with a reason for each, are ratios to the limit measured
// in the same run, API requests, and memory.
//
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Cold/cm       # 1,000 × 1
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench 'Cold/five$'  # 1,000 × 5
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Cold/five-100 # 100 × 5
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench TenThousand   # 10,000 × 1; one path among 50,000
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Commit        # one path, all paths
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Quiet         # idle, drift, restart
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench CRDs          # 500 kinds that nobody deploys
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Foreign       # 10,000 objects that nobody manages
//	go test ./test/bench -run '^$' -benchtime 1x -timeout 30m -bench Sick          # 5 % that never become healthy
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
