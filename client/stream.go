package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
)

// Message is one server-sent event.
type Message struct {
	// Name says what Data is: for streams of changes a member of [Event].
	Name string
	// ID is sent back as Last-Event-ID to go on from there.
	ID   string
	Data []byte // JSON
}

// MaxMessage bounds one event of a stream.
const MaxMessage = 16 << 20

// Events reads a stream until it ends, the context of the request does, or who reads
// has enough. An error is the last that it yields.
func Events(r *http.Response, err error) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer r.Body.Close()
		if r.StatusCode >= http.StatusBadRequest {
			yield(Message{}, problemOf(r))
			return
		}
		if err := parse(r.Body, func(m Message) bool { return yield(m, nil) }); err != nil {
			yield(Message{}, err)
		}
	}
}

// parse reads events as the HTML standard has them. It returns nil at the end, and
// when tell has enough.
func parse(in io.Reader, tell func(Message) bool) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), MaxMessage)
	m, id := Message{}, ""
	var data [][]byte
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if len(line) == 0 {
			m.Data, m.ID = bytes.Join(data, []byte("\n")), id
			if len(data) > 0 && !tell(m) {
				return nil
			}
			m, data = Message{}, nil
			continue
		}
		field, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			m.Name = value
		case "id":
			id = value
		case "data":
			data = append(data, []byte(value))
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return errTooLong
	}
	return lines.Err()
}
