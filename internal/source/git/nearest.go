package git

import (
	"cmp"
	"slices"
)

// nearest returns the n names that look most like want, best first.
func nearest(want string, names []string, n int) []string {
	type scored struct {
		name string
		dist int
	}
	const most = 5000 // a monorepo may have more branches than anyone can mistype
	slices.Sort(names)
	all := make([]scored, 0, min(len(names), most))
	for _, name := range names[:min(len(names), most)] {
		all = append(all, scored{name, distance(want, name)})
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(a.dist, b.dist) })
	var out []string
	for _, s := range all[:min(n, len(all))] {
		out = append(out, s.name)
	}
	return out
}

// distance counts the edits that turn a into b. Names are cut: what differs that
// far out is no typing error.
func distance(a, b string) int {
	const most = 64
	a, b = a[:min(len(a), most)], b[:min(len(b), most)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
