package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Status describes a cluster for a person, one fact a line.
func Status(ctx context.Context, path string) (string, error) {
	dir, state, err := known(path)
	if err != nil {
		return "", err
	}
	pid, err := dir.Holder()
	if err != nil {
		return "", err
	}
	var text strings.Builder
	line := func(name, value string) { fmt.Fprintf(&text, "%-11s %s\n", name, value) }
	if pid == 0 {
		line("state", "stopped")
		line("directory", string(dir))
		return text.String(), nil
	}

	line("state", health(ctx, path))
	line("directory", string(dir))
	line("server", state.Server())
	line("kubeconfig", dir.Kubeconfig())
	line("nodes", strconv.Itoa(state.Nodes))
	line("started", state.Started.Format(time.RFC3339))
	line("pid", strconv.Itoa(pid))
	total := int64(0)
	for _, p := range tree(pid) {
		line("memory", fmt.Sprintf("%4d MiB  %s", p.memory>>20, p.name))
		total += p.memory
	}
	line("memory", fmt.Sprintf("%4d MiB  in all", total>>20))
	return text.String(), nil
}

func health(ctx context.Context, path string) string {
	client, err := adminClient(path)
	if err != nil {
		return "starting: " + err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return "not ready: " + err.Error()
	}
	return "ready"
}

// A process of the cluster and its share of memory in bytes.
type process struct {
	name   string
	memory int64
}

// tree lists the parent and its children. It reads /proc, so it is empty on
// systems without one; memory is a courtesy of status and nothing depends on it.
func tree(parent int) []process {
	found := []process{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// The name in brackets may hold spaces; what follows it may not.
		_, rest, _ := bytes.Cut(text, []byte(") "))
		fields := bytes.Fields(rest)
		folder := filepath.Dir(path)
		isParent := filepath.Base(folder) == strconv.Itoa(parent)
		isChild := len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent)
		if isParent || isChild {
			found = append(found, process{name: processName(folder), memory: share(folder)})
		}
	}
	return found
}

// share is a process's proportional share (PSS). The four processes map the same
// program, and adding up resident sizes would count its pages four times.
func share(folder string) int64 {
	text, err := os.ReadFile(filepath.Join(folder, "smaps_rollup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "Pss:" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

func processName(folder string) string {
	text, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
	args := strings.Split(string(text), "\x00")
	if len(args) > 2 && args[1] == "__component" {
		return args[2]
	}
	return "devcluster (etcd, kwok)"
}
