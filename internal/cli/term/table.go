package term

import (
	"strings"
	"unicode/utf8"
)

// Cell is a text in a table.
type Cell struct {
	Text  string
	Style Style
}

// Table is rows under a header. Columns are padded with blanks, never tabs, so
// that a column begins at the same place on every line.
type Table struct {
	Header []string
	Rows   [][]Cell
}

// Add appends a row of plain texts and Cells.
func (t *Table) Add(cells ...any) {
	row := make([]Cell, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case Cell:
			row[i] = c
		case string:
			row[i] = Cell{Text: c}
		}
		row[i].Text = oneLine(row[i].Text)
		if row[i].Text == "" {
			row[i].Text = "-"
		}
	}
	t.Rows = append(t.Rows, row)
}

// Print writes the table. On a terminal the last column is cut where the line
// would wrap.
func (s *IO) Print(t Table) {
	columns := len(t.Header)
	for _, row := range t.Rows {
		columns = max(columns, len(row))
	}
	widths := make([]int, columns)
	for i, h := range t.Header {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, row := range t.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.Text))
		}
	}
	header := make([]Cell, len(t.Header))
	for i, h := range t.Header {
		header[i] = Cell{Text: h, Style: Dim}
	}
	if len(header) > 0 {
		s.line(header, widths)
	}
	for _, row := range t.Rows {
		s.line(row, widths)
	}
}

const gap = "  "

func (s *IO) line(row []Cell, widths []int) {
	var b strings.Builder
	used := 0
	for i, c := range row {
		last := i == len(row)-1
		if i > 0 {
			b.WriteString(gap)
			used += len(gap)
		}
		text := c.Text
		if last {
			b.WriteString(s.Paint(c.Style, s.cut(text, used)))
			break
		}
		b.WriteString(s.Paint(c.Style, text))
		b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)))
		used += widths[i]
	}
	s.Printf("%s\n", strings.TrimRight(b.String(), " "))
}

// minLast is the width that the last column gets even on a narrow terminal.
const minLast = 20

func (s *IO) cut(text string, used int) string {
	if s.Width == 0 {
		return text
	}
	room := max(s.Width-used, minLast)
	runes := []rune(text)
	if len(runes) <= room {
		return text
	}
	return string(runes[:room-1]) + "…"
}

func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\r\t") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}
