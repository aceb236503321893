package insight

import (
	"strings"
	"sync"

	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// ImageCode says what sharing code would save in an image.
type ImageCode struct {
	Folding   *Folding
	Tails     *TailMerging
	Outlining *Outlining

	names map[int32]string // of the symbols in these
}

// ReadCode does what Fold, MergeTails and Outline do, and reads the code once. The error is that of reading the image.
func ReadCode(im *elfmap.Image, owners *elfmap.Map, scope Scope) (*ImageCode, error) {
	c, err := newComparison(im, owners, scope)
	if err != nil {
		return nil, err
	}
	out := &ImageCode{names: map[int32]string{}}
	if out.Folding, err = c.fold(); err != nil {
		return nil, err
	}
	t, err := c.number()
	if err != nil {
		return nil, err
	}
	out.Outlining, out.Tails = c.outline(t), c.mergeTails(t)
	out.keepNames(im)
	return out, nil
}

// keepNames copies names, so that the image can go.
func (c *ImageCode) keepNames(im *elfmap.Image) {
	keep := func(symbol int32) {
		if _, known := c.names[symbol]; !known {
			c.names[symbol] = strings.Clone(im.Symbols[symbol].Name)
		}
	}
	for _, g := range c.Folding.Groups {
		for _, f := range g.Functions {
			keep(f.Symbol)
		}
	}
	for _, t := range c.Tails.Tails {
		for _, s := range t.Sites {
			keep(s.Symbol)
		}
	}
}

// CodeReader reads the code of images while they are measured: its Examine goes into sizediff.MeasureOptions. Images are told
// apart by what they contain, so what is known of one holds for an equal one in a measurement that was read from a file.
type CodeReader struct {
	scope  Scope
	mu     sync.Mutex
	images map[elfmap.Digest]*ImageCode
}

// NewCodeReader makes a reader of the code in a scope.
func NewCodeReader(scope Scope) *CodeReader {
	return &CodeReader{scope: scope, images: map[elfmap.Digest]*ImageCode{}}
}

// Examine reads the code of one image. It may be called from several goroutines.
func (r *CodeReader) Examine(im *elfmap.Image, owners *elfmap.Map, out *sizediff.Image) error {
	c, err := ReadCode(im, owners, r.scope)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images[out.Digest] = c
	return nil
}
