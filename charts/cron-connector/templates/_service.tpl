{{- define "connectors.cron-connector.kedaTriggers" -}}
{{- fail "keda.enabled: schedules have no backlog to scale by" -}}
{{- end -}}

{{/* Without NATS each pod has its own cursors: two side by side would both fire. */}}
{{- define "connectors.cron-connector.strategy" -}}
{{- if .Values.nats.host -}}
{{- toYaml .Values.strategy -}}
{{- else -}}
type: Recreate
{{- end -}}
{{- end -}}

{{/*
Whose functions are called, as a JSON list; empty for all. OpenFaaS's policy names namespaces as dev:*, and may name single functions and patterns,
which the connector cannot tell apart: those are refused, for it would call more than was allowed.
*/}}
{{- define "connectors.cron-connector.namespaces" -}}
{{- $namespaces := .Values.namespaces -}}
{{- if and .Values.iam.enabled (not (has "*" .Values.iam.resource)) (not (has "*:*" .Values.iam.resource)) -}}
{{- $allowed := list -}}
{{- range .Values.iam.resource -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?:[*]$" .) -}}
{{- fail (printf "iam.resource: %q is not a namespace such as \"dev:*\", or \"*\" for all; single functions cannot be chosen: take the annotation \"topic: cron-function\" from the others" .) -}}
{{- end -}}
{{- $allowed = append $allowed (trimSuffix ":*" .) -}}
{{- end -}}
{{- range $namespaces -}}
{{- if not (has . $allowed) -}}
{{- fail (printf "namespaces: %s is not among those that iam.resource allows" .) -}}
{{- end -}}
{{- end -}}
{{- $namespaces = default $allowed $namespaces -}}
{{- end -}}
{{- toJson $namespaces -}}
{{- end -}}

{{/* Values of OpenFaaS's chart that are accepted although nothing here listens to them: none is dropped without a word. */}}
{{- define "connectors.cron-connector.withoutEffect" -}}
{{- if .Values.openfaasPro }}{{ include "connectors.leaves" (dict "path" "openfaasPro" "value" true) }}{{ end -}}
{{- if .Values.pro }}{{ include "connectors.leaves" (dict "path" "pro" "value" .Values.pro) }}{{ end -}}
{{- if .Values.iam.enabled }}{{ include "connectors.leaves" (dict "path" "iam.enabled" "value" true) }}
{{- else if ne (toJson .Values.iam.resource) (toJson (list "*")) }}{{ include "connectors.leaves" (dict "path" "iam.resource" "value" .Values.iam.resource) }}{{ end -}}
{{- range $name := list "systemIssuer" "kubernetesIssuer" -}}
{{- with index $.Values.iam $name }}{{ include "connectors.leaves" (dict "path" (printf "iam.%s" $name) "value" .) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "connectors.cron-connector.env" -}}
{{- if not .Values.nats.host }}
{{- if gt (int .Values.replicas) 1 }}
{{- fail "replicas: more than one needs nats.host, or every schedule fires once in each" }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
{{- fail "autoscaling.enabled: more than one replica needs nats.host, or every schedule fires once in each" }}
{{- end }}
{{- end }}
- name: gateway_url
  value: {{ .Values.gatewayURL | quote }}
- name: basic_auth
  value: {{ .Values.basicAuth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: rebuild_interval
  value: {{ include "connectors.text" .Values.rebuildInterval | quote }}
- name: asynchronous_invocation
  value: {{ .Values.asyncInvocation | quote }}
- name: content_type
  value: {{ .Values.contentType | quote }}
{{- with include "connectors.cron-connector.namespaces" . | fromJsonArray }}
- name: namespaces
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.timezone }}
- name: TZ
  value: {{ . | quote }}
{{- end }}
- name: upstream_timeout
  value: {{ include "connectors.text" .Values.upstreamTimeout | quote }}
- name: catch_up
  value: {{ .Values.catchUp | quote }}
- name: catch_up_window
  value: {{ include "connectors.text" .Values.catchUpWindow | quote }}
- name: jitter
  value: {{ include "connectors.text" .Values.jitter | quote }}
- name: overlap
  value: {{ .Values.overlap | quote }}
{{- if .Values.nats.host }}
- name: nats_host
  value: {{ .Values.nats.host | quote }}
- name: nats_port
  value: {{ include "connectors.text" .Values.nats.port | quote }}
- name: nats_stream_replicas
  value: {{ include "connectors.text" .Values.nats.streamReplication | quote }}
{{- include "connectors.natsAccessEnv" . | trim | nindent 0 }}
{{- end }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "connectors.cron-connector.secrets" -}}
{{- list (ternary .Values.basicAuthSecret "" .Values.basicAuth) .Values.nats.auth.secret .Values.nats.tls.secret | compact | uniq | toJson -}}
{{- end -}}

{{- define "connectors.cron-connector.volumeMounts" -}}
{{- if include "connectors.cron-connector.secrets" . | fromJsonArray }}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{- define "connectors.cron-connector.volumes" -}}
{{- with include "connectors.cron-connector.secrets" . | fromJsonArray }}
- name: secrets
  projected:
    sources:
      {{- range . }}
      - secret:
          name: {{ . | quote }}
      {{- end }}
{{- end }}
{{- end -}}
