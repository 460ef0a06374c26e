package helm

import (
	"context"
	"fmt"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// maxMany bounds how many elements one call of a template function may make.
// Charts use a few hundred.
const maxMany = 1 << 20

// maxRepeat bounds what one call of repeat may write, in bytes.
const maxRepeat = 16 << 20

// limits replaces the template functions that turn one number into that much
// memory, and lets them notice that nobody waits any more.
func limits(ctx context.Context) template.FuncMap {
	all := sprig.TxtFuncMap()
	untilStep, _ := all["untilStep"].(func(int, int, int) []int)
	until, _ := all["until"].(func(int) []int)
	seq, _ := all["seq"].(func(...int) string)

	check := func(from, to int) error {
		if n := max(from, to) - min(from, to); n > maxMany || n < 0 {
			return fmt.Errorf("counting from %d to %d is more than the limit of %d steps", from, to, maxMany)
		}
		return ctx.Err()
	}
	return template.FuncMap{
		"until": func(n int) ([]int, error) {
			if err := check(0, n); err != nil {
				return nil, err
			}
			return until(n), nil
		},
		"untilStep": func(start, stop, step int) ([]int, error) {
			if err := check(start, stop); err != nil {
				return nil, err
			}
			if stop < start && step > 0 {
				return []int{}, nil
			}
			return untilStep(start, stop, step), nil
		},
		"seq": func(params ...int) (string, error) {
			if len(params) > 0 {
				if err := check(min(params[0], 0), params[len(params)-1]); err != nil {
					return "", err
				}
			}
			if len(params) == 3 && params[1] == 0 {
				return "", fmt.Errorf("seq with a step of 0 has no end")
			}
			return seq(params...), nil
		},
		"repeat": func(count int, s string) (string, error) {
			if err := check(0, count); err != nil {
				return "", err
			}
			if count < 0 || count*len(s) > maxRepeat {
				return "", fmt.Errorf("repeating %d bytes %d times is outside of 0 to %d bytes", len(s), count, maxRepeat)
			}
			return strings.Repeat(s, count), nil
		},
	}
}
