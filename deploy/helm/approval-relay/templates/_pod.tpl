{{- /* The pod of a worker: of a StatefulSet with SQLite, of a Deployment with a store that several workers share. */ -}}
{{- define "approval-relay.pod" -}}
metadata:
  labels: {{- mustMerge (dict) (.Values.podLabels | default dict) (include "approval-relay.labels" . | fromYaml) | toYaml | nindent 4 }}
  annotations:
    # A change of these parts replaces the pod; the worker reloads all others by itself.
    checksum/config: {{ include "approval-relay.restartConfig" . | sha256sum }}
    {{- with mustMerge (dict) (.Values.podAnnotations | default dict) (.Values.commonAnnotations | default dict) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "approval-relay.serviceAccount" . }}
  {{- include "approval-relay.podSpec" . | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "approval-relay.grace" . }}
  {{- with .Values.initContainers }}
  initContainers: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: approval-relay
      {{- include "approval-relay.container" . | nindent 6 }}
      args:
        - run
        - --config.file=/etc/approval-relay/relay.yaml
        {{- with .Values.configReload.interval }}
        - --config.watch={{ . }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: public, containerPort: 8080}
        - {name: operator, containerPort: 9090}
      # It listens once the database is open. After a crash with a large log on a slow disk that takes longer than usual.
      startupProbe:
        {{- include "approval-relay.probe" (list . "/healthz") | nindent 8 }}
        {{- toYaml .Values.startupProbe | nindent 8 }}
      # Fails when no sweep has ended for two minutes: the store hangs.
      livenessProbe:
        {{- include "approval-relay.probe" (list . "/healthz") | nindent 8 }}
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      # Makes a durable commit, and gives the store 3 s for it.
      readinessProbe:
        {{- include "approval-relay.probe" (list . "/readyz") | nindent 8 }}
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      {{- with .Values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "approval-relay.lifecycle" . | fromYaml }}
      lifecycle: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- if include "approval-relay.several" . }}
    - name: data # the operator's token of this pod, for the command line in it
      emptyDir: {sizeLimit: 1Mi}
    {{- else if .Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim }}}
    {{- end }}
    {{- include "approval-relay.volumes" (list . "") | nindent 4 }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "approval-relay.spread" . | trim }}
  topologySpreadConstraints:
    {{- . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* What the worker's pod and the one that checks its configuration have in common: fields of the pod's spec. */ -}}
{{- define "approval-relay.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.extraPodSpec }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The same for the container. */ -}}
{{- define "approval-relay.container" -}}
image: {{ include "approval-relay.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
workingDir: /data # where the command line finds the operator's token: kubectl exec … /approval-relay requests
{{- with .Values.containerSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- $env := list -}}
{{- range $name, $value := .Values.env -}}
{{- if and (kindIs "float64" $value) (eq (int64 $value | float64) $value) -}}
{{- $value = int64 $value -}}{{- /* 12345678, not 1.2345678e+07 */ -}}
{{- end -}}
{{- $env = append $env (dict "name" $name "value" (toString $value)) -}}
{{- end -}}
{{- with include "approval-relay.env" (list $env .Values.extraEnv) | trim }}
env: {{- . | nindent 2 }}
{{- end }}
{{- with concat (.Values.envFrom | default list) (.Values.extraEnvFrom | default list) }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: config, mountPath: /etc/approval-relay, readOnly: true}
  {{- range .Values.secretFiles }}
  - {name: secret-{{ . }}, mountPath: /secrets/{{ . }}, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* The volumes beside the data: (list $ suffix), with the suffix of the ConfigMap's name. */ -}}
{{- define "approval-relay.volumes" -}}
{{- $root := index . 0 -}}
- name: config
  configMap: {name: {{ include "approval-relay.fullname" $root }}{{ index . 1 }}}
{{- range $root.Values.secretFiles }}
- name: secret-{{ . }}
  secret: {secretName: {{ . }}, defaultMode: 0440} # the program refuses keys that everybody can read
{{- end }}
{{- with $root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
