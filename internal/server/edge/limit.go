package edge

import (
	"sync"
	"time"
)

// buckets is a token bucket for each of many callers.
type buckets struct {
	rate, burst float64

	mu sync.Mutex
	of map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// maxBuckets bounds what is remembered, whoever comes from wherever.
const maxBuckets = 10_000

func newBuckets(rate, burst float64) *buckets {
	return &buckets{rate: rate, burst: burst, of: map[string]*bucket{}}
}

// take takes one token of who, or says how long to wait for one.
func (b *buckets) take(who string) (wait time.Duration, ok bool) { return b.takeAt(who, time.Now()) }

func (b *buckets) takeAt(who string, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.of[who]
	if x == nil {
		if len(b.of) >= maxBuckets {
			b.sweep(now)
		}
		x = &bucket{left: b.burst, at: now}
		b.of[who] = x
	}
	x.left = min(b.burst, x.left+now.Sub(x.at).Seconds()*b.rate)
	x.at = now
	if x.left < 1 {
		return time.Duration((1 - x.left) / b.rate * float64(time.Second)), false
	}
	x.left--
	return 0, true
}

// sweep forgets who has a full bucket by now; and everybody, where that is nobody.
func (b *buckets) sweep(now time.Time) {
	for who, x := range b.of {
		if x.left+now.Sub(x.at).Seconds()*b.rate >= b.burst {
			delete(b.of, who)
		}
	}
	if len(b.of) >= maxBuckets {
		clear(b.of)
	}
}
