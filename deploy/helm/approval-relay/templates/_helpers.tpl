{{- define "approval-relay.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Not empty where several workers may live: with DynamoDB. */ -}}
{{- define "approval-relay.several" -}}
{{- if .Values.config.store.dynamodb -}}yes{{- end -}}
{{- end -}}

{{- define "approval-relay.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "approval-relay.labels" -}}
{{ include "approval-relay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
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
