{{/*
The pod that every chart of the suite renders, its names and labels. A chart brings its own "connectors.component", "connectors.env",
"connectors.volumes", "connectors.volumeMounts" and "connectors.kedaTriggers" in _service.tpl.
*/}}

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

{{- define "connectors.selector" -}}
app.kubernetes.io/name: {{ include "connectors.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "connectors.labels" -}}
{{ include "connectors.selector" . }}
app.kubernetes.io/component: {{ include "connectors.component" . }}
app.kubernetes.io/part-of: openfaas
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
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
  value: "0.0.0.0"
- name: metrics_port
  value: {{ .Values.metricsPort | quote }}
- name: debug
  value: {{ .Values.logs.debug | quote }}
- name: log_encoding
  value: {{ .Values.logs.format | quote }}
- name: grace_period
  value: {{ .Values.gracePeriod | quote }}
{{- end -}}

{{/* Variables that the operator adds; they come last, so they win. */}}
{{- define "connectors.extraEnv" -}}
{{- range $name, $value := .Values.extraEnv }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
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

{{- define "connectors.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end -}}

{{/* The pod, from annotations down; "ports" are those beside metrics. */}}
{{- define "connectors.pod" -}}
metadata:
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ .Values.metricsPort | quote }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "connectors.serviceAccountName" . }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: {{ include "connectors.component" . }}
      image: {{ .Values.image | quote }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      env:
        {{- include "connectors.commonEnv" . | nindent 8 }}
        {{- include "connectors.env" . | trim | nindent 8 }}
        {{- with include "connectors.extraEnv" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
      ports:
        - name: metrics
          containerPort: {{ .Values.metricsPort }}
        {{- if .Values.port }}
        - name: http
          containerPort: {{ .Values.port }}
        {{- end }}
      {{- include "connectors.probes" . | nindent 6 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "connectors.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- with include "connectors.volumeMounts" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- with include "connectors.volumes" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "connectors.selector" . | nindent 10 }}
  {{- end }}
{{- end -}}

{{- define "connectors.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "connectors.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  {{- if not (or .Values.autoscaling.enabled .Values.keda.enabled) }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  strategy:
    {{- toYaml .Values.strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "connectors.selector" . | nindent 6 }}
  template:
    {{- include "connectors.pod" . | nindent 4 }}
{{- end -}}

{{/* A KEDA trigger that reads the given query from Prometheus. */}}
{{- define "connectors.prometheusTrigger" -}}
- type: prometheus
  metadata:
    serverAddress: {{ required "keda.prometheusAddress is needed with keda.enabled" .root.Values.keda.prometheusAddress | quote }}
    query: {{ .query | quote }}
    threshold: {{ .root.Values.keda.threshold | quote }}
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
  value: {{ $nats.tls.mode | quote }}
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
