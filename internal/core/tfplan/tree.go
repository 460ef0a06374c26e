package tfplan

import (
	"encoding/json"
	"strconv"
)

// tree decodes a part of a document that is known to be valid JSON, with whole numbers
// as int64, so that none is rounded on its way. It is written by hand because a plan
// has tens of thousands of such parts, and encoding/json looks at each byte of each
// three times.
func tree(data json.RawMessage) (any, error) {
	p := parser{data: data}
	v := p.value()
	return v, p.err
}

type parser struct {
	data []byte
	at   int
	err  error
}

func (p *parser) value() any {
	switch p.next() {
	case '{':
		return p.object()
	case '[':
		return p.list()
	case '"':
		return p.text()
	case 't':
		p.at += len("true")
		return true
	case 'f':
		p.at += len("false")
		return false
	case 'n':
		p.at += len("null")
		return nil
	case 0:
		p.fail()
		return nil
	}
	return p.number()
}

// next skips white space and returns the byte that follows; 0 at the end.
func (p *parser) next() byte {
	for p.at < len(p.data) {
		switch c := p.data[p.at]; c {
		case ' ', '\n', '\t', '\r':
			p.at++
		default:
			return c
		}
	}
	return 0
}

// more steps over a comma, and over the closing bracket when it returns false.
func (p *parser) more(closing byte) bool {
	switch p.next() {
	case closing:
		p.at++
		return false
	case ',':
		p.at++
	case 0:
		p.fail()
		return false
	}
	return p.err == nil
}

func (p *parser) object() any {
	p.at++
	m := map[string]any{}
	for p.more('}') {
		if p.next() != '"' {
			p.fail()
			break
		}
		key := p.text()
		if p.next() != ':' {
			p.fail()
			break
		}
		p.at++
		m[key] = p.value()
	}
	return m
}

func (p *parser) list() any {
	p.at++
	l := []any{}
	for p.more(']') {
		l = append(l, p.value())
	}
	return l
}

func (p *parser) text() string {
	from := p.at
	simple := true
	for p.at++; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '\\':
			simple = false
			p.at++
		case c == '"':
			p.at++
			if simple {
				return string(p.data[from+1 : p.at-1])
			}
			var s string
			if err := json.Unmarshal(p.data[from:p.at], &s); err != nil && p.err == nil {
				p.err = err
			}
			return s
		case c >= 0x80:
			simple = false // what is no UTF-8 becomes the sign for that
		}
	}
	p.fail()
	return ""
}

func (p *parser) number() any {
	from := p.at
	for p.at < len(p.data) && numeric(p.data[p.at]) {
		p.at++
	}
	word := string(p.data[from:p.at])
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(word, 64)
	if err == nil && strconv.FormatFloat(f, 'g', -1, 64) == word {
		return f
	}
	if word == "" {
		p.fail()
	}
	return json.Number(word)
}

func numeric(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// fail notes that the text is no JSON, and ends the work.
func (p *parser) fail() {
	p.at = len(p.data)
	if p.err == nil {
		p.err = json.Unmarshal([]byte("{"), new(any))
	}
}
