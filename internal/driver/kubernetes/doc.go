// Package kubernetes makes a Kubernetes API match plans.
//
// What is live is known from watches, one per kind in use, selected by our
// label; memory holds a projection of each object (see record) and never the
// object itself. [Cluster.Observe] answers from there: once the watches run, it
// costs no request. [Cluster.Apply] sends one server-side-apply PATCH for one
// step and takes the answer into the projection at once, so that whoever
// observes after an apply sees it.
//
// The marks on an object (label, annotations) say which unit it belongs to, our
// entry in its managed fields proves that we put them there. Nothing is deleted
// on the word of the marks alone.
//
// Start at [Connect]. catalog.go knows what the API serves, watch.go feeds
// view.go with records made by project.go, observe.go answers from it; apply.go
// writes, with takeover.go, replace.go and delete.go for the ways in which
// writing is not one PATCH; explain.go turns refusals into faults.
package kubernetes
