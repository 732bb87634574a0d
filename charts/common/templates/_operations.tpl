{{/* What stands around the deployment: account, disruption budget, scaling, network, monitors, alerts, dashboard. */}}
{{- define "connectors.operations" -}}
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "connectors.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
  {{- with include "connectors.strings" .Values.serviceAccount.annotations | trim }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
---
{{- /* By it a scraper finds the pods, and "helm test" those that are ready. */}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "connectors.metricsName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector:
    {{- include "connectors.selector" . | nindent 4 }}
  ports:
    - name: metrics
      port: {{ .Values.metricsPort }}
      targetPort: metrics
---
{{- if .Values.podDisruptionBudget.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ include "connectors.text" .Values.podDisruptionBudget.maxUnavailable }}
  {{- if semverCompare ">=1.27-0" .Capabilities.KubeVersion.Version }}
  unhealthyPodEvictionPolicy: {{ .Values.podDisruptionBudget.unhealthyPodEvictionPolicy }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "connectors.selector" . | nindent 6 }}
{{- end }}
---
{{- if .Values.autoscaling.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "connectors.fullname" . | quote }}
  minReplicas: {{ include "connectors.text" .Values.autoscaling.minReplicas }}
  maxReplicas: {{ include "connectors.text" .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ include "connectors.text" .Values.autoscaling.targetCPUUtilizationPercentage }}
{{- end }}
---
{{- if .Values.keda.enabled }}
{{- if .Values.autoscaling.enabled }}
{{- fail "keda.enabled and autoscaling.enabled exclude each other: both would set the replicas" }}
{{- end }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    name: {{ include "connectors.fullname" . | quote }}
  minReplicaCount: {{ include "connectors.text" .Values.keda.minReplicas }}
  maxReplicaCount: {{ include "connectors.text" .Values.keda.maxReplicas }}
  triggers:
    {{- include (printf "connectors.%s.kedaTriggers" (include "connectors.part" .)) . | trim | nindent 4 }}
{{- end }}
---
{{- if .Values.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "connectors.selector" . | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    {{- $policy := .Values.networkPolicy }}
    - ports:
        - port: metrics
      {{- with default $policy.from $policy.metricsFrom }}
      from:
        - podSelector:
            matchLabels:
              {{- include "connectors.testSelector" $ | nindent 14 }}
        {{- include "connectors.object" . | nindent 8 }}
      {{- end }}
    {{- if .Values.port }}
    - ports:
        - port: http
      {{- with $policy.from }}
      from:
        {{- include "connectors.object" . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- if (.Values.scaler | default dict).enabled }}
    - ports:
        - port: scaler
      {{- with default $policy.from $policy.scalerFrom }}
      from:
        {{- include "connectors.object" . | nindent 8 }}
      {{- end }}
    {{- end }}
{{- end }}
---
{{- if .Values.podMonitor.enabled }}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
    {{- with .Values.podMonitor.labels }}
    {{- include "connectors.strings" . | trim | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "connectors.selector" . | nindent 6 }}
  podMetricsEndpoints:
    - port: metrics
      interval: {{ include "connectors.duration" .Values.podMonitor.interval | quote }}
{{- end }}
---
{{- if .Values.prometheusRule.enabled }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "connectors.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
    {{- with .Values.prometheusRule.labels }}
    {{- include "connectors.strings" . | trim | nindent 4 }}
    {{- end }}
spec:
  {{- tpl (.Files.Get "files/alerts.yaml") . | nindent 2 }}
{{- end }}
---
{{- if .Values.dashboard.enabled }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ printf "%s-dashboard" (include "connectors.fullname" .) | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "connectors.labels" . | nindent 4 }}
    {{- with .Values.dashboard.labels }}
    {{- include "connectors.strings" . | trim | nindent 4 }}
    {{- end }}
data:
  {{ .Chart.Name }}.json: |
    {{- .Files.Get "files/dashboard.json" | nindent 4 }}
{{- end }}
{{- end -}}

{{/* Whether no pod at all may be as it should be, so that nobody is to be told of it. */}}
{{- define "connectors.mayBeAbsent" -}}
{{- if and .Values.keda.enabled (eq (int .Values.keda.minReplicas) 0) }}true{{ end -}}
{{- end -}}

{{- define "connectors.metricsName" -}}
{{- include "connectors.dnsLabel" (dict "name" (include "connectors.fullname" .) "suffix" "-metrics") -}}
{{- end -}}

{{- define "connectors.testSelector" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: test
{{- end -}}

{{/* "helm test": a pod of the same image that asks a ready one. */}}
{{- define "connectors.test" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ printf "%s-test" (include "connectors.fullname" . | trunc 58 | trimSuffix "-") | quote }}
  namespace: {{ .Release.Namespace | quote }}
  {{- /* What a mesh is told of the release's pods holds for this one. */}}
  labels:
    {{- $labels := merge (include "connectors.testSelector" . | fromYaml) (dict "app.kubernetes.io/managed-by" .Release.Service) (default dict .Values.podLabels) }}
    {{- include "connectors.strings" $labels | trim | nindent 4 }}
  annotations:
    {{- $annotations := merge (dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded") (default dict .Values.podAnnotations) }}
    {{- include "connectors.strings" $annotations | trim | nindent 4 }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  {{- with include "connectors.pullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "connectors.placement" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- include "connectors.withoutEmpty" .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: test
      image: {{ include "connectors.image" . | quote }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      args: [{{ printf "--ready=http://%s.%s:%v" (include "connectors.metricsName" .) .Release.Namespace .Values.metricsPort | quote }}]
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "connectors.withoutEmpty" .Values.containerSecurityContext | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: tmp
      emptyDir: {}
{{- end -}}

{{/*
Which series are this release's: label matchers without braces. A pod is named after its deployment, the hash of its template and five letters of its
own, so that "orders-.*" would take pods of the release orders-eu too. What stands before those five letters is cut at 58.
*/}}
{{- define "connectors.alertSelector" -}}
{{- $name := include "connectors.fullname" . -}}
{{- $pod := ternary (printf "%s-[a-z0-9]{1,10}-[a-z0-9]{5}" (regexQuoteMeta $name)) (printf "%s[a-z0-9-]{5,}" (trunc 58 $name | regexQuoteMeta)) (le (len $name) 46) -}}
{{- default (printf "namespace=%q,pod=~%q" .Release.Namespace $pod) .Values.prometheusRule.selector | replace "\n" " " -}}
{{- end -}}

{{/* A sentence of an alert in which names of the operator's stand, as YAML. What stands in double braces Prometheus would take for a template of its own. */}}
{{- define "connectors.sentence" -}}
{{- . | replace "{{" "{{\"{{\"}}" | toJson -}}
{{- end -}}
