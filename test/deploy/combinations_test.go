package deploy

import "maps"

// combination is a set of values beside the chart's own, and what the chart makes of it.
type combination struct {
	values  string
	want    map[string]any // values by their path, see at
	refused string         // part of the refusal
}

// several are the values of workers that share a table.
const several = `
config: {store: {dynamodb: {table: orders-approvals}}, keys: {file: /secrets/relay-keys/approval-relay.keys}}
secretFiles: [relay-keys]
`

const (
	pod    = "StatefulSet:spec.template.spec."
	worker = pod + "containers[approval-relay]."
	check  = "Job:spec.template.spec.containers[check]."
)

// combinations are those of teams that add things of their own to each workload, and mistakes that the chart refuses.
func combinations() map[string]combination {
	all := map[string]combination{}
	for _, part := range []map[string]combination{
		ofEnvironment(), ofVolumes(), ofSecurity(), ofPlacement(), ofNames(), ofNetwork(), ofMonitoring(), ofLife(), ofSecrets(), ofBackups(),
		ofOverrides(), ofMistakes(),
	} {
		maps.Copy(all, part)
	}
	return all
}

func ofEnvironment() map[string]combination {
	return map[string]combination{
		"variable from a secret": {
			values: `extraEnv: [{name: SMTP_PASSWORD, valueFrom: {secretKeyRef: {name: relay, key: smtp}}}]`,
			want: map[string]any{
				worker + "env[SMTP_PASSWORD].valueFrom.secretKeyRef.key": "smtp",
				worker + "env[GOMEMLIMIT].value":                         "180MiB",
				check + "env[SMTP_PASSWORD].valueFrom.secretKeyRef.name": "relay",
			},
		},
		"variable from the pod": {
			values: `extraEnv: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]`,
			want:   map[string]any{worker + "env[NODE].valueFrom.fieldRef.fieldPath": "spec.nodeName"},
		},
		"no variables": {
			values: `env: null`,
			want:   map[string]any{worker + "env": nil},
		},
		"variables of two files": {
			values: "envFrom: [{secretRef: {name: relay}}]\nextraEnvFrom: [{configMapRef: {name: proxy}, prefix: P_}]",
			want: map[string]any{
				worker + "envFrom[0].secretRef.name":    "relay",
				worker + "envFrom[1].configMapRef.name": "proxy",
				check + "envFrom[1].prefix":             "P_",
			},
		},
		"sidecar": {
			values: `
extraContainers:
  - {name: litestream, image: "litestream/litestream:0.3.13", args: [replicate], volumeMounts: [{name: data, mountPath: /data}]}
initContainers:
  - {name: proxy, image: "example/proxy:1.0.0", restartPolicy: Always}
extraArgs: [--config.watch=1m]`,
			want: map[string]any{
				pod + "containers[0].name":                        "approval-relay",
				pod + "containers[litestream].volumeMounts[data]": map[string]any{"name": "data", "mountPath": "/data"},
				pod + "initContainers[proxy].restartPolicy":       "Always",
				worker + "args[3]":                                "--config.watch=1m",
				"Job:spec.template.spec.initContainers":           nil,
			},
		},
		"container with the worker's name": {
			values:  `extraContainers: [{name: approval-relay, image: "example/other:1.0.0"}]`,
			refused: "at '/extraContainers/0/name'",
		},
		"configuration is not checked": {
			values: `checkConfig: {enabled: false}`,
			want:   map[string]any{"Job:kind": nil},
		},
		"configuration is checked strictly": {
			values: "checkConfig: {strict: true, serviceAccountName: checker}\nconfigReload: {interval: ''}",
			want: map[string]any{
				check + "args":                              "[check config --strict /etc/approval-relay/relay.yaml]",
				"Job:metadata.annotations[helm.sh/hook]":    "pre-upgrade",
				"Job:spec.template.spec.serviceAccountName": "checker",
				worker + "args":                             "[run --config.file=/etc/approval-relay/relay.yaml]",
			},
		},
		"objects of one's own": {
			values: `
extraObjects:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: approvals}, data: {a: b}}
  - |
    apiVersion: v1
    kind: Secret
    metadata: {name: "{{ .Release.Name }}-extra", namespace: approvals}`,
			want: map[string]any{"ConfigMap/extra:data.a": "b", "Secret:metadata.name": "relay-extra"},
		},
	}
}

