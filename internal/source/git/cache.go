package git

import (
	"container/list"
	"sync"
)

// cache keeps what was read last, by hash. What a hash names never changes, so
// nothing is ever out of date.
type cache struct {
	mu    sync.Mutex
	max   int64
	size  int64
	order *list.List // of *cached, latest first
	items map[string]*list.Element
}

type cached struct {
	key   string
	value any
	size  int64
}

func newCache(max int64) *cache {
	return &cache{max: max, order: list.New(), items: map[string]*list.Element{}}
}

func (c *cache) get(key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).value, true
}

func (c *cache) put(key string, value any, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok {
		return
	}
	c.items[key] = c.order.PushFront(&cached{key, value, size})
	c.size += size
	for c.size > c.max && c.order.Len() > 1 {
		last := c.order.Remove(c.order.Back()).(*cached)
		delete(c.items, last.key)
		c.size -= last.size
	}
}
