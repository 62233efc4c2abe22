package deploy

func ofNames() map[string]combination {
	return map[string]combination{
		"name of one's own": {
			values: `fullnameOverride: approvals`,
			want: map[string]any{
				"StatefulSet:metadata.name":                 "approvals",
				"Service/approvals-operator:kind":           "Service",
				"StatefulSet:spec.serviceName":              "approvals-operator",
				pod + "serviceAccountName":                  "approvals",
				"Job:metadata.name":                         "approvals-check",
				"StatefulSet:spec.selector.matchLabels":     "map[app.kubernetes.io/instance:relay app.kubernetes.io/name:approval-relay]",
				pod + "volumes[config].configMap.name":      "approvals",
				"Job:spec.template.spec.serviceAccountName": "approvals",
			},
		},
		"name that is too long": {
			values:  `fullnameOverride: a-name-that-leaves-no-room-for-what-the-chart-appends-to-it`,
			refused: "at '/fullnameOverride'",
		},
		"labels of all": {
			values: `{commonLabels: {team: platform}, commonAnnotations: {owner: ann}, podLabels: {team: relay}, workloadAnnotations: {reloader.stakater.com/auto: "true"}}`,
			want: map[string]any{
				"Service:metadata.labels.team":                                      "platform",
				"NetworkPolicy:metadata.annotations.owner":                          "ann",
				"StatefulSet:spec.template.metadata.labels.team":                    "relay",
				"StatefulSet:spec.template.metadata.annotations.owner":              "ann",
				"StatefulSet:metadata.annotations[reloader.stakater.com/auto]":      "true",
				"StatefulSet:spec.selector.matchLabels.team":                        nil,
				"StatefulSet:spec.volumeClaimTemplates[0].metadata.labels.team":     nil,
				"Job:spec.template.metadata.labels.team":                            "platform",
				"Job:metadata.annotations.owner":                                    "ann",
				"ServiceAccount:metadata.labels[app.kubernetes.io/managed-by]":      "Helm",
				"PodDisruptionBudget:spec.selector.matchLabels.team":                nil,
				"StatefulSet:spec.template.metadata.labels[app.kubernetes.io/name]": "approval-relay",
			},
		},
		"label of the selector": {
			values:  `podLabels: {app.kubernetes.io/name: other}`,
			refused: "at '/podLabels/app.kubernetes.io~1name'",
		},
	}
}

func ofNetwork() map[string]combination {
	return map[string]combination{
		"Gateway API": {
			values: `httpRoute: {enabled: true, parentRefs: [{name: public, namespace: gateways, sectionName: https}], timeouts: {request: 60s}}`,
			want: map[string]any{
				"HTTPRoute:spec.hostnames":                                "[approve.example.com]",
				"HTTPRoute:spec.parentRefs[public].namespace":             "gateways",
				"HTTPRoute:spec.rules[0].backendRefs[0].port":             80,
				"HTTPRoute:spec.rules[0].matches[8].path":                 "map[type:PathPrefix value:/webhooks]",
				"HTTPRoute:spec.rules[0].timeouts.request":                "60s",
				"HTTPRoute:metadata.labels[app.kubernetes.io/managed-by]": "Helm",
			},
		},
		"Gateway API with a port of one's own": {
			values: `{httpRoute: {enabled: true, parentRefs: [{name: public}], hostnames: [a.example.com, b.example.com]}, service: {port: 8080}}`,
			want: map[string]any{
				"HTTPRoute:spec.hostnames[1]":                     "b.example.com",
				"HTTPRoute:spec.rules[0].backendRefs[0].port":     8080,
				"Service/relay-approval-relay:spec.ports[0].port": 8080,
			},
		},
		"Gateway API without a Gateway": {
			values:  `httpRoute: {enabled: true}`,
			refused: "httpRoute.parentRefs is empty",
		},
		"Gateway API with a prefix": {
			values:  `{httpRoute: {enabled: true, parentRefs: [{name: public}]}, config: {public: {url: "https://example.com/approve"}}}`,
			refused: "config.public.url has a path",
		},
		"load balancer": {
			values: `service: {type: LoadBalancer, annotations: {a: b}, extraSpec: {loadBalancerClass: service.k8s.aws/nlb, externalTrafficPolicy: Local}}`,
			want: map[string]any{
				"Service/relay-approval-relay:spec.loadBalancerClass":  "service.k8s.aws/nlb",
				"Service/relay-approval-relay:metadata.annotations.a":  "b",
				"Service/relay-approval-relay-operator:spec.clusterIP": "None",
			},
		},
		"service with another selector": {
			values:  `service: {extraSpec: {selector: {app: other}}}`,
			refused: "at '/service/extraSpec/selector'",
		},
		"port of the nodes": {
			values: `service: {type: NodePort, nodePort: 30080, labels: {a: b}}`,
			want:   map[string]any{"Service/relay-approval-relay:spec.ports[0].nodePort": 30080, "Service/relay-approval-relay:metadata.labels.a": "b"},
		},
		"ingress with several hosts": {
			values: `ingress: {enabled: true, tlsSecretName: tls, extraHosts: [approvals.example.org], pathType: ImplementationSpecific}`,
			want: map[string]any{
				"Ingress:spec.rules[1].host":                   "approvals.example.org",
				"Ingress:spec.tls[0].hosts":                    "[approve.example.com approvals.example.org]",
				"Ingress:spec.rules[1].http.paths[0].path":     "/.well-known",
				"Ingress:spec.rules[0].http.paths[8].path":     "/webhooks",
				"Ingress:spec.rules[0].http.paths[1].pathType": "ImplementationSpecific",
			},
		},
		"no network policy": {
			values: `networkPolicy: {enabled: false}`,
			want:   map[string]any{"NetworkPolicy:kind": nil},
		},
	}
}

