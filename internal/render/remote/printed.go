package remote

import (
	"bufio"
	"io"
	"log"
	"os"
	"slices"
	"strings"
)

// Bounds of what a library may print in one render.
const (
	maxLines = 50
	maxLine  = 400
)

// Printed calls f and returns the lines that libraries printed meanwhile, each
// once. It is for workers, which do one thing at a time: standard error belongs to
// the process.
func Printed(f func()) []string {
	r, w, err := os.Pipe()
	if err != nil {
		f()
		return nil
	}
	lines := make(chan []string, 1)
	go func() { lines <- collect(r) }()
	stderr := os.Stderr
	defer func() {
		os.Stderr = stderr
		log.SetOutput(io.Discard)
		_ = r.Close() // nothing is left in it
	}()
	os.Stderr = w
	log.SetOutput(w)
	func() {
		// A panic must not leave the other end waiting.
		defer func() { _ = w.Close() }()
		f()
	}()
	return <-lines
}

func collect(r io.Reader) []string {
	var out []string
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line = tidy(line); line != "" && len(out) < maxLines && !slices.Contains(out, line) {
			out = append(out, line)
		}
		if err != nil {
			return out
		}
	}
}

// tidy takes off what is for terminals and log files: the library's own mark, and
// the date that the standard logger puts before.
func tidy(line string) string {
	line = strings.TrimSpace(line)
	if len(line) > 20 && line[4] == '/' && line[7] == '/' && line[10] == ' ' {
		line = line[20:]
	}
	line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "# "))
	line = strings.TrimPrefix(line, "Warning: ")
	return line[:min(len(line), maxLine)]
}
