{{- /* The pod of a worker: of a StatefulSet with SQLite, of a Deployment with DynamoDB. */ -}}
{{- define "approval-relay.pod" -}}
metadata:
  labels:
    {{- include "approval-relay.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of these parts replaces the pod; the worker reloads all others by itself.
    checksum/config: {{ include "approval-relay.restartConfig" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "approval-relay.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # shutdown.timeout is from SIGTERM to the end at the latest; then SQLite's log is folded in.
  terminationGracePeriodSeconds: {{ add (trimSuffix "s" .Values.config.shutdown.timeout | int) 15 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: approval-relay
      image: {{ include "approval-relay.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [run, --config.file=/etc/approval-relay/relay.yaml{{ with .Values.configReload.interval }}, --config.watch={{ . }}{{ end }}]
      workingDir: /data # where the command line finds the operator's token: kubectl exec … /approval-relay requests
      {{- with .Values.env }}
      env:
        {{- range $name, $value := . }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
      {{- end }}
      {{- with .Values.envFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: public, containerPort: 8080}
        - {name: operator, containerPort: 9090}
      # It listens once the database is open. After a crash with a large log on a
      # slow disk that takes longer than usual: five minutes.
      startupProbe:
        {{- include "approval-relay.probe" (list . "/healthz") | nindent 8 }}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 150
      # Fails when no sweep has ended for two minutes: the store hangs.
      livenessProbe:
        {{- include "approval-relay.probe" (list . "/healthz") | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # Makes a durable commit, and gives the store 3 s for it.
      readinessProbe:
        {{- include "approval-relay.probe" (list . "/readyz") | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 2
      {{- with .Values.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: config, mountPath: /etc/approval-relay, readOnly: true}
        {{- range .Values.secretFiles }}
        - {name: secret-{{ . }}, mountPath: /secrets/{{ . }}, readOnly: true}
        {{- end }}
  volumes:
    {{- if include "approval-relay.several" . }}
    - name: data # the operator's token of this pod, for the command line in it
      emptyDir: {sizeLimit: 1Mi}
    {{- end }}
    - name: config
      configMap: {name: {{ include "approval-relay.fullname" . }}}
    {{- range .Values.secretFiles }}
    - name: secret-{{ . }}
      secret: {secretName: {{ . }}, defaultMode: 0440} # the program refuses keys that everybody can read
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if include "approval-relay.several" . }}
  topologySpreadConstraints:
    {{- range $where := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $where }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "approval-relay.selector" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end -}}
