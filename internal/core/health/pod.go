package health

import (
	"fmt"
	"strings"

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
		return degraded("%s", failedPod(t))
	}
	if words, found := brokenContainer(t); found {
		return degraded("%s", words)
	}
	conditions := t.conditions()
	if c, found := conditions.of("PodScheduled"); found && c.status == "False" {
		return unscheduled(c)
	}
	if conditions.is("Ready", "True") {
		return ok()
	}
	return progressing("%s", unready(t))
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

// unready says what a pod that nothing is wrong with waits for.
func unready(t tree) string {
	for _, c := range t.trees("status", "initContainerStatuses") {
		if c.has("state", "terminated") || c.truth("ready") || c.truth("started") {
			continue
		}
		if c.has("state", "running") {
			return fmt.Sprintf("init container %q has not finished", c.text("name"))
		}
		break
	}
	if t.text("status", "phase") != "Running" {
		return "is starting"
	}
	for _, c := range t.trees("status", "containerStatuses") {
		if words := unreadyContainer(t, c); words != "" {
			return words
		}
	}
	if c, found := t.conditions().of("Ready"); found && c.message != "" {
		return "is running but not ready: " + c.message
	}
	return "is running but not ready"
}

// unreadyContainer names the probe that a running container waits for. What the
// probe got stands in events alone.
func unreadyContainer(t, c tree) string {
	if c.truth("ready") || !c.has("state", "running") {
		return ""
	}
	name := c.text("name")
	spec := t.container(name)
	if c.count("restartCount") > 1 && c.has("lastState", "terminated") {
		return crashed(c, "container")
	}
	switch {
	case c.has("started") && !c.truth("started") && spec.has("startupProbe"):
		return fmt.Sprintf("container %q has not passed its startup probe", name)
	case spec.has("readinessProbe"):
		return fmt.Sprintf("container %q does not pass its readiness probe", name)
	}
	return ""
}

// container returns the spec of a container.
func (t tree) container(name string) tree {
	for _, c := range t.trees("spec", "containers") {
		if c.text("name") == name {
			return c
		}
	}
	return nil
}

func failedPod(t tree) string {
	reason, message := t.text("status", "reason"), t.text("status", "message")
	switch {
	case reason == "Evicted" && message != "":
		return "was evicted: " + message
	case message != "":
		return "failed: " + message
	case reason != "":
		return "failed: " + reason
	}
	for _, c := range containers(t) {
		if ended := c.sub("state", "terminated"); ended.count("exitCode") != 0 {
			return fmt.Sprintf("failed: container %q ended with %s", c.text("name"), ending(ended))
		}
	}
	return "failed"
}

func containers(t tree) []tree {
	return append(t.trees("status", "initContainerStatuses"), t.trees("status", "containerStatuses")...)
}

func brokenContainer(t tree) (string, bool) {
	for _, list := range [...]struct{ field, noun string }{
		{"initContainerStatuses", "init container"}, {"containerStatuses", "container"},
	} {
		for _, c := range t.trees("status", list.field) {
			if words := broken(c, list.noun); words != "" {
				return words, true
			}
		}
	}
	return "", false
}

func broken(c tree, noun string) string {
	waiting := c.sub("state", "waiting")
	reason := waiting.text("reason")
	switch hopeless[reason] {
	case "image":
		return fmt.Sprintf("%s %q: image %q cannot be pulled%s", noun, c.text("name"), c.text("image"), pullWords(waiting.text("message")))
	case "crash":
		return crashed(c, noun)
	case "config":
		return fmt.Sprintf("%s %q: %s: %s", noun, c.text("name"), reason, waiting.text("message"))
	}
	return ""
}

// pullWords are the registry's words, which come last in what the kubelet wraps
// around them. "Back-off pulling image" alone has none.
func pullWords(message string) string {
	message = strings.TrimSpace(message)
	if i := strings.LastIndex(message, ": "); i >= 0 {
		return ": " + message[i+2:]
	}
	return ""
}

// crashed says how often only roughly: the number itself changes all the time.
func crashed(c tree, noun string) string {
	words := fmt.Sprintf("%s %q keeps crashing", noun, c.text("name"))
	last := c.sub("lastState", "terminated")
	switch how := ending(last); {
	case last.text("reason") == "OOMKilled":
		words += ": " + how
	case how != "":
		words += " with " + how
	}
	switch n := c.count("restartCount"); {
	case n > 100:
		words += ", restarted more than 100 times"
	case n > 10:
		words += ", restarted more than 10 times"
	}
	return words
}

// ending says how a container ended.
func ending(terminated tree) string {
	if terminated.text("reason") == "OOMKilled" {
		return "out of memory (OOMKilled)"
	}
	code, known := terminated.number("exitCode")
	if !known {
		return ""
	}
	signal := terminated.count("signal")
	if signal == 0 && code > 128 {
		signal = code - 128
	}
	if name := signals[signal]; name != "" {
		return fmt.Sprintf("exit code %d (%s)", code, name)
	}
	return fmt.Sprintf("exit code %d", code)
}

// signals are those that containers end by.
var signals = map[int64]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
	9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
}
