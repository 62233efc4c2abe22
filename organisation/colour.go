package organisation

import (
	"fmt"
	"math"
	"strconv"
)

// Colours are the colours of an organisation, as #rrggbb. Empty means the colours of the program.
type Colours struct {
	// Accent is the colour of links, of buttons that open a page, and of the line above a page.
	Accent string
	// AccentDark is the same for dark screens.
	AccentDark string
}

// The backgrounds of an accent: cards of pages and e-mails, and dark cards. They are the same as in web/look.
const (
	lightCard = "#ffffff"
	darkCard  = "#18202b"
)

// minContrast is the least contrast of a text (WCAG 2.2, success criterion 1.4.3).
const minContrast = 4.5

// CheckAccent returns an error if a text in the colour could not be read on a light card, or on a dark one.
func CheckAccent(colour string, dark bool) error {
	c, err := parseColour(colour)
	if err != nil {
		return err
	}
	card, name := lightCard, "white"
	if dark {
		card, name = darkCard, darkCard
	}
	background, _ := parseColour(card)
	if ratio := contrast(c, background); ratio < minContrast {
		// Rounded down: 4.49 is not 4.5.
		return fmt.Errorf("has a contrast of %.2f:1 with %s, must be %.1f:1 at least, so that people can read it (WCAG 2.2, 1.4.3)",
			math.Floor(ratio*100)/100, name, minContrast)
	}
	return nil
}

// DarkAccent returns AccentDark, or else Accent, made lighter until it can be read on a dark card.
func (c Colours) DarkAccent() string {
	if c.AccentDark != "" || c.Accent == "" {
		return c.AccentDark
	}
	colour, err := parseColour(c.Accent)
	background, _ := parseColour(darkCard)
	for i := 0; err == nil && i < 20 && contrast(colour, background) < minContrast; i++ {
		for j, v := range colour {
			colour[j] = v + (255-v)/8 + 1
			if colour[j] < v { // it was white already
				colour[j] = 255
			}
		}
	}
	return fmt.Sprintf("#%02x%02x%02x", colour[0], colour[1], colour[2])
}

// On returns the colour of a text on a colour: white or nearly black, whichever can be read better.
func On(colour string) string {
	const white, black = "#ffffff", "#0a1220"
	c, err := parseColour(colour)
	w, _ := parseColour(white)
	b, _ := parseColour(black)
	if err != nil || contrast(w, c) >= contrast(b, c) {
		return white
	}
	return black
}

type rgb [3]uint8

// parseColour reads #rrggbb.
func parseColour(text string) (c rgb, err error) {
	n, err := strconv.ParseUint(text[min(1, len(text)):], 16, 32)
	if err != nil || len(text) != 7 || text[0] != '#' {
		return c, fmt.Errorf("is not a colour in the form #rrggbb, such as #1b5fd0")
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// contrast returns the contrast ratio of two colours, as WCAG 2.2 defines it: 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance returns the relative luminance of a colour, as WCAG 2.2 defines it.
func luminance(c rgb) (sum float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
