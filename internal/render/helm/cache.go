package helm

import (
	"container/list"
	"sync"
)

// Bounds of the cache of parsed charts.
const (
	maxCached      = 64
	maxCachedBytes = 64 << 20
)

// cache keeps the charts that were used last, by content, so that a render with
// other values does not parse them again.
type cache struct {
	mu    sync.Mutex
	byKey map[string]*list.Element
	order *list.List // of *loaded, the newest in front
	size  int
}

func newCache() *cache {
	return &cache{byKey: map[string]*list.Element{}, order: list.New()}
}

func (c *cache) get(key string) (*loaded, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	l, ok := e.Value.(*loaded)
	return l, ok
}

func (c *cache) put(l *loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[l.key]; ok {
		return
	}
	c.byKey[l.key] = c.order.PushFront(l)
	c.size += l.size
	for c.order.Len() > maxCached || (c.size > maxCachedBytes && c.order.Len() > 1) {
		last := c.order.Back()
		old, _ := c.order.Remove(last).(*loaded)
		delete(c.byKey, old.key)
		c.size -= old.size
	}
}
