package fault

import (
	"slices"
	"strings"
)

// Nearest returns up to n of names that look most like want, best first, equal
// ones in the order given: for hints such as "did you mean". Only the first 5,000
// names are looked at; nobody mistypes more than that.
func Nearest(want string, names []string, n int) []string {
	type scored struct {
		name string
		far  int
	}
	names = names[:min(len(names), 5000)]
	all := make([]scored, len(names))
	for i, name := range names {
		all[i] = scored{name, Edits(want, name)}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return a.far - b.far })
	var out []string
	for _, s := range all[:min(n, len(all))] {
		out = append(out, s.name)
	}
	return out
}

// Edits counts the letters to insert, delete or change that turn a into b,
// whatever their case (Levenshtein 1966). Only the first 64 bytes count: what
// differs further out is no typing error.
func Edits(a, b string) int {
	const most = 64
	a, b = strings.ToLower(a[:min(len(a), most)]), strings.ToLower(b[:min(len(b), most)])
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
