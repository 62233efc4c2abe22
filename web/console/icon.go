package console

import "net/http"

// serveIcon serves the icon that browsers show beside the title of a page.
func serveIcon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=86400")
	http.ServeFileFS(w, r, files, "icon.svg")
}
