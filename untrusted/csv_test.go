package untrusted

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCSVCell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                          "",
		"A-1001":                    "A-1001",
		"=HYPERLINK(\"https://x\")": "'=HYPERLINK(\"https://x\")",
		"+1":                        "'+1",
		"-1":                        "'-1",
		"@SUM(A1)":                  "'@SUM(A1)",
		"\t=1":                      "'=1",
		"\r\n=1":                    "'=1",
		"two\nlines":                "two lines",
		"a\u202eb":                  "a\ufffdb",
	} {
		require.Equal(t, want, CSVCell(in), "%q", in)
	}
}
