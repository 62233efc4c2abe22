package deploy

// ofOverrides are values that replace the chart's own, or take them away.
func ofOverrides() map[string]combination {
	return map[string]combination{
		"variable of the list replaces the chart's": {
			values: `extraEnv: [{name: GOMEMLIMIT, value: 400MiB}, {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]`,
			want: map[string]any{
				worker + "env[0]": "map[name:GOMEMLIMIT value:400MiB]", worker + "env[1].name": "A", worker + "env[2]": nil,
				check + "env[GOMEMLIMIT].value": "400MiB",
			},
		},
		"numbers and truths as variables": {
			values: `env: {A: 1, B: true, C: 12345678}`,
			want:   map[string]any{worker + "env[A].value": "1", worker + "env[B].value": "true", worker + "env[C].value": "12345678"},
		},
		"region of one's own for backups": {
			values: `
config: {aws: {region: eu-west-1}}
backup: {enabled: true, to: "s3://copies", tokenSecret: {name: relay}, extraEnv: [{name: AWS_REGION, value: us-east-1}]}`,
			want: map[string]any{
				cron + "spec.containers[backup].env[AWS_REGION].value": "us-east-1", cron + "spec.containers[backup].env[5]": nil,
			},
		},
		"keys from the environment": {
			values: "config: {keys: {file: null, env: RELAY_KEYS}}\nenvFrom: [{secretRef: {name: keys}}]",
			want:   map[string]any{worker + "envFrom[0].secretRef.name": "keys"},
		},
		"keys of several workers from Secrets Manager": {
			values: `config: {store: {dynamodb: {table: orders-approvals}}, keys: {file: null, secrets_manager: {secret: relay/keys, region: eu-west-1}}}`,
			want:   map[string]any{"Deployment:spec.replicas": 2},
		},
		"several workers on PostgreSQL": {
			values: `
config:
  store: {postgres: {url: "postgres://relay:${DATABASE_PASSWORD}@db.example.com:6432/relay", connections: 4}}
  keys: {file: /secrets/relay-keys/approval-relay.keys}
secretFiles: [relay-keys]
envFrom: [{secretRef: {name: relay-database}}]
networkPolicy: {postgresPort: 6432}
replicas: 4`,
			want: map[string]any{
				"Deployment:spec.replicas":                   4,
				"NetworkPolicy:spec.egress[2].ports[0].port": 6432,
			},
		},
		"no port of PostgreSQL without it": {
			values: `replicas: 1`,
			want:   map[string]any{"NetworkPolicy:spec.egress[2].ports[0].port": 80},
		},
		"lists and maps that are taken away": {
			values: `{extraEnv: null, envFrom: null, extraEnvFrom: null, secretFiles: null, extraVolumes: null, extraVolumeMounts: null,
extraContainers: null, initContainers: null, podLabels: null, commonLabels: null, affinity: null, extraObjects: null}`,
			want: map[string]any{worker + "envFrom": nil, pod + "initContainers": nil},
		},
		"the longest name with backups": {
			values: `
fullnameOverride: a-name-that-leaves-room-for-what-the-chart-appends12
backup: {enabled: true, to: "s3://copies", tokenSecret: {name: relay}}`,
			want: map[string]any{"CronJob:metadata.name": "a-name-that-leaves-room-for-what-the-chart-ap-backup"},
		},
		"volume that was made by hand": {
			values: `persistence: {storageClassName: "-"}`,
			want:   map[string]any{"StatefulSet:spec.volumeClaimTemplates[0].spec.storageClassName": ""},
		},
		"address in capitals and a host twice": {
			values: `
config: {public: {url: "https://Approve.Example.com:8443"}}
ingress: {enabled: true, extraHosts: [approve.example.com]}
httpRoute: {enabled: true, parentRefs: [{name: public}]}`,
			want: map[string]any{
				"Ingress:spec.rules[0].host": "approve.example.com", "Ingress:spec.rules[1]": nil,
				"HTTPRoute:spec.hostnames": "[approve.example.com]",
			},
		},
		"files below a mounted folder": {
			values: `
config: {keys: {file: /secrets/csi/relay.keys}}
extraVolumes: [{name: csi, csi: {driver: secrets-store.csi.k8s.io}}]
extraVolumeMounts: [{name: csi, mountPath: /secrets}]`,
			want: map[string]any{worker + "volumeMounts[csi].mountPath": "/secrets"},
		},
		"scrape by certificate": {
			values: `
config: {operator: {open_metrics: false, tls: {certificate: /secrets/tls/tls.crt, key: /secrets/tls/tls.key, client_ca: /secrets/tls/ca.crt}}}
secretFiles: [tls]
serviceMonitor:
  {enabled: true, interval: 1m, scrapeTimeout: 59s, tlsConfig: {cert: {secret: {name: tls, key: tls.crt}}, keySecret: {name: tls, key: tls.key}}}`,
			want: map[string]any{
				"ServiceMonitor:spec.endpoints[0].scheme": "https", worker + "readinessProbe.exec.command[1]": "check",
			},
		},
	}
}

