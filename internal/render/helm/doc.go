// Package helm renders Helm charts to objects, as `helm template` would, without
// a helm binary, a cluster or a checkout.
//
// A chart is read out of a [lockstep.Tree], file by file, so that what a render
// depends on is exactly what the tree saw being read; or it comes as an archive
// through a [Fetcher]. Helm's own engine renders it. What Helm's command line
// does around the engine is done here again, because that code also brings a
// Kubernetes client and reads the machine it runs on.
//
// Start at [Renderer.Render]. load.go reads a directory, archive.go an archive,
// depend.go finds dependencies, values.go merges values, schema.go checks them,
// output.go tells objects from hooks, explain.go turns the engine's error text
// into faults.
//
// # What a chart can do to this process
//
// A chart is a program. It cannot reach files, the environment, the network or
// the cluster. It can use up memory and time, and a template that calls tpl
// without end overflows the stack; the engine cannot be interrupted. So what is
// rendered for others is rendered in a process of its own: see package worker.
// There, mark.go has each template say that it is its turn.
package helm
