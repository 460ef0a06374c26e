package worker

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func FuzzFrame(f *testing.F) {
	f.Add(appendFrame(nil, done, []byte("out")))
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f, byte(done)})
	f.Add([]byte{0, 0, 0, 0, 99})
	f.Fuzz(func(t *testing.T, in []byte) {
		k, body, err := readFrame(bytes.NewReader(in), 1<<20)
		if err != nil {
			if body != nil {
				t.Error("an error came with a body")
			}
			return
		}
		if again := appendFrame(nil, k, body); !bytes.HasPrefix(in, again) {
			t.Errorf("%q was read from %q", again, in)
		}
	})
}

func TestLongFrames(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 700_000)
	k, body, err := readFrame(bytes.NewReader(appendFrame(nil, note, big)), MaxFrame)
	if err != nil || k != note || !bytes.Equal(body, big) {
		t.Errorf("a frame of %d bytes came back as %d, %v", len(big), len(body), err)
	}
	if _, _, err = readFrame(bytes.NewReader(appendFrame(nil, note, big)), len(big)-1); !errors.Is(err, errFrame) {
		t.Errorf("a frame over the limit: %v", err)
	}
	cut := appendFrame(nil, note, big)
	if _, _, err = readFrame(bytes.NewReader(cut[:len(cut)-1]), MaxFrame); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a frame that was cut: %v", err)
	}
}

func FuzzFaults(f *testing.F) {
	f.Add(EncodeFaults(fault.Join(fault.Denied("a").At("b").WithHint("c").Because(io.EOF), fault.NotFound("d"))))
	f.Fuzz(func(t *testing.T, in []byte) {
		err := DecodeFaults(in)
		if err == nil {
			t.Fatal("faults became none")
		}
		if len(fault.All(err)) > len(in)+1 {
			t.Error("more faults than bytes")
		}
		_ = fault.KindOf(err).Consequence() // any kind has one
	})
}

func FuzzPage(f *testing.F) {
	p := &page{mem: make([]byte, pageSize)}
	p.write(doing{"the template", "x.yaml"})
	f.Add(p.mem[:64])
	f.Add(bytes.Repeat([]byte{0xff}, pageSize))
	f.Fuzz(func(t *testing.T, in []byte) {
		mem := make([]byte, pageSize)
		copy(mem, in)
		d := (&page{mem: mem}).read()
		if len(d.what) > maxField || len(d.place) > maxField || bytes.ContainsAny([]byte(d.what+d.place), "\n\x1b") {
			t.Errorf("%q", d)
		}
	})
}

func TestPage(t *testing.T) {
	p := &page{mem: make([]byte, pageSize)}
	long := string(bytes.Repeat([]byte("x"), 2*maxField))
	for _, d := range []doing{{}, {"a", "b"}, {"", "c"}, {"kustomize", "ü/x.yaml"}, {long, long}} {
		p.write(d)
		d.what, d.place = d.what[:min(len(d.what), maxField)], d.place[:min(len(d.place), maxField)]
		if got := p.read(); got != d {
			t.Errorf("wrote %q, read %q", d, got)
		}
	}
}