func ofVolumes() map[string]combination {
	return map[string]combination{
		"projected token for AWS": {
			values: `
extraEnv:
  - {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /var/run/aws/token}
  - {name: AWS_ROLE_ARN, value: "arn:aws:iam::111122223333:role/relay"}
extraVolumes:
  - {name: aws, projected: {sources: [{serviceAccountToken: {audience: sts.amazonaws.com, path: token}}]}}
extraVolumeMounts: [{name: aws, mountPath: /var/run/aws, readOnly: true}]`,
			want: map[string]any{
				pod + "volumes[aws].projected.sources[0].serviceAccountToken.path": "token",
				worker + "volumeMounts[aws].mountPath":                             "/var/run/aws",
			},
		},
		"authorities of certificates": {
			values: `
env: {SSL_CERT_DIR: /etc/ssl/ours}
extraVolumes: [{name: ca, configMap: {name: ca-bundle}}]
extraVolumeMounts: [{name: ca, mountPath: /etc/ssl/ours}]`,
			want: map[string]any{
				pod + "volumes[ca].configMap.name":       "ca-bundle",
				check + "volumeMounts[ca].mountPath":     "/etc/ssl/ours",
				worker + "env[SSL_CERT_DIR].value":       "/etc/ssl/ours",
				worker + "env[GOMEMLIMIT].value":         "180MiB",
				worker + "volumeMounts[config].readOnly": true,
			},
		},
		"secrets of a CSI driver": {
			values: `
config: {keys: {file: /mnt/secrets/relay.keys}, operator: {tokens: {ops: {file: /mnt/secrets/ops}}}}
extraVolumes: [{name: csi, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: relay}}}]
extraVolumeMounts: [{name: csi, mountPath: /mnt/secrets, readOnly: true}]`,
			want: map[string]any{pod + "volumes[csi].csi.driver": "secrets-store.csi.k8s.io"},
		},
		"volume with the name of the data": {
			values:  `extraVolumes: [{name: data, emptyDir: {}}]`,
			refused: "at '/extraVolumes/0/name'",
		},
		"mount over the data": {
			values:  `extraVolumeMounts: [{name: other, mountPath: /data}]`,
			refused: "at '/extraVolumeMounts/0/mountPath'",
		},
		"claim of one's own": {
			values: `persistence: {existingClaim: relay-data}`,
			want: map[string]any{
				pod + "volumes[data].persistentVolumeClaim.claimName": "relay-data",
				"StatefulSet:spec.volumeClaimTemplates":               nil,
			},
		},
		"claim of the chart": {
			values: `persistence: {storageClassName: gp3, size: 50Gi, annotations: {backup: daily}}`,
			want: map[string]any{
				"StatefulSet:spec.volumeClaimTemplates[0].spec.storageClassName":           "gp3",
				"StatefulSet:spec.volumeClaimTemplates[0].spec.resources.requests.storage": "50Gi",
				"StatefulSet:spec.volumeClaimTemplates[0].metadata.annotations.backup":     "daily",
				pod + "volumes[data]": nil,
			},
		},
		"a table needs no claim": {
			values: several + `persistence: {existingClaim: relay-data}`,
			want: map[string]any{
				"Deployment:spec.template.spec.volumes[data].emptyDir.sizeLimit": "1Mi",
				"StatefulSet:kind": nil,
			},
		},
	}
}

