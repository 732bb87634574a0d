{{/*
The pod that every chart of the suite renders, its names and labels. A chart brings its own "connectors.PART.env", "connectors.PART.volumes",
"connectors.PART.volumeMounts", "connectors.PART.strategy" and "connectors.PART.kedaTriggers" in _service.tpl, where PART is what "connectors.part" says:
all charts below one parent share their names of templates, and the last one of a name counts.
*/}}

{{/* Which of our charts this is. An alias that a parent gives it changes its name, and leaves its annotations. */}}
{{- define "connectors.part" -}}
{{- index .Chart.Annotations "connectors/part" -}}
{{- end -}}

{{- define "connectors.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "connectors.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "connectors.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" (.Release.Name | trunc (int (sub 62 (len $name))) | trimSuffix "-") $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A name as a Service may have it, "suffix" included: it begins with a letter, has no dots and at most 63 letters. A release's name may begin with a digit
and have dots.
*/}}
{{- define "connectors.dnsLabel" -}}
{{- $name := .name | replace "." "-" -}}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "r-%s" $name }}{{ end -}}
{{- printf "%s%s" ($name | trunc (int (sub 63 (len .suffix))) | trimAll "-") .suffix -}}
{{- end -}}

{{- define "connectors.selector" -}}
app.kubernetes.io/name: {{ include "connectors.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "connectors.labels" -}}
{{ include "connectors.selector" . }}
app.kubernetes.io/component: {{ include "connectors.part" . }}
app.kubernetes.io/part-of: openfaas
app.kubernetes.io/version: {{ include "connectors.labelValue" .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ include "connectors.labelValue" (printf "%s-%s" .Chart.Name .Chart.Version) | quote }}
{{- end -}}

{{/* A version may have a + with more behind it, as what Flux installs has; a label's value may not. */}}
{{- define "connectors.labelValue" -}}
{{- . | replace "+" "_" | trunc 63 | trimAll "-_." -}}
{{- end -}}

{{- define "connectors.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "connectors.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* What every service of the suite is told. */}}
{{- define "connectors.commonEnv" -}}
- name: bind_address
  value: "*"
- name: metrics_port
  value: {{ include "connectors.text" .Values.metricsPort | quote }}
- name: debug
  value: {{ .Values.logs.debug | quote }}
- name: log_encoding
  value: {{ .Values.logs.format | quote }}
- name: grace_period
  value: {{ include "connectors.text" .Values.gracePeriod | quote }}
{{- end -}}

{{/* A value as text: numbers of a values file are floats, which from a million on would be written with an exponent. */}}
{{- define "connectors.text" -}}
{{- if kindIs "float64" . }}{{ toJson . }}{{ else if not (kindIs "invalid" .) }}{{ . }}{{ end -}}
{{- end -}}

{{/* A map as labels or annotations want it: every value a string. A null takes back what an earlier values file said. */}}
{{- define "connectors.strings" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $name | quote }}: {{ include "connectors.text" $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
An object of Kubernetes that the values hold, as YAML. A variable's, sysctl's or toleration's value, an expression's values and labels are strings there, and
a bare true or 1 would be refused.
*/}}
{{- define "connectors.object" -}}
{{- $copy := deepCopy . -}}
{{- include "connectors.settle" $copy -}}
{{- toYaml $copy -}}
{{- end -}}

{{- define "connectors.settle" -}}
{{- if kindIs "slice" . -}}
{{- range . }}{{ include "connectors.settle" . }}{{ end -}}
{{- else if kindIs "map" . -}}
{{- $object := . -}}
{{- range $name, $value := . -}}
{{- if and (has $name (list "matchLabels" "labels" "annotations" "volumeAttributes")) (kindIs "map" $value) -}}
{{- range $label, $text := $value }}{{ $_ := set $value $label (include "connectors.text" $text) }}{{ end -}}
{{- else if and (eq $name "values") (kindIs "slice" $value) -}}
{{- $texts := list -}}
{{- range $value }}{{ $texts = append $texts (include "connectors.text" .) }}{{ end -}}
{{- $_ := set $object $name $texts -}}
{{- else if and (eq $name "value") (not (or (kindIs "map" $value) (kindIs "slice" $value) (kindIs "invalid" $value))) -}}
{{- $_ := set $object $name (include "connectors.text" $value) -}}
{{- else -}}
{{- include "connectors.settle" $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
An object without what is empty in it: a null takes a default of these charts away, but not below a parent of them, where Helm keeps it; "" says the same
there.
*/}}
{{- define "connectors.withoutEmpty" -}}
{{- $kept := dict -}}
{{- range $name, $value := . -}}
{{- if kindIs "map" $value }}{{ $value = include "connectors.withoutEmpty" $value | fromYaml }}{{ end -}}
{{- if not (has $value (list nil "" dict)) }}{{ $_ := set $kept $name $value }}{{ end -}}
{{- end -}}
{{- include "connectors.object" $kept -}}
{{- end -}}

{{/* Every leaf below a value, as a path with dots. */}}
{{- define "connectors.leaves" -}}
{{- $path := .path -}}
{{- if and (kindIs "map" .value) .value -}}
{{- range $name, $value := .value }}
{{- include "connectors.leaves" (dict "path" (printf "%s.%s" $path $name) "value" $value) }}
{{- end -}}
{{- else }}
- {{ $path | quote }}
{{- end -}}
{{- end -}}

{{/* Variables of the operator's own: a map from name to value (or to an object such as valueFrom), or a list as Kubernetes has it. */}}
{{- define "connectors.extraEnv" -}}
{{- $extra := list -}}
{{- if kindIs "slice" .Values.extraEnv -}}
{{- $extra = .Values.extraEnv -}}
{{- else -}}
{{- range $name, $value := .Values.extraEnv -}}
{{- if kindIs "invalid" $value }}{{ continue }}{{ end -}}
{{- $extra = append $extra (ternary (merge (dict "name" $name) (ternary $value dict (kindIs "map" $value))) (dict "name" $name "value" (include "connectors.text" $value)) (kindIs "map" $value)) -}}
{{- end -}}
{{- end -}}
{{- include "connectors.object" $extra -}}
{{- end -}}

{{/*
Those that the chart sets: its values, and "options" by the service's own names. What "extraEnv" names is left to it, for a name that stands twice is
refused by a server-side apply.
*/}}
{{- define "connectors.ownEnv" -}}
{{- $taken := dict -}}
{{- range include "connectors.extraEnv" . | fromYamlArray }}{{ $_ := set $taken .name true }}{{ end -}}
{{- $own := list -}}
{{- $options := list -}}
{{- range $name, $value := .Values.options }}{{ if not (kindIs "invalid" $value) }}{{ $options = append $options (dict "name" $name "value" (include "connectors.text" $value)) }}{{ end }}{{ end -}}
{{- range concat (include "connectors.commonEnv" . | fromYamlArray) (include (printf "connectors.%s.env" (include "connectors.part" .)) . | fromYamlArray) $options -}}
{{- if not (hasKey $taken .name) }}{{ $own = append $own . }}{{ end -}}
{{- end -}}
{{- toYaml $own -}}
{{- end -}}

{{/* All variables of the container, as the service reads them. */}}
{{- define "connectors.allEnv" -}}
{{- toYaml (concat (include "connectors.ownEnv" . | fromYamlArray) (include "connectors.extraEnv" . | fromYamlArray)) -}}
{{- end -}}

{{/* The same as they are written into a pod, where $$ is a dollar and $(NAME) another variable: in "extraEnv" too, but a value of the chart is meant as it stands. */}}
{{- define "connectors.writtenEnv" -}}
{{- $written := list -}}
{{- range include "connectors.ownEnv" . | fromYamlArray }}{{ $written = append $written (set . "value" (default "" .value | replace "$" "$$")) }}{{ end -}}
{{- toYaml (concat $written (include "connectors.extraEnv" . | fromYamlArray)) -}}
{{- end -}}

{{/* The image, from a reference written in full or from its parts; global.imageRegistry goes before a name without a registry of its own. */}}
{{- define "connectors.image" -}}
{{- $image := .Values.image -}}
{{- if kindIs "map" $image -}}
{{- $registry := default $image.registry (.Values.global | default dict).imageRegistry -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (not (empty $registry)) -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $name $image.digest }}
{{- else -}}
{{ printf "%s:%s" $name (default (.Chart.AppVersion | replace "+" "_") (include "connectors.text" $image.tag)) }}
{{- end -}}
{{- else -}}
{{ $image }}
{{- end -}}
{{- end -}}

{{/* With a unit: neither Prometheus nor Helm's own arithmetic knows a duration without one. */}}
{{- define "connectors.duration" -}}
{{- $duration := include "connectors.text" . -}}
{{ $duration }}{{ if regexMatch "^[0-9]+$" $duration }}s{{ end }}
{{- end -}}

{{/* The longest of some durations, as it was given. */}}
{{- define "connectors.longest" -}}
{{- $start := toDate "2006-01-02" "2000-01-01" -}}
{{- $end := $start -}}
{{- $longest := first . -}}
{{- range . -}}
{{- $over := $start | dateModify (include "connectors.duration" .) -}}
{{- if $over.After $end -}}
{{- $end = $over -}}
{{- $longest = . -}}
{{- end -}}
{{- end -}}
{{ include "connectors.text" $longest }}
{{- end -}}

{{/* A service takes what it was told to wait, running work's time and five seconds; killed before that, it would leave work that is run again. */}}
{{- define "connectors.terminationGracePeriodSeconds" -}}
{{- $given := include "connectors.text" .Values.terminationGracePeriodSeconds -}}
{{- $start := toDate "2006-01-02" "2000-01-01" -}}
{{- $stopped := $start | dateModify "5s" -}}
{{- range include "connectors.allEnv" . | fromYamlArray -}}
{{- if and .value (has .name (list "grace_period" "drain_delay")) -}}
{{- $stopped = $stopped | dateModify (include "connectors.duration" .value) -}}
{{- end -}}
{{- end -}}
{{- if $stopped.After ($start | dateModify (printf "%ss" $given)) -}}
{{- fail (printf "terminationGracePeriodSeconds: %s is too short: gracePeriod, a gateway's drainDelay and five seconds take %v" $given ($stopped.Sub $start)) -}}
{{- end -}}
{{ $given }}
{{- end -}}

{{- define "connectors.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
startupProbe:
  httpGet:
    path: /healthz
    port: metrics
  periodSeconds: 2
  failureThreshold: 60
{{- end -}}

{{/* Where a pod of the release may run, and before which others. */}}
{{- define "connectors.placement" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with include "connectors.strings" .Values.nodeSelector | trim }}
nodeSelector:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- include "connectors.object" . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- include "connectors.object" . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Credentials of registries, by their names alone too. */}}
{{- define "connectors.pullSecrets" -}}
{{- with .Values.imagePullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - {{ ternary (dict "name" .) . (kindIs "string" .) | toJson }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
The pod, from annotations down; "ports" are those beside metrics. A chart's version is no label of it, or each would exchange all pods, and Flux's differ by
the commit alone. What a PodMonitor scrapes is not offered a second time.
*/}}
{{- define "connectors.pod" -}}
metadata:
  annotations:
    {{- $annotations := dict "prometheus.io/scrape" (not .Values.podMonitor.enabled) "prometheus.io/port" .Values.metricsPort }}
    {{- range $name, $value := .Values.podAnnotations }}{{ if not (kindIs "invalid" $value) }}{{ $_ := set $annotations $name $value }}{{ end }}{{ end }}
    {{- include "connectors.strings" $annotations | trim | nindent 4 }}
  labels:
    {{- include "connectors.strings" (merge (omit (include "connectors.labels" . | fromYaml) "helm.sh/chart") (default dict .Values.podLabels)) | trim | nindent 4 }}
spec:
  serviceAccountName: {{ include "connectors.serviceAccountName" . | quote }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ include "connectors.terminationGracePeriodSeconds" . }}
  {{- with include "connectors.pullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "connectors.placement" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- include "connectors.withoutEmpty" .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- include "connectors.object" . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ include "connectors.part" . }}
      image: {{ include "connectors.image" . | quote }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      env:
        {{- include "connectors.writtenEnv" . | nindent 8 }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.lifecycle }}
      lifecycle:
        {{- include "connectors.object" . | nindent 8 }}
      {{- end }}
      ports:
        - name: metrics
          containerPort: {{ .Values.metricsPort }}
        {{- if .Values.port }}
        - name: http
          containerPort: {{ .Values.port }}
        {{- end }}
        {{- if (.Values.scaler | default dict).enabled }}
        - name: scaler
          containerPort: {{ .Values.scaler.port }}
        {{- end }}
      {{- include "connectors.probes" . | nindent 6 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "connectors.withoutEmpty" .Values.containerSecurityContext | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- with include (printf "connectors.%s.volumeMounts" (include "connectors.part" .)) . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- with include (printf "connectors.%s.volumes" (include "connectors.part" .)) . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- include "connectors.object" . | nindent 4 }}
    {{- end }}
  topologySpreadConstraints:
    {{- /* Without a selector a constraint counts no pod and spreads none. */}}
    {{- $own := dict "matchLabels" (include "connectors.selector" . | fromYaml) }}
    {{- range default (list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")) .Values.topologySpreadConstraints }}
    - {{ include "connectors.object" (merge (dict "labelSelector" (ternary .labelSelector $own (kindIs "map" .labelSelector))) .) | nindent 6 | trim }}
    {{- end }}
{{- end -}}

{{/*
The null takes away what a cluster filled in beside RollingUpdate, which is refused beside Recreate; a server-side apply would leave it there.
*/}}
{{- define "connectors.recreate" -}}
type: Recreate
rollingUpdate: null
{{- end -}}

{{- define "connectors.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  {{- if not (or .Values.autoscaling.enabled .Values.keda.enabled) }}
  replicas: {{ include "connectors.text" .Values.replicas }}
  {{- end }}
  strategy:
    {{- $strategy := include (printf "connectors.%s.strategy" (include "connectors.part" .)) . | fromYaml }}
    {{- if eq (toString $strategy.type) "Recreate" }}
    {{- include "connectors.recreate" . | nindent 4 }}
    {{- else }}
    {{- toYaml $strategy | nindent 4 }}
    {{- end }}
  selector:
    matchLabels:
      {{- include "connectors.selector" . | nindent 6 }}
  template:
    {{- include "connectors.pod" . | nindent 4 }}
{{- end -}}

{{/* A KEDA trigger that reads the given query from Prometheus; "zero" is what the chart has for minReplicas 0 instead. */}}
{{- define "connectors.prometheusTrigger" -}}
{{- if eq (int .root.Values.keda.minReplicas) 0 -}}
{{- fail (printf "keda.minReplicas: %s: without a pod nobody tells Prometheus of the backlog, and the release would sleep for good" (default "at least 1" .zero)) -}}
{{- end -}}
- type: prometheus
  metadata:
    serverAddress: {{ required "keda.prometheusAddress is needed with keda.enabled" .root.Values.keda.prometheusAddress | quote }}
    query: {{ .query | quote }}
    threshold: {{ include "connectors.text" .root.Values.keda.threshold | quote }}
  {{- with include "connectors.triggerAuthentication" .root }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Who KEDA is to what a trigger asks; empty where nobody said. */}}
{{- define "connectors.triggerAuthentication" -}}
{{- with .Values.keda.authenticationRef -}}
{{- if .name -}}
authenticationRef:
  name: {{ .name | quote }}
  kind: {{ .kind }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Who the service is to NATS: files of the secrets that are mounted at /var/secrets. */}}
{{- define "connectors.natsAccessEnv" -}}
{{- $nats := .Values.nats -}}
{{- if $nats.auth.secret }}
{{- if eq $nats.auth.method "user" }}
- name: nats_user_file
  value: nats-user
- name: nats_password_file
  value: nats-password
{{- else }}
- name: nats_{{ $nats.auth.method }}_file
  value: nats-{{ $nats.auth.method }}
{{- end }}
{{- end }}
- name: nats_tls
  {{- /* A bare off is false in YAML. */}}
  value: {{ ternary "off" $nats.tls.mode (eq (toString $nats.tls.mode) "false") | quote }}
{{- if $nats.tls.secret }}
- name: nats_tls_ca_file
  value: ca.crt
{{- if $nats.tls.clientCertificate }}
- name: nats_tls_cert_file
  value: tls.crt
- name: nats_tls_key_file
  value: tls.key
{{- end }}
{{- end }}
{{- end -}}