func ofMonitoring() map[string]combination {
	return map[string]combination{
		"scrape of one's own": {
			values: `
config: {operator: {open_metrics: false, tokens: {prometheus: {token: {file: /secrets/relay-operator/metrics}, role: metrics}}}}
secretFiles: [relay-operator]
serviceMonitor:
  enabled: true
  scrapeTimeout: 20s
  relabelings: [{targetLabel: cluster, replacement: west}]
  metricRelabelings: [{sourceLabels: [__name__], regex: go_.*, action: drop}]
  authorization: {credentials: {name: relay-operator, key: metrics}}`,
			want: map[string]any{
				"ServiceMonitor:spec.endpoints[0].scrapeTimeout":                  "20s",
				"ServiceMonitor:spec.endpoints[0].relabelings[0].targetLabel":     "cluster",
				"ServiceMonitor:spec.endpoints[0].metricRelabelings[0].action":    "drop",
				"ServiceMonitor:spec.endpoints[0].authorization.credentials.name": "relay-operator",
			},
		},
		"native histograms": {
			values: `config: {metrics: {histograms: native}}`,
			want:   map[string]any{"ConfigMap:kind": "ConfigMap"},
		},
		"rules and dashboards": {
			values: `{prometheusRule: {enabled: true, labels: {release: prometheus}}, dashboards: {enabled: true, annotations: {folder: relay}}}`,
			want: map[string]any{
				"PrometheusRule:metadata.labels.release":                                   "prometheus",
				"ConfigMap/relay-approval-relay-worker:metadata.labels[grafana_dashboard]": "1",
				"ConfigMap/relay-approval-relay-worker:metadata.annotations.folder":        "relay",
			},
		},
		"disruption budget in percent": {
			values: several + `podDisruptionBudget: {maxUnavailable: 25%}`,
			want:   map[string]any{"PodDisruptionBudget:spec.maxUnavailable": "25%"},
		},
		"disruption budget from below": {
			values: several + "replicas: 3\npodDisruptionBudget: {minAvailable: 2}",
			want: map[string]any{
				"PodDisruptionBudget:spec.minAvailable":   2,
				"PodDisruptionBudget:spec.maxUnavailable": nil,
				"Deployment:spec.replicas":                3,
			},
		},
		"disruption budget of nonsense": {
			values:  `podDisruptionBudget: {maxUnavailable: 120%}`,
			refused: "at '/podDisruptionBudget/maxUnavailable'",
		},
		"slow scaling by CPU": {
			values: several + `autoscaling: {enabled: true, behavior: {scaleDown: {stabilizationWindowSeconds: 600}}}`,
			want: map[string]any{
				"HorizontalPodAutoscaler:spec.behavior.scaleDown.stabilizationWindowSeconds": 600,
				"Deployment:spec.replicas": nil,
			},
		},
	}
}

