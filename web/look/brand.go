package look

import "github.com/approval-relay/approval-relay/organisation"

// BrandCSS returns the style sheet with the colours of an organisation, to follow the common style sheet. It is empty if
// the organisation has no colours. The configuration admits only colours that can be read.
func BrandCSS(c organisation.Colours) string {
	if c.Accent == "" {
		return ""
	}
	accent := func(colour string) string {
		return "--go: " + colour + "; --on-go: " + organisation.On(colour) + "; --focus: " + colour + "; --brand: " + colour + ";"
	}
	return ":root { " + accent(c.Accent) + " }\n" +
		"@media (prefers-color-scheme: dark) { :root { " + accent(c.DarkAccent()) + " } }\n" +
		"main { border-top: 0.25rem solid var(--brand); }\n"
}

// AllowOwnImages lets the pages show pictures of our own address, such as a logo.
func (l *Look) AllowOwnImages() { l.policy += "; img-src 'self'" }