func ofSecurity() map[string]combination {
	return map[string]combination{
		"OpenShift": {
			values: `podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}`,
			want: map[string]any{
				pod + "securityContext.runAsUser":                      nil,
				pod + "securityContext.fsGroup":                        nil,
				pod + "securityContext.runAsNonRoot":                   true,
				worker + "securityContext.readOnlyRootFilesystem":      true,
				"Job:spec.template.spec.securityContext.runAsUser":     nil,
				"Job:spec.template.spec.securityContext.runAsNonRoot":  true,
				"Job:spec.template.spec.automountServiceAccountToken":  false,
				"Job:spec.template.spec.containers[0].securityContext": "map[allowPrivilegeEscalation:false capabilities:map[drop:[ALL]] readOnlyRootFilesystem:true]",
			},
		},
		"no security contexts": {
			values: "podSecurityContext: null\ncontainerSecurityContext: null",
			want:   map[string]any{pod + "securityContext": nil, worker + "securityContext": nil},
		},
		"user of one's own": {
			values: `podSecurityContext: {runAsUser: 1000, fsGroup: 2000, supplementalGroups: [3000]}`,
			want: map[string]any{
				pod + "securityContext.runAsUser":             1000,
				pod + "securityContext.supplementalGroups[0]": 3000,
				pod + "securityContext.seccompProfile.type":   "RuntimeDefault",
			},
		},
		"security of the container": {
			values: `containerSecurityContext: {seLinuxOptions: {level: "s0:c123,c456"}}`,
			want:   map[string]any{worker + "securityContext.seLinuxOptions.level": "s0:c123,c456"},
		},
		"account of one's own": {
			values: `serviceAccount: {create: false, name: shared}`,
			want: map[string]any{
				pod + "serviceAccountName":                  "shared",
				"Job:spec.template.spec.serviceAccountName": "shared",
				"ServiceAccount:kind":                       nil,
			},
		},
		"account with a label": {
			values: `serviceAccount: {labels: {azure.workload.identity/use: "true"}, annotations: {a: b}}`,
			want: map[string]any{
				"ServiceAccount:metadata.labels[azure.workload.identity/use]": "true",
				"ServiceAccount:metadata.annotations.a":                       "b",
				"ServiceAccount:metadata.name":                                "relay-approval-relay",
			},
		},
	}
}

func ofPlacement() map[string]combination {
	return map[string]combination{
		"spread of several workers": {
			values: several,
			want: map[string]any{
				"Deployment:spec.template.spec.topologySpreadConstraints[1].topologyKey": "kubernetes.io/hostname",
				"Deployment:spec.replicas": 2,
			},
		},
		"spread of one's own": {
			values: several + `topologySpreadConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]`,
			want: map[string]any{
				"Deployment:spec.template.spec.topologySpreadConstraints[0].maxSkew":                   2,
				"Deployment:spec.template.spec.topologySpreadConstraints[1].topologyKey":               nil,
				"Deployment:spec.template.spec.topologySpreadConstraints[0].labelSelector.matchLabels": "map[app.kubernetes.io/instance:relay app.kubernetes.io/name:approval-relay]",
			},
		},
		"no spread": {
			values: several + `topologySpreadConstraints: []`,
			want:   map[string]any{"Deployment:spec.template.spec.topologySpreadConstraints": nil},
		},
		"other fields of the pod": {
			values: `extraPodSpec: {dnsConfig: {options: [{name: ndots, value: "1"}]}, runtimeClassName: gvisor, hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]}`,
			want:   map[string]any{pod + "runtimeClassName": "gvisor", pod + "dnsConfig.options[ndots].value": "1"},
		},
		"field of the pod with a value of its own": {
			values:  `extraPodSpec: {serviceAccountName: other}`,
			refused: "at '/extraPodSpec/serviceAccountName'",
		},
		"nodes": {
			values: `{nodeSelector: {kubernetes.io/arch: arm64}, tolerations: [{operator: Exists}], priorityClassName: high, affinity: {podAntiAffinity: {}}, resources: {limits: {cpu: 2}}}`,
			want: map[string]any{
				pod + "priorityClassName":                                       "high",
				"Job:spec.template.spec.nodeSelector":                           "map[kubernetes.io/arch:arm64]",
				pod + "tolerations[0].operator":                                 "Exists",
				worker + "resources.limits.cpu":                                 2,
				worker + "resources.limits.memory":                              "512Mi",
				"Job:spec.template.spec.containers[check].resources.limits.cpu": 2,
				"Job:spec.template.spec.restartPolicy":                          "Never",
			},
		},
	}
}