func ofLife() map[string]combination {
	return map[string]combination{
		"time for the shutdown": {
			values: `config: {shutdown: {timeout: 60s}}`,
			want:   map[string]any{pod + "terminationGracePeriodSeconds": 75},
		},
		"hook before the shutdown": {
			values: `lifecycle: {preStop: {sleep: {seconds: 20}}}`,
			want: map[string]any{
				pod + "terminationGracePeriodSeconds":      60,
				worker + "lifecycle.preStop.sleep.seconds": 20,
			},
		},
		"pause before the shutdown of one of several": {
			values: several,
			want: map[string]any{
				"Deployment:spec.template.spec.containers[0].lifecycle.preStop.sleep.seconds": 10,
				"Deployment:spec.template.spec.terminationGracePeriodSeconds":                 50,
			},
		},
		"one worker does not pause": {
			values: `replicas: 1`,
			want:   map[string]any{worker + "lifecycle": nil, pod + "terminationGracePeriodSeconds": 40},
		},
		"several without a pause": {
			values: several + `lifecycle: {}`,
			want: map[string]any{
				"Deployment:spec.template.spec.containers[0].lifecycle":       nil,
				"Deployment:spec.template.spec.terminationGracePeriodSeconds": 40,
			},
		},
		"longer grace": {
			values: `terminationGracePeriodSeconds: 300`,
			want:   map[string]any{pod + "terminationGracePeriodSeconds": 300},
		},
		"grace that is too short": {
			values:  `terminationGracePeriodSeconds: 30`,
			refused: "terminationGracePeriodSeconds is 30: preStop, shutdown.delay and shutdown.timeout need 25 s",
		},
		"grace that is too short for the hook": {
			values:  "terminationGracePeriodSeconds: 45\nlifecycle: {preStop: {sleep: {seconds: 20}}}",
			refused: "need 45 s",
		},
		"probes": {
			values: `{startupProbe: {failureThreshold: 600}, livenessProbe: {periodSeconds: 30}, readinessProbe: {failureThreshold: 5, successThreshold: 2}}`,
			want: map[string]any{
				worker + "startupProbe.failureThreshold":   600,
				worker + "startupProbe.periodSeconds":      2,
				worker + "livenessProbe.periodSeconds":     30,
				worker + "readinessProbe.successThreshold": 2,
				worker + "readinessProbe.httpGet.path":     "/readyz",
			},
		},
		"probe of another path": {
			values:  `livenessProbe: {httpGet: {path: /, port: 80}}`,
			refused: "at '/livenessProbe'",
		},
		"rollback of a pod that does not start": {
			values: `revisionHistoryLimit: 3`,
			want:   map[string]any{"StatefulSet:spec.podManagementPolicy": "Parallel", "StatefulSet:spec.revisionHistoryLimit": 3},
		},
		"rollout in larger steps": {
			values: several + `rollingUpdate: {maxSurge: 50%}`,
			want: map[string]any{
				"Deployment:spec.strategy.rollingUpdate.maxSurge":       "50%",
				"Deployment:spec.strategy.rollingUpdate.maxUnavailable": 0,
			},
		},
	}
}

const cron = "CronJob:spec.jobTemplate.spec.template."

func ofBackups() map[string]combination {
	return map[string]combination{
		"backups": {
			values: `
config: {aws: {region: eu-west-1}}
backup: {enabled: true, to: "s3://copies/relay/", tokenSecret: {name: relay-operator}, timeZone: Europe/Berlin}`,
			want: map[string]any{
				"CronJob:spec.concurrencyPolicy":                                                        "Forbid",
				"CronJob:spec.timeZone":                                                                 "Europe/Berlin",
				cron + "spec.containers[backup].args":                                                   "[backup --to=s3://copies/relay/$(POD_NAME).db]",
				cron + "spec.containers[backup].env[AWS_REGION].value":                                  "eu-west-1",
				cron + "spec.containers[backup].env[APPROVAL_RELAY_URL].value":                          "http://relay-approval-relay-operator.approvals.svc:9090",
				cron + "spec.containers[backup].env[APPROVAL_RELAY_TOKEN].valueFrom.secretKeyRef":       "map[key:token name:relay-operator]",
				cron + "spec.containers[backup].env[TMPDIR].value":                                      "/tmp",
				cron + "spec.serviceAccountName":                                                        "relay-approval-relay",
				cron + "metadata.labels[app.kubernetes.io/name]":                                        "approval-relay-backup",
				"NetworkPolicy:spec.ingress[1].from[1].podSelector.matchLabels[app.kubernetes.io/name]": "approval-relay-backup",
			},
		},
		"backups of one's own account": {
			values: `
config: {operator: {tls: {certificate: /secrets/tls/tls.crt, key: /secrets/tls/tls.key}}}
secretFiles: [tls]
backup:
  {enabled: true, to: "s3://copies", tokenSecret: {name: relay, key: admin}, serviceAccountName: backup, schedule: "@daily",
   extraEnv: [{name: APPROVAL_RELAY_CA_FILE, value: /secrets/tls/ca.crt}]}`,
			want: map[string]any{
				cron + "spec.serviceAccountName":                                    "backup",
				cron + "spec.containers[backup].env[APPROVAL_RELAY_URL].value":      "https://relay-approval-relay-operator.approvals.svc:9090",
				cron + "spec.containers[backup].env[APPROVAL_RELAY_CA_FILE].value":  "/secrets/tls/ca.crt",
				cron + "spec.containers[backup].volumeMounts[secret-tls].mountPath": "/secrets/tls",
			},
		},
		"backups without a place": {
			values:  `backup: {enabled: true}`,
			refused: "backup.enabled needs backup.to and backup.tokenSecret.name",
		},
		"backups of a table": {
			values:  several + `backup: {enabled: true, to: "s3://copies", tokenSecret: {name: relay}}`,
			refused: "backup.enabled is for SQLite",
		},
	}
}

