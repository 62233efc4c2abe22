{{- /* Refuses values that make manifests which Kubernetes refuses, or pods that never start. Each says its reason. */ -}}
{{- define "approval-relay.checks" -}}
{{- include "approval-relay.checkNames" . -}}
{{- include "approval-relay.checkMounts" . -}}
{{- include "approval-relay.checkScaling" . -}}
{{- include "approval-relay.checkScrapes" . -}}
{{- $user := .Values.podSecurityContext | default dict -}}
{{- if and $user.runAsNonRoot (hasKey $user "runAsUser") (eq (toString $user.runAsUser) "0") -}}
{{- fail "podSecurityContext.runAsUser is 0 and runAsNonRoot is true: such a pod never starts" -}}
{{- end -}}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
{{- fail "service.nodePort is for service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- end -}}

{{- /* Services begin with a letter; containers and volumes have a name of their own. */ -}}
{{- define "approval-relay.checkNames" -}}
{{- if not (regexMatch "^[a-z]" (include "approval-relay.fullname" .)) -}}
{{- fail "the name of a Service begins with a letter: set fullnameOverride" -}}
{{- end -}}
{{- $names := list -}}
{{- range concat (.Values.extraContainers | default list) (.Values.initContainers | default list) -}}
{{- if has .name $names -}}
{{- fail (printf "two containers have the name %s" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $names = list -}}
{{- range .Values.extraVolumes -}}
{{- if has .name $names -}}
{{- fail (printf "two of extraVolumes have the name %s" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}

{{- /* Each mount has its volume and a place of its own. */ -}}
{{- define "approval-relay.checkMounts" -}}
{{- $volumes := list "data" "config" -}}
{{- $paths := list -}}
{{- range .Values.secretFiles -}}
{{- $volumes = append $volumes (printf "secret-%s" .) -}}
{{- $paths = append $paths (printf "/secrets/%s" .) -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- $path := trimSuffix "/" .mountPath -}}
{{- if not (has .name $volumes) -}}
{{- fail (printf "extraVolumeMounts: no volume has the name %s" .name) -}}
{{- end -}}
{{- if has $path $paths -}}
{{- fail (printf "two volumes are mounted at %s" $path) -}}
{{- end -}}
{{- $paths = append $paths $path -}}
{{- end -}}
{{- end -}}

{{- /* The folders below /secrets that the configuration names, and that nothing mounts. */ -}}
{{- define "approval-relay.unmounted" -}}
{{- $paths := list -}}
{{- range .Values.secretFiles -}}
{{- $paths = append $paths (printf "/secrets/%s/" .) -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- $paths = append $paths (printf "%s/" (trimSuffix "/" .mountPath)) -}}
{{- end -}}
{{- range regexFindAll "\"/secrets/[^/\"]+/" (toJson .Values.config) -1 | uniq -}}
{{- $folder := trimPrefix "\"" . -}}
{{- $mounted := false -}}
{{- range $paths -}}
{{- $mounted = or $mounted (hasPrefix . $folder) (hasPrefix $folder .) -}}
{{- end -}}
{{- if not $mounted }} {{ $folder }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "approval-relay.checkScaling" -}}
{{- $scaling := .Values.autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- $cpu := or (dig "requests" "cpu" "" .Values.resources) (dig "limits" "cpu" "" .Values.resources) -}}
{{- if and $scaling.enabled (not $scaling.queues) (not $cpu) -}}
{{- fail "autoscaling by CPU needs resources.requests.cpu" -}}
{{- end -}}
{{- $none := list "0" "0%" -}}
{{- with .Values.rollingUpdate -}}
{{- if and (has (toString .maxUnavailable) $none) (has (toString .maxSurge) $none) -}}
{{- fail "rollingUpdate: maxUnavailable and maxSurge are both 0, so that no pod can be replaced" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "approval-relay.checkScrapes" -}}
{{- with .Values.serviceMonitor -}}
{{- if .enabled -}}
{{- if not (or $.Values.config.operator.open_metrics .authorization (dig "cert" "" .tlsConfig)) -}}
{{- fail "config.operator.open_metrics is false: serviceMonitor.authorization must name the Secret with a token of the role metrics" -}}
{{- end -}}
{{- if .scrapeTimeout -}}
{{- if gt (include "approval-relay.milliseconds" .scrapeTimeout | int) (include "approval-relay.milliseconds" .interval | int) -}}
{{- fail "serviceMonitor.scrapeTimeout is longer than serviceMonitor.interval" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Of a duration with a single unit. */ -}}
{{- define "approval-relay.milliseconds" -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "ms" . -}}{{- $number -}}
{{- else if hasSuffix "s" . -}}{{- mul $number 1000 -}}
{{- else -}}{{- mul $number 60000 -}}
{{- end -}}
{{- end -}}

{{- /* Variables as in a pod's spec: (list ours theirs). One of theirs replaces ours of the same name. */ -}}
{{- define "approval-relay.env" -}}
{{- $theirs := index . 1 | default list -}}
{{- $names := list -}}
{{- range $theirs -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range index . 0 }}
{{- if not (has .name $names) }}
- {{ toJson . }}
{{- end }}
{{- end }}
{{- with $theirs }}
{{ toYaml . }}
{{- end }}
{{- end -}}
