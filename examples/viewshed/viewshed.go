// What is seen from the top of a mast, over real hills?
//
// A task is a place for a mast: -row and -column in the elevation grid, -mast its height (m), -eye that of who looks up to it.
// The grid, /data/elevation.png with 16 bits of metres a pixel, is in the job's image. The answer is a folder, /out: seen.png, the
// hills with what sees the mast's top in colour, and seen.json. Lines of sight bend with the air and the earth is round, as
// surveyors reckon (a refraction of 0.13). Only additions, multiplications, divisions and roots: the same bits everywhere.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
)

// Width and height of a cell (m): 3 seconds of arc at 36.6 degrees north.
const cellWidth, cellHeight = 74.5, 92.6

// Twice the earth's radius (m), larger by the refraction.
const twiceRadius = 2 * 6371000 / (1 - 0.13)

type grid struct {
	rows, columns int
	heights       []float64
}

func (g *grid) at(row, column int) float64 { return g.heights[row*g.columns+column] }

func readGrid(path string) (*grid, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	picture, err := png.Decode(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	grey, ok := picture.(*image.Gray16)
	if !ok {
		return nil, fmt.Errorf("%s: not 16-bit greyscale", path)
	}
	size := grey.Bounds().Size()
	g := &grid{size.Y, size.X, make([]float64, 0, size.X*size.Y)}
	for row := 0; row < size.Y; row++ {
		for column := 0; column < size.X; column++ {
			g.heights = append(g.heights, float64(grey.Gray16At(column, row).Y))
		}
	}
	return g, nil
}

// The distance (m) of a cell that is so many rows and columns away.
func away(rows, columns float64) float64 {
	x, y := columns*cellWidth, rows*cellHeight
	return math.Sqrt(x*x + y*y)
}

// Whether an eye over a cell sees the top of the mast: no ground between reaches over the line. The ground is looked at once a
// row or column, whichever are more, in a straight line between its neighbours there.
func (g *grid) sees(row, column, mastRow, mastColumn int, top, eye float64) bool {
	rows, columns := float64(mastRow-row), float64(mastColumn-column)
	steps := math.Max(math.Abs(rows), math.Abs(columns))
	if steps <= 1 {
		return true
	}
	whole := away(rows, columns)
	from := g.at(row, column) + eye
	rise := (top - from - whole*whole/twiceRadius) / whole
	for step := 1.0; step < steps; step++ {
		r, c := float64(row)+rows*step/steps, float64(column)+columns*step/steps
		low, left := math.Floor(r), math.Floor(c)
		i, j := int(low), int(left)
		ground := g.at(i, j)
		if r > low {
			ground += (g.at(i+1, j) - ground) * (r - low)
		} else if c > left {
			ground += (g.at(i, j+1) - ground) * (c - left)
		}
		distance := whole * step / steps
		if ground-distance*distance/twiceRadius > from+rise*distance {
			return false
		}
	}
	return true
}

// The hills in grey, lit from the north-west.
func (g *grid) shade(row, column int) float64 {
	above, below := max(row-1, 0), min(row+1, g.rows-1)
	left, right := max(column-1, 0), min(column+1, g.columns-1)
	x := (g.at(row, right) - g.at(row, left)) / (2 * cellWidth)
	y := (g.at(below, column) - g.at(above, column)) / (2 * cellHeight)
	return math.Max(0, (1+x+y)/math.Sqrt(3*(1+x*x+y*y))) * 230
}

func run() error {
	var row, column int
	var mast, eye float64
	var data, out string
	flag.IntVar(&row, "row", -1, "row of the mast, from the north")
	flag.IntVar(&column, "column", -1, "column of the mast, from the west")
	flag.Float64Var(&mast, "mast", 30, "height of the mast (m)")
	flag.Float64Var(&eye, "eye", 2, "height of an eye (m)")
	flag.StringVar(&data, "data", "/data/elevation.png", "elevation grid")
	flag.StringVar(&out, "out", "/out", "folder to write to")
	flag.Parse()
	g, err := readGrid(data)
	if err != nil {
		return err
	}
	if row < 0 || row >= g.rows || column < 0 || column >= g.columns {
		return fmt.Errorf("row %d, column %d: not within %d rows and %d columns", row, column, g.rows, g.columns)
	}
	top := g.at(row, column) + mast
	picture := image.NewRGBA(image.Rect(0, 0, g.columns, g.rows))
	seen, farthest := 0, 0.0
	for r := 0; r < g.rows; r++ {
		for c := 0; c < g.columns; c++ {
			grey := g.shade(r, c)
			pixel := color.RGBA{uint8(grey * 0.6), uint8(grey * 0.6), uint8(grey * 0.6), 255}
			if g.sees(r, c, row, column, top, eye) {
				seen++
				farthest = math.Max(farthest, away(float64(r-row), float64(c-column)))
				pixel = color.RGBA{255, uint8(80 + grey*0.7), uint8(grey * 0.4), 255}
			}
			picture.SetRGBA(c, r, pixel)
		}
	}
	file, err := os.Create(filepath.Join(out, "seen.png"))
	if err != nil {
		return err
	}
	if err := png.Encode(file, picture); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	report, err := json.MarshalIndent(map[string]any{
		"row": row, "column": column, "ground": g.at(row, column), "mast": mast,
		"cells": seen, "share": float64(seen) / float64(len(g.heights)),
		"squareKilometres": float64(seen) * cellWidth * cellHeight / 1e6, "farthestMetres": math.Round(farthest),
	}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "seen.json"), append(report, '\n'), 0o644)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "viewshed:", err)
		os.Exit(1)
	}
}
