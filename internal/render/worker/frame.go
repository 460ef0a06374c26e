package worker

import (
	"encoding/binary"
	"errors"
	"io"
)

// MaxFrame bounds one message in either direction.
const MaxFrame = 160 << 20

// kind says what a message is.
type kind byte

const (
	hello  kind = iota + 1 // to the worker, first: limits
	job                    // to the worker: name and input
	answer                 // to the worker: what it asked for
	ready                  // from the worker, first: what it gave up
	ask                    // from the worker: a question
	note                   // from the worker: something to know
	done                   // from the worker: the output
	failed                 // from the worker: the faults
)

// headSize is a length of four bytes and a kind.
const headSize = 5

var errFrame = errors.New("malformed frame")

// appendFrame appends a message to buf.
func appendFrame(buf []byte, k kind, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	buf = binary.LittleEndian.AppendUint32(buf, uint32(size)) //nolint:gosec // bounded by those who call
	buf = append(buf, byte(k))
	for _, p := range parts {
		buf = append(buf, p...)
	}
	return buf
}

// readFrame reads one message of at most limit bytes.
func readFrame(r io.Reader, limit int) (kind, []byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	k := kind(head[4])
	if size > int64(limit) || k < hello || k > failed {
		return 0, nil, errFrame
	}
	body, err := readBody(r, int(size))
	return k, body, err
}

// grain is how much is made room for before it has arrived.
const grain = 1 << 20

// readBody makes room as bytes arrive: a length alone costs nothing.
func readBody(r io.Reader, size int) ([]byte, error) {
	body := make([]byte, min(size, grain))
	for at := 0; ; {
		n, err := io.ReadFull(r, body[at:])
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		if at += n; at == size {
			return body, nil
		}
		body = append(body, make([]byte, min(size-at, at))...)
	}
}
