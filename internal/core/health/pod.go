package health

import (
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// hopeless are the reasons for which a container waits that do not pass without
// a change. The kubelet alternates ErrImagePull and ImagePullBackOff, so their
// message is built from the image alone.
var hopeless = map[string]string{
	"ImagePullBackOff":           "image",
	"ErrImagePull":               "image",
	"InvalidImageName":           "image",
	"ErrImageNeverPull":          "image",
	"ImageInspectError":          "image",
	"CreateContainerConfigError": "config",
	"CreateContainerError":       "config",
	"RunContainerError":          "config",
	"CrashLoopBackOff":           "crash",
}

func pod(t tree) lockstep.Health {
	switch t.text("status", "phase") {
	case "Succeeded":
		return ok()
	case "Failed":
		return failedPod(t)
	}
	if h, found := brokenContainer(t); found {
		return h
	}
	conditions := t.conditions()
	if c, found := conditions.of("PodScheduled"); found && c.status == "False" {
		return unscheduled(c)
	}
	if conditions.is("Ready", "True") {
		return ok()
	}
	if t.text("status", "phase") != "Running" {
		return progressing("is starting")
	}
	if c, found := conditions.of("Ready"); found && c.message != "" {
		return progressing("is running but not ready: %s", c.message)
	}
	return progressing("is running but not ready")
}

func unscheduled(c condition) lockstep.Health {
	switch c.reason {
	case "Unschedulable":
		return degraded("no node can take it: %s", c.words())
	case "SchedulingGated":
		return suspended("its scheduling is gated")
	}
	return progressing("waits for a node")
}

func failedPod(t tree) lockstep.Health {
	if m := t.text("status", "message"); m != "" {
		return degraded("failed: %s", m)
	}
	if r := t.text("status", "reason"); r != "" {
		return degraded("failed: %s", r)
	}
	for _, c := range containers(t) {
		if code := c.count("state", "terminated", "exitCode"); code != 0 {
			return degraded("failed: container %q ended with exit code %d", c.text("name"), code)
		}
	}
	return degraded("failed")
}

func containers(t tree) []tree {
	return append(t.trees("status", "initContainerStatuses"), t.trees("status", "containerStatuses")...)
}

func brokenContainer(t tree) (lockstep.Health, bool) {
	for _, c := range containers(t) {
		waiting := c.sub("state", "waiting")
		reason := waiting.text("reason")
		switch hopeless[reason] {
		case "image":
			return degraded("container %q: image %q cannot be pulled", c.text("name"), c.text("image")), true
		case "crash":
			return crashed(c), true
		case "config":
			return degraded("container %q: %s: %s", c.text("name"), reason, waiting.text("message")), true
		}
	}
	return lockstep.Health{}, false
}

// crashed leaves out how often and for how long: both change all the time.
func crashed(c tree) lockstep.Health {
	last := c.sub("lastState", "terminated")
	code, known := last.number("exitCode")
	switch {
	case last.text("reason") == "OOMKilled":
		return degraded("container %q keeps crashing: out of memory", c.text("name"))
	case known:
		return degraded("container %q keeps crashing with exit code %d", c.text("name"), code)
	}
	return degraded("container %q keeps crashing", c.text("name"))
}
