package bench

import "testing"

// BenchmarkTenThousand: ten thousand Stacks in one go, without error, each of them
// as cheap as each of a thousand; then commits that touch one path, in what is now
// a repository of 50,000 files that 10,000 Stacks deploy from.
//
// The control of ten thousand comes last and is not cleared away, which would
// take as long as all the rest.
func BenchmarkTenThousand(b *testing.B) {
	f := newField(b)
	const few, many, commits = 1000, 10000, 60
	limitFew := f.fairLimit(cm, few).Seconds() / few
	x := f.fleet(cm, few)
	fewer := x.cold().wall.Seconds() / few
	x.end()

	x = f.fleetIn(cm, many, monorepo(many))
	c := x.cold()
	wall := c.wall.Seconds() / many
	x.requests(c)
	report(b, "cpu-ms/stack", c.used.cpu*1000/many)
	report(b, "peak-MiB", c.used.peak)
	report(b, "peak-x-budget", c.used.peak/budget(many, many))
	report(b, "x-thousand", wall/fewer)
	x.onePath(commits, 7)
	x.server.Stop()

	limitMany := f.fairLimitLeft(f.Cluster.Namespace(b), cm, many).Seconds() / many
	b.Logf("ms for each stack, of 1,000 and of 10,000: %.2f and %.2f; limit %.2f and %.2f", fewer*1000, wall*1000, limitFew*1000, limitMany*1000)
	report(b, "x-limit", wall/limitMany)
	report(b, "limit-x-thousand", limitMany/limitFew)
}

// monorepo has five files for each of n Stacks, those of five. The ConfigMap is
// deployed; the other four are text. That leaves the repository, its trees and the
// number of Stacks as they are, which is what a commit has to find its way
// through; it spares the set-up 40,000 objects that no commit touches, of which
// 10,000 Services would keep the API server busy for a quarter of an hour.
func monorepo(n int) map[string]string {
	out := make(map[string]string, 5*n)
	for i := range n {
		for _, o := range five(i, "1") {
			path := "apps/" + app(i) + "/" + o.file
			if o.resource != "configmaps" {
				path += ".txt"
			}
			out[path] = o.yaml
		}
	}
	return out
}
