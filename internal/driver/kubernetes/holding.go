package kubernetes

// Holding says what is in memory of the API: watches that are open, objects that
// they hold, and how often a watch had to be opened anew.
func (c *Cluster) Holding() (watches, objects int, restarts int64) {
	c.mu.Lock()
	watches = len(c.watches)
	c.mu.Unlock()
	c.view.mu.Lock()
	objects = len(c.view.objects)
	c.view.mu.Unlock()
	return watches, objects, c.restarts.Load()
}

// opening counts a watch that is opened anew: the first is no news.
func (c *Cluster) opening(w *watcher) {
	select {
	case <-w.synced:
		c.restarts.Add(1)
	default:
	}
}
