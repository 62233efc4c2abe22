// Package dashboards tests deploy/grafana. Grafana can read the files, the files follow our rules, and every query reads
// series of the program. A real Prometheus scrapes the built program under load, and no panel stays empty.
package dashboards
