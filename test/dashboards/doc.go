// Package dashboards checks deploy/grafana: that Grafana can read the files, that
// they keep the rules of ours, that every series they ask for is one of the
// program's; and, with a real Prometheus that scrapes the built program under a
// load, that no panel stays empty.
package dashboards
