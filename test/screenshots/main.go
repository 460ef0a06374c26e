// Command screenshots writes pictures of pages anew with a palette of their 256 most
// frequent colours: pages are flat, and a third of the size is left.
//
//	screenshots FILE...
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"slices"
)

func main() {
	for _, name := range os.Args[1:] {
		if err := reduce(name); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func reduce(name string) error {
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	from, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	to := image.NewPaletted(from.Bounds(), frequent(from))
	known := map[color.Color]uint8{}
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			c := from.At(x, y)
			i, ok := known[c]
			if !ok {
				i = uint8(to.Palette.Index(c))
				known[c] = i
			}
			to.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		return err
	}
	if out.Len() >= len(raw) {
		return nil
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}

// frequent returns the colours of which there are most, in an order that the picture
// alone decides.
func frequent(of image.Image) color.Palette {
	count := map[color.RGBA]int{}
	for y := of.Bounds().Min.Y; y < of.Bounds().Max.Y; y++ {
		for x := of.Bounds().Min.X; x < of.Bounds().Max.X; x++ {
			count[color.RGBAModel.Convert(of.At(x, y)).(color.RGBA)]++
		}
	}
	all := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	var p color.Palette
	for _, c := range all[:min(256, len(all))] {
		p = append(p, c)
	}
	return p
}