// ofMistakes are values that would make manifests that Kubernetes refuses, or pods that never start.
func ofMistakes() map[string]combination {
	closed := "config: {operator: {open_metrics: false}}\n"
	return refusals(map[string][2]string{
		"two workers on one file":             {`replicas: 2`, "several workers need config.store.dynamodb"},
		"scaling of one file":                 {`autoscaling: {enabled: true}`, "several workers need config.store.dynamodb"},
		"a claim that several nodes mount":    {`persistence: {accessMode: ReadWriteMany}`, "at '/persistence/accessMode'"},
		"database beside the volume":          {`config: {store: {sqlite: /tmp/relay.db}}`, "at '/config/store/sqlite'"},
		"container twice":                     {`extraContainers: [{name: a, image: "x:1"}, {name: a, image: "y:1"}]`, "two containers have the name a"},
		"sidecar with an init name":           {"extraContainers: [{name: a, image: \"x:1\"}]\ninitContainers: [{name: a, image: \"y:1\"}]", "two containers have the name a"},
		"volume twice":                        {`extraVolumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]`, "two of extraVolumes have the name a"},
		"mount of no volume":                  {`extraVolumeMounts: [{name: a, mountPath: /x}]`, "no volume has the name a"},
		"two mounts at one place":             {"secretFiles: [a]\nextraVolumes: [{name: b, emptyDir: {}}]\nextraVolumeMounts: [{name: b, mountPath: /secrets/a/}]", "two volumes are mounted at /secrets/a"},
		"root that must not be root":          {`podSecurityContext: {runAsUser: 0}`, "podSecurityContext.runAsUser is 0"},
		"port of the nodes without them":      {`service: {nodePort: 30080}`, "service.nodePort is for"},
		"name with a digit first":             {`fullnameOverride: 1relay`, "at '/fullnameOverride'"},
		"more at least than at most":          {several + `autoscaling: {enabled: true, minReplicas: 9, maxReplicas: 3}`, "minReplicas is above"},
		"CPU without a request":               {several + "autoscaling: {enabled: true}\nresources: {requests: {cpu: null}}", "needs resources.requests.cpu"},
		"rollout that cannot begin":           {several + `rollingUpdate: {maxUnavailable: 0%, maxSurge: 0}`, "no pod can be replaced"},
		"closed metrics without a token":      {closed + `serviceMonitor: {enabled: true}`, "serviceMonitor.authorization must name"},
		"token of the scrape in plain text":   {`serviceMonitor: {enabled: true, authorization: {credentials: hunter2}}`, "at '/serviceMonitor/authorization/credentials'"},
		"timeout beyond the interval":         {`serviceMonitor: {enabled: true, interval: 15s, scrapeTimeout: 1m}`, "longer than serviceMonitor.interval"},
		"peer with a misspelt selector":       {`networkPolicy: {operatorFrom: [{namespaceselector: {}}]}`, "at '/networkPolicy/operatorFrom/0'"},
		"peer without a selector":             {`networkPolicy: {publicFrom: [{}]}`, "at '/networkPolicy/publicFrom/0'"},
		"label with a space":                  {`commonLabels: {team: a team}`, "at '/commonLabels/team'"},
		"label that is too long":              {`podLabels: {team: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}`, "at '/podLabels/team'"},
		"label that is a number":              {`commonLabels: {cost: 4711}`, "at '/commonLabels/cost'"},
		"tag that is a number":                {`image: {tag: 1.10}`, "at '/image/tag'"},
		"tag in the repository":               {`image: {repository: "registry.local:5000/relay:0.1.0"}`, "at '/image/repository'"},
		"spread of nothing":                   {several + `topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]`, "at '/topologySpreadConstraints/0/maxSkew'"},
		"name of another chart's value":       {`replicaCount: 3`, "additional properties 'replicaCount' not allowed"},
		"misspelt value":                      {`persistence: {accessModes: [ReadWriteOnce]}`, "additional properties 'accessModes' not allowed"},
		"part of the values that is taken":    {`ingress: null`, "missing property 'ingress'"},
		"probe that is taken away":            {`livenessProbe: null`, "missing property 'livenessProbe'"},
		"list in place of a map":              {`resources: [a]`, "at '/resources'"},
		"operator's port on another address":  {`config: {operator: {listen: "127.0.0.1:9090"}}`, "at '/config/operator/listen'"},
		"annotation that is a number":         {`podAnnotations: {a: 1}`, "at '/podAnnotations/a'"},
		"secret file that is no volume name":  {`secretFiles: [relay.keys]`, "at '/secretFiles/0'"},
		"schedule that is none":               {`backup: {schedule: hourly}`, "at '/backup/schedule'"},
		"init container with the worker name": {`initContainers: [{name: approval-relay, image: "y:1"}]`, "at '/initContainers/0/name'"},
	})
}

// refusals are values with a part of their refusal.
func refusals(all map[string][2]string) map[string]combination {
	out := map[string]combination{}
	for name, c := range all {
		out[name] = combination{values: c[0], refused: c[1]}
	}
	return out
}