func ofSecrets() map[string]combination {
	return map[string]combination{
		"webhook channel by reference": {
			values: `config: {channels: {hook: {webhook: {url: "${HOOK_URL}"}}, other: {webhook: {url: {file: /secrets/relay/hook}}}}}`,
			want:   map[string]any{"ConfigMap/relay-approval-relay:kind": "ConfigMap"},
		},
		"webhook channel in plain text": {
			values:  `config: {channels: {hook: {webhook: {url: "https://hooks.example.com/T000/B000/XXXX"}}}}`,
			refused: "at '/config/channels/hook/webhook/url'",
		},
		"headers of a channel in plain text": {
			values:  `config: {channels: {hook: {webhook: {url: "${HOOK_URL}", headers: {Authorization: Bearer abc}}}}}`,
			refused: "at '/config/channels/hook/webhook/headers/Authorization'",
		},
		"address with a password": {
			values:  `config: {tracing: {endpoint: "https://relay:hunter2@traces.example.com"}}`,
			refused: "at '/config/tracing/endpoint'",
		},
		"variable that is a secret": {
			values:  `env: {SMTP_PASSWORD: hunter2}`,
			refused: "at '/env/SMTP_PASSWORD'",
		},
		"variable of the list that is a secret": {
			values:  `extraEnv: [{name: SLACK_BOT_TOKEN, value: xoxb-1}]`,
			refused: "at '/extraEnv/0'",
		},
		"token of a role in plain text": {
			values:  `config: {operator: {tokens: {prometheus: {token: hunter2-hunter2-hunter2, role: metrics}}}}`,
			refused: "at '/config/operator/tokens/prometheus/token'",
		},
		"operator's client secret in plain text": {
			values:  `config: {operator: {oidc: {client_secret: hunter2}}}`,
			refused: "at '/config/operator/oidc/client_secret'",
		},
		"password of the database in plain text": {
			values: `config: {store: {postgres: {url: "${DATABASE_URL}", password: hunter2}}, keys: {file: /secrets/relay-keys/keys}}
secretFiles: [relay-keys]`,
			refused: "at '/config/store/postgres/password'",
		},
		"URL of the database with its password in plain text": {
			values: `config: {store: {postgres: {url: "postgres://relay:hunter2@db/relay"}}, keys: {file: /secrets/relay-keys/keys}}
secretFiles: [relay-keys]`,
			refused: "at '/config/store/postgres/url'",
		},
		"database without an address": {
			values:  `config: {store: {postgres: {iam: {}}}, keys: {file: /secrets/relay-keys/keys}}`,
			refused: "missing property 'url'",
		},
		"keys that each pod of a database would make": {
			values:  `config: {store: {postgres: {url: "${DATABASE_URL}"}}}`,
			refused: "at '/config/keys/file'",
		},
		"backups of a database": {
			values: `config: {store: {postgres: {url: "${DATABASE_URL}"}}, keys: {file: /secrets/relay-keys/keys}}
secretFiles: [relay-keys]
envFrom: [{secretRef: {name: relay}}]
backup: {enabled: true, to: "s3://copies", tokenSecret: {name: relay}}`,
			refused: "backup.enabled is for SQLite",
		},
		"keys that each pod would make": {
			values:  `config: {store: {dynamodb: {table: orders-approvals}}}`,
			refused: "at '/config/keys/file'",
		},
	}
}
