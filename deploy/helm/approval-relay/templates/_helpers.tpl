{{- define "approval-relay.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Not empty where several workers may live: with DynamoDB or PostgreSQL. */ -}}
{{- define "approval-relay.several" -}}
{{- if or .Values.config.store.dynamodb .Values.config.store.postgres -}}yes{{- end -}}
{{- end -}}

{{- define "approval-relay.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The pods that make backups: not those that Services and the network policy select. */ -}}
{{- define "approval-relay.backupSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-backup
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The operator address inside the cluster. */ -}}
{{- define "approval-relay.operatorUrl" -}}
{{- $scheme := .Values.config.operator.tls | empty | ternary "http" "https" -}}
{{- printf "%s://%s-operator.%s.svc:9090" $scheme (include "approval-relay.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "approval-relay.labels" -}}
{{ include "approval-relay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The metadata of an object: (list $ suffix labels annotations). The labels and annotations of the object itself win
over the common ones. */ -}}
{{- define "approval-relay.metadata" -}}
{{- $root := index . 0 -}}
{{- $labels := mustMerge (dict) (index . 2 | default dict) (include "approval-relay.labels" $root | fromYaml) -}}
{{- $annotations := mustMerge (dict) (index . 3 | default dict) ($root.Values.commonAnnotations | default dict) -}}
name: {{ printf "%s%s" (include "approval-relay.fullname" $root) (index . 1) | trunc 63 | trimSuffix "-" }}
namespace: {{ $root.Release.Namespace }}
labels: {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The public routes that people, senders and probes from outside call. */ -}}
{{- define "approval-relay.publicPaths" -}}
/.well-known /a /assets /healthz /s /signin /slack /teams /webhooks
{{- end -}}

{{- define "approval-relay.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "approval-relay.fullname" . -}}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{- define "approval-relay.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* The parts of the configuration that a worker reads at its start only: all of it without reloads. The refusals of
`POST /-/reload` name the same parts. */ -}}
{{- define "approval-relay.restartConfig" -}}
{{- if .Values.configReload.interval -}}
{{- $parts := pick .Values.config "public" "operator" "store" "keys" "aws" "tracing" "shutdown" "unmatched" "decisions" -}}
{{- $queues := dict -}}
{{- range $name, $workflow := .Values.config.workflows | default dict -}}
{{- $_ := set $queues $name (dig "requests" "sqs" dict ($workflow | default dict)) -}}
{{- end -}}
{{- $_ := set $parts "queues" $queues -}}
{{- toYaml $parts -}}
{{- else -}}
{{- toYaml .Values.config -}}
{{- end -}}
{{- end -}}

{{- /* What happens before SIGTERM: of the values, or a pause of ten seconds in which Services and load balancers learn that
the pod goes, while it still serves. One worker alone would only be away for longer. */ -}}
{{- define "approval-relay.lifecycle" -}}
{{- $pause := and (include "approval-relay.several" .) (not .Values.config.shutdown.delay) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- if not (kindIs "invalid" .Values.lifecycle) -}}
{{- toYaml .Values.lifecycle -}}
{{- else if $pause -}}
{{- dict "preStop" (dict "sleep" (dict "seconds" 10)) | toYaml -}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{- /* What the pod needs from SIGTERM to its end: the hook before it, shutdown.delay, shutdown.timeout; then SQLite's log is
folded in. */ -}}
{{- define "approval-relay.grace" -}}
{{- $shutdown := .Values.config.shutdown -}}
{{- $hook := dig "preStop" "sleep" "seconds" 0 (include "approval-relay.lifecycle" . | fromYaml) | int -}}
{{- $needed := add (trimSuffix "s" $shutdown.timeout | int) (trimSuffix "s" ($shutdown.delay | default "0s") | int) $hook -}}
{{- $given := .Values.terminationGracePeriodSeconds | default 0 | int -}}
{{- if and $given (lt $given (add $needed 10 | int)) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d: preStop, shutdown.delay and shutdown.timeout need %d s, and 10 s more for the end" $given $needed) -}}
{{- end -}}
{{- $given | default (add $needed 15) -}}
{{- end -}}

{{- /* The spread over zones and nodes: of the values, or soft for several workers. A constraint without a selector is about
the pods of this release. */ -}}
{{- define "approval-relay.spread" -}}
{{- $constraints := .Values.topologySpreadConstraints -}}
{{- if and (kindIs "invalid" $constraints) (include "approval-relay.several" .) -}}
{{- $constraints = list -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" -}}
{{- $constraints = append $constraints (dict "maxSkew" 1 "topologyKey" $key "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- end -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "approval-relay.selector" . | fromYaml)) -}}
{{- range $constraints }}
- {{ mustMerge (dict) . $selector | toYaml | nindent 2 | trim }}
{{- end }}
{{- end -}}

{{- /* How a probe asks for a path of the operator's address. With mTLS the kubelet cannot ask itself: the program does, with
the certificate that APPROVAL_RELAY_CERT_FILE and APPROVAL_RELAY_KEY_FILE name in env. */ -}}
{{- define "approval-relay.probe" -}}
{{- $root := index . 0 -}}
{{- $path := index . 1 -}}
{{- $tls := $root.Values.config.operator.tls -}}
{{- if not $tls -}}
httpGet: {path: {{ $path }}, port: operator}
{{- else if eq (default (ternary "required" "none" (hasKey $tls "client_ca")) $tls.client_auth) "required" -}}
exec:
  command: [/approval-relay, check, health, "--url=https://127.0.0.1:9090", --insecure{{ if eq $path "/readyz" }}, --ready{{ end }}]
{{- else -}}
httpGet: {path: {{ $path }}, port: operator, scheme: HTTPS}
{{- end -}}
{{- end -}}
